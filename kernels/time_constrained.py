"""Image cleaning of the MAGIC telescopes: times near that of the main island."""

from __future__ import annotations

import numpy as np

from .island_choice import brightest
from .islands import flood_all
from .jit import kernel
from .listed_pixels import list_above
from .pixel_conditions import coincident_neighbors, require_neighbors, selected_neighbors


@kernel
def _mean_time(
    image: np.ndarray, peak_time: np.ndarray, labels: np.ndarray, best: int, pixels: np.ndarray,
    n: int,
) -> float:  # fmt: skip
    """Mean time of one island, weighted with the square of the charge; float32, as the times."""
    total, weights = 0.0, 0.0
    for k in range(n):
        p = pixels[k]
        if labels[p] == best:
            weight = np.float64(image[p]) ** 2
            weights += weight
            total += weight * np.float64(peak_time[p])
    return np.float32(total / weights) if weights > 0 else np.float32(np.nan)


@kernel
def time_constrained_cleaning(
    image: np.ndarray,
    peak_time: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    picture_threshold: float,
    boundary_threshold: float,
    least: int,
    core_limit: float,
    boundary_limit: float,
    mask: np.ndarray,
) -> None:
    """Select the pixels of the shower image.

    The picture is the pixels at or above the picture threshold with at least N neighbours among
    themselves. The core is the picture pixels whose time differs by less than the core limit from
    the mean time of the brightest island of the picture, weighted with the charge squared; the
    limit is doubled for pixels of twice the picture threshold. Selected are the core and the pixels
    at or above the boundary threshold with at least one core neighbour, of which N are nearer in
    time than the boundary limit.

    Parameters
    ----------
    image : float32 array of shape (n_images, n_pixels), p.e.
        Charge. Infinite charges have no mean time: nothing is selected.
    peak_time : float32 array of shape (n_images, n_pixels), ns
        The main island needs finite times: without a mean nothing is selected.
    indptr, indices : int32 arrays of shape (n_pixels + 1,) and (n_neighbors,)
        Neighbours of pixel ``p`` are ``indices[indptr[p]:indptr[p + 1]]``.
    picture_threshold, boundary_threshold : float, p.e.
        Compared in float32, the precision of the image.
    least : int
        Number N of neighbours.
    core_limit, boundary_limit : float, ns
        The first is compared in float64, the second in float32.
    mask : bool array of shape (n_images, n_pixels)
        Written: True for selected pixels.

    Notes
    -----
    Source: E. Aliu et al. (MAGIC), Astropart. Phys. 30 (2009) 293; the doubled limit is that
    of the software MARS (A. Moralejo et al., arXiv:0907.0943).

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[9, 8, 6, 6]], dtype=np.float32)
    >>> time = np.array([[10, 11, 12, 30]], dtype=np.float32)
    >>> indptr, indices = np.array([0, 1, 3, 5, 6]), np.array([1, 0, 2, 1, 3, 2])
    >>> mask = np.empty((1, 4), dtype=bool)
    >>> time_constrained_cleaning(image, time, indptr, indices, 7.0, 5.0, 1, 4.5, 1.5, mask)
    >>> mask.tolist()
    [[True, True, True, False]]
    """
    n_images, n_pixels = image.shape
    picture, boundary = np.float32(picture_threshold), np.float32(boundary_threshold)
    twice, limit = np.float32(2 * picture_threshold), np.float32(boundary_limit)
    pixels, above = np.empty(n_pixels, np.int32), np.empty(n_pixels, np.int32)
    scratch = np.empty(n_pixels, np.int32)
    labels = np.zeros(n_pixels, np.int32)
    charge = np.empty(n_pixels, np.float64)
    for i in range(n_images):
        row, time = mask[i], peak_time[i]
        row[:] = False
        n = list_above(image[i], picture, pixels)
        for k in range(n):
            row[pixels[k]] = True
        n = require_neighbors(indptr, indices, least, row, pixels, n, scratch)
        if n == 0:
            continue
        n_islands = flood_all(indptr, indices, pixels, n, labels, scratch)
        best = brightest(image[i], labels, pixels, n, n_islands, charge)
        mean = _mean_time(image[i], time, labels, best, pixels, n)
        for k in range(n):
            p = pixels[k]
            labels[p] = 0
            allowed = core_limit if image[i, p] < twice else 2 * core_limit
            row[p] = np.float64(abs(time[p] - mean)) < allowed
        # the core stands until all boundary pixels are found
        n_above, n_boundary = list_above(image[i], boundary, above), 0
        for k in range(n_above):
            p = above[k]
            if (
                not row[p]
                and selected_neighbors(p, row, indptr, indices) > 0
                and coincident_neighbors(p, time, row, indptr, indices, limit) >= least
            ):
                scratch[n_boundary] = p
                n_boundary += 1
        for k in range(n_boundary):
            row[scratch[k]] = True
