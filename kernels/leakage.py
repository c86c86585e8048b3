"""How much of an image lies at the edge of the camera."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .selection import MIN_PIXELS

#: Columns of the output, in this order; all are fractions.
COLUMNS = (
    "leakage_pixels_width_1",
    "leakage_pixels_width_2",
    "leakage_intensity_width_1",
    "leakage_intensity_width_2",
)


@kernel
def leakage(
    offsets: np.ndarray,
    pixels: np.ndarray,
    charge: np.ndarray,
    border1: np.ndarray,
    border2: np.ndarray,
    out: np.ndarray,
) -> None:
    """Compute the fractions of pixels and of charge in the border of the camera.

    Parameters
    ----------
    offsets, pixels : arrays of shape (n_images + 1,) and (n_selected,)
        From `selected_pixels`.
    charge : float64 array of shape (n_selected,), p.e.
        Charge of the selected pixels.
    border1, border2 : bool arrays of shape (n_pixels,)
        Pixels in the border of one and of two pixels.
    out : float64 array of shape (n_images, 4)
        Written: `COLUMNS`. Images of fewer than 2 pixels, or without positive charge, get NaN.

    Notes
    -----
    Source: the definition of the leakage parameters in CTAO's DL1 data model.

    Examples
    --------
    >>> import numpy as np
    >>> border1, border2 = np.array([True, False, False]), np.array([True, True, False])
    >>> out = np.empty((1, 4))
    >>> charge = np.array([1.0, 2.0, 7.0])
    >>> leakage(np.array([0, 3]), np.arange(3), charge, border1, border2, out)
    >>> out[0, 2:].tolist()
    [0.1, 0.3]
    """
    for i in range(offsets.size - 1):
        begin, end = offsets[i], offsets[i + 1]
        out[i, :] = math.nan
        size, size1, size2, n1, n2 = 0.0, 0.0, 0.0, 0, 0
        for k in range(begin, end):
            p = pixels[k]
            size += charge[k]
            if border1[p]:
                n1 += 1
                size1 += charge[k]
            if border2[p]:
                n2 += 1
                size2 += charge[k]
        if end - begin < MIN_PIXELS or not size > 0.0:
            continue
        out[i, 0] = n1 / (end - begin)
        out[i, 1] = n2 / (end - begin)
        out[i, 2] = size1 / size
        out[i, 3] = size2 / size
