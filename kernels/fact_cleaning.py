"""Image cleaning of the FACT telescope: charges and times of neighbours in turn."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .listed_pixels import list_above
from .pixel_conditions import require_coincidence, require_neighbors, selected_neighbors


@kernel
def fact_cleaning(
    image: np.ndarray,
    peak_time: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    picture_threshold: float,
    boundary_threshold: float,
    least: int,
    time_limit: float,
    mask: np.ndarray,
) -> None:
    """Select the pixels of the shower image.

    With N the least number of neighbours: (1) pixels at or above the picture threshold (2) that
    have N neighbours among themselves, (3) with those neighbours of theirs that are at or above the
    boundary threshold; picture pixels have to be above it, too. Of these (4) pixels with N selected
    neighbours nearer in time than the limit, of these (5) pixels with N selected neighbours, of
    these (6) again pixels with N near in time.

    Parameters
    ----------
    image : float32 array of shape (n_images, n_pixels), p.e.
        Charge.
    peak_time : float32 array of shape (n_images, n_pixels), ns
        A pixel without a time is near to no other.
    indptr, indices : int32 arrays of shape (n_pixels + 1,) and (n_neighbors,)
        Neighbours of pixel ``p`` are ``indices[indptr[p]:indptr[p + 1]]``.
    picture_threshold, boundary_threshold : float, p.e.
        Compared in float32, the precision of the image.
    least : int
        Number N of neighbours; if it is not positive, step 3 is the last.
    time_limit : float, ns
        Compared in float32.
    mask : bool array of shape (n_images, n_pixels)
        Written: True for selected pixels.

    Notes
    -----
    Source: F. Temme, On the hunt for photons: analysis of Crab Nebula data obtained by the first
    G-APD Cherenkov telescope, PhD thesis, TU Dortmund (2016); steps as in FACT-Tools.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[9, 8, 3, 3]], dtype=np.float32)
    >>> time = np.array([[10, 11, 12, 30]], dtype=np.float32)
    >>> indptr, indices = np.array([0, 1, 3, 5, 6]), np.array([1, 0, 2, 1, 3, 2])
    >>> mask = np.empty((1, 4), dtype=bool)
    >>> fact_cleaning(image, time, indptr, indices, 4.0, 2.0, 1, 5.0, mask)
    >>> mask.tolist()
    [[True, True, True, False]]
    """
    n_images, n_pixels = image.shape
    picture, boundary = np.float32(picture_threshold), np.float32(boundary_threshold)
    limit = np.float32(time_limit)
    pixels = np.empty(n_pixels, np.int32)
    above = np.empty(n_pixels, np.int32)
    scratch = np.empty(n_pixels, np.int32)
    for i in range(n_images):
        row, time = mask[i], peak_time[i]
        row[:] = False
        n = list_above(image[i], picture, pixels)
        for k in range(n):
            row[pixels[k]] = True
        n = require_neighbors(indptr, indices, least, row, pixels, n, scratch)
        if n == 0:
            continue
        n_above, n_grown = list_above(image[i], boundary, above), 0
        for k in range(n_above):
            p = above[k]
            if row[p] or selected_neighbors(p, row, indptr, indices) > 0:
                scratch[n_grown] = p
                n_grown += 1
        for k in range(n):
            row[pixels[k]] = False
        n = n_grown
        for k in range(n):
            pixels[k] = scratch[k]
            row[pixels[k]] = True
        if least <= 0:
            continue
        n = require_coincidence(
            time, indptr, indices, limit, least, row, pixels, n, scratch
        )  # fmt: skip
        n = require_neighbors(indptr, indices, least, row, pixels, n, scratch)
        require_coincidence(time, indptr, indices, limit, least, row, pixels, n, scratch)
