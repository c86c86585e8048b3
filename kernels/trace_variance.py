"""Variance of the samples of every pixel."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .pairwise_sum import BLOCK, CHAINS, pairwise_sum
from .variance_lanes import variances


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
    n_samples = samples.shape[2]
    traces, found = samples.reshape(-1), variance.reshape(-1)
    n_written = 0
    if CHAINS <= n_samples <= BLOCK:
        n_written = variances(traces, n_samples, found)
    values = np.empty(n_samples, np.float32)
    for t in range(found.shape[0]):
        if t >= n_written or math.isnan(found[t]):
            found[t] = _variance_of(traces[t * n_samples : (t + 1) * n_samples], values)


@kernel
def _variance_of(trace: np.ndarray, values: np.ndarray) -> np.float32:
    """Variance of one trace; `values` is scratch of its size."""
    n_samples = trace.shape[0]
    n = np.float64(n_samples)
    total = pairwise_sum(trace)
    is_whole = total == total and n > 0
    if not is_whole:  # NaN, or opposite infinities
        n = np.float64(_numbers_of(trace, values))
        if n == 0:
            return np.float32(np.nan)
        total = pairwise_sum(values)
    mean = np.float32(np.divide(np.float64(total), n))
    for s in range(n_samples):
        deviation = trace[s] - mean
        values[s] = deviation * deviation
    if not is_whole:
        for s in range(n_samples):
            if math.isnan(trace[s]):
                values[s] = 0.0
    return np.float32(np.divide(np.float64(pairwise_sum(values)), n))


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
