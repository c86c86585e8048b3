"""Two-threshold image cleaning with a picture threshold for every pixel."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .tailcuts import ABOVE_PICTURE, select_by_state


@kernel
def pixel_tailcuts(
    image: np.ndarray,
    picture_threshold: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    boundary_threshold: float,
    min_picture_neighbors: int,
    keep_isolated: bool,
    mask: np.ndarray,
) -> None:
    """Select the pixels of the shower image, as `tailcuts.tailcuts` does.

    Parameters
    ----------
    image : float32 array of shape (n_images, n_pixels), p.e.
        Charge.
    picture_threshold : float array of shape (1, n_pixels) or (n_images, n_pixels), p.e.
        Compared in its own precision; no pixel is above NaN.
    indptr, indices : int32 arrays of shape (n_pixels + 1,) and (n_neighbors,)
        Neighbours of pixel ``p`` are ``indices[indptr[p]:indptr[p + 1]]``.
    boundary_threshold : float, p.e.
        Compared in float32, the precision of the image.
    min_picture_neighbors : int
    keep_isolated : bool
    mask : bool array of shape (n_images, n_pixels)
        Written: True for selected pixels.

    Notes
    -----
    Source: as for `tailcuts.tailcuts`; thresholds by the noise of each pixel as in H. Abe et al.
    (CTA-LST), ApJ 956 (2023) 80.
    """
    n_images, n_pixels = image.shape
    boundary = np.float32(boundary_threshold)
    state = np.zeros(n_pixels, np.uint8)
    candidates, above = np.empty(n_pixels + 1, np.int32), np.empty(n_pixels + 1, np.int32)
    for i in range(n_images):
        of = i if picture_threshold.shape[0] > 1 else 0
        n = 0
        for p in range(n_pixels):
            mask[i, p] = False
            candidates[n] = p
            n += int(image[i, p] >= boundary or image[i, p] >= picture_threshold[of, p])
        for k in range(n):
            p = candidates[k]
            in_picture = image[i, p] >= picture_threshold[of, p]
            state[p] = int(image[i, p] >= boundary) + ABOVE_PICTURE * int(in_picture)
        select_by_state(
            indptr, indices, min_picture_neighbors, keep_isolated, candidates, n, state, above,
            mask[i],
        )  # fmt: skip
