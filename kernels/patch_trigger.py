"""Trigger of a telescope: enough photo-electrons in a pixel and its neighbours at one time."""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def patch_trigger(
    offsets: np.ndarray,
    pixel: np.ndarray,
    time: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    threshold: int,
    window: float,
    out: np.ndarray,
) -> None:
    """Decide whether and when telescopes trigger.

    Parameters
    ----------
    offsets : int64 array of shape (n + 1,)
        Telescope event k owns ``offsets[k]`` to ``offsets[k + 1]`` of:
    pixel, time : int32 and float64 arrays of shape (n_pe,)
        Photo-electrons sorted by pixel; ns.
    indptr, indices : int32 arrays of shape (n_pixels + 1,) and (n_neighbours,)
        Neighbours of pixel p: ``indices[indptr[p]:indptr[p + 1]]``.
    threshold : int
        Photo-electrons that are needed, at least 1.
    window : float
        ns within which they must come.
    out : float64 array of shape (n,)
        Written: time at which the threshold is reached, NaN without a trigger.

    Notes
    -----
    The patch is the one with most photo-electrons, of equal ones that of the lowest pixel number.
    Source: sum trigger over a pixel and its neighbours; a toy without noise.
    """
    n_pixels = indptr.shape[0] - 1
    begin = np.empty(n_pixels + 1, np.int64)
    for k in range(out.shape[0]):
        out[k] = np.nan
        if offsets[k + 1] - offsets[k] < threshold:
            continue
        at = offsets[k]
        for p in range(n_pixels):
            begin[p] = at
            while at < offsets[k + 1] and pixel[at] == p:
                at += 1
        begin[n_pixels] = at
        best, most = -1, threshold - 1
        for p in range(n_pixels):
            total = begin[p + 1] - begin[p]
            for n in range(indptr[p], indptr[p + 1]):
                total += begin[indices[n] + 1] - begin[indices[n]]
            if total > most:
                best, most = p, total
        if best < 0:
            continue
        times = np.empty(most)
        filled = 0
        for n in range(indptr[best] - 1, indptr[best + 1]):
            p = best if n < indptr[best] else indices[n]
            for i in range(begin[p], begin[p + 1]):
                times[filled] = time[i]
                filled += 1
        times.sort()
        for i in range(threshold - 1, most):
            if times[i] - times[i - threshold + 1] <= window:
                out[k] = times[i]
                break
