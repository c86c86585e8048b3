"""Variance of the samples of every pixel."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .pairwise_sum import pairwise_sum


@kernel
def trace_variance(samples: np.ndarray, variance: np.ndarray) -> None:
    """Mean squared deviation from the mean; samples that are NaN do not count.

    Parameters
    ----------
    samples : float32 (n_events, n_pixels, n_samples), photo-electrons
    variance : float32 (n_events, n_pixels)
        Written, squared photo-electrons; NaN where no sample counts.

    Notes
    -----
    Source: var = sum (x - <x>)^2 / n in two passes, in single precision as ``numpy.nanvar`` adds.
    """
    n_events, n_pixels, n_samples = samples.shape
    values = np.empty(n_samples, np.float32)
    for k in range(n_events):
        for p in range(n_pixels):
            n = 0
            for s in range(n_samples):
                value = samples[k, p, s]
                is_number = not math.isnan(value)
                n += int(is_number)
                values[s] = value if is_number else np.float32(0)
            if n == 0:
                variance[k, p] = np.nan
                continue
            mean = np.float32(np.float64(pairwise_sum(values)) / n)
            for s in range(n_samples):
                deviation = values[s] - mean
                values[s] = deviation * deviation
            if n < n_samples:
                for s in range(n_samples):
                    if math.isnan(samples[k, p, s]):
                        values[s] = 0.0
            variance[k, p] = np.float32(np.float64(pairwise_sum(values)) / n)


__all__ = ["trace_variance"]
