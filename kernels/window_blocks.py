"""Window sums of the pixels of one event, in blocks of as many as fit side by side."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .window_lanes import WINDOWS, window_sums


@kernel
def block_sums(
    values: np.ndarray,
    stride: int,
    n_samples: int,
    peak: np.ndarray,
    block: int,
    width: int,
    shift: int,
    place: np.ndarray,
    first: np.ndarray,
    count: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Sum the windows around the peaks of the pixels from `block` on.

    Parameters
    ----------
    values : float32 (m * stride,), m > n_pixels and stride >= n_samples
        Photo-electrons per sample. The row behind the last pixel is read and does not count.
    stride, n_samples : int
    peak : int64 (n_pixels,)
    block : int
        First pixel; there are `window_lanes.WINDOWS`, the last counts again where none is left.
    width, shift : int
        Window in samples: from ``peak - shift``, `width` long, clipped to the readout.
    place, first, count, sums : int64 (8,), float64 (8,), int32 (8,), float64 (24,)
        Written: as `window_lanes.window_sums` takes them, and what it gives.
    """
    n_pixels = peak.shape[0]
    for lane in range(WINDOWS):
        p = min(block + lane, n_pixels - 1)
        begin = min(max(np.int64(0), peak[p] - shift), np.int64(n_samples))
        place[lane] = p * stride + begin
        first[lane] = begin
        count[lane] = min(peak[p] - shift + width, np.int64(n_samples)) - begin
    window_sums(values, place, first, count, sums)


__all__ = ["block_sums"]
