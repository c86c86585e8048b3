"""Vector instructions that find the first maximum of a sum of rows, sixteen samples at a time.

A compiler may not turn a search for the first maximum into vector code by itself: comparisons of
floating-point numbers have an order. Here every lane keeps its own first maximum and the lanes are
compared at the end, the lower sample winning ties, so the result is that of the plain loop.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

#: Samples per step; rows must be padded to a multiple.
LANES = 16


def search(builder: Any, rows: Any, places: list[Any], weight: Any, n_samples: Any) -> Any:
    """Instructions for the first sample (int64) at which the sum of rows is largest, never NaN.

    Parameters
    ----------
    builder : llvmlite.ir.IRBuilder
    rows : pointer to float or double
    places : list of int64 values
        Where each row begins.
    weight : value of the type of the rows, or None
        Factor of the first row.
    n_samples : int64 value
        Samples that count in each row; the rest is padding.
    """
    i32, i64 = ir.IntType(32), ir.IntType(64)
    kind = rows.type.pointee
    numbers, indices = ir.VectorType(kind, LANES), ir.VectorType(i32, LANES)
    suffix = f"v{LANES}f{64 if isinstance(kind, ir.DoubleType) else 32}"

    def splat(value: Any, vector_type: Any) -> Any:
        undefined = ir.Constant(vector_type, ir.Undefined)
        first = builder.insert_element(undefined, value, ir.Constant(i32, 0))
        return builder.shuffle_vector(first, undefined, ir.Constant(indices, [0] * LANES))

    def reduction(name: str, vector: Any, vector_type: Any) -> Any:
        function_type = ir.FunctionType(vector_type.element, [vector_type])
        function = cgutils.get_or_insert_function(builder.module, function_type, name)
        return builder.call(function, [vector])

    factor = None if weight is None else splat(weight, numbers)

    def row_sum(chunk: Any) -> Any:
        """Sum of the rows over the sixteen samples from `chunk` on."""
        total = None
        for place in places:
            pointer = builder.gep(rows, [builder.add(place, chunk)])
            loaded = builder.load(builder.bitcast(pointer, numbers.as_pointer()))
            loaded.align = 4
            if total is None:
                total = loaded if factor is None else builder.fmul(loaded, factor)
            else:
                total = builder.fadd(total, loaded)
        return total

    lowest = ir.Constant(numbers, [float("-inf")] * LANES)
    lane = ir.Constant(indices, list(range(LANES)))
    limit = splat(builder.trunc(n_samples, i32), indices)
    before = builder.block
    loop, done = builder.append_basic_block("chunk"), builder.append_basic_block("chunks_done")
    builder.branch(loop)
    builder.position_at_end(loop)
    chunk, best, where = builder.phi(i64), builder.phi(numbers), builder.phi(indices)
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
    largest = reduction(f"llvm.vector.reduce.fmax.{suffix}", new_best, numbers)
    reached = builder.fcmp_ordered("==", new_best, splat(largest, numbers))
    never = ir.Constant(indices, [(1 << 31) - 1] * LANES)
    first = reduction(
        f"llvm.vector.reduce.umin.v{LANES}i32", builder.select(reached, new_where, never), indices
    )
    return builder.zext(first, i64)


__all__ = ["LANES", "search"]
