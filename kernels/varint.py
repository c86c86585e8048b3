"""Variable-length integers of EventIO.

The number of leading one-bits of the first byte says how many bytes follow; the payload is
big-endian. Signed values interleave: 0, -1, 1, -2, ... are 0, 1, 2, 3. Arrays are usually stored as
signed differences between neighbours, starting from 0.
Source: EventIO data format description, section "Variable-length integers" (K. Bernlohr).
"""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def read_unsigned(data: np.ndarray, pos: int, end: int) -> tuple[int, int]:
    """Read one unsigned integer; returns (value, next position), position -1 if malformed."""
    bad = np.int64(-1)
    if pos >= end:
        return np.int64(0), bad
    first = np.int64(data[pos])
    if first < 0x80:
        return first, pos + 1
    n_bytes = 2
    while n_bytes < 9 and first & (0x80 >> (n_bytes - 1)):
        n_bytes += 1
    if pos + n_bytes > end:
        return np.int64(0), bad
    value = first & (0xFF >> n_bytes) if n_bytes < 8 else np.int64(0)
    for k in range(1, n_bytes):
        value = (value << 8) | np.int64(data[pos + k])
    return value, pos + n_bytes


@kernel
def read_signed(data: np.ndarray, pos: int, end: int) -> tuple[int, int]:
    """Read one signed integer; returns (value, next position), position -1 if malformed."""
    value, pos = read_unsigned(data, pos, end)
    return (value >> 1) ^ -(value & 1), pos


@kernel
def long_difference(data: np.ndarray, pos: int, first: int) -> tuple[int, int]:
    """Difference of 2 to 5 bytes at `pos`: (value, length); length 0 if it is malformed."""
    if first < 0xC0:
        value = ((first & 0x3F) << 8) | np.int64(data[pos + 1])
        n_bytes = 2
    elif first < 0xE0:
        value = ((first & 0x1F) << 16) | (np.int64(data[pos + 1]) << 8) | np.int64(data[pos + 2])
        n_bytes = 3
    elif first < 0xF0:
        value = (
            ((first & 0x0F) << 24)
            | (np.int64(data[pos + 1]) << 16)
            | (np.int64(data[pos + 2]) << 8)
            | np.int64(data[pos + 3])
        )
        n_bytes = 4
    elif first < 0xF8:
        value = (
            ((first & 0x07) << 32)
            | (np.int64(data[pos + 1]) << 24)
            | (np.int64(data[pos + 2]) << 16)
            | (np.int64(data[pos + 3]) << 8)
            | np.int64(data[pos + 4])
        )
        n_bytes = 5
    else:
        value = np.int64(0)
        n_bytes = 0
    return (value >> 1) ^ -(value & 1), n_bytes


@kernel
def length_of(first: int) -> int:
    """Bytes of a difference that starts with `first` (>= 0x80); 5 for malformed ones too."""
    if first < 0xC0:
        return 2
    if first < 0xE0:
        return 3
    if first < 0xF0:
        return 4
    return 5


@kernel
def read_differences(
    data: np.ndarray, pos: int, end: int, n_values: int, out: np.ndarray, begin: int
) -> int:
    """Decode one array of signed differences into ``out[begin:begin + n_values]``.

    Parameters
    ----------
    data : uint8 (n,)
    pos, end : int
        The array starts at `pos`; nothing at or after `end` is read.
    n_values : int
    out : uint16 or uint32 (m,)
        Written; sums wrap at the width of `out`, as in the format.
    begin : int

    Returns
    -------
    int
        Position behind the array, -1 if it is malformed or reaches past `end`.
    """
    value = np.int64(0)
    if pos + 5 * n_values <= end:  # even the longest coding fits: no bounds to check inside
        for i in range(n_values):
            first = np.int64(data[pos])
            if first < 0x80:
                pos += 1
                value += (first >> 1) ^ -(first & 1)
            else:
                difference, n_bytes = long_difference(data, pos, first)
                if n_bytes == 0:
                    return np.int64(-1)
                pos += n_bytes
                value += difference
            out[begin + i] = value
        return pos
    for i in range(n_values):
        if pos >= end:
            return np.int64(-1)
        first = np.int64(data[pos])
        if first < 0x80:
            pos += 1
            value += (first >> 1) ^ -(first & 1)
        else:
            if pos + length_of(first) > end:
                return np.int64(-1)
            difference, n_bytes = long_difference(data, pos, first)
            if n_bytes == 0:
                return np.int64(-1)
            pos += n_bytes
            value += difference
        out[begin + i] = value
    return pos
