"""Lists of pixels [2027] (triggered, selected) and pixel trigger times [2032] of telescope events.

Source: sim_telarray io_hess format, ``write_hess_pixel_list`` and ``write_hess_pixeltrg_time``.
"""

from __future__ import annotations

import numpy as np

from .bytes import f32, i16
from .jit import kernel
from .varint import read_signed

#: A larger number is no pixel.
HIGHEST_PIXEL = 0x7FFFFFFF


@kernel
def read_pixel_lists(
    data: np.ndarray,
    versions: np.ndarray,
    offsets: np.ndarray,
    sizes: np.ndarray,
    starts: np.ndarray,
    pixels: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Read pixel lists into a ragged column.

    Parameters
    ----------
    data : uint8 (n,)
    versions, offsets, sizes : int64 (n_events,)
        The [2027] objects; a negative offset means there is none.
    starts : int64 (n_events + 1,); pixels : int32 (m,)
        Written: pixels of event k are ``pixels[starts[k]:starts[k + 1]]``; `m` at least
        ``sum(sizes)``.
    counts : int32 (n_events,)
        Written: length of each list, -1 where there is none or it is malformed.
    """
    filled = np.int64(0)
    for k in range(offsets.shape[0]):
        starts[k] = filled
        counts[k] = -1
        pos, end = offsets[k], offsets[k] + sizes[k]
        if pos < 0 or pos + 2 > end:
            continue
        if versions[k] == 0:
            n_pixels = i16(data, pos)
            pos += 2
            if n_pixels < 0 or pos + 2 * n_pixels > end:
                continue
            for i in range(n_pixels):
                pixels[filled + i] = i16(data, pos + 2 * i)
        else:
            n_pixels, pos = read_signed(data, pos, end)
            if pos < 0 or n_pixels < 0 or n_pixels > end - pos:
                continue
            for i in range(n_pixels):
                pixel, pos = read_signed(data, pos, end)
                if pixel < 0 or pixel > HIGHEST_PIXEL:
                    pos = np.int64(-1)
                if pos < 0:
                    break
                pixels[filled + i] = pixel
            if pos < 0:
                continue
        counts[k] = n_pixels
        filled += n_pixels
    starts[offsets.shape[0]] = filled


@kernel
def read_pixel_trigger_times(
    data: np.ndarray,
    offsets: np.ndarray,
    sizes: np.ndarray,
    starts: np.ndarray,
    pixels: np.ndarray,
    times: np.ndarray,
) -> int:
    """Read pixel trigger times into ragged columns.

    Parameters
    ----------
    data : uint8 (n,)
    offsets, sizes : int64 (n_events,)
        The [2032] objects; a negative offset means there is none.
    starts : int64 (n_events + 1,); pixels : int32 (m,); times : float32 (m,), ns
        Written; `m` at least ``sum(sizes)``.

    Returns
    -------
    int
        Number of malformed objects; they count as empty.
    """
    n_bad = 0
    filled = np.int64(0)
    for k in range(offsets.shape[0]):
        starts[k] = filled
        pos, end = offsets[k], offsets[k] + sizes[k]
        if pos < 0:
            continue
        if pos + 5 > end:
            n_bad += 1
            continue
        step = f32(data, pos)
        n_times, pos = read_signed(data, pos + 4, end)
        if pos < 0 or n_times < 0 or n_times > (end - pos) // 2:
            n_bad += 1
            continue
        for i in range(2 * n_times):
            value, pos = read_signed(data, pos, end)
            if i < n_times and (value < 0 or value > HIGHEST_PIXEL):
                pos = np.int64(-1)
            if pos < 0:
                break
            if i < n_times:
                pixels[filled + i] = value
            else:
                times[filled + i - n_times] = np.float32(value) * step
        if pos < 0:
            n_bad += 1
            continue
        filled += n_times
    starts[offsets.shape[0]] = filled
    return n_bad
