"""Directions: fields of view around a pointing, altitude and azimuth, and vectors of the ground.

The ground frame has x to the north, y to the west, z up; azimuth runs from north through east. A
field of view is a spherical coordinate system whose origin is the pointing, with longitude along
growing azimuth and latitude along growing altitude. The frame of a telescope and the nominal frame
of an array are fields of view around their pointings.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel


@kernel
def ground_direction(lon: float, lat: float, alt: float, az: float) -> tuple[float, float, float]:
    """Unit vector in the ground frame of a point in the field of view around a pointing, rad.

    Examples
    --------
    >>> [abs(round(v, 9)) for v in ground_direction(0.0, 0.2, math.pi / 2 - 0.2, 1.0)]
    [0.0, 0.0, 1.0]
    """
    ahead, side, up = math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
    level = ahead * math.cos(alt) - up * math.sin(alt)
    return (
        level * math.cos(az) - side * math.sin(az),
        -level * math.sin(az) - side * math.cos(az),
        ahead * math.sin(alt) + up * math.cos(alt),
    )


@kernel
def field_position(x: float, y: float, z: float, alt: float, az: float) -> tuple[float, float]:
    """Longitude and latitude of a ground vector in the field of view around a pointing, rad.

    The longitude is in [-pi, pi].

    Examples
    --------
    >>> [abs(round(v, 9)) for v in field_position(0.0, 0.0, 1.0, math.pi / 2, 0.0)]
    [0.0, 0.0]
    """
    level = x * math.cos(az) - y * math.sin(az)
    side = -x * math.sin(az) - y * math.cos(az)
    ahead = level * math.cos(alt) + z * math.sin(alt)
    up = z * math.cos(alt) - level * math.sin(alt)
    return math.atan2(side, ahead), math.atan2(up, math.hypot(ahead, side))


@kernel
def horizontal(x: float, y: float, z: float) -> tuple[float, float]:
    """Altitude and azimuth of a ground vector, rad; the azimuth is in [0, 2 pi).

    Examples
    --------
    >>> horizontal(0.0, -1.0, 0.0) == (0.0, math.pi / 2)
    True
    """
    az = math.atan2(-y, x)
    if az < 0.0:
        az += 2.0 * math.pi
    if az >= 2.0 * math.pi or az == 0.0:  # rounded up from just below zero, or minus zero
        az = 0.0
    return math.atan2(z, math.hypot(x, y)), az


@kernel
def sky_of_direction(direction: np.ndarray, out: np.ndarray) -> None:
    """Altitude and azimuth of vectors in the ground frame.

    Parameters
    ----------
    direction : float64 (n, 3)
        Of any length.
    out : float64 (n, 2), rad
        Written: altitude, azimuth in [0, 2 pi); NaN where an input is.

    Notes
    -----
    Source: `horizontal`.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty((1, 2))
    >>> sky_of_direction(np.array([[1.0, 0.0, 1.0]]), out)
    >>> np.degrees(out).round(6).tolist()
    [[45.0, 0.0]]
    """
    for i in range(out.shape[0]):
        out[i, 0], out[i, 1] = horizontal(direction[i, 0], direction[i, 1], direction[i, 2])


@kernel
def sky_of_field(field: np.ndarray, pointing: np.ndarray, out: np.ndarray) -> None:
    """Altitude and azimuth of points in fields of view.

    Parameters
    ----------
    field : float64 (n, 2), rad
        Longitude, latitude.
    pointing : float64 (n, 2), rad
        Altitude and azimuth of the origin of the field.
    out : float64 (n, 2), rad
        Written: altitude, azimuth in [0, 2 pi); NaN where an input is.

    Notes
    -----
    Source: rotation by the altitude about the horizontal axis, then by the azimuth about the
    vertical; the sky offset frame of astropy.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty((1, 2))
    >>> sky_of_field(np.array([[0.0, 0.2]]), np.array([[1.0, 3.0]]), out)
    >>> out.round(6).tolist()
    [[1.2, 3.0]]
    """
    for i in range(out.shape[0]):
        x, y, z = ground_direction(field[i, 0], field[i, 1], pointing[i, 0], pointing[i, 1])
        out[i, 0], out[i, 1] = horizontal(x, y, z)


@kernel
def field_of_sky(sky: np.ndarray, pointing: np.ndarray, out: np.ndarray) -> None:
    """Place of directions in fields of view.

    Parameters
    ----------
    sky : float64 (n, 2), rad
        Altitude, azimuth.
    pointing : float64 (n, 2), rad
        Altitude and azimuth of the origin of the field.
    out : float64 (n, 2), rad
        Written: longitude in [-pi, pi], latitude; NaN where an input is.

    Notes
    -----
    Source: inverse of `sky_of_field`.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty((1, 2))
    >>> field_of_sky(np.array([[1.2, 3.0]]), np.array([[1.0, 3.0]]), out)
    >>> abs(out).round(6).tolist()
    [[0.0, 0.2]]
    """
    for i in range(out.shape[0]):
        x, y, z = ground_direction(0.0, 0.0, sky[i, 0], sky[i, 1])
        out[i, 0], out[i, 1] = field_position(x, y, z, pointing[i, 0], pointing[i, 1])
