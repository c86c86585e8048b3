"""From a dense mask to the ragged list of selected pixels on which all image parameters work."""

from __future__ import annotations

import numpy as np

from .jit import kernel

#: Images with fewer selected pixels have no shape and get no parameters.
MIN_PIXELS = 2


@kernel
def selected_pixels(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """List the selected pixels of every image.

    Parameters
    ----------
    mask : bool array of shape (n_images, n_pixels)
        True for selected pixels.

    Returns
    -------
    offsets : int64 array of shape (n_images + 1,)
        Image ``i`` owns ``pixels[offsets[i]:offsets[i + 1]]``; empty images own nothing.
    pixels : int32 array of shape (n_selected,)
        Indices of the selected pixels, ascending within an image.

    Notes
    -----
    Source: the list layout of the Arrow columnar format (offsets and values).

    Examples
    --------
    >>> import numpy as np
    >>> offsets, pixels = selected_pixels(np.array([[True, False, True], [False, True, False]]))
    >>> offsets.tolist(), pixels.tolist()
    ([0, 2, 3], [0, 2, 1])
    """
    n_images, n_pixels = mask.shape
    offsets = np.empty(n_images + 1, dtype=np.int64)
    offsets[0] = 0
    for i in range(n_images):
        count = 0
        for p in range(n_pixels):
            # A sum without a branch: the compiler turns it into vector instructions.
            count += int(mask[i, p])
        offsets[i + 1] = offsets[i] + count
    pixels = np.empty(offsets[n_images], dtype=np.int32)
    for i in range(n_images):
        position = offsets[i]
        if position == offsets[i + 1]:
            continue
        for p in range(n_pixels):
            if mask[i, p]:
                pixels[position] = p
                position += 1
    return offsets, pixels


@kernel
def selected_values(
    image: np.ndarray, offsets: np.ndarray, pixels: np.ndarray, out: np.ndarray
) -> None:
    """Copy the values of the selected pixels.

    Parameters
    ----------
    image : array of shape (n_images, n_pixels)
        Any number per pixel: charge in p.e., peak time in ns.
    offsets, pixels : arrays of shape (n_images + 1,) and (n_selected,)
        From `selected_pixels`.
    out : float64 array of shape (n_selected,)
        Written: the value of every selected pixel, NaN where the image has NaN.

    Notes
    -----
    Source: the list layout of the Arrow columnar format (offsets and values).

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty(2)
    >>> selected_values(np.array([[7.0, 8.0, 9.0]]), np.array([0, 2]), np.array([0, 2]), out)
    >>> out.tolist()
    [7.0, 9.0]
    """
    for i in range(offsets.size - 1):
        for k in range(offsets[i], offsets[i + 1]):
            out[k] = image[i, pixels[k]]
