"""Image cleaning of the first pass of MARS: two-threshold cleaning and one more row of pixels."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .listed_pixels import list_above, list_selected
from .pixel_conditions import selected_neighbors
from .tailcuts import tailcuts


@kernel
def mars_cleaning(
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

    With T the pixels that `tailcuts` selects and B those at or above the boundary threshold,
    selected are the pixels of B with a neighbour in T and the pixels of T with a neighbour in B; if
    isolated pixels are kept, all of T.

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
    Source: the formula above, the first cleaning in the analyses of CTA with MARS (A. Moralejo et
    al., arXiv:0907.0943).

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[12, 6, 6, 6]], dtype=np.float32)
    >>> indptr, indices = np.array([0, 1, 3, 5, 6]), np.array([1, 0, 2, 1, 3, 2])
    >>> mask = np.empty((1, 4), dtype=bool)
    >>> mars_cleaning(image, indptr, indices, 10.0, 5.0, 0, False, mask)
    >>> mask.tolist()
    [[True, True, True, False]]
    """
    n_images, n_pixels = image.shape
    boundary = np.float32(boundary_threshold)
    first, above = np.empty(n_pixels, np.int32), np.empty(n_pixels, np.int32)
    scratch = np.empty(n_pixels, np.int32)
    is_above = np.zeros(n_pixels, np.bool_)
    tailcuts(
        image, indptr, indices, picture_threshold, boundary_threshold, min_picture_neighbors,
        keep_isolated, mask,
    )  # fmt: skip
    for i in range(n_images):
        row = mask[i]
        n_first = list_selected(row, first)
        if n_first == 0:
            continue
        n_above = list_above(image[i], boundary, above)
        for k in range(n_above):
            is_above[above[k]] = True
        # the mask changes when both decisions are made on the first pass
        n_added, n_lonely = 0, 0
        for k in range(n_above):
            p = above[k]
            if not row[p] and selected_neighbors(p, row, indptr, indices) > 0:
                scratch[n_added] = p
                n_added += 1
        if not keep_isolated:
            for k in range(n_first):
                p = first[k]
                if selected_neighbors(p, is_above, indptr, indices) == 0 and not (
                    is_above[p] and selected_neighbors(p, row, indptr, indices) > 0
                ):
                    first[n_lonely] = p
                    n_lonely += 1
        for k in range(n_lonely):
            row[first[k]] = False
        for k in range(n_added):
            row[scratch[k]] = True
        for k in range(n_above):
            is_above[above[k]] = False
