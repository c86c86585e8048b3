"""True photo-electrons per pixel written: contents of [1208].

The inverse of `ctabatch.kernels.photoelectrons`: without amplitudes, version 2 (pixel numbers of
16 bits) or 3 (of signed variable length).
Source: CORSIKA IACT extension, ``write_tel_photoelectrons``.
"""

from __future__ import annotations

import numpy as np

from .adc_encode import pad
from .jit import kernel
from .varint_encode import put_i16, put_i32, write_signed

HEAD = 14


@kernel
def photoelectrons_bound(n_events: int, n_photoelectrons: int) -> int:
    """Most bytes that so many events with so many photo-electrons in all can take."""
    return (HEAD + 3) * n_events + 13 * n_photoelectrons


@kernel
def encode_photoelectrons(
    pixel: np.ndarray,
    time: np.ndarray,
    pe_offsets: np.ndarray,
    rows: np.ndarray,
    n_pixels: int,
    version: int,
    out: np.ndarray,
    offsets: np.ndarray,
) -> None:
    """Encode the photo-electrons of some telescope events, one behind the other.

    Parameters
    ----------
    pixel : int32 (m,)
        Ascending within an event.
    time : float32 (m,), ns
    pe_offsets : int64 (n_events + 1,)
        Photo-electrons of event k are ``pe_offsets[k]`` to ``pe_offsets[k + 1]``.
    rows : int64 (n,)
        Events to encode, in this order.
    n_pixels : int
    version : int
        2 or 3.
    out : uint8 (size,)
        Written; `size` at least `photoelectrons_bound`.
    offsets : int64 (n + 1,)
        Written: content k is ``out[offsets[k]:offsets[k + 1]]``.
    """
    bits = time.view(np.uint32)
    pos = np.int64(0)
    for k in range(rows.shape[0]):
        begin = offsets[k] = pos
        first, last = pe_offsets[rows[k]], pe_offsets[rows[k] + 1]
        n_filled = 0
        put_i32(last - first, out, pos)
        put_i32(n_pixels, out, pos + 4)
        put_i16(0, out, pos + 8)  # flags: no amplitudes
        pos += HEAD
        i = first
        while i < last:
            n_here = np.int64(1)
            while i + n_here < last and pixel[i + n_here] == pixel[i]:
                n_here += 1
            if version > 2:
                pos = write_signed(pixel[i], out, pos)
            else:
                put_i16(np.int64(pixel[i]), out, pos)
                pos += 2
            put_i32(n_here, out, pos)
            pos += 4
            for j in range(i, i + n_here):
                put_i32(np.int64(bits[j]), out, pos)
                pos += 4
            i += n_here
            n_filled += 1
        put_i32(n_filled, out, begin + 10)
        pos = pad(out, begin, pos)
    offsets[rows.shape[0]] = pos
