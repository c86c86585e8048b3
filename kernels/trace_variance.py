"""Variance of the samples of every pixel."""

from __future__ import annotations

import math

import numpy as np

from .chain_lanes import chain_sum
from .jit import kernel


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
            trace = samples[k, p]
            n = np.float64(n_samples)
            total = chain_sum(trace)
            is_whole = total == total and n > 0
            if not is_whole:  # NaN, or opposite infinities
                n = np.float64(_numbers_of(trace, values))
                if n == 0:
                    variance[k, p] = np.nan
                    continue
                total = chain_sum(values)
            mean = np.float32(np.divide(np.float64(total), n))
            for s in range(n_samples):
                deviation = trace[s] - mean
                values[s] = deviation * deviation
            if not is_whole:
                for s in range(n_samples):
                    if math.isnan(trace[s]):
                        values[s] = 0.0
            variance[k, p] = np.float32(np.divide(np.float64(chain_sum(values)), n))


@kernel
def _numbers_of(trace: np.ndarray, values: np.ndarray) -> int:
    """Copy a trace with 0 for NaN; how many samples are numbers."""
    n = 0
    for s in range(trace.shape[0]):
        is_number = not math.isnan(trace[s])
        n += int(is_number)
        values[s] = trace[s] if is_number else np.float32(0)
    return n


__all__ = ["trace_variance"]
