"""Charges and times of the windows of eight pixels at a time, one pixel in each lane.

What is before and behind the sums, limits of the windows, two divisions and three roundings, took
as long as the sums while it was done pixel by pixel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from .jit import kernel
from .window_lanes import WINDOWS, lane_sums, load, splat


@kernel
def pixel_charge(
    values: np.ndarray,
    stride: int,
    n_samples: int,
    p: int,
    peak: np.ndarray,
    gain: np.ndarray,
    correction: np.ndarray,
    time_shift: np.ndarray,
    sampling_rate: float,
    width: int,
    shift: int,
    rest: float,
    image: np.ndarray,
    peak_time: np.ndarray,
) -> None:
    """Charge and peak time of pixel `p`; the arrays are those of `peak_window.window_charge`.

    Parameters
    ----------
    values : float32 (m * stride,)
    stride, n_samples, p : int
    peak : int64 (n_pixels,)
    gain : int8 (n_pixels,)
    correction : float64 (n_gains,)
    time_shift : float32 (n_gains, n_pixels)
    sampling_rate : float
    width, shift : int
    rest : float
        Where no sample of the window is positive the time is so many samples behind the peak.
    image, peak_time : float32 (n_pixels,)
        Written.

    Notes
    -----
    Source: ctapipe's definition. Sums in double precision, in the order of the samples.
    """
    begin = min(max(np.int64(0), peak[p] - shift), np.int64(n_samples))
    end = min(peak[p] - shift + width, np.int64(n_samples))
    charge, positive, weighted = 0.0, 0.0, 0.0
    for s in range(begin, end):
        value = np.float64(values[p * stride + s])
        above = value if value > 0.0 else 0.0
        charge += value
        positive += above
        weighted += above * np.float64(s)
    time = weighted / positive if positive > 0.0 else peak[p] + rest
    g = np.intp(gain[p])
    image[p] = np.float32(np.float64(np.float32(charge)) * correction[g])
    ns = np.float32(np.float64(np.float32(time)) / sampling_rate)
    peak_time[p] = ns - time_shift[g, p]


def block_charges(
    values: np.ndarray,
    stride: int,
    n_samples: int,
    peak: np.ndarray,
    gain: np.ndarray,
    correction: np.ndarray,
    time_shift: np.ndarray,
    sampling_rate: float,
    width: int,
    shift: int,
    rest: float,
    image: np.ndarray,
    peak_time: np.ndarray,
) -> None:
    """`pixel_charge` of all pixels."""
    for p in range(len(peak)):
        pixel_charge(
            values, stride, n_samples, p, peak, gain, correction, time_shift, sampling_rate, width,
            shift, rest, image, peak_time,
        )  # fmt: skip


class _Lanes:
    """Vectors of eight numbers, one for each pixel."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self.i32, self.i64 = ir.IntType(32), ir.IntType(64)
        self.single, self.double, self.whole, self.long = (
            ir.VectorType(kind, WINDOWS)
            for kind in (ir.FloatType(), ir.DoubleType(), self.i32, self.i64)
        )

    def splat(self, value: Any, kind: Any) -> Any:
        """The same number in every lane."""
        return splat(self.builder, value, kind)

    def load(self, data: Any, place: Any, align: int) -> Any:
        """Eight numbers from a place on."""
        pointer = self.builder.gep(data, [place])
        kind = ir.VectorType(pointer.type.pointee, WINDOWS)
        return load(self.builder, pointer, kind, align)

    def store(self, vector: Any, data: Any, place: Any) -> None:
        """Eight single-precision numbers to a place."""
        pointer = self.builder.bitcast(self.builder.gep(data, [place]), vector.type.as_pointer())
        self.builder.store(vector, pointer).align = 4

    def smaller(self, one: Any, two: Any) -> Any:
        """Lane by lane."""
        return self.builder.select(self.builder.icmp_signed("<", one, two), one, two)

    def larger(self, one: Any, two: Any) -> Any:
        """Lane by lane."""
        return self.builder.select(self.builder.icmp_signed(">", one, two), one, two)

    def rounded(self, vector: Any) -> Any:
        """To single precision and back."""
        return self.builder.fpext(self.builder.fptrunc(vector, self.single), self.double)


