"""Sums over windows of eight rows at a time, one row in each lane of a vector register.

A window is too short to be worth vector instructions along the row, and the order of a sum must
not change. Side by side in the lanes every row is summed in its own order. The test for positive
samples, which the processor guesses wrong every other time in noise, becomes a selection.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

#: Rows that are summed side by side.
WINDOWS = 8


def transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """Eight vectors of eight: lane i of vector j becomes lane j of vector i."""
    kind = ir.VectorType(ir.IntType(32), WINDOWS)
    half = WINDOWS // 2
    for _ in range(3):  # each time two vectors that are four apart are interleaved
        mixed = []
        for one, two in zip(rows[:half], rows[half:], strict=True):
            for begin in (0, half):
                lanes = [lane + k * WINDOWS for lane in range(begin, begin + half) for k in (0, 1)]
                mixed.append(builder.shuffle_vector(one, two, ir.Constant(kind, lanes)))
        rows = mixed
    return rows


def lane_sums(builder: Any, starts: list[Any], begin: Any, counts: Any) -> list[Any]:
    """Instructions for the sums of eight windows.

    In double precision: the sum of each window, that of its positive values, and that of these
    times their positions.

    Parameters
    ----------
    builder : llvmlite.ir.IRBuilder
    starts : list of pointers to float
        The first value of each window; as many must follow as the longest window has.
    begin : vector of double
        Their positions.
    counts : vector of int32
    """
    i32, i64 = ir.IntType(32), ir.IntType(64)
    doubles, singles = begin.type, ir.VectorType(ir.FloatType(), WINDOWS)
    zero, one = ir.Constant(doubles, [0.0] * WINDOWS), ir.Constant(doubles, [1.0] * WINDOWS)
    largest = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(i32, [counts.type]),
        f"llvm.vector.reduce.smax.v{WINDOWS}i32",
    )
    longest = builder.call(largest, [counts])
    before = builder.block
    loop, done = builder.append_basic_block("step"), builder.append_basic_block("steps_done")
    builder.cbranch(builder.icmp_signed(">", longest, i32(0)), loop, done)
    builder.position_at_end(loop)
    step, steps, position = builder.phi(i32), builder.phi(counts.type), builder.phi(doubles)
    totals = [builder.phi(doubles) for _ in range(3)]
    value = ir.Constant(singles, ir.Undefined)
    offset = builder.sext(step, i64)
    for lane, start in enumerate(starts):
        one_value = builder.load(builder.gep(start, [offset]))
        value = builder.insert_element(value, one_value, i32(lane))
    inside = builder.icmp_signed("<", steps, counts)
    wide = builder.select(inside, builder.fpext(value, doubles), zero)
    positive = builder.select(builder.fcmp_ordered(">", wide, zero), wide, zero)
    weighted = builder.fmul(positive, position)
    after = [
        builder.fadd(t, term) for t, term in zip(totals, (wide, positive, weighted), strict=True)
    ]
    following = builder.add(step, i32(1))
    for phi, initial, value in (
        (step, i32(0), following),
        (steps, ir.Constant(counts.type, [0] * WINDOWS),
         builder.add(steps, ir.Constant(counts.type, [1] * WINDOWS))),
        (position, begin, builder.fadd(position, one)),
        *((total, zero, new) for total, new in zip(totals, after, strict=True)),
    ):  # fmt: skip
        phi.add_incoming(initial, before)
        phi.add_incoming(value, loop)
    builder.cbranch(builder.icmp_signed("<", following, longest), loop, done)
    builder.position_at_end(done)
    found = [builder.phi(doubles) for _ in after]
    for phi, new in zip(found, after, strict=True):
        phi.add_incoming(zero, before)
        phi.add_incoming(new, loop)
    return found


__all__ = ["WINDOWS", "lane_sums", "transposed"]
