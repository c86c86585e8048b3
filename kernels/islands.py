"""Islands: connected groups of selected pixels, numbered from 1 by their lowest pixel."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .listed_pixels import list_selected

#: Label of selected pixels that no island has reached yet.
WAITING = -1


@kernel
def flood(
    first: int,
    label: int,
    indptr: np.ndarray,
    indices: np.ndarray,
    labels: np.ndarray,
    stack: np.ndarray,
) -> int:
    """Label a waiting pixel and all waiting pixels that are connected with it.

    Parameters
    ----------
    first, label : int
        The label is not `WAITING`.
    indptr, indices : int32 arrays of shape (n_pixels + 1,) and (n_neighbors,)
        Neighbours of pixel ``p`` are ``indices[indptr[p]:indptr[p + 1]]``. They need not be
        symmetric.
    labels : int32 array of shape (n_pixels,)
        Changed where it is `WAITING`.
    stack : int32 array of shape (n_pixels,)
        Scratch.

    Returns
    -------
    int
        Number of pixels that got the label.
    """
    # A pixel gets its label when it is put on the stack, so the stack never holds one twice.
    labels[first] = label
    stack[0] = first
    n_stack, size = 1, 0
    while n_stack > 0:
        n_stack -= 1
        p = stack[n_stack]
        size += 1
        for j in range(indptr[p], indptr[p + 1]):
            neighbor = indices[j]
            if labels[neighbor] == WAITING:
                labels[neighbor] = label
                stack[n_stack] = neighbor
                n_stack += 1
    return size


@kernel
def flood_all(
    indptr: np.ndarray,
    indices: np.ndarray,
    pixels: np.ndarray,
    n: int,
    labels: np.ndarray,
    stack: np.ndarray,
) -> int:
    """Number the islands of the `n` listed pixels of one image.

    Parameters
    ----------
    indptr, indices : int32 arrays
    pixels : int32 array
        Ascending.
    n : int
    labels : int32 array of shape (n_pixels,)
        Written in the listed pixels, from 1; must be 0 in all others.
    stack : int32 array of shape (n_pixels,)
        Scratch.

    Returns
    -------
    int
        Number of islands.
    """
    for k in range(n):
        labels[pixels[k]] = WAITING
    n_islands = 0
    for k in range(n):
        if labels[pixels[k]] == WAITING:
            n_islands += 1
            flood(pixels[k], n_islands, indptr, indices, labels, stack)
    return n_islands


@kernel
def label_islands(
    mask: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    labels: np.ndarray,
    n_islands: np.ndarray,
) -> None:
    """Number the islands of every image.

    Parameters
    ----------
    mask : bool array of shape (n_images, n_pixels)
        Selected pixels.
    indptr, indices : int32 arrays of shape (n_pixels + 1,) and (n_neighbors,)
        Neighbours, as in `flood`. Islands grow from their pixel of lowest index.
    labels : int32 array of shape (n_images, n_pixels)
        Written: 0 outside of islands, else from 1.
    n_islands : int32 array of shape (n_images,)
        Written.

    Notes
    -----
    Source: connected components of the graph of neighbours by flood fill.

    Examples
    --------
    >>> import numpy as np
    >>> labels, number = np.empty((1, 3), np.int32), np.empty(1, np.int32)
    >>> indptr, indices = np.array([0, 1, 2, 2]), np.array([1, 0])
    >>> label_islands(np.ones((1, 3), bool), indptr, indices, labels, number)
    >>> labels.tolist(), number.tolist()
    ([[1, 1, 2]], [2])
    """
    n_images, n_pixels = mask.shape
    pixels = np.empty(n_pixels, np.int32)
    stack = np.empty(n_pixels, np.int32)
    for i in range(n_images):
        labels[i, :] = 0
        n = list_selected(mask[i], pixels)
        n_islands[i] = flood_all(indptr, indices, pixels, n, labels[i], stack)
