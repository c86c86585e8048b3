"""Charges and times of the windows of eight pixels at a time, one pixel in each lane.

What is before and behind the sums, limits of the windows, two divisions and three roundings, took
as long as the sums while it was done pixel by pixel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from .jit import kernel
from .lane_tools import contents, load, splat, store
from .window_lanes import WINDOWS, lane_sums

#: Limits of a window this far from its peak are beyond any trace; lanes count in 32 bits.
_FAR = 1 << 29


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
        Below 2^29.
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


def _smaller(builder: Any, one: Any, two: Any) -> Any:
    return builder.select(builder.icmp_signed("<", one, two), one, two)


def _larger(builder: Any, one: Any, two: Any) -> Any:
    return builder.select(builder.icmp_signed(">", one, two), one, two)


@intrinsic
def _vector_charges(
    typingctx: Any, values: Any, stride: Any, n_samples: Any, pixel: Any, peak: Any, gain: Any,
    correction: Any, time_shift: Any, low_gain: Any, low_shift: Any, sampling_rate: Any,
    first: Any, behind: Any, rest: Any, image: Any, peak_time: Any,
) -> Any:  # fmt: skip
    """`pixel_charge` of eight pixels; windows reach from `first` to `behind`, from their peaks on.

    Of the low gain there are the row of the correction, and the place of the first shift.
    """
    i, f = types.int64, types.float64
    signature = types.void(
        values, i, i, i, peak, gain, correction, time_shift, i, i, f, i, i, f, image, peak_time
    )

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (values, stride, n_samples, pixel, peak, gain, correction, time_shift, low_gain, low_shift,
         rate, first, behind, rest, image, peak_time) = contents(
            context, builder, signature, args
        )  # fmt: skip
        i32, i64 = ir.IntType(32), ir.IntType(64)
        single, double, whole = (
            ir.VectorType(kind, WINDOWS) for kind in (ir.FloatType(), ir.DoubleType(), i32)
        )

        def number(value: Any) -> Any:
            return splat(builder, builder.trunc(value, i32), whole)

        def rounded(vector: Any) -> Any:
            return builder.fpext(builder.fptrunc(vector, single), double)

        peaks = builder.trunc(load(builder, peak, pixel, WINDOWS), whole)
        limit, none = number(n_samples), ir.Constant(whole, [0] * WINDOWS)
        begin = builder.add(peaks, number(first))
        begin = _smaller(builder, _larger(builder, begin, none), limit)
        end = _smaller(builder, builder.add(peaks, number(behind)), limit)
        starts = []
        for lane in range(WINDOWS):
            row = builder.mul(builder.add(pixel, i64(lane)), stride)
            sample = builder.sext(builder.extract_element(begin, i32(lane)), i64)
            starts.append(builder.gep(values, [builder.add(row, sample)]))
        position = builder.sitofp(begin, double)
        total, positive, weighted = lane_sums(builder, starts, position, builder.sub(end, begin))

        gains = load(builder, gain, pixel, WINDOWS)
        low = builder.icmp_signed("!=", gains, ir.Constant(gains.type, [0] * WINDOWS))
        factors = [builder.load(builder.gep(correction, [row])) for row in (low_gain, i64(0))]
        factor = builder.select(low, *(splat(builder, one, double) for one in factors))
        charge = builder.fptrunc(builder.fmul(rounded(total), factor), single)
        store(builder, charge, image, pixel)
        is_pulse = builder.fcmp_ordered(">", positive, ir.Constant(double, [0.0] * WINDOWS))
        without = builder.fadd(builder.sitofp(peaks, double), splat(builder, rest, double))
        time = builder.select(is_pulse, builder.fdiv(weighted, positive), without)
        ns = builder.fptrunc(builder.fdiv(rounded(time), splat(builder, rate, double)), single)
        shifts = [load(builder, time_shift, place, WINDOWS) for place in (low_shift, pixel)]
        store(builder, builder.fsub(ns, builder.select(low, *shifts)), peak_time, pixel)
        return context.get_dummy_value()

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
        first = min(max(-shift, -_FAR), _FAR)
        behind, shifts = min(max(width - shift, -_FAR), _FAR), time_shift.reshape(-1)
        low_gain = time_shift.shape[0] - 1  # of one gain the only one
        for block in range(0, n_pixels, WINDOWS):
            pixel = min(block, n_pixels - WINDOWS)  # the last block does some pixels again
            _vector_charges(
                values, stride, n_samples, pixel, peak, gain, correction, shifts, low_gain,
                low_gain * n_pixels + pixel, sampling_rate, first, behind, rest, image, peak_time,
            )  # fmt: skip

    return by_lanes


__all__ = ["block_charges", "pixel_charge"]
