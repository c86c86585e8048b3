"""Variable-length integers of EventIO, written: the inverse of `ctabatch.kernels.varint`.

Nothing here checks for room: the caller gives a buffer of at least `WIDEST_U16` or `WIDEST_U32`
bytes per value. Words of fixed width are little-endian.
Source: EventIO data format description, section "Variable-length integers" (K. Bernlohr).
"""

from __future__ import annotations

import numpy as np

from .jit import kernel

#: Most bytes that a difference of two 16-bit or two 32-bit values takes.
WIDEST_U16, WIDEST_U32 = 3, 5


@kernel
def put_i16(value: int, out: np.ndarray, pos: int) -> None:
    """Write the low 16 bits of `value` at `pos`."""
    out[pos] = value & 0xFF
    out[pos + 1] = (value >> 8) & 0xFF


@kernel
def put_i32(value: int, out: np.ndarray, pos: int) -> None:
    """Write the low 32 bits of `value` at `pos`."""
    out[pos] = value & 0xFF
    out[pos + 1] = (value >> 8) & 0xFF
    out[pos + 2] = (value >> 16) & 0xFF
    out[pos + 3] = (value >> 24) & 0xFF


@kernel
def write_unsigned(value: int, out: np.ndarray, pos: int) -> int:
    """Write one unsigned integer below 2**56; returns the position behind it (1 to 8 bytes)."""
    value = np.int64(value)
    n_bytes = 1
    while n_bytes < 8 and value >> (7 * n_bytes):
        n_bytes += 1
    for k in range(n_bytes):
        out[pos + k] = (value >> (8 * (n_bytes - 1 - k))) & 0xFF
    out[pos] |= (0xFF00 >> (n_bytes - 1)) & 0xFF
    return pos + n_bytes


@kernel
def write_signed(value: int, out: np.ndarray, pos: int) -> int:
    """Write one signed integer of magnitude below 2**55; returns the position behind it."""
    value = np.int64(value)
    return write_unsigned((value << 1) ^ (value >> 63), out, pos)


@kernel
def put_long_difference(coded: int, out: np.ndarray, pos: int) -> int:
    """Write an interleaved difference in 2 to 5 bytes; returns their number."""
    if coded < 1 << 14:
        out[pos] = 0x80 | (coded >> 8)
        out[pos + 1] = coded & 0xFF
        return 2
    if coded < 1 << 21:
        out[pos] = 0xC0 | (coded >> 16)
        out[pos + 1] = (coded >> 8) & 0xFF
        out[pos + 2] = coded & 0xFF
        return 3
    if coded < 1 << 28:
        out[pos] = 0xE0 | (coded >> 24)
        out[pos + 1] = (coded >> 16) & 0xFF
        out[pos + 2] = (coded >> 8) & 0xFF
        out[pos + 3] = coded & 0xFF
        return 4
    out[pos] = 0xF0 | (coded >> 32)
    out[pos + 1] = (coded >> 24) & 0xFF
    out[pos + 2] = (coded >> 16) & 0xFF
    out[pos + 3] = (coded >> 8) & 0xFF
    out[pos + 4] = coded & 0xFF
    return 5


@kernel
def write_differences(values: np.ndarray, begin: int, end: int, out: np.ndarray, pos: int) -> int:
    """Write ``values[begin:end]`` as signed differences between neighbours, starting from 0.

    Parameters
    ----------
    values : uint16 or uint32 (n,)
    begin, end : int
    out : uint8 (m,)
        Written from `pos`; must have room for 3 (uint16) or 5 (uint32) bytes per value.
    pos : int

    Returns
    -------
    int
        Position behind the array; `pos` if it is empty.

    Examples
    --------
    >>> out = np.zeros(9, np.uint8)
    >>> int(write_differences(np.array([1, 0, 100], np.uint16), 0, 3, out, 0))
    4
    >>> out[:4].tolist()  # 1 is 2, -1 is 1, 100 is 200 in two bytes
    [2, 1, 128, 200]
    """
    before = np.int64(0)
    for i in range(begin, end):
        value = np.int64(values[i])
        difference = value - before
        before = value
        coded = (difference << 1) ^ (difference >> 63)
        if coded < 0x80:
            out[pos] = coded
            pos += 1
        else:
            pos += put_long_difference(coded, out, pos)
    return pos
