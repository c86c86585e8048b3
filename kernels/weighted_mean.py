"""Weighted mean and spread of a quantity over groups of telescopes."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel


@kernel
def weighted_mean(
    offsets: np.ndarray,
    values: np.ndarray,
    valid: np.ndarray,
    weight: np.ndarray,
    logarithmic: bool,
    out_mean: np.ndarray,
    out_std: np.ndarray,
    out_n: np.ndarray,
) -> None:
    """Weighted mean and population standard deviation of each group.

    Parameters
    ----------
    offsets : int64 (n_groups + 1,)
    values : float64 (n,)
    valid : bool (n,)
    weight : float64 (n,)
        Scaled to a largest one of 1 in each group. A row counts if it is valid, its value finite
        (and positive, if logarithmic) and its weight finite and positive.
    logarithmic : bool
        Whether mean and spread are taken over the natural logarithm.
    out_mean : float64 (n_groups,)
        Written: mean, in the unit of the values (the weighted geometric mean, if logarithmic); NaN
        if no row counts.
    out_std : float64 (n_groups,)
        Written: standard deviation, of the logarithm if logarithmic; 0 for one row, NaN for none.
    out_n : int32 (n_groups,)
        Written: rows that count.

    Notes
    -----
    Source: definition; the deviations are summed in a second pass over the group.

    Examples
    --------
    >>> import numpy as np
    >>> mean, std, n = np.empty(2), np.empty(2), np.empty(2, np.int32)
    >>> offsets, values, weight = np.array([0, 2, 2]), np.array([1.0, 5.0]), np.array([3.0, 1.0])
    >>> weighted_mean(offsets, values, weight > 0, weight, False, mean, std, n)
    >>> mean.tolist(), n.tolist()
    ([2.0, nan], [2, 0])
    """
    longest = 0
    for g in range(offsets.shape[0] - 1):
        longest = max(longest, offsets[g + 1] - offsets[g])
    value, scale = np.empty(longest), np.empty(longest)
    for g in range(offsets.shape[0] - 1):
        n, largest = 0, 0.0
        for i in range(offsets[g], offsets[g + 1]):
            usable = valid[i] and weight[i] > 0.0 and math.isfinite(weight[i])
            if not (usable and math.isfinite(values[i])) or (logarithmic and values[i] <= 0.0):
                continue
            value[n] = math.log(values[i]) if logarithmic else values[i]
            scale[n] = weight[i]
            largest = max(largest, weight[i])
            n += 1
        out_n[g] = n
        out_mean[g] = out_std[g] = math.nan
        if n == 0:
            continue
        mean = total = variance = 0.0
        for i in range(n):
            scale[i] /= largest
            total += scale[i]
            mean += scale[i] * value[i]
        mean /= total
        for i in range(n):
            variance += scale[i] * (value[i] - mean) ** 2
        out_mean[g] = math.exp(mean) if logarithmic else mean
        out_std[g] = math.sqrt(variance / total)
