"""EventIO objects built byte by byte, for encodings that no public file has."""

from __future__ import annotations

import struct
from io import BytesIO
from types import SimpleNamespace

SYNC = b"\x37\x8a\x1f\xd4"


def unsigned(value):
    """Variable-length unsigned integer."""
    for n_bytes in range(1, 10):
        payload_bits = 7 * n_bytes if n_bytes < 9 else 64
        if value < 1 << payload_bits:
            break
    lead = (0xFF << (9 - n_bytes)) & 0xFF if n_bytes < 9 else 0xFF
    if n_bytes == 9:
        return bytes([lead]) + value.to_bytes(8, "big")
    coded = bytearray(value.to_bytes(n_bytes, "big"))
    coded[0] |= lead
    return bytes(coded)


def signed(value):
    """Variable-length signed integer."""
    return unsigned(2 * value if value >= 0 else -2 * value - 1)


def differences(values):
    """Signed differences between neighbours, starting from 0."""
    before, coded = 0, b""
    for value in map(int, values):
        coded += signed(value - before)
        before = value
    return coded


def pack(fmt, *values):
    return struct.pack("<" + fmt, *values)


def inner(kind, content, *, version=0, ident=0, nested=False, extended=False):
    """Object without sync marker, as it stands inside of another one."""
    first = kind | (extended << 17) | (version << 20)
    length = len(content) & 0x3FFFFFFF
    head = pack("IiI", first, ident, length | (nested << 30))
    if extended:
        head += pack("I", len(content) >> 30)
    return head + content


def top(kind, content, **header):
    """Top-level object."""
    return SYNC + inner(kind, content, **header)


def padded(content):
    """Content filled up to whole words, as sim_telarray writes it."""
    return content + bytes(-len(content) % 4)


def parse(cls, content, *, version, ident=0):
    """Content as parsed by one of eventio's classes."""
    header = SimpleNamespace(
        type=cls.eventio_type,
        version=version,
        id=ident,
        content_address=0,
        content_size=len(content),
        only_subobjects=False,
    )
    return cls(header, BytesIO(content)).parse()


def headers(data):
    """(start, type, position of the first header word, end) of every object, in order."""
    found = []

    def walk(pos, end, at_top):
        while pos + (16 if at_top else 12) <= end:
            word = pos + 4 if at_top else pos
            if at_top:
                assert data[pos : pos + 4] == SYNC
            first, _, length = struct.unpack_from("<IiI", data, word)
            nested, size = (length >> 30) & 1, length & 0x3FFFFFFF
            content = word + 12
            if (first >> 17) & 1:
                size |= (struct.unpack_from("<I", data, content)[0] & 0xFFF) << 30
                content += 4
            found.append((pos, first & 0xFFFF, word, content + size))
            if nested:
                walk(content, content + size, at_top=False)
            pos = content + size

    walk(0, len(data), at_top=True)
    return found


def replaced(data, start, end, new):
    """Replace ``data[start:end]`` and correct the lengths of all objects around it."""
    out = bytearray(data)
    for _, _, word, stop in headers(data):
        (length,) = struct.unpack_from("<I", data, word + 8)
        around = (length >> 30) & 1 or start < end  # what is inserted belongs to containers
        if around and word + 12 <= start and end <= stop:
            struct.pack_into("<I", out, word + 8, length + len(new) - (end - start))
    out[start:end] = new
    return bytes(out)
