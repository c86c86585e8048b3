"""Where the window of each pixel lies: at its own peak, at that of the whole camera, or given.

The peak of the neighbours is in `peak_window`, since it is the one that is used by default.
"""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .maxima_lanes import first_row_maxima
from .sorting import sorted_order


@kernel
def local_peaks(r1: np.ndarray, n_samples: int, peak: np.ndarray) -> None:
    """First maximum of every pixel.

    Parameters
    ----------
    r1 : float32 (m, stride), m >= n_pixels
        Photo-electrons per sample, rows padded to a multiple of `peak_lanes.LANES`.
    n_samples : int
    peak : int64 (n_pixels,)
        Written; 0 where the first sample is NaN, which nothing is larger than.
    """
    highest = np.empty(peak.shape[0], r1.dtype)
    first_row_maxima(r1.reshape(-1), r1.shape[1], n_samples, peak, highest)
    for p in range(peak.shape[0]):
        if r1[p, 0] != r1[p, 0]:
            peak[p] = 0


@kernel
def global_peak(
    r1: np.ndarray, n_samples: int, invalid: np.ndarray, fraction: float, total: np.ndarray
) -> int:
    """First maximum of the mean over all valid pixels, or over the brightest.

    Sums are in single precision, in the order of the pixels or from the brightest down, as in
    ctapipe.

    Parameters
    ----------
    r1 : float32 (m, stride), m >= n_pixels and stride >= n_samples
        Photo-electrons per sample.
    n_samples : int
    invalid : bool (n_pixels,)
        Pixels that do not count.
    fraction : float
        Part of all pixels that counts, those with the highest samples; of equal ones the last. With
        1 it is all valid ones.
    total : float32 (n_samples,)
        Scratch.

    Returns
    -------
    int
        0 if no pixel counts.
    """
    for s in range(n_samples):
        total[s] = 0.0
    n_used = 0
    if fraction < 1.0:
        n_used = int(fraction * invalid.shape[0])
        order = _by_highest_sample(r1, n_samples, invalid)
        for i in range(n_used):
            brightest = order[order.size - 1 - i]
            for s in range(n_samples):
                total[s] += r1[brightest, s]
    else:
        for p in range(invalid.shape[0]):
            if not invalid[p]:
                n_used += 1
                for s in range(n_samples):
                    total[s] += r1[p, s]
    best = np.int64(0)
    number = np.float32(max(n_used, 1))
    for s in range(1, n_samples):
        if total[s] / number > total[best] / number:
            best = np.int64(s)
    return best


@kernel
def _by_highest_sample(r1: np.ndarray, n_samples: int, invalid: np.ndarray) -> np.ndarray:
    """Pixels in the order of their highest sample; those that do not count come first."""
    highest = np.empty(invalid.shape[0], np.float64)
    for p in range(invalid.shape[0]):
        largest = -np.inf
        if not invalid[p]:
            for s in range(n_samples):
                largest = max(largest, np.float64(r1[p, s]))
        highest[p] = largest if largest == largest else -np.inf
    return sorted_order(highest)
