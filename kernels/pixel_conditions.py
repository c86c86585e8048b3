"""Conditions on the selected pixels of one image, the steps that cleaning algorithms consist of.

A selection is kept twice: as a mask, to ask for neighbours, and as a list (`listed_pixels`). A step
that drops pixels decides on all of them before it drops the first.
"""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def selected_neighbors(
    pixel: int, mask: np.ndarray, indptr: np.ndarray, indices: np.ndarray
) -> int:
    """Count the selected neighbours of a pixel."""
    count = 0
    for k in range(indptr[pixel], indptr[pixel + 1]):
        count += int(mask[indices[k]])
    return count


@kernel
def coincident_neighbors(
    pixel: int,
    peak_time: np.ndarray,
    mask: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    time_limit: float,
) -> int:
    """Count the selected neighbours that are less than a time limit away from a pixel.

    Parameters
    ----------
    pixel : int
    peak_time : float32 array of shape (n_pixels,), ns
        NaN is near to nothing.
    mask : bool array of shape (n_pixels,)
    indptr, indices : int32 arrays
    time_limit : float32, ns
    """
    count = 0
    for k in range(indptr[pixel], indptr[pixel + 1]):
        neighbor = indices[k]
        if mask[neighbor] and abs(peak_time[pixel] - peak_time[neighbor]) < time_limit:
            count += 1
    return count


@kernel
def _drop(mask: np.ndarray, dropped: np.ndarray, n_dropped: int) -> None:
    for k in range(n_dropped):
        mask[dropped[k]] = False


@kernel
def require_neighbors(
    indptr: np.ndarray,
    indices: np.ndarray,
    least: int,
    mask: np.ndarray,
    pixels: np.ndarray,
    n: int,
    scratch: np.ndarray,
) -> int:
    """Drop selected pixels with fewer than `least` selected neighbours.

    Parameters
    ----------
    indptr, indices : int32 arrays
    least : int
    mask : bool array of shape (n_pixels,)
    pixels : int32 array of shape (n_pixels,)
        Selected pixels in its first `n` places; both are changed.
    n : int
    scratch : int32 array of shape (n_pixels,)

    Returns
    -------
    int
        New length of the list.
    """
    n_kept, n_dropped = 0, 0
    for k in range(n):
        p = pixels[k]
        if selected_neighbors(p, mask, indptr, indices) >= least:
            pixels[n_kept] = p
            n_kept += 1
        else:
            scratch[n_dropped] = p
            n_dropped += 1
    _drop(mask, scratch, n_dropped)
    return n_kept


@kernel
def require_coincidence(
    peak_time: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    time_limit: float,
    least: int,
    mask: np.ndarray,
    pixels: np.ndarray,
    n: int,
    scratch: np.ndarray,
) -> int:
    """Drop pixels with fewer than `least` `coincident_neighbors`, as `require_neighbors` does."""
    n_kept, n_dropped = 0, 0
    for k in range(n):
        p = pixels[k]
        if coincident_neighbors(p, peak_time, mask, indptr, indices, time_limit) >= least:
            pixels[n_kept] = p
            n_kept += 1
        else:
            scratch[n_dropped] = p
            n_dropped += 1
    _drop(mask, scratch, n_dropped)
    return n_kept
