"""The objects of an intact stream, found by recursion."""

import struct


def objects(data, pos=0, end=None, level=0):
    """List of (type, version, id, level, content position, content size)."""
    end = len(data) if end is None else end
    found = []
    sync = 4 if level == 0 else 0
    while pos + sync + 12 <= end:
        first, ident, length = struct.unpack_from("<IiI", data, pos + sync)
        nested, size = bool(length & 1 << 30), length & (1 << 30) - 1
        pos += sync + 12
        if first & 1 << 17:
            size += (struct.unpack_from("<I", data, pos)[0] & 0xFFF) << 30
            pos += 4
        found.append((first & 0xFFFF, first >> 20, ident, level, pos, size))
        if nested:
            found += objects(data, pos, pos + size, level + 1)
        pos += size
    return found
