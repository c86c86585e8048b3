"""Photo-electrons in the order of pixels, those outside of the camera left out."""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def count_inside(offsets: np.ndarray, pixel: np.ndarray, new_offsets: np.ndarray) -> None:
    """Count the photo-electrons that hit a pixel.

    Parameters
    ----------
    offsets : int64 array of shape (n + 1,)
        Telescope event k owns ``offsets[k]`` to ``offsets[k + 1]`` of:
    pixel : int32 array
        -1 for photo-electrons outside of the camera.
    new_offsets : int64 array of shape (n + 1,)
        Written: offsets without those.
    """
    new_offsets[0] = 0
    for k in range(offsets.shape[0] - 1):
        count = 0
        for p in range(offsets[k], offsets[k + 1]):
            count += int(pixel[p] >= 0)
        new_offsets[k + 1] = new_offsets[k] + count


@kernel
def sort_by_pixel(
    offsets: np.ndarray,
    pixel: np.ndarray,
    time: np.ndarray,
    n_pixels: int,
    new_offsets: np.ndarray,
    new_pixel: np.ndarray,
    new_time: np.ndarray,
) -> None:
    """Sort the photo-electrons of each telescope event by pixel, keeping their order within it.

    Parameters
    ----------
    offsets, pixel, new_offsets
        As for `count_inside`, which fills `new_offsets`.
    time : float64 array
        ns.
    n_pixels : int
    new_pixel, new_time : int32 and float64 arrays of shape (new_offsets[-1],)
        Written.

    Notes
    -----
    Source: counting sort.
    """
    place = np.empty(n_pixels + 1, np.int64)
    for k in range(offsets.shape[0] - 1):
        place[:] = 0
        for p in range(offsets[k], offsets[k + 1]):
            if pixel[p] >= 0:
                place[pixel[p] + 1] += 1
        place[0] = new_offsets[k]
        for i in range(n_pixels):
            place[i + 1] += place[i]
        for p in range(offsets[k], offsets[k + 1]):
            if pixel[p] >= 0:
                at = place[pixel[p]]
                place[pixel[p]] += 1
                new_pixel[at], new_time[at] = pixel[p], time[p]
