"""Many variable-length differences at once: 32 bytes per step in vector registers.

Nearly all differences between samples take one byte. A step loads 32 bytes, finds the first that
begins a longer value, undoes the zig-zag coding of all, sums them up in 16 bits and stores 32
samples, of which the caller keeps those before the longer value. Branches and the serial chain of
additions, which limit the plain loop, are gone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from .jit import kernel
from .varint import length_of, long_difference

#: Bytes per step: two or four vector registers on today's processors, measured best of 16, 32, 64.
LANES = 32


def decode_lanes(data: np.ndarray, pos: int, out: np.ndarray, begin: int, value: int) -> int:
    """Decode up to 32 one-byte differences; the compiled form is one vector step.

    Parameters
    ----------
    data : uint8 (n,)
        At least 32 bytes from `pos` on.
    pos : int
    out : uint16 (m,)
        Room for 32 samples from `begin` on, all of which may be overwritten.
    begin : int
    value : int
        Sample before the first difference.

    Returns
    -------
    int
        Number of valid samples: the position of the first byte of a longer difference, or 32.
    """
    for i in range(LANES):
        byte = np.int64(data[pos + i])
        if byte >= 0x80:
            return i
        value += (byte >> 1) ^ -(byte & 1)
        out[begin + i] = np.uint16(value & 0xFFFF)
    return LANES


@intrinsic
def _vector_step(typingctx: Any, data: Any, pos: Any, out: Any, begin: Any, value: Any) -> Any:
    signature = types.int64(data, types.int64, out, types.int64, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data_type, _, out_type, _, _ = signature.args
        source = context.make_array(data_type)(context, builder, args[0])
        target = context.make_array(out_type)(context, builder, args[2])
        i8, i16, i32, i64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
        bytes_type, words_type = ir.VectorType(i8, LANES), ir.VectorType(i16, LANES)
        order_type = ir.VectorType(i32, LANES)

        def constant(vector_type: Any, values: Any) -> Any:
            return ir.Constant(vector_type, values)

        pointer = builder.gep(source.data, [args[1]])
        loaded = builder.load(builder.bitcast(pointer, bytes_type.as_pointer()))
        loaded.align = 1
        # the sign bit marks the first byte of a longer value
        longer = builder.icmp_signed("<", loaded, constant(bytes_type, [0] * LANES))
        mask = builder.zext(builder.bitcast(longer, ir.IntType(LANES)), i64)
        stop = builder.or_(mask, ir.Constant(i64, 1 << LANES))
        count = builder.cttz(stop, ir.Constant(ir.IntType(1), 1))
        # zig-zag: (b >> 1) ^ -(b & 1)
        one = constant(bytes_type, [1] * LANES)
        sign = builder.sub(constant(bytes_type, [0] * LANES), builder.and_(loaded, one))
        difference = builder.xor(builder.lshr(loaded, one), sign)
        total = builder.sext(difference, words_type)
        # prefix sum in log2(32) shifted additions
        zero = constant(words_type, [0] * LANES)
        shift = 1
        while shift < LANES:
            order = [LANES + i - shift if i >= shift else 0 for i in range(LANES)]
            moved = builder.shuffle_vector(zero, total, constant(order_type, order))
            total = builder.add(total, moved)
            shift *= 2
        before = builder.insert_element(
            constant(words_type, ir.Undefined),
            builder.trunc(args[4], i16),
            ir.Constant(i32, 0),
        )
        before = builder.shuffle_vector(
            before, constant(words_type, ir.Undefined), constant(order_type, [0] * LANES)
        )
        pointer = builder.gep(target.data, [args[3]])
        stored = builder.store(
            builder.add(total, before), builder.bitcast(pointer, words_type.as_pointer())
        )
        stored.align = 1
        return count

    return signature, codegen


@overload(decode_lanes, jit_options={"nogil": True})
def _decode_lanes(data, pos, out, begin, value):  # type: ignore[no-untyped-def]
    return lambda data, pos, out, begin, value: _vector_step(data, pos, out, begin, value)


@kernel
def read_arrays(
    data: np.ndarray, pos: int, end: int, n_arrays: int, n_values: int, out: np.ndarray
) -> int:
    """Decode consecutive arrays of differences, each starting from 0.

    Parameters
    ----------
    data : uint8 (n,)
    pos, end : int
        The first array starts at `pos`; nothing at or after `end` is read.
    n_arrays, n_values : int
    out : uint16 (n_arrays * n_values,)
        Written, modulo 2**16 as in the format.

    Returns
    -------
    int
        Position behind the last array, -1 if one is malformed or reaches past `end`.
    """
    filled = np.int64(0)
    n_total = np.int64(n_arrays) * n_values
    for _ in range(n_arrays):
        value = np.int64(0)
        stop = filled + n_values
        while filled < stop:
            if pos >= end:
                return np.int64(-1)
            first = np.int64(data[pos])
            if first >= 0x80:
                if pos + length_of(first) > end:
                    return np.int64(-1)
                difference, n_bytes = long_difference(data, pos, first)
                if n_bytes == 0:
                    return np.int64(-1)
                pos += n_bytes
                value += difference
                out[filled] = value
                filled += 1
            elif pos + LANES <= end and filled + LANES <= n_total:
                count = min(decode_lanes(data, pos, out, filled, value), stop - filled)
                pos += count
                filled += count
                value = np.int64(out[filled - 1])
            else:
                pos += 1
                value += (first >> 1) ^ -(first & 1)
                out[filled] = value
                filled += 1
    return pos
