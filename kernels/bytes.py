"""Little-endian scalars from a byte buffer: the words all EventIO objects are made of.

Callers check bounds; these helpers only assemble bytes. Source: EventIO data format description,
section "Basic types" (K. Bernlohr, eventio package documentation).
"""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def u16(data: np.ndarray, pos: int) -> int:
    """Unsigned 16-bit integer at byte `pos`, as int64."""
    return np.int64(data[pos]) | (np.int64(data[pos + 1]) << 8)


@kernel
def i16(data: np.ndarray, pos: int) -> int:
    """Signed 16-bit integer at byte `pos`, as int64."""
    return np.int64(np.int16(np.uint16(u16(data, pos))))


@kernel
def u32(data: np.ndarray, pos: int) -> int:
    """Unsigned 32-bit integer at byte `pos`, as int64."""
    return (
        np.int64(data[pos])
        | (np.int64(data[pos + 1]) << 8)
        | (np.int64(data[pos + 2]) << 16)
        | (np.int64(data[pos + 3]) << 24)
    )


@kernel
def i32(data: np.ndarray, pos: int) -> int:
    """Signed 32-bit integer at byte `pos`, as int64."""
    value = u32(data, pos)
    return value - (np.int64(1) << 32) if value >= (np.int64(1) << 31) else value


@kernel
def f32(data: np.ndarray, pos: int) -> float:
    """IEEE single-precision number at byte `pos`."""
    return np.uint32(u32(data, pos)).view(np.float32)
