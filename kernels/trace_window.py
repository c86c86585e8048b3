"""Charge and time of one pulse in a window of one trace, and the first maximum of a trace."""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def first_maximum_of(values: np.ndarray) -> int:
    """First sample of the largest value.

    Parameters
    ----------
    values : float (n_samples,)

    Returns
    -------
    int
        0 for an empty trace; NaN is never the largest.
    """
    best, largest = np.int64(0), -np.inf
    for s in range(values.shape[0]):
        if values[s] > largest:
            largest = values[s]
            best = np.int64(s)
    return best


@kernel
def window_of_trace(
    trace: np.ndarray, peak: int, width: int, shift: int
) -> tuple[np.float32, np.float32]:
    """Sum of the window from ``peak - shift`` on, `width` long, and the time of the pulse in it.

    Parameters
    ----------
    trace : float (n_samples,), photo-electrons per sample
        The window is clipped to it.
    peak, width, shift : int

    Returns
    -------
    charge : float32, photo-electrons
    time : float32, samples
        Mean sample number weighted with the positive samples; `peak` where none is.

    Notes
    -----
    Source: PARITY section 3. Sums in double precision, in the order of the samples.
    """
    begin = max(np.int64(0), np.int64(peak - shift))
    end = min(np.int64(peak - shift + width), np.int64(trace.shape[0]))
    charge, weighted, positive = 0.0, 0.0, 0.0
    for s in range(begin, end):
        value = np.float64(trace[s])
        above = value if value > 0.0 else 0.0  # a selection: noise is positive every other time
        charge += value
        weighted += above * np.float64(s)
        positive += above
    time = weighted / positive if positive > 0.0 else np.float64(peak)
    return np.float32(charge), np.float32(time)


__all__ = ["first_maximum_of", "window_of_trace"]
