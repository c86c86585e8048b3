"""Steps along the samples of every trace of one event, sixteen samples at a time.

Traces are short and their lengths no multiples of what a processor takes at once, so that a plain
loop leaves up to half of the samples for its end, one by one. Here the last step takes the last
sixteen samples, some of which were done before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from .lane_tools import contents, load, splat, store
from .search_lanes import LANES


def calibrated_traces(
    samples: np.ndarray,
    n_samples: int,
    pedestal: np.ndarray,
    factor: np.ndarray,
    gain: np.ndarray,
    out: np.ndarray,
    stride: int,
) -> None:
    """Subtract the pedestal from the samples of the selected gains and scale them.

    Parameters
    ----------
    samples : uint16, uint32 or float32 (n_stored * n_pixels * n_samples,)
        Traces of all gains, or of the selected ones.
    n_samples : int
    pedestal, factor : float32 (n_gains, n_pixels)
    gain : int8 (n_pixels,)
    out : float32 (m * stride,), m >= n_pixels
        Written: the first n_samples of each row, in single precision.
    stride : int
    """
    n_pixels = len(gain)
    traces = samples.reshape(-1, n_pixels, n_samples)
    for p in range(n_pixels):
        trace = traces[min(gain[p], len(traces) - 1), p].astype(np.float32)
        row = (trace - pedestal[gain[p], p]) * factor[gain[p], p]
        out[p * stride : p * stride + n_samples] = row


def traces_above(samples: np.ndarray, n_samples: int, threshold: int, above: np.ndarray) -> None:
    """Find the traces of which any sample lies above a threshold.

    Parameters
    ----------
    samples : uint16, uint32 or float32 (m,), m >= n_pixels * n_samples
    n_samples, threshold : int
    above : int8 (n_pixels,)
        Written: 1 for those traces, 0 for others.
    """
    for p in range(len(above)):
        trace = samples[p * n_samples : (p + 1) * n_samples]
        above[p] = (trace.astype(np.float64) > threshold).any()


def _steps(builder: Any, n: Any, body: Callable[[Any], None]) -> None:
    """Run `body` with the place of every sixteen samples; there must be as many."""
    i64 = ir.IntType(64)
    last = builder.sub(n, i64(LANES))
    before = builder.block
    loop, done = builder.append_basic_block("lanes"), builder.append_basic_block("lanes_done")
    builder.branch(loop)
    builder.position_at_end(loop)
    place = builder.phi(i64)
    place.add_incoming(i64(0), before)
    body(place)
    following = builder.add(place, i64(LANES))
    inside = builder.icmp_signed("<", following, last)
    place.add_incoming(builder.select(inside, following, last), builder.block)
    builder.cbranch(builder.icmp_signed("<", place, last), loop, done)
    builder.position_at_end(done)


@intrinsic
def _vector_calibrated(
    typingctx: Any, samples: Any, begin: Any, n: Any, base: Any, scale: Any, out: Any, to: Any
) -> Any:
    i = types.int64
    signature = types.void(samples, i, i, types.float32, types.float32, out, i)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        samples, begin, n, base, scale, out, to = contents(context, builder, signature, args)
        kind = samples.type.pointee
        floats = ir.VectorType(ir.FloatType(), LANES)
        integers = ir.VectorType(ir.IntType(32), LANES)
        subtracted, factor = splat(builder, base, floats), splat(builder, scale, floats)

        def body(place: Any) -> None:
            loaded = load(builder, samples, builder.add(begin, place), LANES)
            if isinstance(kind, ir.IntType) and kind.width < 32:
                loaded = builder.sitofp(builder.zext(loaded, integers), floats)
            elif isinstance(kind, ir.IntType):
                loaded = builder.uitofp(loaded, floats)
            found = builder.fmul(builder.fsub(loaded, subtracted), factor)
            store(builder, found, out, builder.add(to, place))

        _steps(builder, n, body)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _vector_highest(typingctx: Any, samples: Any, begin: Any, n: Any) -> Any:
    signature = samples.dtype(samples, types.int64, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        samples, begin, n = contents(context, builder, signature, args)
        kind = samples.type.pointee
        vector = ir.VectorType(kind, LANES)
        highest = cgutils.alloca_once(builder, vector)
        builder.store(ir.Constant(vector, [0] * LANES), highest)

        def body(place: Any) -> None:
            loaded = load(builder, samples, builder.add(begin, place), LANES)
            before = builder.load(highest)
            greater = builder.icmp_unsigned(">", loaded, before)
            builder.store(builder.select(greater, loaded, before), highest)

        _steps(builder, n, body)
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(kind, [vector]),
            f"llvm.vector.reduce.umax.v{LANES}i{kind.width}",
        )
        return builder.call(function, [builder.load(highest)])

    return signature, codegen


@overload(calibrated_traces, jit_options={"nogil": True})
def _calibrated_traces(samples, n_samples, pedestal, factor, gain, out, stride):  # type: ignore[no-untyped-def]
    def by_lanes(samples, n_samples, pedestal, factor, gain, out, stride):  # type: ignore[no-untyped-def]
        n_pixels = gain.shape[0]
        last = samples.shape[0] // max(n_pixels * n_samples, 1) - 1
        for p in range(n_pixels):
            g = np.intp(gain[p])
            place, to = (min(g, last) * n_pixels + p) * n_samples, p * stride
            base, scale = pedestal[g, p], factor[g, p]
            if n_samples >= LANES:
                _vector_calibrated(samples, place, n_samples, base, scale, out, to)
            else:
                for s in range(n_samples):
                    out[to + s] = (np.float32(samples[place + s]) - base) * scale

    return by_lanes


@overload(traces_above, jit_options={"nogil": True})
def _traces_above(samples, n_samples, threshold, above):  # type: ignore[no-untyped-def]
    def plain(samples, n_samples, threshold, above):  # type: ignore[no-untyped-def]
        for p in range(above.shape[0]):
            found = False
            for s in range(p * n_samples, (p + 1) * n_samples):
                found |= samples[s] > threshold
            above[p] = found

    def by_lanes(samples, n_samples, threshold, above):  # type: ignore[no-untyped-def]
        for p in range(above.shape[0]):
            begin, found = p * n_samples, False
            if n_samples >= LANES:
                found = np.int64(_vector_highest(samples, begin, n_samples)) > threshold
            else:
                for s in range(begin, begin + n_samples):
                    found |= samples[s] > threshold
            above[p] = found

    return by_lanes if samples.dtype == types.uint16 else plain


__all__ = ["calibrated_traces", "traces_above"]
