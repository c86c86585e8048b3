"""Pixels whose waveforms are kept: a cleaned image, grown to all that may belong to the shower."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .listed_pixels import list_above, list_selected
from .pixel_conditions import selected_neighbors


@kernel
def grow_above(
    image: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    threshold: float,
    mask: np.ndarray,
) -> None:
    """Grow every selection by neighbours at or above a threshold until there are no more.

    Pixels below the threshold are dropped, once the growth from them has begun.

    Parameters
    ----------
    image : float32 array of shape (n_images, n_pixels), p.e.
    indptr, indices : int32 arrays of shape (n_pixels + 1,) and (n_neighbors,)
        Neighbours of pixel ``p`` are ``indices[indptr[p]:indptr[p + 1]]``.
    threshold : float, p.e.
        Compared in float32.
    mask : bool array of shape (n_images, n_pixels)
        Selected pixels; changed.

    Notes
    -----
    Source: with D(M) the pixels of M and those with a neighbour in M, and B those at or above the
    threshold: the limit of M <- D(M) & B.
    """
    lowest = np.float32(threshold)
    pixels = np.empty(mask.shape[1], np.int32)
    above = np.empty(mask.shape[1], np.int32)
    for i in range(mask.shape[0]):
        row = mask[i]
        n = list_selected(row, pixels)
        if n == 0:
            continue
        n_above, n_first = list_above(image[i], lowest, above), 0
        for k in range(n_above):
            p = above[k]
            # all of them see the first selection: some pixels in it are about to be dropped
            if row[p] or selected_neighbors(p, row, indptr, indices) > 0:
                above[n_first], above[k] = p, above[n_first]
                n_first += 1
        for k in range(n):
            row[pixels[k]] = False
        for k in range(n_first):
            row[above[k]] = True
        # from here on the selection only grows, so the order of pixels does not matter
        begin, grows = n_first, n_first > 0
        while grows:
            n_rest = begin
            for k in range(begin, n_above):
                p = above[k]
                if selected_neighbors(p, row, indptr, indices) > 0:
                    row[p] = True
                    above[n_rest], above[k] = p, above[n_rest]
                    n_rest += 1
            grows = n_rest > begin
            begin = n_rest


@kernel
def dilate(indptr: np.ndarray, indices: np.ndarray, n_times: int, mask: np.ndarray) -> None:
    """Add all neighbours to every selection, several times.

    Parameters
    ----------
    indptr, indices : int32 arrays of shape (n_pixels + 1,) and (n_neighbors,)
        A pixel joins if it has the selected one among its neighbours.
    n_times : int
    mask : bool array of shape (n_images, n_pixels)
        Selected pixels; changed.

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.array([[True, False, False]])
    >>> dilate(np.array([0, 1, 3, 4]), np.array([1, 0, 2, 1]), 1, mask)
    >>> mask.tolist()
    [[True, True, False]]
    """
    n_pixels = mask.shape[1]
    added = np.empty(n_pixels, np.int32)
    for i in range(mask.shape[0]):
        row = mask[i]
        if list_selected(row, added) == 0:
            continue
        for _ in range(n_times):
            n_added = 0
            for p in range(n_pixels):
                if not row[p] and selected_neighbors(p, row, indptr, indices) > 0:
                    added[n_added] = p
                    n_added += 1
            for k in range(n_added):
                row[added[k]] = True
