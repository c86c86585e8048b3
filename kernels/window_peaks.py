"""Where the window of each pixel lies: at its own peak, at that of the whole camera, or given.

The peak of the neighbours is in `peak_window`, since it is the one that is used by default.
"""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def local_peaks(r1: np.ndarray, n_samples: int, peak: np.ndarray) -> None:
    """First maximum of every pixel.

    Parameters
    ----------
    r1 : float32 (m, stride), m >= n_pixels and stride >= n_samples
        Photo-electrons per sample.
    n_samples : int
    peak : int64 (n_pixels,)
        Written.
    """
    for p in range(peak.shape[0]):
        best = np.int64(0)
        for s in range(1, n_samples):
            if r1[p, s] > r1[p, best]:
                best = np.int64(s)
        peak[p] = best


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
