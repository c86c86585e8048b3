"""Moments of the charge distribution of an image: position, extent, orientation, shape."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .selection import MIN_PIXELS

#: Columns of the output, in this order. Angles on the sky and orientations in deg.
COLUMNS = (
    "hillas_intensity",
    "hillas_skewness",
    "hillas_kurtosis",
    "hillas_fov_lon",
    "hillas_fov_lat",
    "hillas_r",
    "hillas_phi",
    "hillas_length",
    "hillas_length_uncertainty",
    "hillas_width",
    "hillas_width_uncertainty",
    "hillas_psi",
    "hillas_psi_uncertainty",
    "hillas_transverse_cog_uncertainty",
)
#: Positions in the output of what other kernels need.
INTENSITY, FOV_LON, FOV_LAT, LENGTH, WIDTH, PSI = 0, 3, 4, 7, 9, 11

#: Variances up to this (deg^2) are rounding errors of pixels on one line or in one point.
_ZERO_VARIANCE = 2.220446049250313e-16


@kernel
def _extent(variance: float) -> float:
    """Turn a variance into an extent: 0 for rounding errors, NaN if it is negative."""
    if abs(variance) <= _ZERO_VARIANCE:
        return 0.0
    if variance < 0.0:
        return math.nan
    return math.sqrt(variance)


@kernel
def hillas(
    offsets: np.ndarray,
    pixels: np.ndarray,
    charge: np.ndarray,
    fov_lon: np.ndarray,
    fov_lat: np.ndarray,
    area: np.ndarray,
    out: np.ndarray,
) -> None:
    """Compute the Hillas parameters of every image.

    Parameters
    ----------
    offsets, pixels : arrays of shape (n_images + 1,) and (n_selected,)
        From `selected_pixels`.
    charge : float64 array of shape (n_selected,), p.e.
        Charge of the selected pixels.
    fov_lon, fov_lat : float64 arrays of shape (n_pixels,), deg
        Pixel positions.
    area : float64 array of shape (n_pixels,), deg^2
        Pixel areas.
    out : float64 array of shape (n_images, 14)
        Written: `COLUMNS`. ``psi`` lies in [-90, 90] deg from +fov_lon and knows no head or tail:
        the sign of the skewness does. Kurtosis is 3 for a normal distribution. Images of fewer
        than 2 pixels, or without positive charge, get NaN; pixels on a line get width 0 and a NaN
        uncertainty of it; charge in a single point gets length 0 and no orientation.

    Notes
    -----
    Sources: A. M. Hillas, Proc. 19th ICRC 3 (1985) 445; for a covariance of elements a, b, d the
    major axis is at atan2(2 b, a - d) / 2. Uncertainties of length and width: propagation of
    Poisson fluctuations of the charge through the rotated covariance. Uncertainties of psi and of
    the transverse position: covariance of a straight line fitted along the axis, with weights
    charge / area, enlarged for round images.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty((1, 14))
    >>> lon, lat, area = np.array([-1.0, 1.0]), np.zeros(2), np.ones(2)
    >>> hillas(np.array([0, 2]), np.array([0, 1]), np.array([5.0, 5.0]), lon, lat, area, out)
    >>> out[0, INTENSITY].item(), out[0, LENGTH].item(), out[0, WIDTH].item()
    (10.0, 1.0, 0.0)
    """
    for i in range(offsets.size - 1):
        begin, end = offsets[i], offsets[i + 1]
        out[i, :] = math.nan
        if end - begin < MIN_PIXELS:
            continue
        size, cog_lon, cog_lat = 0.0, 0.0, 0.0
        for k in range(begin, end):
            p = pixels[k]
            size += charge[k]
            cog_lon += charge[k] * fov_lon[p]
            cog_lat += charge[k] * fov_lat[p]
        if not size > 0.0:
            continue
        cog_lon /= size
        cog_lat /= size
        var_lon, var_lat, cov = 0.0, 0.0, 0.0
        for k in range(begin, end):
            d_lon, d_lat = fov_lon[pixels[k]] - cog_lon, fov_lat[pixels[k]] - cog_lat
            var_lon += charge[k] * d_lon * d_lon
            var_lat += charge[k] * d_lat * d_lat
            cov += charge[k] * d_lon * d_lat
        var_lon /= size
        var_lat /= size
        cov /= size
        # Adding 0 turns -0 into 0, so that an upright image is at +90 deg.
        psi = 0.5 * math.atan2(2.0 * cov + 0.0, var_lon - var_lat)
        if cov == 0.0 and var_lon == var_lat:
            psi = 0.5 * math.pi
        cos_psi, sin_psi = math.cos(psi), math.sin(psi)
        a, b, c = cos_psi * cos_psi, sin_psi * sin_psi, 2.0 * sin_psi * cos_psi

        # Moments along (l) and across (t) the axis; taking the variances here, instead of from the
        # covariance, keeps small widths free of cancellation. Then the uncertainty sums, and the
        # normal equations of the line t = p0 l + p1.
        l2, l3, l4, t2 = 0.0, 0.0, 0.0, 0.0
        sum_length, sum_width = 0.0, 0.0
        w, w_l, w_ll, w_t, w_lt = 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(begin, end):
            p, q = pixels[k], charge[k]
            d_lon, d_lat = fov_lon[p] - cog_lon, fov_lat[p] - cog_lat
            along = d_lon * cos_psi + d_lat * sin_psi
            across = d_lat * cos_psi - d_lon * sin_psi
            square = along * along
            l2 += q * square
            l3 += q * square * along
            l4 += q * square * square
            t2 += q * across * across
            dev_lon = (d_lon * d_lon - var_lon) / size
            dev_lat = (d_lat * d_lat - var_lat) / size
            dev_cov = (d_lon * d_lat - cov) / size
            sum_length += q * (a * dev_lon + b * dev_lat + c * dev_cov) ** 2
            sum_width += q * (b * dev_lon + a * dev_lat - c * dev_cov) ** 2
            weight = q / area[p]
            w += weight
            w_l += weight * along
            w_ll += weight * square
            w_t += weight * across
            w_lt += weight * along * across
        length, width = _extent(l2 / size), _extent(t2 / size)

        out[i, INTENSITY] = size
        out[i, FOV_LON], out[i, FOV_LAT] = cog_lon, cog_lat
        out[i, 5], out[i, 6] = (
            math.hypot(cog_lon, cog_lat),
            math.degrees(math.atan2(cog_lat, cog_lon)),
        )
        out[i, LENGTH], out[i, WIDTH] = length, width
        if length == 0.0:
            continue
        out[i, PSI] = math.degrees(psi)
        out[i, 1], out[i, 2] = l3 / size / length**3, l4 / size / length**4
        if sum_length >= 0.0:
            out[i, 8] = math.sqrt(sum_length) / (2.0 * length)
        if sum_width >= 0.0 and width != 0.0:
            out[i, 10] = math.sqrt(sum_width) / (2.0 * width)
        determinant = w * w_ll - w_l * w_l
        if determinant > 0.0:
            tilt = (w * w_lt - w_l * w_t) / determinant
            roundness = math.tan(0.5 * math.pi * width / length)
            out[i, 12] = math.degrees(
                math.sqrt(w / determinant + tilt * tilt) * (1.0 + roundness * roundness)
            )
            out[i, 13] = math.sqrt(w_ll / determinant * (1.0 + math.sin(tilt) ** 2))
