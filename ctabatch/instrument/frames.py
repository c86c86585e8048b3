"""Coordinate frames on arrays: horizontal, telescope, nominal, ground and tilted ground.

Angles are in deg, lengths in m. The ground frame has x to the north, y to the west, z up; azimuth
runs from north through east. The telescope frame and the nominal frame are the fields of view
around the pointing of a telescope and of the array; longitude runs along growing azimuth, latitude
along growing altitude. All arguments broadcast against each other; NaN gives NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctabatch.kernels.frames import field_of_sky, sky_of_field
from ctabatch.kernels.ground_frames import (
    ground_of_tilted,
    ground_of_tilted_plane,
    tilted_of_ground,
)

Floats = NDArray[np.float64]


def field_to_sky(
    fov_lon: ArrayLike, fov_lat: ArrayLike, pointing_alt: ArrayLike, pointing_az: ArrayLike
) -> tuple[Floats, Floats]:
    """Altitude and azimuth, in [0, 360), of points in the field of view around a pointing.

    Examples
    --------
    >>> alt, az = field_to_sky(0.0, [-1.0, 2.0], 70.0, 180.0)
    >>> alt.round(9).tolist(), az.round(9).tolist()
    ([69.0, 72.0], [180.0, 180.0])
    """
    columns, shape = _columns(fov_lon, fov_lat, pointing_alt, pointing_az)
    alt, az = _pair(sky_of_field, columns, shape)
    return alt, np.where(az < 360.0, az, 0.0 * az)  # 0, but NaN where it is


def sky_to_field(
    alt: ArrayLike, az: ArrayLike, pointing_alt: ArrayLike, pointing_az: ArrayLike
) -> tuple[Floats, Floats]:
    """Longitude, in [-180, 180], and latitude of directions in the field of view of a pointing.

    Examples
    --------
    >>> lon, lat = sky_to_field(72.0, 180.0, 70.0, 180.0)
    >>> abs(lon.round(9)).item(), lat.round(9).item()
    (0.0, 2.0)
    """
    columns, shape = _columns(alt, az, pointing_alt, pointing_az)
    return _pair(field_of_sky, columns, shape)


def telescope_to_nominal(
    fov_lon: ArrayLike,
    fov_lat: ArrayLike,
    tel_alt: ArrayLike,
    tel_az: ArrayLike,
    array_alt: ArrayLike,
    array_az: ArrayLike,
) -> tuple[Floats, Floats]:
    """From the field of view of a telescope to that of the array, for divergent pointing.

    Examples
    --------
    >>> lon, lat = telescope_to_nominal(0.0, 1.0, 71.0, 180.0, 70.0, 180.0)
    >>> abs(lon.round(9)).item(), lat.round(9).item()
    (0.0, 2.0)
    """
    alt, az = field_to_sky(fov_lon, fov_lat, tel_alt, tel_az)
    return sky_to_field(alt, az, array_alt, array_az)


def ground_to_tilted(position: ArrayLike, alt: ArrayLike, az: ArrayLike) -> Floats:
    """Positions (..., 3) in the frame whose z axis is a pointing, x axis in its vertical plane.

    Examples
    --------
    >>> ground_to_tilted([3.0, 4.0, 0.0], 30.0, 0.0).round(9).tolist()
    [1.5, 4.0, 2.598076211]
    """
    return _turned(tilted_of_ground, position, alt, az)


def tilted_to_ground(position: ArrayLike, alt: ArrayLike, az: ArrayLike) -> Floats:
    """Positions (..., 3) in the ground frame: the inverse of `ground_to_tilted`."""
    return _turned(ground_of_tilted, position, alt, az)


def project_to_ground(
    tilted_x: ArrayLike, tilted_y: ArrayLike, alt: ArrayLike, az: ArrayLike
) -> tuple[Floats, Floats]:
    """Place on the ground (x, y; z = 0) of points in the tilted plane, along the pointing.

    Examples
    --------
    >>> x, y = project_to_ground(1.5, 4.0, 30.0, 0.0)
    >>> x.round(9).item(), y.round(9).item()
    (3.0, 4.0)
    """
    x, y, alt, az = np.broadcast_arrays(*_floats(tilted_x, tilted_y, alt, az))
    core = np.column_stack([x.ravel(), y.ravel()])
    pointing = np.radians(np.column_stack([alt.ravel(), az.ravel()]))
    out = np.empty((2, *core.shape))
    ground_of_tilted_plane(core, np.zeros((len(core), 3)), pointing, out[0], out[1])
    return out[0, :, 0].reshape(x.shape), out[0, :, 1].reshape(x.shape)


def _floats(*values: ArrayLike) -> list[Floats]:
    return [np.asarray(value, np.float64) for value in values]


def _columns(*values: ArrayLike) -> tuple[list[Floats], tuple[int, ...]]:
    """Two arrays of pairs in rad from four arguments in deg, and the shape of the result."""
    a, b, c, d = np.broadcast_arrays(*_floats(*values))
    pairs = [np.column_stack([a.ravel(), b.ravel()]), np.column_stack([c.ravel(), d.ravel()])]
    return [np.radians(pair) for pair in pairs], a.shape


def _pair(kernel: Any, columns: list[Floats], shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    out = np.empty_like(columns[0])
    kernel(*columns, out)
    out = np.degrees(out)
    return out[:, 0].reshape(shape), out[:, 1].reshape(shape)


def _turned(kernel: Any, position: ArrayLike, alt: ArrayLike, az: ArrayLike) -> Floats:
    place, altitude, azimuth = _floats(position, alt, az)
    shape = np.broadcast_shapes(place.shape[:-1], altitude.shape, azimuth.shape)
    rows = np.ascontiguousarray(np.broadcast_to(place, (*shape, 3))).reshape(-1, 3)
    pointing = np.column_stack([np.broadcast_to(v, shape).ravel() for v in (altitude, azimuth)])
    out = np.empty_like(rows)
    kernel(rows, np.radians(pointing), out)
    return out.reshape(*shape, 3)
