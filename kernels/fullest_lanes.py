"""The windows with most charge, of eight pixels at a time, one pixel in each lane.

The running sum of a trace is a chain of additions that wait for each other, and so is the search
for the first of the largest differences. Side by side eight pixels go through both together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from .lane_tools import contents, load, splat, store
from .window_lanes import WINDOWS, transposed


def fullest(
    values: np.ndarray,
    stride: int,
    n_samples: int,
    width: int,
    begin: np.ndarray,
    charge: np.ndarray,
) -> None:
    """First sample and charge of the window with most charge, of every pixel.

    Parameters
    ----------
    values : float32 (m * stride,), m >= n_pixels
        Traces; the stride is a multiple of 8.
    stride, n_samples, width : int
        The width is at most `n_samples`.
    begin : int64 (n_pixels,)
        Written; 0 if the first sum is NaN, which nothing is larger than.
    charge : float64 (n_pixels,)
        Written.
    """
    for p in range(len(begin)):
        running = np.zeros(n_samples + 1)
        for s in range(n_samples):
            running[s + 1] = running[s] + np.float64(values[p * stride + s])
        best = 0
        found = running[width:] - running[: n_samples + 1 - width]
        for s in range(1, len(found)):
            if found[s] > found[best]:
                best = s
        begin[p], charge[p] = best, found[best]


@intrinsic
def _vector_running(
    typingctx: Any, values: Any, place: Any, stride: Any, n_samples: Any, running: Any
) -> Any:
    """Running sums of eight traces from `place` on; eight numbers for each sample."""
    i = types.int64
    signature = types.void(values, i, i, i, running)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values, place, stride, n_samples, running = contents(context, builder, signature, args)
        i64 = ir.IntType(64)
        doubles = ir.VectorType(ir.DoubleType(), WINDOWS)
        starts = [
            builder.gep(values, [builder.add(place, builder.mul(stride, i64(lane)))])
            for lane in range(WINDOWS)
        ]
        zero = ir.Constant(doubles, [0.0] * WINDOWS)
        before = builder.block
        loop, done = builder.append_basic_block("running"), builder.append_basic_block("ran")
        builder.branch(loop)
        builder.position_at_end(loop)
        step, total = builder.phi(i64), builder.phi(doubles)
        step.add_incoming(i64(0), before)
        total.add_incoming(zero, before)
        rows = [load(builder, start, step, WINDOWS) for start in starts]
        after = total
        for number, column in enumerate(transposed(builder, rows)):
            after = builder.fadd(after, builder.fpext(column, doubles))
            to = builder.mul(builder.add(step, i64(number + 1)), i64(WINDOWS))
            store(builder, after, running, to)
        following = builder.add(step, i64(WINDOWS))
        step.add_incoming(following, loop)
        total.add_incoming(after, loop)
        builder.cbranch(builder.icmp_signed("<", following, n_samples), loop, done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _vector_largest(
    typingctx: Any, running: Any, n_samples: Any, width: Any, pixel: Any, begin: Any, charge: Any
) -> Any:
    """First of the largest differences over `width` samples, for eight pixels."""
    i = types.int64
    signature = types.void(running, i, i, i, begin, charge)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        running, n_samples, width, pixel, begin, charge = contents(
            context, builder, signature, args
        )
        i64 = ir.IntType(64)
        doubles, longs = (ir.VectorType(kind, WINDOWS) for kind in (ir.DoubleType(), i64))

        def difference(first: Any) -> Any:
            places = [builder.mul(at, i64(WINDOWS)) for at in (builder.add(first, width), first)]
            ends = [load(builder, running, at, WINDOWS) for at in places]
            return builder.fsub(*ends)

        last = builder.sub(n_samples, width)
        initial = difference(i64(0))
        before = builder.block
        test, loop, done = (builder.append_basic_block(name) for name in ("more", "next", "all"))
        builder.branch(test)
        builder.position_at_end(test)
        first, best, where = builder.phi(i64), builder.phi(doubles), builder.phi(doubles)
        first.add_incoming(i64(0), before)
        best.add_incoming(initial, before)
        where.add_incoming(ir.Constant(doubles, [0.0] * WINDOWS), before)
        builder.cbranch(builder.icmp_signed("<", first, last), loop, done)
        builder.position_at_end(loop)
        following = builder.add(first, i64(1))
        found = difference(following)
        higher = builder.fcmp_ordered(">", found, best)
        numbers = splat(builder, builder.sitofp(following, ir.DoubleType()), doubles)
        first.add_incoming(following, loop)
        best.add_incoming(builder.select(higher, found, best), loop)
        where.add_incoming(builder.select(higher, numbers, where), loop)
        builder.branch(test)
        builder.position_at_end(done)
        for vector, data in ((builder.fptosi(where, longs), begin), (best, charge)):
            store(builder, vector, data, pixel)
        return context.get_dummy_value()

    return signature, codegen


@overload(fullest, jit_options={"nogil": True})
def _fullest(values, stride, n_samples, width, begin, charge):  # type: ignore[no-untyped-def]
    def by_lanes(values, stride, n_samples, width, begin, charge):  # type: ignore[no-untyped-def]
        n_pixels = begin.shape[0]
        running = np.zeros((n_samples + 2 * WINDOWS) * WINDOWS, np.float64)
        if n_pixels >= WINDOWS:
            for block in range(0, n_pixels, WINDOWS):
                pixel = min(block, n_pixels - WINDOWS)  # the last block does some pixels again
                _vector_running(values, pixel * stride, stride, n_samples, running)
                _vector_largest(running, n_samples, width, pixel, begin, charge)
            return
        for p in range(n_pixels):
            for s in range(n_samples):
                running[s + 1] = running[s] + np.float64(values[p * stride + s])
            begin[p], charge[p] = 0, running[width] - running[0]
            for s in range(1, n_samples - width + 1):
                found = running[s + width] - running[s]
                if found > charge[p]:
                    begin[p], charge[p] = s, found

    return by_lanes


__all__ = ["fullest"]
