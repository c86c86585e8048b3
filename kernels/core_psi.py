"""Orientation of the image axes in the plane perpendicular to the array pointing."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel

#: Distance from the centroid to the second point on the axis, in camera radii.
_STEP = 0.1


@kernel
def _in_array_field(
    lon: float, lat: float, tel_alt: float, tel_az: float, array_alt: float, array_az: float
) -> tuple[float, float]:
    """Field-of-view coordinates around the array pointing, all angles in rad.

    Both fields are spherical coordinates whose origin is the pointing, with longitude along azimuth
    and latitude along altitude; the way leads over the horizontal cartesian system, in the azimuth
    of the array.
    """
    x, y, z = math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
    # Up by the altitude of the telescope, round by the difference in azimuth, down by the altitude
    # of the array.
    x, z = (
        x * math.cos(tel_alt) - z * math.sin(tel_alt),
        x * math.sin(tel_alt) + z * math.cos(tel_alt),
    )
    turn = tel_az - array_az
    x, y = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
    x, z = (
        x * math.cos(array_alt) + z * math.sin(array_alt),
        z * math.cos(array_alt) - x * math.sin(array_alt),
    )
    return math.atan2(y, x), math.atan2(z, math.hypot(x, y))


@kernel
def core_psi(
    fov_lon: np.ndarray,
    fov_lat: np.ndarray,
    psi: np.ndarray,
    tel_alt: np.ndarray,
    tel_az: np.ndarray,
    array_alt: np.ndarray,
    array_az: np.ndarray,
    camera_radius: float,
    out: np.ndarray,
) -> None:
    """Turn image orientations into directions on the ground tilted to the array pointing.

    Parameters
    ----------
    fov_lon, fov_lat, psi : float64 arrays of shape (n_images,), deg
        Centroid and orientation of the image in the field of view of its telescope.
    tel_alt, tel_az : float64 arrays of shape (n_images,), rad
        Telescope pointing.
    array_alt, array_az : float64 arrays of shape (n_images,), rad
        Array pointing.
    camera_radius : float, deg
        The axis is followed for a tenth of it; matters only if the two pointings differ.
    out : float64 array of shape (n_images,), deg
        Written: direction of the axis in [-90, 90] deg from the x axis (fov_lat) of the tilted
        ground frame; NaN for images without orientation.

    Notes
    -----
    Source: T. Gasparetto, PhD thesis (2020), section 7.1.4.

    Examples
    --------
    >>> import numpy as np
    >>> zero, up, out = np.zeros(1), np.array([1.2]), np.empty(1)
    >>> core_psi(zero, zero, np.array([30.0]), up, zero, up, zero, 4.0, out)
    >>> round(out[0].item(), 3)
    60.0
    """
    for i in range(fov_lon.size):
        out[i] = math.nan
        if math.isnan(psi[i]):
            continue
        lon, lat = math.radians(fov_lon[i]), math.radians(fov_lat[i])
        step, angle = _STEP * math.radians(camera_radius), math.radians(psi[i])
        lon1, lat1 = _in_array_field(lon, lat, tel_alt[i], tel_az[i], array_alt[i], array_az[i])
        lon2, lat2 = _in_array_field(
            lon + step * math.cos(angle),
            lat + step * math.sin(angle),
            tel_alt[i],
            tel_az[i],
            array_alt[i],
            array_az[i],
        )
        d_lon, d_lat = lon2 - lon1, lat2 - lat1
        if d_lat != 0.0:
            out[i] = math.degrees(math.atan(d_lon / d_lat))
        elif d_lon != 0.0:
            out[i] = math.copysign(90.0, d_lon)
