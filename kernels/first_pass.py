"""First pass of the two-pass extraction: every pixel by itself."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .trace_window import PADDING, first_of, window_of_trace

#: Samples of the window and of its part before the peak: one on each side of the best three.
WIDTH, SHIFT = 5, 2


@kernel
def first_pass(
    samples: np.ndarray,
    rows: np.ndarray,
    broken: np.ndarray,
    gain: np.ndarray,
    correction: np.ndarray,
    sampling_rate: np.ndarray,
    charge: np.ndarray,
    time: np.ndarray,
) -> None:
    """Charge and time in the window around the three neighbouring samples that hold most.

    Parameters
    ----------
    samples : float32 (n_events, n_pixels, n_samples), photo-electrons
    rows : int64 (n_events,)
        Row of each event's telescope in the calibration arrays.
    broken : bool (n_events, n_pixels)
        Pixels that get charge and time 0.
    gain : int8 (n_events, n_pixels)
    correction : float64 (n_telescopes, n_gains)
    sampling_rate : float64 (n_telescopes,), GHz
    charge : float64 (n_events, n_pixels)
        Written, photo-electrons.
    time : float32 (n_events, n_pixels)
        Written, ns after the first sample.

    Notes
    -----
    Source: PARITY section 3 (TwoPassWindowSum). The window lies in the readout; traces shorter
    than it are summed whole. Sums that decide on the peak are rounded to single precision, so
    that equal ones are equal.
    """
    n_events, n_pixels, n_samples = samples.shape
    stride = (n_samples + PADDING - 1) // PADDING * PADDING
    sums = np.full(stride, -np.inf, np.float64)
    bits = sums.view(np.int64)
    for k in range(n_events):
        rate = sampling_rate[rows[k]]
        for p in range(n_pixels):
            if broken[k, p]:
                charge[k, p] = 0.0
                time[k, p] = 0.0
                continue
            trace = samples[k, p]
            for s in range(2, n_samples - 2):
                outer = np.float64(trace[s - 1]) + np.float64(trace[s + 1])
                found = np.float64(np.float32(np.float64(trace[s]) + outer))
                sums[s] = found + 0.0 if found == found else -np.inf
            peak = max(first_of(bits, n_samples), SHIFT)
            value, when = window_of_trace(trace, peak, WIDTH, SHIFT)
            factor = correction[rows[k], np.intp(gain[k, p])]
            charge[k, p] = np.float64(value) * factor
            time[k, p] = np.float32(np.float64(when) / rate)


__all__ = ["SHIFT", "WIDTH", "first_pass"]
