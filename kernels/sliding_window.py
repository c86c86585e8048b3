"""Charge and time of a pulse in the window of given width that holds most charge.

Same definition as ctapipe's SlidingWindowMaxSum: sums are differences of the running sum, whose
rounding decides between windows that are nearly equal; the first of equal windows counts.
"""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def sliding_window(
    r1: np.ndarray,
    n_samples: int,
    gain: np.ndarray,
    correction: np.ndarray,
    time_shift: np.ndarray,
    sampling_rate: float,
    width: int,
    image: np.ndarray,
    peak_time: np.ndarray,
) -> None:
    """Charge and peak time of every pixel of one event.

    Parameters
    ----------
    r1 : float32 (m, stride), m >= n_pixels and stride >= n_samples
        Photo-electrons per sample.
    n_samples : int
    gain : int8 (n_pixels,)
    correction : float64 (n_gains,)
    time_shift : float32 (n_gains, n_pixels), ns
        Subtracted from the time.
    sampling_rate : float, GHz
    width : int
        Samples in the window; all, if there are fewer.
    image : float32 (n_pixels,)
        Written, photo-electrons.
    peak_time : float32 (n_pixels,)
        Written, ns; the middle of the window where none of its samples is positive.
    """
    width = min(width, n_samples)
    running = np.zeros(n_samples + 1, np.float64)
    for p in range(image.shape[0]):
        for s in range(n_samples):
            running[s + 1] = running[s] + np.float64(r1[p, s])
        begin = np.int64(0)
        charge = running[width]
        for s in range(1, n_samples - width + 1):
            found = running[s + width] - running[s]
            if found > charge:
                charge, begin = found, np.int64(s)
        weighted = positive = 0.0
        for s in range(begin, begin + width):
            value = np.float64(r1[p, s])
            if value > 0:
                weighted += value * s
                positive += value
        time = weighted / positive if positive > 0 else begin + 0.5 * width
        g = np.intp(gain[p])
        image[p] = np.float32(np.float64(np.float32(charge)) * correction[g])
        ns = np.float32(np.float64(np.float32(time)) / sampling_rate)
        peak_time[p] = ns - time_shift[g, p]
