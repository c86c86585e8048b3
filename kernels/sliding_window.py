"""Charge and time of a pulse in the window of given width that holds most charge.

Same definition as ctapipe's SlidingWindowMaxSum: sums are differences of the running sum, whose
rounding decides between windows that are nearly equal; the first of equal windows counts.
"""

from __future__ import annotations

import numpy as np

from .charge_lanes import block_charges
from .fullest_lanes import fullest
from .jit import kernel


@kernel
def fullest_windows(
    r1: np.ndarray, n_samples: int, width: int, begin: np.ndarray, charge: np.ndarray
) -> None:
    """First sample and charge of the window with most charge, of every pixel of one event.

    Parameters
    ----------
    r1 : float32 (m, stride), m > n_pixels and stride >= n_samples
    n_samples, width : int
        The width is at most `n_samples`.
    begin : int64 (n_pixels,)
        Written; 0 if the first sum is NaN, which nothing is larger than.
    charge : float64 (n_pixels,)
        Written.
    """
    fullest(r1.reshape(-1), r1.shape[1], n_samples, width, begin, charge)


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
    r1 : float32 (m, stride), m > n_pixels and stride >= n_samples
        Photo-electrons per sample. The row behind the last pixel is read and does not count.
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
    n_pixels = image.shape[0]
    width = min(width, n_samples)
    begin, charge = np.empty(n_pixels, np.int64), np.empty(n_pixels, np.float64)
    fullest_windows(r1, n_samples, width, begin, charge)
    block_charges(
        r1.reshape(-1), r1.shape[1], n_samples, begin, gain, correction, time_shift,
        sampling_rate, width, 0, 0.5 * width, image, peak_time,
    )  # fmt: skip
    for p in range(n_pixels):  # the sum that decided, not that of the window by itself
        image[p] = np.float32(np.float64(np.float32(charge[p])) * correction[np.intp(gain[p])])
