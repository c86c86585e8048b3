"""Two-threshold image cleaning with a next-neighbour condition."""

from __future__ import annotations

import numpy as np

from .jit import kernel

# Bits of the state of a pixel while one image is cleaned.
ABOVE_BOUNDARY = 1
ABOVE_PICTURE = 2
_IN_PICTURE = 4


@kernel
def _neighbors_with(
    bit: int, pixel: int, state: np.ndarray, indptr: np.ndarray, indices: np.ndarray
) -> int:
    """Count the neighbours of a pixel whose state has the bit set."""
    count = 0
    for k in range(indptr[pixel], indptr[pixel + 1]):
        if state[indices[k]] & bit:
            count += 1
    return count


@kernel
def select_by_state(
    indptr: np.ndarray,
    indices: np.ndarray,
    min_picture_neighbors: int,
    keep_isolated: bool,
    candidates: np.ndarray,
    n_candidates: int,
    state: np.ndarray,
    mask: np.ndarray,
) -> None:
    """Select the pixels of one image from the thresholds that they pass.

    Parameters
    ----------
    indptr, indices : int32 arrays
        Neighbours, as in `tailcuts`.
    min_picture_neighbors : int
    keep_isolated : bool
    candidates : int32 array
        The first `n_candidates` are all pixels that pass a threshold.
    n_candidates : int
    state : uint8 array of shape (n_pixels,)
        `ABOVE_BOUNDARY` and `ABOVE_PICTURE`; 0 everywhere when this is done.
    mask : bool array of shape (n_pixels,)
        Written in the candidates.
    """
    needs_neighbors = min_picture_neighbors > 0 and not keep_isolated
    for c in range(n_candidates):
        p = candidates[c]
        if state[p] & ABOVE_PICTURE and (
            not needs_neighbors
            or _neighbors_with(ABOVE_PICTURE, p, state, indptr, indices) >= min_picture_neighbors
        ):
            state[p] |= _IN_PICTURE
    for c in range(n_candidates):
        p = candidates[c]
        selected = False
        if state[p] & _IN_PICTURE:
            selected = (
                keep_isolated or _neighbors_with(ABOVE_BOUNDARY, p, state, indptr, indices) > 0
            )
        if not selected and state[p] & ABOVE_BOUNDARY:
            selected = _neighbors_with(_IN_PICTURE, p, state, indptr, indices) > 0
        mask[p] = selected
    for c in range(n_candidates):
        state[candidates[c]] = 0


@kernel
def tailcuts(
    image: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    picture_threshold: float,
    boundary_threshold: float,
    min_picture_neighbors: int,
    keep_isolated: bool,
    mask: np.ndarray,
) -> None:
    """Select the pixels of the shower image.

    With A the pixels at or above the picture threshold and B those at or above the boundary
    threshold, the picture P is A restricted to pixels with at least ``min_picture_neighbors``
    neighbours in A. Selected are the pixels of B with a neighbour in P and the pixels of P with a
    neighbour in B. If isolated pixels are kept, P is A and all of P is selected.

    Parameters
    ----------
    image : float32 array of shape (n_images, n_pixels), p.e.
        Charge.
    indptr, indices : int32 arrays of shape (n_pixels + 1,) and (n_neighbors,)
        Neighbours of pixel ``p`` are ``indices[indptr[p]:indptr[p + 1]]``.
    picture_threshold, boundary_threshold : float, p.e.
        Compared in float32, the precision of the image.
    min_picture_neighbors : int
        Neighbours a picture pixel needs above the picture threshold.
    keep_isolated : bool
        Whether picture pixels are selected whatever their neighbours are.
    mask : bool array of shape (n_images, n_pixels)
        Written: True for selected pixels. NaN charges are never selected.

    Notes
    -----
    Source: R. W. Lessard et al., Astropart. Phys. 15 (2001) 1 (picture and boundary);
    the neighbour condition is the one of CTAO's DL1 data model.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[12, 6, 1]], dtype=np.float32)
    >>> indptr, indices = np.array([0, 1, 3, 4]), np.array([1, 0, 2, 1])
    >>> mask = np.empty((1, 3), dtype=bool)
    >>> tailcuts(image, indptr, indices, 10.0, 5.0, 0, False, mask)
    >>> mask.tolist()
    [[True, True, False]]
    """
    n_images, n_pixels = image.shape
    picture = np.float32(picture_threshold)
    boundary = np.float32(boundary_threshold)
    lowest = min(picture, boundary)
    state = np.zeros(n_pixels, dtype=np.uint8)
    candidates = np.empty(n_pixels + 1, dtype=np.int32)
    for i in range(n_images):
        # Nearly all pixels are below both thresholds: list the others, without a branch.
        n_candidates = 0
        for p in range(n_pixels):
            mask[i, p] = False
            candidates[n_candidates] = p
            n_candidates += int(image[i, p] >= lowest)
        for c in range(n_candidates):
            p = candidates[c]
            if image[i, p] >= boundary:
                state[p] |= ABOVE_BOUNDARY
            if image[i, p] >= picture:
                state[p] |= ABOVE_PICTURE
        select_by_state(
            indptr, indices, min_picture_neighbors, keep_isolated, candidates, n_candidates, state,
            mask[i],
        )  # fmt: skip
