"""Two-threshold image cleaning with a next-neighbour condition."""

from __future__ import annotations

import numpy as np

from .jit import kernel

# Bits of the state of a pixel while one image is cleaned.
ABOVE_BOUNDARY = 1
ABOVE_PICTURE = 2
_SELECTED = 4
_BESIDE_PICTURE = 8


@kernel
def _neighbors_above(pixel: int, state: np.ndarray, indptr: np.ndarray, indices: np.ndarray) -> int:
    """Count the neighbours of a pixel that are above the picture threshold."""
    count = 0
    for k in range(indptr[pixel], indptr[pixel + 1]):
        count += (state[indices[k]] & ABOVE_PICTURE) >> 1
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
    picture: np.ndarray,
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
    picture : int32 array of shape (n_pixels + 1,)
        Scratch.
    mask : bool array of shape (n_pixels,)
        Written in the candidates.
    """
    # Most candidates pass the lower threshold alone, in noise: work begins at the few others.
    n_picture = 0
    for c in range(n_candidates):
        p = candidates[c]
        picture[n_picture] = p
        n_picture += (state[p] & ABOVE_PICTURE) >> 1
    if min_picture_neighbors > 0 and not keep_isolated:
        n_above, n_picture = n_picture, 0
        for c in range(n_above):
            p = picture[c]
            if _neighbors_above(p, state, indptr, indices) >= min_picture_neighbors:
                picture[n_picture] = p
                n_picture += 1
    for c in range(n_picture):
        p = picture[c]
        beside_boundary = 0
        for k in range(indptr[p], indptr[p + 1]):
            above = state[indices[k]] & ABOVE_BOUNDARY
            state[indices[k]] |= above * _BESIDE_PICTURE
            beside_boundary |= above
        if keep_isolated or beside_boundary:
            state[p] |= _SELECTED
    for c in range(n_candidates):
        p = candidates[c]
        mask[p] = (state[p] & (_SELECTED | _BESIDE_PICTURE)) != 0
        state[p] = 0


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
    candidates, above = np.empty(n_pixels + 1, np.int32), np.empty(n_pixels + 1, np.int32)
    for i in range(n_images):
        # Nearly all pixels are below both thresholds: list the others, without a branch.
        n_candidates = 0
        for p in range(n_pixels):
            mask[i, p] = False
            candidates[n_candidates] = p
            n_candidates += int(image[i, p] >= lowest)
        for c in range(n_candidates):
            p = candidates[c]
            state[p] = int(image[i, p] >= boundary) + ABOVE_PICTURE * int(image[i, p] >= picture)
        select_by_state(
            indptr, indices, min_picture_neighbors, keep_isolated, candidates, n_candidates, state,
            above, mask[i],
        )  # fmt: skip
