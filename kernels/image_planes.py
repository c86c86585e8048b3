"""What an image says about the shower: a ray, a plane through the shower, a line on the ground."""

from __future__ import annotations

import math

import numpy as np

from .frames import field_position, ground_direction
from .jit import kernel

#: Distance from the centroid to the second point on the axis, in camera radii.
_STEP = 0.1


@kernel
def image_planes(
    image: np.ndarray,
    pointing: np.ndarray,
    offsets: np.ndarray,
    array_pointing: np.ndarray,
    camera_radius: np.ndarray,
    ray: np.ndarray,
    normal: np.ndarray,
    axis: np.ndarray,
) -> None:
    """Turn centroid and orientation of images into vectors of the ground frame.

    Parameters
    ----------
    image : float64 (n, 3), deg
        fov_lon, fov_lat and psi in the field of view of the telescope.
    pointing : float64 (n, 2), rad
        Altitude and azimuth of the telescope.
    offsets : int64 (n_events + 1,)
        Images of event k: rows offsets[k] to offsets[k + 1].
    array_pointing : float64 (n_events, 2), rad
        Altitude and azimuth of the array.
    camera_radius : float64 (n,), deg
        The axis is followed for a tenth of it.
    ray : float64 (n, 3)
        Written: direction of the centroid (unit vector).
    normal : float64 (n, 3)
        Written: normal of the plane of telescope and image axis. Its length is the sine of the
        angle between two points on the axis, so planes of wide cameras count more.
    axis : float64 (n, 2)
        Written: direction of the image axis in the plane tilted to the array pointing (unit vector
        with any sign); NaN if that pointing is unknown.

    Notes
    -----
    Source: T. Gasparetto, PhD thesis (2020), section 7.1.4. x of the tilted plane belongs to the
    latitude of the nominal field of view, y to its longitude.

    Examples
    --------
    >>> import numpy as np
    >>> up = np.array([[np.pi / 2, 0.0]])
    >>> ray, normal, axis = np.empty((1, 3)), np.empty((1, 3)), np.empty((1, 2))
    >>> image, offsets = np.array([[0.0, 0.0, 90.0]]), np.array([0, 1])
    >>> image_planes(image, up, offsets, up, np.array([4.0]), ray, normal, axis)
    >>> abs(ray.round(9)).tolist(), abs(axis.round(9)).tolist()
    ([[0.0, 0.0, 1.0]], [[1.0, 0.0]])
    """
    for k in range(offsets.shape[0] - 1):
        array_alt, array_az = array_pointing[k, 0], array_pointing[k, 1]
        for i in range(offsets[k], offsets[k + 1]):
            lon, lat = math.radians(image[i, 0]), math.radians(image[i, 1])
            psi, step = math.radians(image[i, 2]), _STEP * math.radians(camera_radius[i])
            alt, az = pointing[i, 0], pointing[i, 1]
            x1, y1, z1 = ground_direction(lon, lat, alt, az)
            x2, y2, z2 = ground_direction(
                lon + step * math.cos(psi), lat + step * math.sin(psi), alt, az
            )
            ray[i, 0], ray[i, 1], ray[i, 2] = x1, y1, z1
            normal[i, 0] = y1 * z2 - z1 * y2
            normal[i, 1] = z1 * x2 - x1 * z2
            normal[i, 2] = x1 * y2 - y1 * x2
            lon1, lat1 = field_position(x1, y1, z1, array_alt, array_az)
            lon2, lat2 = field_position(x2, y2, z2, array_alt, array_az)
            length = math.hypot(lon2 - lon1, lat2 - lat1)
            if length > 0.0:
                axis[i, 0], axis[i, 1] = (lat2 - lat1) / length, (lon2 - lon1) / length
            else:
                axis[i, 0], axis[i, 1] = math.nan, math.nan
