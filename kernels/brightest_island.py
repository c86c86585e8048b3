"""The connected group of selected pixels with most charge."""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def keep_brightest_island(
    charge: np.ndarray, indptr: np.ndarray, indices: np.ndarray, mask: np.ndarray
) -> None:
    """Keep only the island with the largest sum of charges.

    Parameters
    ----------
    charge : float (n_images, n_pixels), photo-electrons
    indptr, indices : int32 arrays of shape (n_pixels + 1,) and (n_neighbors,)
        Neighbours of pixel ``p`` are ``indices[indptr[p]:indptr[p + 1]]``. They need not be
        symmetric: islands grow from their pixel of lowest index.
    mask : bool (n_images, n_pixels)
        Changed; the first of islands of equal charge stays, and none without positive charge.

    Notes
    -----
    Source: flood fill, as for the morphology parameters.
    """
    n_images, n_pixels = mask.shape
    label = np.empty(n_pixels, np.int32)
    stack = np.empty(n_pixels, np.int32)
    brightness = np.empty(n_pixels + 1, np.float64)
    for i in range(n_images):
        for p in range(n_pixels):
            label[p] = -1 if mask[i, p] else 0
        n_islands = 0
        for first in range(n_pixels):
            if label[first] != -1:
                continue
            n_islands += 1
            n_stack = 1
            stack[0] = first
            label[first] = n_islands
            while n_stack > 0:
                n_stack -= 1
                p = stack[n_stack]
                for j in range(indptr[p], indptr[p + 1]):
                    if label[indices[j]] == -1:
                        label[indices[j]] = n_islands
                        stack[n_stack] = indices[j]
                        n_stack += 1
        brightness[: n_islands + 1] = 0.0
        for p in range(n_pixels):
            if label[p] > 0:
                brightness[label[p]] += np.float64(charge[i, p])
        best = 0  # no island
        for island in range(1, n_islands + 1):
            if brightness[island] > brightness[best]:
                best = island
        for p in range(n_pixels):
            mask[i, p] = best > 0 and label[p] == best


__all__ = ["keep_brightest_island"]
