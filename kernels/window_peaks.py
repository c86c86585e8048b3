"""Where the window of each pixel lies: at its own peak, at that of the whole camera, or given.

The peak of the neighbours is in `peak_window`, since it is the one that is used by default.
"""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .peak_lanes import first_of_row


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
    values, stride = r1.reshape(-1), r1.shape[1]
    for p in range(peak.shape[0]):
        is_number = r1[p, 0] == r1[p, 0]
        peak[p] = first_of_row(values, p * stride, n_samples) if is_number else 0


@kernel
def global_peak(r1: np.ndarray, n_samples: int, invalid: np.ndarray, total: np.ndarray) -> int:
    """First maximum of the mean over all valid pixels.

    Sums are in single precision and in the order of the pixels, as in ctapipe.

    Parameters
    ----------
    r1 : float32 (m, stride), m >= n_pixels and stride >= n_samples
        Photo-electrons per sample.
    n_samples : int
    invalid : bool (n_pixels,)
        Pixels that do not count.
    total : float32 (n_samples,)
        Scratch.

    Returns
    -------
    int
        0 if no pixel is valid.
    """
    for s in range(n_samples):
        total[s] = 0.0
    n_valid = 0
    for p in range(invalid.shape[0]):
        if not invalid[p]:
            n_valid += 1
            for s in range(n_samples):
                total[s] += r1[p, s]
    best = np.int64(0)
    number = np.float32(max(n_valid, 1))
    for s in range(1, n_samples):
        if total[s] / number > total[best] / number:
            best = np.int64(s)
    return best
