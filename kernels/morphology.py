"""Connected groups of selected pixels."""

from __future__ import annotations

import numpy as np

from .islands import WAITING, flood
from .jit import kernel
from .selection import MIN_PIXELS

#: Columns of the output, in this order; all are counts.
COLUMNS = (
    "morphology_n_pixels",
    "morphology_n_islands",
    "morphology_n_small_islands",
    "morphology_n_medium_islands",
    "morphology_n_large_islands",
)

#: Largest small and largest medium island, in pixels.
_SMALL, _MEDIUM = 2, 50


@kernel
def morphology(
    offsets: np.ndarray,
    pixels: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    out: np.ndarray,
) -> None:
    """Count the selected pixels and the islands that they form.

    Parameters
    ----------
    offsets, pixels : arrays of shape (n_images + 1,) and (n_selected,)
        From `selected_pixels`.
    indptr, indices : int32 arrays of shape (n_pixels + 1,) and (n_neighbors,)
        Neighbours of pixel ``p`` are ``indices[indptr[p]:indptr[p + 1]]``. They need not be
        symmetric: islands grow from their pixel of lowest index.
    out : int64 array of shape (n_images, 5)
        Written: `COLUMNS`. Small islands have up to 2 pixels, medium ones 3 to 50. Images of fewer
        than 2 pixels get -1.

    Notes
    -----
    Source: the definition of the morphology parameters in CTAO's DL1 data model; flood fill.

    Examples
    --------
    >>> import numpy as np
    >>> indptr, indices = np.array([0, 1, 2, 2]), np.array([1, 0])
    >>> out = np.empty((1, 5), dtype=np.int64)
    >>> morphology(np.array([0, 3]), np.arange(3), indptr, indices, out)
    >>> out.tolist()
    [[3, 2, 2, 0, 0]]
    """
    n_pixels = indptr.size - 1
    labels = np.zeros(n_pixels, dtype=np.int32)
    stack = np.empty(n_pixels, dtype=np.int32)
    for i in range(offsets.size - 1):
        begin, end = offsets[i], offsets[i + 1]
        if end - begin < MIN_PIXELS:
            out[i, :] = -1
            continue
        for k in range(begin, end):
            labels[pixels[k]] = WAITING
        n_islands, n_small, n_medium, n_large = 0, 0, 0, 0
        for k in range(begin, end):
            if labels[pixels[k]] != WAITING:
                continue
            # label 0 is that of pixels outside: none is left for the next image
            n_islands += 1
            island_size = flood(pixels[k], 0, indptr, indices, labels, stack)
            if island_size <= _SMALL:
                n_small += 1
            elif island_size <= _MEDIUM:
                n_medium += 1
            else:
                n_large += 1
        out[i, 0] = end - begin
        out[i, 1] = n_islands
        out[i, 2] = n_small
        out[i, 3] = n_medium
        out[i, 4] = n_large
