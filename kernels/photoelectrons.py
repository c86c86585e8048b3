"""True photo-electrons per pixel [1208] as images, and their sums per telescope [2026].

Content of [1208]: n_pe (i32), n_pixels (i32), flags (i16, version > 1), number of non-empty pixels
(i32), then per pixel its number (i16, signed varint from version 3), the count (i32), count times
(f4) and, with flag 1, count amplitudes (f4).
Source: CORSIKA IACT extension, ``write_tel_photoelectrons``; io_hess ``write_hess_mc_pe_sum``.
"""

from __future__ import annotations

import numpy as np

from .bytes import i16, i32
from .jit import kernel
from .varint import read_signed

OK, MALFORMED = 0, 1
HAS_AMPLITUDES = 1


@kernel
def _read_one(data: np.ndarray, pos: int, end: int, version: int, image: np.ndarray) -> int:
    n_pixels = image.shape[0]
    if pos + 12 > end:
        return MALFORMED
    stored_pixels = i32(data, pos + 4)
    pos += 8
    flags = np.int64(0)
    if version > 1:
        flags = i16(data, pos)
        pos += 2
    if pos + 4 > end or stored_pixels > n_pixels:
        return MALFORMED
    n_filled = i32(data, pos)
    pos += 4
    width = 8 if flags & HAS_AMPLITUDES else 4
    for _ in range(n_filled):
        if version > 2:
            pixel, pos = read_signed(data, pos, end)
        else:
            if pos + 2 > end:
                return MALFORMED
            pixel = i16(data, pos)
            pos += 2
        if pos < 0 or pos + 4 > end or pixel < 0 or pixel >= n_pixels:
            return MALFORMED
        count = i32(data, pos)
        pos += 4
        if count < 0 or pos + width * count > end:
            return MALFORMED
        image[pixel] = count
        pos += width * count
    return OK


@kernel
def read_true_images(
    data: np.ndarray,
    versions: np.ndarray,
    offsets: np.ndarray,
    sizes: np.ndarray,
    out: np.ndarray,
    status: np.ndarray,
) -> None:
    """Count the photo-electrons of each pixel.

    Parameters
    ----------
    data : uint8 (n,)
    versions, offsets, sizes : int64 (n_events,)
        The [1208] objects; a negative offset means there is none.
    out : int32 (n_events, n_pixels)
        Written, photo-electrons; -1 in every pixel where there is no image or it is malformed.
    status : int64 (n_events,)
        Written: OK (also for absent ones) or MALFORMED.
    """
    for k in range(offsets.shape[0]):
        status[k] = OK
        if offsets[k] < 0:
            out[k, :] = -1
            continue
        out[k, :] = 0
        status[k] = _read_one(data, offsets[k], offsets[k] + sizes[k], versions[k], out[k])
        if status[k] != OK:
            out[k, :] = -1


@kernel
def read_pe_sums(
    data: np.ndarray, offsets: np.ndarray, sizes: np.ndarray, positions: np.ndarray, out: np.ndarray
) -> None:
    """Read the number of photo-electrons of telescope events from their array event's sums.

    Parameters
    ----------
    data : uint8 (n,)
    offsets, sizes : int64 (n_events,)
        The [2026] object of each telescope event's array event; a negative offset means none.
    positions : int64 (n_events,)
        Position of the telescope in the run header.
    out : int64 (n_events,)
        Written; -1 where unknown.
    """
    for k in range(offsets.shape[0]):
        out[k] = -1
        pos = offsets[k]
        if pos < 0 or sizes[k] < 8:
            continue
        n_tels = i32(data, pos + 4)
        if positions[k] < n_tels and 8 + 4 * n_tels <= sizes[k]:
            out[k] = i32(data, pos + 8 + 4 * positions[k])
