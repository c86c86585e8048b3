"""Objects of an EventIO file: headers, nesting, sync markers, and the words contents are made of.

An object is a list of buffers, header first, so that raw data are copied only once: when a run of
objects is joined and handed to the file.
Source: EventIO data format description, sections "Object headers" and "Basic types" (K. Bernlohr).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

SYNC = struct.pack("<I", 0xD41F8A37)

#: Lengths from here on need the extension word.
EXTENDED_FROM = 1 << 30

Buffer = bytes | memoryview
Object = list[Buffer]


def header(
    kind: int, length: int, *, version: int = 0, ident: int = 0, nested: bool = False
) -> bytes:
    """Header of an object whose content has `length` bytes.

    Parameters
    ----------
    kind, version, ident : int
    length : int
        Bytes behind the header; 2**30 and more take a fourth word.
    nested : bool
        The content is nothing but other objects.
    """
    extended = length >= EXTENDED_FROM
    words = struct.pack(
        "<IiI",
        kind | extended << 17 | version << 20,
        ident,
        length & (EXTENDED_FROM - 1) | nested << 30,
    )
    return words + struct.pack("<I", length >> 30) if extended else words


def leaf(kind: int, content: Buffer, *, version: int = 0, ident: int = 0) -> Object:
    """Object with data; filled up with zeros to whole words of four bytes."""
    filling = -len(content) % 4
    head = header(kind, len(content) + filling, version=version, ident=ident)
    return [head, content, bytes(filling)] if filling else [head, content]


def container(kind: int, children: Sequence[Buffer], *, version: int = 0, ident: int = 0) -> Object:
    """Object that holds other objects, given as their buffers one behind the other."""
    length = sum(map(len, children))
    return [header(kind, length, version=version, ident=ident, nested=True), *children]


def top(objects: Iterable[Object]) -> bytes:
    """Top-level objects as bytes of the file."""
    parts: list[Buffer] = []
    for buffers in objects:
        parts.append(SYNC)
        parts += buffers
    return b"".join(parts)


# -- words of contents


def i16(*values: int) -> bytes:
    """Signed 16-bit words."""
    return struct.pack(f"<{len(values)}h", *values)


def i32(*values: int) -> bytes:
    """Signed 32-bit words."""
    return struct.pack(f"<{len(values)}i", *values)


def f32(*values: float) -> bytes:
    """IEEE single-precision words."""
    return struct.pack(f"<{len(values)}f", *values)


def array(values: ArrayLike, dtype: str) -> bytes:
    """Values in C order as `dtype`, a numpy type of little-endian numbers."""
    return np.ascontiguousarray(values, dtype).tobytes()


def unsigned(value: int) -> bytes:
    """Variable-length unsigned integer: leading one-bits of the first byte count what follows."""
    if value < 0 or value >> 56:
        raise ValueError(f"{value} does not fit into a variable-length integer of 8 bytes")
    n_bytes = max(1, -(-value.bit_length() // 7))
    coded = bytearray(value.to_bytes(n_bytes, "big"))
    coded[0] |= 0xFF00 >> (n_bytes - 1) & 0xFF
    return bytes(coded)


def signed(*values: int) -> bytes:
    """Variable-length signed integers: 0, -1, 1, -2, ... are stored as 0, 1, 2, 3."""
    return b"".join(unsigned(2 * v if v >= 0 else -2 * v - 1) for v in values)


def string(text: str) -> bytes:
    """Text with a length word of 16 bits; what is longer than that can say is cut."""
    coded = text.encode()[: (1 << 15) - 1]
    return i16(len(coded)) + coded


def variable_string(text: str) -> bytes:
    """Text with a variable length word."""
    coded = text.encode()
    return unsigned(len(coded)) + coded
