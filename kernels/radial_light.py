"""How the light of an image is spread over the distance from a centre."""

from __future__ import annotations

import math

import numpy as np

from .circle_fit import CENTER_X, CENTER_Y
from .jit import kernel

#: Columns of the output, in this order.
COLUMNS = ("radial_std_dev", "skewness", "excess_kurtosis")


@kernel
def radial_light(
    image: np.ndarray, fov_lon: np.ndarray, fov_lat: np.ndarray, ring: np.ndarray, out: np.ndarray
) -> None:
    """Compute moments of the distance from the ring's centre over all pixels.

    Parameters
    ----------
    image : float array of shape (n_images, n_pixels), p.e.
        All pixels count, with the sign of their charge: noise far away may make the variance
        negative.
    fov_lon, fov_lat : float64 arrays of shape (n_pixels,), deg
    ring : float64 array of shape (n_images, 8)
        From `muon_rings.fit_rings`.
    out : float64 array of shape (n_images, 3)
        Written: `COLUMNS`; NaN where there is no ring or no positive variance.

    Notes
    -----
    Source: standard deviation, third standardised moment, and fourth less 3, weights charge.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty((1, 3))
    >>> radial_light(np.ones((1, 2)), np.array([1.0, 3.0]), np.zeros(2), np.zeros((1, 8)), out)
    >>> out.tolist()
    [[1.0, 0.0, -2.0]]
    """
    for i in range(image.shape[0]):
        x, y = ring[i, CENTER_X], ring[i, CENTER_Y]
        out[i, :] = math.nan
        total, mean = 0.0, 0.0
        for p in range(fov_lon.size):
            charge = float(image[i, p])
            total += charge
            mean += charge * math.hypot(fov_lon[p] - x, fov_lat[p] - y)
        if not (total != 0.0 and abs(mean) < math.inf):
            continue
        mean /= total
        second, third, fourth = 0.0, 0.0, 0.0
        for p in range(fov_lon.size):
            charge = float(image[i, p])
            away = math.hypot(fov_lon[p] - x, fov_lat[p] - y) - mean
            square = charge * away * away
            second += square
            third += square * away
            fourth += square * away * away
        variance = second / total
        if not (variance > 0.0 and variance < math.inf):
            continue
        deviation = math.sqrt(variance)
        out[i, 0] = deviation
        out[i, 1] = third / total / (variance * deviation)
        out[i, 2] = fourth / total / variance**2 - 3.0
