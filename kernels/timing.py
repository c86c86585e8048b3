"""How the pulse times run along the axis of an image."""

from __future__ import annotations

import math

import numpy as np

from .hillas import FOV_LAT, FOV_LON, PSI
from .jit import kernel
from .trimmed_line import trimmed_line

#: Columns of the output, in this order: ns, ns, ns/deg.
COLUMNS = ("timing_intercept", "timing_deviation", "timing_slope")


@kernel
def timing(
    offsets: np.ndarray,
    pixels: np.ndarray,
    peak_time: np.ndarray,
    fov_lon: np.ndarray,
    fov_lat: np.ndarray,
    hillas: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fit a straight line to peak time against position along the image axis.

    The fit is `trimmed_line`: 15 % of the pixels may have any time. It uses no random numbers, so
    the result of an image depends on this image alone.

    Parameters
    ----------
    offsets, pixels : arrays of shape (n_images + 1,) and (n_selected,)
        From `selected_pixels`.
    peak_time : float64 array of shape (n_selected,), ns
        Pulse time of the selected pixels. Pixels that are not finite take no part in the fit.
    fov_lon, fov_lat : float64 arrays of shape (n_pixels,), deg
        Pixel positions.
    hillas : float64 array of shape (n_images, 14)
        From `hillas.hillas`: centroid and orientation.
    out : float64 array of shape (n_images, 3)
        Written: `COLUMNS`: time at the centroid, root mean square of the residuals of all pixels
        (also of those that the fit ignored), slope. NaN for images without orientation or with
        fewer than 3 times; the deviation is NaN too if any time is not finite.

    Notes
    -----
    Source: the definition of the timing parameters in CTAO's DL1 data model; least trimmed squares
    of P. J. Rousseeuw, K. Van Driessen, Data Min. Knowl. Disc. 12 (2006) 29.

    Examples
    --------
    >>> import numpy as np
    >>> parameters = np.zeros((1, 14))
    >>> lon, lat = np.array([-1.0, 0.0, 1.0, 2.0]), np.zeros(4)
    >>> out = np.empty((1, 3))
    >>> timing(np.array([0, 4]), np.arange(4), 3 * lon + 20, lon, lat, parameters, out)
    >>> out.round(6).tolist()
    [[20.0, 0.0, 3.0]]
    """
    longest = 0
    for i in range(offsets.size - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    along, time = np.empty(longest), np.empty(longest)
    for i in range(offsets.size - 1):
        out[i, :] = math.nan
        if math.isnan(hillas[i, PSI]):
            continue
        psi = math.radians(hillas[i, PSI])
        cos_psi, sin_psi = math.cos(psi), math.sin(psi)
        n = 0
        for k in range(offsets[i], offsets[i + 1]):
            if math.isfinite(peak_time[k]):
                p = pixels[k]
                d_lon, d_lat = fov_lon[p] - hillas[i, FOV_LON], fov_lat[p] - hillas[i, FOV_LAT]
                along[n] = d_lon * cos_psi + d_lat * sin_psi
                time[n] = peak_time[k]
                n += 1
        slope, intercept = trimmed_line(along[:n], time[:n])
        out[i, 0], out[i, 2] = intercept, slope
        if n == offsets[i + 1] - offsets[i] and not math.isnan(slope):
            squares = 0.0
            for j in range(n):
                squares += (time[j] - intercept - slope * along[j]) ** 2
            out[i, 1] = math.sqrt(squares / n)
