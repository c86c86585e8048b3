"""First maximum of the sum of some rows: sixteen samples at a time in vector registers.

A compiler may not turn a search for the first maximum into vector code by itself: comparisons of
floating-point numbers have an order. Here every lane keeps its own first maximum and the lanes are
compared at the end, the lower sample winning ties, so the result is that of the plain loop. Sums
are in single precision and in the order of the rows, as in ctapipe: where two samples are equal
but for rounding, the order decides which is the first maximum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

#: Samples per step; rows must be padded to a multiple.
LANES = 16
#: Rows that are added: a fixed number, so that their addresses stay in registers.
N_ROWS = 6


def first_maximum(
    rows: np.ndarray, stride: int, numbers: np.ndarray, begin: int, n_samples: int
) -> int:
    """First sample at which the sum of some rows is largest.

    Parameters
    ----------
    rows : float32 (m * stride,)
        Rows of `stride` numbers, a multiple of 16.
    stride : int
    numbers : uint32 (k,)
        Rows to add are ``numbers[begin:begin + 6]``; a row of zeros fills up.
    begin : int
    n_samples : int
        Samples that count in each row; the rest is padding.

    Returns
    -------
    int
    """
    total = np.zeros(n_samples, np.float32)
    for j in range(N_ROWS):
        row = np.int64(numbers[begin + j]) * stride
        total += rows[row : row + n_samples]
    return int(np.argmax(total))


@intrinsic
def _vector_maximum(
    typingctx: Any, rows: Any, stride: Any, numbers: Any, begin: Any, n_samples: Any
) -> Any:
    i = types.int64
    signature = i(rows, i, numbers, i, i)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows_value, stride, numbers_value, begin, n_samples = args
        rows = context.make_array(signature.args[0])(context, builder, rows_value)
        numbers = context.make_array(signature.args[2])(context, builder, numbers_value)
        i32, i64 = ir.IntType(32), ir.IntType(64)
        singles = ir.VectorType(ir.FloatType(), LANES)
        indices = order_type = ir.VectorType(i32, LANES)

        def splat(value: Any, vector_type: Any) -> Any:
            undefined = ir.Constant(vector_type, ir.Undefined)
            first = builder.insert_element(undefined, value, ir.Constant(i32, 0))
            return builder.shuffle_vector(first, undefined, ir.Constant(order_type, [0] * LANES))

        def reduction(name: str, vector: Any, vector_type: Any) -> Any:
            kind = ir.FunctionType(vector_type.element, [vector_type])
            function = cgutils.get_or_insert_function(builder.module, kind, name)
            return builder.call(function, [vector])

        places = []
        for j in range(N_ROWS):
            number = builder.load(
                builder.gep(numbers.data, [builder.add(begin, ir.Constant(i64, j))])
            )
            places.append(builder.mul(builder.zext(number, i64), stride))

        def row_sum(chunk: Any) -> Any:
            """Sum of the rows over the sixteen samples from `chunk` on."""
            total = None
            for place in places:
                pointer = builder.gep(rows.data, [builder.add(place, chunk)])
                loaded = builder.load(builder.bitcast(pointer, singles.as_pointer()))
                loaded.align = 4
                total = loaded if total is None else builder.fadd(total, loaded)
            return total

        lowest = ir.Constant(singles, [float("-inf")] * LANES)
        lane = ir.Constant(indices, list(range(LANES)))
        limit = splat(builder.trunc(n_samples, i32), indices)
        before = builder.block
        loop, done = builder.append_basic_block("chunk"), builder.append_basic_block("chunks_done")
        builder.branch(loop)
        builder.position_at_end(loop)
        chunk, best, where = builder.phi(i64), builder.phi(singles), builder.phi(indices)
        chunk.add_incoming(ir.Constant(i64, 0), before)
        best.add_incoming(lowest, before)
        where.add_incoming(ir.Constant(indices, [0] * LANES), before)
        total = row_sum(chunk)
        sample = builder.add(splat(builder.trunc(chunk, i32), indices), lane)
        better = builder.and_(
            builder.fcmp_ordered(">", total, best), builder.icmp_signed("<", sample, limit)
        )
        new_best, new_where = (
            builder.select(better, total, best),
            builder.select(better, sample, where),
        )
        following = builder.add(chunk, ir.Constant(i64, LANES))
        end = builder.block
        chunk.add_incoming(following, end)
        best.add_incoming(new_best, end)
        where.add_incoming(new_where, end)
        builder.cbranch(builder.icmp_signed("<", following, n_samples), loop, done)
        builder.position_at_end(done)
        # Not by rotating the lanes against each other: LLVM 20 loses the last rotation for AVX-512.
        # largest of the lanes, then the first sample among the lanes that reach it
        largest = reduction("llvm.vector.reduce.fmax.v16f32", new_best, singles)
        reached = builder.fcmp_ordered("==", new_best, splat(largest, singles))
        never = ir.Constant(indices, [(1 << 31) - 1] * LANES)
        first = reduction(
            "llvm.vector.reduce.umin.v16i32", builder.select(reached, new_where, never), indices
        )
        return builder.zext(first, i64)

    return signature, codegen


@overload(first_maximum, jit_options={"nogil": True})
def _first_maximum(rows, stride, numbers, begin, n_samples):  # type: ignore[no-untyped-def]
    return lambda rows, stride, numbers, begin, n_samples: _vector_maximum(
        rows, stride, numbers, begin, n_samples
    )
