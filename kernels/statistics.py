"""Descriptive statistics of the values of the selected pixels of an image."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .selection import MIN_PIXELS

#: Columns of the output, in this order; the caller adds what the values are as a prefix.
COLUMNS = ("max", "min", "mean", "std", "skewness", "kurtosis")


@kernel
def statistics(offsets: np.ndarray, values: np.ndarray, out: np.ndarray) -> None:
    """Compute extremes and moments of the values of every image.

    Parameters
    ----------
    offsets : int64 array of shape (n_images + 1,)
        From `selected_pixels`.
    values : float64 array of shape (n_selected,)
        Charge in p.e. or peak time in ns.
    out : float64 array of shape (n_images, 6)
        Written: `COLUMNS`, in the unit of the values. The standard deviation has no Bessel
        correction; the kurtosis is the excess, 0 for a normal distribution. Skewness and kurtosis
        of equal values are NaN. Images of fewer than 2 pixels, or with a NaN, get NaN.

    Notes
    -----
    Source: K. Pearson's moment coefficients m3 / m2^(3/2) and m4 / m2^2 - 3 of the population.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty((1, 6))
    >>> statistics(np.array([0, 4]), np.array([1.0, 1.0, 3.0, 3.0]), out)
    >>> out.tolist()
    [[3.0, 1.0, 2.0, 1.0, 0.0, -2.0]]
    """
    for i in range(offsets.size - 1):
        begin, end = offsets[i], offsets[i + 1]
        n = end - begin
        out[i, :] = math.nan
        if n < MIN_PIXELS:
            continue
        highest, lowest, total = -math.inf, math.inf, 0.0
        for k in range(begin, end):
            highest = max(highest, values[k])
            lowest = min(lowest, values[k])
            total += values[k]
        # Not by division: equal values must have no spread from rounding.
        mean = lowest if highest == lowest else total / n
        if math.isnan(total):
            continue
        m2, m3, m4 = 0.0, 0.0, 0.0
        for k in range(begin, end):
            d = values[k] - mean
            m2 += d * d
            m3 += d * d * d
            m4 += d * d * d * d
        m2 /= n
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = highest, lowest, mean, math.sqrt(m2)
        if m2 > 0.0:
            out[i, 4] = m3 / n / m2**1.5
            out[i, 5] = m4 / n / m2**2 - 3.0
