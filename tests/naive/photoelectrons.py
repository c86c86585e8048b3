"""True photo-electrons of one telescope, read in order with struct."""

import struct

import numpy as np

from .varint import read_signed


def image(content, version):
    _, n_pixels = struct.unpack_from("<2i", content)
    rest, flags = content[8:], 0
    if version > 1:
        (flags,), rest = struct.unpack_from("<h", rest), rest[2:]
    (n_filled,), rest = struct.unpack_from("<i", rest), rest[4:]
    out = np.zeros(n_pixels, np.int32)
    for _ in range(n_filled):
        if version > 2:
            pixel, rest = read_signed(rest)
        else:
            (pixel,), rest = struct.unpack_from("<h", rest), rest[2:]
        (count,) = struct.unpack_from("<i", rest)
        out[pixel] = count
        rest = rest[4 + 4 * count :]
        if flags & 1:
            rest = rest[4 * count :]
    return out
