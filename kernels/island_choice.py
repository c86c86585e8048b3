"""One island of each image: the largest, or the brightest. Of equal ones the first counts."""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def island_sizes(labels: np.ndarray, offsets: np.ndarray, sizes: np.ndarray) -> None:
    """Count the pixels of every island.

    Parameters
    ----------
    labels : int32 array of shape (n_images, n_pixels)
        From `islands.label_islands`.
    offsets : int64 array of shape (n_images + 1,)
        Islands before each image.
    sizes : int32 array of shape (n_islands,)
        Written: island ``l`` of image ``i`` is ``sizes[offsets[i] + l - 1]``.
    """
    sizes[:] = 0
    for i in range(labels.shape[0]):
        for p in range(labels.shape[1]):
            if labels[i, p] > 0:
                sizes[offsets[i] + labels[i, p] - 1] += 1


@kernel
def brightest(
    image: np.ndarray,
    labels: np.ndarray,
    pixels: np.ndarray,
    n: int,
    n_islands: int,
    charge: np.ndarray,
) -> int:
    """Label of the island with most charge of one image, 0 if it has none.

    Parameters
    ----------
    image : float32 array of shape (n_pixels,), p.e.
        An island with NaN in it is darker than any other.
    labels : int32 array of shape (n_pixels,)
    pixels : int32 array
        The first `n` are the pixels of all islands.
    n, n_islands : int
    charge : float64 array of shape (n_islands,) or longer
        Scratch.
    """
    charge[:n_islands] = 0.0
    for k in range(n):
        charge[labels[pixels[k]] - 1] += np.float64(image[pixels[k]])
    best = min(n_islands, 1)
    for label in range(2, n_islands + 1):
        found, so_far = charge[label - 1], charge[best - 1]
        if found > so_far or (np.isnan(so_far) and not np.isnan(found)):
            best = label
    return best


@kernel
def largest_islands(labels: np.ndarray, n_islands: np.ndarray, mask: np.ndarray) -> None:
    """Select the island with most pixels of every image.

    Parameters
    ----------
    labels : int32 array of shape (n_images, n_pixels)
    n_islands : int32 array of shape (n_images,)
        Both from `islands.label_islands`.
    mask : bool array of shape (n_images, n_pixels)
        Written; False everywhere if there is no island.
    """
    n_images, n_pixels = labels.shape
    size = np.zeros(n_pixels + 1, np.int32)
    for i in range(n_images):
        size[: n_islands[i] + 1] = 0
        for p in range(n_pixels):
            size[labels[i, p]] += 1
        size[0] = 0
        best = 1
        for label in range(2, n_islands[i] + 1):
            if size[label] > size[best]:
                best = label
        for p in range(n_pixels):
            mask[i, p] = labels[i, p] == best


@kernel
def brightest_islands(
    image: np.ndarray, labels: np.ndarray, n_islands: np.ndarray, mask: np.ndarray
) -> None:
    """Select the island with most charge of every image.

    Parameters
    ----------
    image : float32 array of shape (n_images, n_pixels), p.e.
        Summed in float64 in the order of the pixels. An island with NaN in it is darker than any.
    labels : int32 array of shape (n_images, n_pixels)
    n_islands : int32 array of shape (n_images,)
        Both from `islands.label_islands`.
    mask : bool array of shape (n_images, n_pixels)
        Written; False everywhere if there is no island.
    """
    n_images, n_pixels = labels.shape
    pixels = np.empty(n_pixels, np.int32)
    charge = np.empty(n_pixels, np.float64)
    for i in range(n_images):
        n = 0
        for p in range(n_pixels):
            mask[i, p] = False
            pixels[n] = p
            n += int(labels[i, p] > 0)
        best = brightest(image[i], labels[i], pixels, n, n_islands[i], charge)
        for k in range(n):
            mask[i, pixels[k]] = labels[i, pixels[k]] == best
