"""Sum of the rows of a pixel and its neighbours, as input of the search for the peak."""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def add_neighbors(
    trace: np.ndarray, table: np.ndarray, pixel: int, weight: float, total: np.ndarray
) -> None:
    """Sum of traces in their precision: first the pixel, then its neighbours in their order.

    Parameters
    ----------
    trace : float (n_pixels + 1, n)
        Traces; the last is zero.
    table : uint32 (n_pixels, 6)
        Neighbours of each pixel, filled up with n_pixels.
    pixel : int
    weight : float
        How often the pixel itself counts, in the precision of the traces.
    total : float64 (n,)
        Written; -inf instead of NaN and 0 instead of -0, so that `trace_window.first_of` can tell
        which is largest.
    """
    values, n = trace.reshape(-1), np.uint64(total.shape[0])
    # unsigned places in one row of numbers: nothing stands in the way of vector instructions
    a, b = np.uint64(table[pixel, 0]) * n, np.uint64(table[pixel, 1]) * n
    c, d = np.uint64(table[pixel, 2]) * n, np.uint64(table[pixel, 3]) * n
    e, f = np.uint64(table[pixel, 4]) * n, np.uint64(table[pixel, 5]) * n
    own = np.uint64(pixel) * n
    for sample in range(total.shape[0]):
        s = np.uint64(sample)
        found = values[own + s] * weight + values[a + s] + values[b + s] + values[c + s]
        found = np.float64(found + values[d + s] + values[e + s] + values[f + s])
        total[sample] = found + 0.0 if found == found else -np.inf


__all__ = ["add_neighbors"]
