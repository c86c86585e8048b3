"""One trigger block read in order with struct."""

import struct

from .varint import read_unsigned


def trigger(content, version):
    """(seconds, nanoseconds, tels, times, masks, number of telescopes with data)."""
    seconds, nanoseconds, pattern = struct.unpack_from("<8x3i", content)
    rest = content[24:]
    if version == 0:
        tels = [bit + 1 for bit in range(31) if pattern >> bit & 1]
        return seconds, nanoseconds, tels, [float("nan")] * len(tels), [-1] * len(tels), -1
    (n,) = struct.unpack_from("<h", rest)
    tels = list(struct.unpack_from(f"<{n}h", rest, 2))
    times = list(struct.unpack_from(f"<{n}f", rest, 2 + 2 * n))
    rest = rest[2 + 6 * n :]
    (n_data,) = struct.unpack_from("<h", rest)
    rest = rest[2 + 2 * n_data :]
    masks = [-1] * n
    for k in range(n if version >= 2 else 0):
        mask, rest = read_unsigned(rest)
        if version <= 3:
            for bit in (4, 5, 6):
                if mask >> bit & 1:
                    mask = mask & ~(1 << bit) | 1 << bit + 4
        masks[k] = mask
    return seconds, nanoseconds, tels, times, masks, n_data
