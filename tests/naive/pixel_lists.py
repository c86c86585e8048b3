"""Pixel lists and pixel trigger times read in order."""

import struct

import numpy as np

from .varint import read_signed


def pixel_list(content, version):
    if version == 0:
        (n,) = struct.unpack_from("<h", content)
        return list(struct.unpack_from(f"<{n}h", content, 2))
    n, rest = read_signed(content)
    pixels = []
    for _ in range(n):
        pixel, rest = read_signed(rest)
        pixels.append(pixel)
    return pixels


def pixel_trigger_times(content):
    """(pixels, times)"""
    step = np.frombuffer(content[:4], "<f4")[0]
    n, rest = read_signed(content[4:])
    values = []
    for _ in range(2 * n):
        value, rest = read_signed(rest)
        values.append(value)
    return values[:n], [np.float32(value) * step for value in values[n:]]
