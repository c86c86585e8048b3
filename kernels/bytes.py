"""Little-endian scalars from a byte buffer: the words all EventIO objects are made of.

Callers check bounds; these helpers only assemble bytes. Source: EventIO data format description,
section "Basic types" (K. Bernlohr, eventio package documentation).
"""

from __future__ import annotations

import numpy as np

from .jit import inline


@inline
def u16(data, pos):
    """Unsigned 16-bit integer at byte `pos`, as int64."""
    return np.int64(data[pos]) | (np.int64(data[pos + 1]) << 8)


@inline
def i16(data, pos):
    """Signed 16-bit integer at byte `pos`, as int64."""
    return np.int64(np.int16(np.uint16(u16(data, pos))))


@inline
def u32(data, pos):
    """Unsigned 32-bit integer at byte `pos`, as int64."""
    return (
        np.int64(data[pos])
        | (np.int64(data[pos + 1]) << 8)
        | (np.int64(data[pos + 2]) << 16)
        | (np.int64(data[pos + 3]) << 24)
    )


@inline
def i32(data, pos):
    """Signed 32-bit integer at byte `pos`, as int64."""
    value = u32(data, pos)
    return value - (np.int64(1) << 32) if value >= (np.int64(1) << 31) else value


@inline
def f32(data, pos):
    """IEEE single-precision number at byte `pos`."""
    return np.uint32(u32(data, pos)).view(np.float32)
