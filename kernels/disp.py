"""Disp: how far, and on which side, the source lies from the centroid along the image axis."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel


@kernel
def _field_coordinates(
    alt: float, az: float, pointing_alt: float, pointing_az: float
) -> tuple[float, float]:
    """Longitude and latitude of a direction in the field of view of a pointing, all in rad."""
    x, y = math.cos(alt) * math.cos(az - pointing_az), math.cos(alt) * math.sin(az - pointing_az)
    z = math.sin(alt)
    x, z = (
        x * math.cos(pointing_alt) + z * math.sin(pointing_alt),
        z * math.cos(pointing_alt) - x * math.sin(pointing_alt),
    )
    return math.atan2(y, x), math.atan2(z, math.hypot(x, y))


@kernel
def true_disp(
    alt: np.ndarray,
    az: np.ndarray,
    fov_lon: np.ndarray,
    fov_lat: np.ndarray,
    psi: np.ndarray,
    pointing_alt: np.ndarray,
    pointing_az: np.ndarray,
    project: bool,
    out: np.ndarray,
) -> None:
    """Signed distance of a known source from the centroid of its image.

    Parameters
    ----------
    alt, az : float64 (n,), deg
        Direction of the source.
    fov_lon, fov_lat, psi : float64 (n,), deg
        Centroid and orientation of the image in the field of view of its telescope.
    pointing_alt, pointing_az : float64 (n,), rad
        Telescope pointing.
    project : bool
        Whether the size is the distance along the image axis only, not the full distance.
    out : float64 (n,), deg
        Written: positive if the source lies on the side psi points to; NaN where an input is.

    Notes
    -----
    Source: disp as in R. W. Lessard et al., Astropart. Phys. 15 (2001) 1, with the sign of the
    projection on the image axis.

    Examples
    --------
    >>> import numpy as np
    >>> zero, up, out = np.zeros(1), np.array([1.2]), np.empty(1)
    >>> alt = np.degrees(up) - 0.5
    >>> true_disp(alt, zero, zero, zero, zero + 90.0, up, zero, False, out)
    >>> round(out[0].item(), 6)
    -0.5
    """
    for i in range(out.shape[0]):
        lon, lat = _field_coordinates(
            math.radians(alt[i]), math.radians(az[i]), pointing_alt[i], pointing_az[i]
        )
        d_lon, d_lat = math.degrees(lon) - fov_lon[i], math.degrees(lat) - fov_lat[i]
        angle = math.radians(psi[i])
        along = math.cos(angle) * d_lon + math.sin(angle) * d_lat
        out[i] = along if project else math.copysign(math.hypot(d_lon, d_lat), along)
        if math.isnan(along):
            out[i] = math.nan


@kernel
def disp_vectors(
    disp: np.ndarray,
    fov_lon: np.ndarray,
    fov_lat: np.ndarray,
    psi: np.ndarray,
    pointing_alt: np.ndarray,
    pointing_az: np.ndarray,
    out: np.ndarray,
) -> None:
    """Direction at the distance disp from the centroid of an image, as unit vector.

    Parameters
    ----------
    disp : float64 (n,), deg
        Signed as in `true_disp`.
    fov_lon, fov_lat, psi : float64 (n,), deg
    pointing_alt, pointing_az : float64 (n,), rad
    out : float64 (n, 3)
        Written: cos(alt) cos(az), cos(alt) sin(az), sin(alt); NaN where an input is.

    Notes
    -----
    Source: inverse of the rotation in `true_disp`.

    Examples
    --------
    >>> import numpy as np
    >>> one, out = np.ones(1), np.empty((1, 3))
    >>> disp_vectors(30 * one, 0 * one, 0 * one, 90 * one, 0 * one, 0 * one, out)
    >>> out.round(3).tolist()
    [[0.866, 0.0, 0.5]]
    """
    for i in range(out.shape[0]):
        angle = math.radians(psi[i])
        lon = math.radians(fov_lon[i] + disp[i] * math.cos(angle))
        lat = math.radians(fov_lat[i] + disp[i] * math.sin(angle))
        x, y, z = math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
        cos_alt, sin_alt = math.cos(pointing_alt[i]), math.sin(pointing_alt[i])
        cos_az, sin_az = math.cos(pointing_az[i]), math.sin(pointing_az[i])
        x, z = x * cos_alt - z * sin_alt, x * sin_alt + z * cos_alt
        out[i, 0], out[i, 1], out[i, 2] = x * cos_az - y * sin_az, x * sin_az + y * cos_az, z
