"""Charge and time of a pulse in the window of given width that holds most charge.

Same definition as ctapipe's SlidingWindowMaxSum: sums are differences of the running sum, whose
rounding decides between windows that are nearly equal; the first of equal windows counts.
"""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .peak_lanes import LANES, first_of_row
from .window_blocks import block_sums
from .window_lanes import WINDOWS

#: Running sums that are made at once: each is a chain of additions that wait for each other.
_CHAINS = 4


@kernel
def running_sums(r1: np.ndarray, pixel: int, n_samples: int, running: np.ndarray) -> None:
    """Sums of all samples before each, of four pixels.

    Parameters
    ----------
    r1 : float32 (m, stride), m >= pixel + 4
    pixel : int
        The first.
    n_samples : int
    running : float64 (4, n), n > n_samples
        Written from the second sum on; the first is 0.
    """
    a = b = c = d = 0.0
    for s in range(n_samples):
        a += np.float64(r1[pixel, s])
        b += np.float64(r1[pixel + 1, s])
        c += np.float64(r1[pixel + 2, s])
        d += np.float64(r1[pixel + 3, s])
        running[0, s + 1] = a
        running[1, s + 1] = b
        running[2, s + 1] = c
        running[3, s + 1] = d


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
    n_pixels = begin.shape[0]
    n_windows = n_samples - width + 1
    running = np.zeros((_CHAINS, n_samples + 1), np.float64)
    found = np.zeros((n_windows + LANES - 1) // LANES * LANES, np.float64)
    for block in range(0, n_pixels, _CHAINS):
        pixel = min(block, max(n_pixels - _CHAINS, 0))  # the last block does some pixels again
        if n_pixels >= _CHAINS:
            running_sums(r1, pixel, n_samples, running)
        for chain in range(min(_CHAINS, n_pixels)):
            sums = running[chain]
            if n_pixels < _CHAINS:
                for s in range(n_samples):
                    sums[s + 1] = sums[s] + np.float64(r1[pixel + chain, s])
            for s in range(np.uint64(n_windows)):
                found[s] = sums[s + np.uint64(width)] - sums[s]
            first = first_of_row(found, 0, n_windows) if found[0] == found[0] else np.int64(0)
            begin[pixel + chain] = first
            charge[pixel + chain] = found[first]


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
    values, stride = r1.reshape(-1), r1.shape[1]
    place, first = np.empty(WINDOWS, np.int64), np.empty(WINDOWS, np.float64)
    count, sums = np.empty(WINDOWS, np.int32), np.empty(3 * WINDOWS, np.float64)
    for block in range(0, n_pixels, WINDOWS):
        block_sums(
            values, stride, n_samples, begin, block, width, 0, place, first, count,
            sums,
        )  # fmt: skip
        for lane in range(min(WINDOWS, n_pixels - block)):
            p = block + lane
            positive = sums[WINDOWS + lane]
            time = sums[2 * WINDOWS + lane] / positive if positive > 0 else begin[p] + 0.5 * width
            g = np.intp(gain[p])
            image[p] = np.float32(np.float64(np.float32(charge[p])) * correction[g])
            ns = np.float32(np.float64(np.float32(time)) / sampling_rate)
            peak_time[p] = ns - time_shift[g, p]
