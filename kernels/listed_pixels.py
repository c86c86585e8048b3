"""Pixels of one image as a list in ascending order: an image seldom has many that matter."""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def list_above(image: np.ndarray, threshold: float, pixels: np.ndarray) -> int:
    """List the pixels at or above a threshold; NaN is above none.

    Parameters
    ----------
    image : float32 array of shape (n_pixels,), p.e.
    threshold : float32, p.e.
    pixels : int32 array of shape (n_pixels,)
        Written in its first places.

    Returns
    -------
    int
        Length of the list.
    """
    n = 0
    for p in range(image.shape[0]):  # without a branch: nearly all pixels are below
        pixels[n] = p
        n += int(image[p] >= threshold)
    return n


@kernel
def list_selected(mask: np.ndarray, pixels: np.ndarray) -> int:
    """List the pixels of a mask, as `list_above` does."""
    n = 0
    for p in range(mask.shape[0]):
        pixels[n] = p
        n += int(mask[p])
    return n
