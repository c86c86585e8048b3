"""Sums of eight traces at a time, one trace in each lane, in the order in which numpy adds.

numpy adds a row of up to 128 numbers in eight chains. Here chain j of eight traces is one vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from .lane_tools import contents, load, store
from .pairwise_sum import BLOCK, CHAINS, pairwise_sum
from .window_lanes import WINDOWS, transposed


def trace_sums(samples: np.ndarray, stride: int, begin: int, n: int, sums: np.ndarray) -> None:
    """Sum of some samples of every trace, in single precision.

    Parameters
    ----------
    samples : float32 (m * stride,)
    stride, begin, n : int
        Samples `begin` to ``begin + n - 1`` of each trace are added; all are in it.
    sums : float32 (n_traces,)
        Written.
    """
    for t in range(len(sums)):
        sums[t] = pairwise_sum(samples[t * stride + begin : t * stride + begin + n])


def chained(builder: Any, starts: list[Any], n: Any, term: Any) -> Any:
    """Instructions for sums over the samples of eight traces.

    Parameters
    ----------
    builder : llvmlite.ir.IRBuilder
    starts : list of pointers to float
        The first sample of each trace.
    n : int64 value
        Samples of each, from 8 to 128.
    term : callable
        Instructions that make of a vector of samples what is added.
    """
    i64 = ir.IntType(64)
    singles = ir.VectorType(ir.FloatType(), WINDOWS)

    def columns(place: Any) -> list[Any]:
        rows = [load(builder, start, place, WINDOWS) for start in starts]
        return [term(column) for column in transposed(builder, rows)]

    initial, eight = columns(i64(0)), i64(CHAINS)
    before = builder.block
    test, loop, done = (builder.append_basic_block(name) for name in ("whole", "add", "added"))
    builder.branch(test)
    builder.position_at_end(test)
    place = builder.phi(i64)
    chains = [builder.phi(singles) for _ in range(CHAINS)]
    place.add_incoming(eight, before)
    for chain, value in zip(chains, initial, strict=True):
        chain.add_incoming(value, before)
    following = builder.add(place, eight)
    builder.cbranch(builder.icmp_signed("<=", following, n), loop, done)
    builder.position_at_end(loop)
    place.add_incoming(following, loop)
    for chain, value in zip(chains, columns(place), strict=True):
        chain.add_incoming(builder.fadd(chain, value), loop)
    builder.branch(test)
    builder.position_at_end(done)
    while len(chains) > 1:
        chains = [builder.fadd(a, b) for a, b in zip(chains[::2], chains[1::2], strict=True)]
    # the rest one after the other: of the last eight samples those that are not in a chain yet
    total, first = chains[0], builder.sub(n, eight)
    for number, value in enumerate(columns(first)):
        is_new = builder.icmp_signed(">=", builder.add(first, i64(number)), place)
        total = builder.select(is_new, builder.fadd(total, value), total)
    return total


@intrinsic
def _vector_sums(
    typingctx: Any, samples: Any, stride: Any, begin: Any, n: Any, trace: Any, sums: Any
) -> Any:
    i = types.int64
    signature = types.void(samples, i, i, i, i, sums)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        samples, stride, begin, n, trace, sums = contents(context, builder, signature, args)
        rows = [builder.add(trace, ir.IntType(64)(lane)) for lane in range(WINDOWS)]
        places = [builder.add(builder.mul(row, stride), begin) for row in rows]
        starts = [builder.gep(samples, [place]) for place in places]
        total = chained(builder, starts, n, lambda column: column)
        store(builder, total, sums, trace)
        return context.get_dummy_value()

    return signature, codegen


@overload(trace_sums, jit_options={"nogil": True})
def _trace_sums(samples, stride, begin, n, sums):  # type: ignore[no-untyped-def]
    def by_lanes(samples, stride, begin, n, sums):  # type: ignore[no-untyped-def]
        done = 0
        if CHAINS <= n <= BLOCK:
            done = sums.shape[0] // WINDOWS * WINDOWS
            for trace in range(0, done, WINDOWS):
                _vector_sums(samples, stride, begin, n, trace, sums)
        for t in range(done, sums.shape[0]):
            place = t * stride + begin
            sums[t] = pairwise_sum(samples[place : place + n])

    return by_lanes


__all__ = ["chained", "trace_sums"]
