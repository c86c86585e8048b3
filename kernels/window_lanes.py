"""Sums over windows of eight rows at a time, one row in each lane of a vector register.

A window is too short to be worth vector instructions along the row, and the order of a sum must
not change. Side by side in the lanes every row is summed in its own order. The test for positive
samples, which the processor guesses wrong every other time in noise, becomes a selection.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

#: Rows that are summed side by side.
WINDOWS = 8


def window_sums(
    values: np.ndarray, place: np.ndarray, first: np.ndarray, count: np.ndarray, sums: np.ndarray
) -> int:
    """Sum of each of eight windows, sum of its positive values, and that weighted with positions.

    Parameters
    ----------
    values : float32 (m,)
    place : int64 (8,)
        Where in `values` each window begins; as many values as the longest window has must follow.
    first : float64 (8,)
        Position of the first value of each window.
    count : int32 (8,)
        Values in each window.
    sums : float64 (24,)
        Written: eight sums, eight sums of positive values, eight weighted sums of these.

    Returns
    -------
    int
        Values in the longest window.
    """
    for lane in range(WINDOWS):
        n_values = max(count[lane], 0)
        window = values[place[lane] : place[lane] + n_values].astype(np.float64)
        positive = np.where(window > 0, window, 0.0)
        position = first[lane] + np.arange(len(window))
        for k, terms in enumerate((window, positive, positive * position)):
            sums[k * WINDOWS + lane] = np.cumsum(terms)[-1] if len(terms) else 0.0
    return int(max(count.max(), 0))


@intrinsic
def _vector_sums(typingctx: Any, values: Any, place: Any, first: Any, count: Any, sums: Any) -> Any:
    signature = types.int64(values, place, first, count, sums)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = [
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args, args, strict=True)
        ]
        values, place, first, count, sums = data
        i32, i64 = ir.IntType(32), ir.IntType(64)
        singles, doubles = (
            ir.VectorType(kind, WINDOWS) for kind in (ir.FloatType(), ir.DoubleType())
        )
        integers = ir.VectorType(i32, WINDOWS)
        zero, one = ir.Constant(doubles, [0.0] * WINDOWS), ir.Constant(doubles, [1.0] * WINDOWS)

        def load(pointer: Any, kind: Any, align: int) -> Any:
            loaded = builder.load(builder.bitcast(pointer, kind.as_pointer()))
            loaded.align = align
            return loaded

        counts = load(count, integers, 4)
        kind = ir.FunctionType(i32, [integers])
        name = f"llvm.vector.reduce.smax.v{WINDOWS}i32"
        largest = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        longest = builder.call(largest, [counts])
        lanes = [ir.Constant(i32, lane) for lane in range(WINDOWS)]
        starts = [
            builder.gep(values, [builder.load(builder.gep(place, [ir.Constant(i64, lane)]))])
            for lane in range(WINDOWS)
        ]
        before = builder.block
        loop, done = builder.append_basic_block("step"), builder.append_basic_block("steps_done")
        begin = load(first, doubles, 8)
        builder.cbranch(builder.icmp_signed(">", longest, ir.Constant(i32, 0)), loop, done)
        builder.position_at_end(loop)
        step, steps, position = builder.phi(i32), builder.phi(integers), builder.phi(doubles)
        totals = [builder.phi(doubles) for _ in range(3)]
        value = ir.Constant(singles, ir.Undefined)
        offset = builder.sext(step, i64)
        for lane, start in zip(lanes, starts, strict=True):
            one_value = builder.load(builder.gep(start, [offset]))
            value = builder.insert_element(value, one_value, lane)
        inside = builder.icmp_signed("<", steps, counts)
        wide = builder.select(inside, builder.fpext(value, doubles), zero)
        positive = builder.select(builder.fcmp_ordered(">", wide, zero), wide, zero)
        weighted = builder.fmul(positive, position)
        after = [
            builder.fadd(t, term)
            for t, term in zip(totals, (wide, positive, weighted), strict=True)
        ]
        following = builder.add(step, ir.Constant(i32, 1))
        for phi, initial, value in (
            (step, ir.Constant(i32, 0), following),
            (steps, ir.Constant(integers, [0] * WINDOWS),
             builder.add(steps, ir.Constant(integers, [1] * WINDOWS))),
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
        for k, phi in enumerate(found):
            pointer = builder.gep(sums, [ir.Constant(i64, k * WINDOWS)])
            builder.store(phi, builder.bitcast(pointer, doubles.as_pointer())).align = 8
        return builder.sext(longest, i64)

    return signature, codegen


@overload(window_sums, jit_options={"nogil": True})
def _window_sums(values, place, first, count, sums):  # type: ignore[no-untyped-def]
    return lambda values, place, first, count, sums: _vector_sums(values, place, first, count, sums)
