"""Vector instructions that find the first maximum of a sum of rows, sixteen samples at a time.

A compiler may not turn a search for the first maximum into vector code by itself: comparisons of
floating-point numbers have an order. Here every lane keeps its own first maximum and the lanes are
compared at the end, the lower sample winning ties, so the result is that of the plain loop.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from .lane_tools import load, splat

#: Samples per step; rows must be padded to a multiple.
LANES = 16


def lane_maxima(
    builder: Any, rows: Any, places: list[Any], weight: Any, n_samples: Any
) -> tuple[Any, Any]:
    """Instructions for the first maxima of all lanes of a sum of rows: values, samples (int32).

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

    factor = None if weight is None else splat(builder, weight, numbers)

    def row_sum(chunk: Any) -> Any:
        """Sum of the rows over the sixteen samples from `chunk` on."""
        total = None
        for place in places:
            loaded = load(builder, rows, builder.add(place, chunk), LANES)
            if total is None:
                total = loaded if factor is None else builder.fmul(loaded, factor)
            else:
                total = builder.fadd(total, loaded)
        return total

    lowest = ir.Constant(numbers, [float("-inf")] * LANES)
    # lanes behind the end of a row that is shorter than all lanes are never better
    lane = ir.Constant(indices, list(range(LANES)))
    exists = builder.icmp_signed("<", lane, splat(builder, builder.trunc(n_samples, i32), indices))
    start = builder.select(exists, lowest, ir.Constant(numbers, [float("inf")] * LANES))
    behind = builder.sub(n_samples, i64(LANES))
    last = builder.select(builder.icmp_signed(">", behind, i64(0)), behind, i64(0))
    before = builder.block
    loop, done = builder.append_basic_block("chunk"), builder.append_basic_block("chunks_done")
    builder.branch(loop)
    builder.position_at_end(loop)
    chunk, best, found = builder.phi(i64), builder.phi(numbers), builder.phi(indices)
    chunk.add_incoming(i64(0), before)
    best.add_incoming(start, before)
    found.add_incoming(ir.Constant(indices, [0] * LANES), before)
    total = row_sum(chunk)
    better = builder.fcmp_ordered(">", total, best)
    new_best = builder.select(better, total, best)
    new_found = builder.select(better, splat(builder, builder.trunc(chunk, i32), indices), found)
    # at the end the last sixteen samples; those that were seen already are not better
    following = builder.add(chunk, i64(LANES))
    inside = builder.icmp_signed("<", following, last)
    end = builder.block
    chunk.add_incoming(builder.select(inside, following, last), end)
    best.add_incoming(new_best, end)
    found.add_incoming(new_found, end)
    builder.cbranch(builder.icmp_signed("<", chunk, last), loop, done)
    builder.position_at_end(done)
    new_best = builder.select(exists, new_best, lowest)
    return new_best, builder.add(new_found, lane)


def search(builder: Any, rows: Any, places: list[Any], weight: Any, n_samples: Any) -> Any:
    """Instructions for the first sample (int64) at which the sum of rows is largest, never NaN.

    Parameters are those of `lane_maxima`.
    """
    best, where = lane_maxima(builder, rows, places, weight, n_samples)
    numbers, indices = best.type, where.type
    suffix = f"v{LANES}f{64 if isinstance(numbers.element, ir.DoubleType) else 32}"

    def reduction(name: str, vector: Any, vector_type: Any) -> Any:
        function_type = ir.FunctionType(vector_type.element, [vector_type])
        function = cgutils.get_or_insert_function(builder.module, function_type, name)
        # no lane is NaN: without these tests the steps of the reduction wait half as long
        flags = () if vector_type is indices else ("nnan",)
        return builder.call(function, [vector], fastmath=flags)

    # Not by rotating the lanes against each other: LLVM 20 loses the last rotation for AVX-512.
    # largest of the lanes, then the first sample among the lanes that reach it
    largest = reduction(f"llvm.vector.reduce.fmax.{suffix}", best, numbers)
    reached = builder.fcmp_ordered("==", best, splat(builder, largest, numbers))
    never = ir.Constant(indices, [(1 << 31) - 1] * LANES)
    first = reduction(
        f"llvm.vector.reduce.umin.v{LANES}i32", builder.select(reached, where, never), indices
    )
    return builder.zext(first, ir.IntType(64))


__all__ = ["LANES", "lane_maxima", "search"]
