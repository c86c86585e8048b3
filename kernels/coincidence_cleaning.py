"""What the cleaning against bright night sky does after the thresholds."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .listed_pixels import list_selected
from .pixel_conditions import require_coincidence


@kernel
def coincidence_cleaning(
    mask: np.ndarray,
    peak_time: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    least: int,
    time_limit: float,
) -> None:
    """Drop selected pixels that have too few selected neighbours near in time.

    Parameters
    ----------
    mask : bool array of shape (n_images, n_pixels)
        Selected pixels; changed.
    peak_time : float32 array of shape (n_images, n_pixels), ns
        A pixel without a time is near to no other.
    indptr, indices : int32 arrays of shape (n_pixels + 1,) and (n_neighbors,)
        Neighbours of pixel ``p`` are ``indices[indptr[p]:indptr[p + 1]]``.
    least : int
        Neighbours that a pixel needs.
    time_limit : float, ns
        They differ by less than this; compared in float32.

    Notes
    -----
    Source: H. Abe et al. (CTA-LST), ApJ 956 (2023) 80: cleaning of images of LST-1.
    """
    limit = np.float32(time_limit)
    pixels = np.empty(mask.shape[1], np.int32)
    scratch = np.empty(mask.shape[1], np.int32)
    for i in range(mask.shape[0]):
        n = list_selected(mask[i], pixels)
        require_coincidence(
            peak_time[i], indptr, indices, limit, least, mask[i], pixels, n, scratch
        )  # fmt: skip


@kernel
def _mean_of_largest(image: np.ndarray, largest: np.ndarray) -> float:
    """Mean of the ``largest.size`` largest charges of an image, of all if it has no more."""
    n = 0
    for p in range(image.shape[0]):
        value = np.float64(image[p])
        if np.isnan(value) or (n == largest.size and value <= largest[n - 1]):
            continue
        n = min(n + 1, largest.size)
        place = n - 1  # the smallest leaves, larger ones stay in front
        while place > 0 and largest[place - 1] < value:
            largest[place] = largest[place - 1]
            place -= 1
        largest[place] = value
    return largest[:n].sum() / n if n > 0 else np.nan


@kernel
def bright_cleaning(
    image: np.ndarray, threshold: float, fraction: float, n_brightest: int, mask: np.ndarray
) -> None:
    """Drop selected pixels that are faint beside the brightest pixels of a bright image.

    With m the mean of the `n_brightest` largest charges of the image, selected or not: where m is
    at or above the threshold, pixels below ``fraction * m`` are dropped.

    Parameters
    ----------
    image : float32 array of shape (n_images, n_pixels), p.e.
        NaN is not among the largest.
    threshold : float, p.e.
    fraction : float
    n_brightest : int
        Positive.
    mask : bool array of shape (n_images, n_pixels)
        Selected pixels; changed.

    Notes
    -----
    Source: H. Abe et al. (CTA-LST), ApJ 956 (2023) 80: cleaning of images of LST-1.

    Examples
    --------
    >>> import numpy as np
    >>> image, mask = np.array([[900, 6, 500, 40]], np.float32), np.ones((1, 4), bool)
    >>> bright_cleaning(image, 267.0, 0.03, 3, mask)
    >>> mask.tolist()
    [[True, False, True, True]]
    """
    largest = np.empty(n_brightest, np.float64)
    pixels = np.empty(mask.shape[1], np.int32)
    for i in range(mask.shape[0]):
        n = list_selected(mask[i], pixels)
        if n == 0:
            continue
        mean = _mean_of_largest(image[i], largest)
        if mean < threshold:
            continue
        least = fraction * mean
        for k in range(n):
            mask[i, pixels[k]] = np.float64(image[i, pixels[k]]) >= least