@intrinsic
def _vector_charges(
    typingctx: Any, values: Any, stride: Any, n_samples: Any, pixel: Any, peak: Any, gain: Any,
    correction: Any, time_shift: Any, sampling_rate: Any, width: Any, shift: Any, rest: Any,
    image: Any, peak_time: Any,
) -> Any:  # fmt: skip
    i = types.int64
    signature = i(
        values,
        i,
        i,
        i,
        peak,
        gain,
        correction,
        time_shift,
        types.float64,
        i,
        i,
        types.float64,
        image,
        peak_time,
    )

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays = [
            context.make_array(kind)(context, builder, value)
            if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, args, strict=True)
        ]  # fmt: skip
        (values, stride, n_samples, pixel, peak, gain, correction, time_shift, rate, width, shift,
         rest, image, peak_time) = arrays  # fmt: skip
        lanes = _Lanes(builder)

        def whole(value: Any) -> Any:
            return lanes.splat(builder.trunc(value, lanes.i32), lanes.whole)

        peaks = builder.trunc(lanes.load(peak.data, pixel, 8), lanes.whole)
        limit = whole(n_samples)
        opening = builder.sub(peaks, whole(shift))
        zeros = ir.Constant(lanes.whole, [0] * WINDOWS)
        begin = lanes.smaller(lanes.larger(opening, zeros), limit)
        end = lanes.smaller(builder.add(opening, whole(width)), limit)
        starts = []
        for lane in range(WINDOWS):
            row = builder.mul(builder.add(pixel, lanes.i64(lane)), stride)
            first = builder.sext(builder.extract_element(begin, lanes.i32(lane)), lanes.i64)
            starts.append(builder.gep(values.data, [builder.add(row, first)]))
        position = builder.sitofp(begin, lanes.double)
        counts = builder.sub(end, begin)
        (total, positive, weighted), longest = lane_sums(builder, starts, position, counts)

        none = ir.Constant(ir.VectorType(ir.IntType(8), WINDOWS), [0] * WINDOWS)
        low = builder.icmp_signed("!=", lanes.load(gain.data, pixel, 1), none)
        n_gains, n_pixels = cgutils.unpack_tuple(builder, time_shift.shape)
        last = builder.sub(n_gains, lanes.i64(1))  # 0 or 1
        second = builder.gep(correction.data, [last])
        factor = builder.select(
            low,
            lanes.splat(builder.load(second), lanes.double),
            lanes.splat(builder.load(correction.data), lanes.double),
        )
        charge = builder.fptrunc(builder.fmul(lanes.rounded(total), factor), lanes.single)
        lanes.store(charge, image.data, pixel)
        is_pulse = builder.fcmp_ordered(">", positive, ir.Constant(lanes.double, [0.0] * WINDOWS))
        mean = builder.fdiv(weighted, positive)
        without = builder.fadd(builder.sitofp(peaks, lanes.double), lanes.splat(rest, lanes.double))
        time = builder.select(is_pulse, mean, without)
        ns = builder.fptrunc(
            builder.fdiv(lanes.rounded(time), lanes.splat(rate, lanes.double)), lanes.single
        )
        place = builder.add(builder.mul(last, n_pixels), pixel)
        later = builder.select(
            low, lanes.load(time_shift.data, place, 4), lanes.load(time_shift.data, pixel, 4)
        )
        lanes.store(builder.fsub(ns, later), peak_time.data, pixel)
        return builder.sext(longest, lanes.i64)

    return signature, codegen


@overload(block_charges, jit_options={"nogil": True})
def _block_charges(  # type: ignore[no-untyped-def]
    values, stride, n_samples, peak, gain, correction, time_shift, sampling_rate, width, shift,
    rest, image, peak_time,
):  # fmt: skip
    # the loop is here: to call a function with so many arrays takes as long as eight windows
    def by_lanes(  # type: ignore[no-untyped-def]
        values, stride, n_samples, peak, gain, correction, time_shift, sampling_rate, width, shift,
        rest, image, peak_time,
    ):  # fmt: skip
        n_pixels = peak.shape[0]
        if n_pixels < WINDOWS:
            for p in range(n_pixels):
                pixel_charge(
                    values, stride, n_samples, p, peak, gain, correction, time_shift,
                    sampling_rate, width, shift, rest, image, peak_time,
                )  # fmt: skip
            return
        for block in range(0, n_pixels, WINDOWS):
            pixel = min(block, n_pixels - WINDOWS)  # the last block does some pixels again
            _vector_charges(
                values, stride, n_samples, pixel, peak, gain, correction, time_shift,
                sampling_rate, width, shift, rest, image, peak_time,
            )  # fmt: skip

    return by_lanes


__all__ = ["block_charges", "pixel_charge"]
