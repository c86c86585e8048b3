"""First maxima of the sums of neighbours of eight pixels at a time.

To find the maximum among the lanes of a vector takes as many steps one after another as the search
that fills them. Eight pixels take these steps together: each step halves the lanes of two of them,
which then share a vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from .lane_tools import contents, store
from .peak_lanes import (
    N_ROWS,
    first_maximum,
    first_of_row,
    first_weighted_maximum,
    row_places,
)
from .search_lanes import LANES, lane_maxima

#: Pixels that are searched together.
PIXELS = 8


def first_maxima(
    rows: np.ndarray, stride: int, numbers: np.ndarray, n_samples: int, peak: np.ndarray
) -> None:
    """First samples at which the sums of some rows are largest, for all pixels.

    Parameters
    ----------
    rows : float32 (m * stride,)
        Rows of `stride` numbers, a multiple of 16.
    stride : int
    numbers : uint32 (n_pixels * 6,)
        Rows to add for each pixel; a row of zeros fills up.
    n_samples : int
        Samples that count in each row; the rest is padding.
    peak : int64 (n_pixels,)
        Written.
    """
    for p in range(len(peak)):
        peak[p] = first_maximum(rows, stride, numbers, p * N_ROWS, n_samples)


def first_weighted_maxima(
    rows: np.ndarray,
    stride: int,
    numbers: np.ndarray,
    weight: float,
    n_samples: int,
    peak: np.ndarray,
    highest: np.ndarray,
) -> None:
    """The same with the row of the pixel itself before the others, times a weight.

    Parameters
    ----------
    rows : float32 or float64 (m * stride,)
    stride : int
    numbers : uint32 (n_pixels * 6,)
    weight : float32 or float64, as the rows
    n_samples : int
    peak : int64 (n_pixels,)
        Written.
    highest : float32 or float64 (n_pixels,), as the rows
        Written: the maxima; -inf if no sum is a number.
    """
    for p in range(len(peak)):
        s = first_weighted_maximum(rows, stride, numbers, p * N_ROWS, p, weight, n_samples)
        total = rows[p * stride + s] * weight
        for j in range(N_ROWS):
            total = total + rows[np.int64(numbers[p * N_ROWS + j]) * stride + s]
        peak[p], highest[p] = s, -np.inf if np.isnan(total) else total


def first_row_maxima(
    rows: np.ndarray, stride: int, n_samples: int, peak: np.ndarray, highest: np.ndarray
) -> None:
    """First samples at which the rows of all pixels themselves are largest.

    Parameters
    ----------
    rows : float32 or float64 (m * stride,)
    stride, n_samples : int
    peak : int64 (n_pixels,)
        Written.
    highest : float32 or float64 (n_pixels,), as the rows
        Written: the maxima; -inf if no sample is a number.
    """
    for p in range(len(peak)):
        s = first_of_row(rows, p * stride, n_samples)
        largest = rows[p * stride + s]
        peak[p], highest[p] = s, -np.inf if np.isnan(largest) else largest


def _better(builder: Any, one: tuple[Any, Any], two: tuple[Any, Any]) -> tuple[Any, Any]:
    """Lane by lane the larger value with its sample; of equal ones the lower sample."""
    higher = builder.fcmp_ordered(">", two[0], one[0])
    equal = builder.fcmp_ordered("==", two[0], one[0])
    earlier = builder.icmp_signed("<", two[1], one[1])
    second = builder.or_(higher, builder.and_(equal, earlier))
    return builder.select(second, two[0], one[0]), builder.select(second, two[1], one[1])


def _picked(builder: Any, one: Any, two: Any, lanes: list[int]) -> Any:
    """Lanes of two vectors, those of the second counted on."""
    kind = ir.VectorType(ir.IntType(32), len(lanes))
    return builder.shuffle_vector(one, two, ir.Constant(kind, lanes))


def _halved(builder: Any, vectors: list[tuple[Any, Any]], runs: int) -> list[tuple[Any, Any]]:
    """Two vectors of `runs` pixels each become one of both, with half as many lanes per pixel."""
    n = PIXELS // runs  # lanes of each pixel
    first = [run * n + i for run in range(2 * runs) for i in range(n // 2)]
    second = [lane + n // 2 for lane in first]
    return [
        _better(
            builder,
            *((_picked(builder, one[0], two[0], lanes), _picked(builder, one[1], two[1], lanes))
              for lanes in (first, second)),
        )
        for one, two in zip(vectors[::2], vectors[1::2], strict=True)
    ]  # fmt: skip


def _eight_maxima(builder: Any, rows: Any, places_of: Any, weight: Any, n_samples: Any) -> Any:
    """Instructions for the maxima of eight pixels: their values, and their samples (int32)."""
    i32, i64 = ir.IntType(32), ir.IntType(64)
    kinds = [ir.VectorType(kind, PIXELS) for kind in (rows.type.pointee, i32)]
    kept = [cgutils.alloca_once(builder, kind, size=ir.Constant(i64, PIXELS)) for kind in kinds]
    halves = [list(range(PIXELS)), list(range(PIXELS, LANES))]
    with cgutils.for_range(builder, ir.Constant(i64, PIXELS)) as loop:
        best, where = lane_maxima(builder, rows, places_of(loop.index), weight, n_samples)
        parts = [
            (_picked(builder, best, best, half), _picked(builder, where, where, half))
            for half in halves
        ]
        for place, vector in zip(kept, _better(builder, *parts), strict=True):
            builder.store(vector, builder.gep(place, [loop.index]))
    vectors = [
        tuple(builder.load(builder.gep(place, [ir.Constant(i64, p)])) for place in kept)
        for p in range(PIXELS)
    ]
    runs = 1
    while len(vectors) > 1:
        vectors = _halved(builder, vectors, runs)
        runs *= 2
    return vectors[0]


@intrinsic
def _vector_maxima(
    typingctx: Any, rows: Any, stride: Any, numbers: Any, pixel: Any, n_samples: Any, peak: Any
) -> Any:
    i = types.int64
    signature = types.void(rows, i, numbers, i, i, peak)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values, stride, numbers, pixel, n_samples, peak = contents(
            context, builder, signature, args
        )
        i64 = ir.IntType(64)

        def places_of(number: Any) -> list[Any]:
            begin = builder.mul(builder.add(pixel, number), ir.Constant(i64, N_ROWS))
            return row_places(builder, numbers, begin, stride)

        _, where = _eight_maxima(builder, values, places_of, None, n_samples)
        store(builder, builder.zext(where, ir.VectorType(i64, PIXELS)), peak, pixel)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _vector_own_maxima(
    typingctx: Any, rows: Any, stride: Any, numbers: Any, weight: Any, pixel: Any, n_samples: Any,
    peak: Any, highest: Any,
) -> Any:  # fmt: skip
    """With the row of the pixel itself; numbers and weight may be None: then it is that alone."""
    i = types.int64
    alone = isinstance(numbers, types.NoneType)
    signature = types.void(
        rows, i, numbers, types.none if alone else rows.dtype, i, i, peak, highest
    )

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values, stride, numbers, weight, pixel, n_samples, peak, highest = contents(
            context, builder, signature, args
        )
        i64 = ir.IntType(64)

        def places_of(number: Any) -> list[Any]:
            own = builder.add(pixel, number)
            if alone:
                return [builder.mul(own, stride)]
            begin = builder.mul(own, ir.Constant(i64, N_ROWS))
            return [builder.mul(own, stride), *row_places(builder, numbers, begin, stride)]

        best, where = _eight_maxima(
            builder, values, places_of, None if alone else weight, n_samples
        )
        store(builder, builder.zext(where, ir.VectorType(i64, PIXELS)), peak, pixel)
        store(builder, best, highest, pixel)
        return context.get_dummy_value()

    return signature, codegen


@overload(first_maxima, jit_options={"nogil": True})
def _first_maxima(rows, stride, numbers, n_samples, peak):  # type: ignore[no-untyped-def]
    # loops are in these functions: to call one for every eight pixels would take its time
    def by_blocks(rows, stride, numbers, n_samples, peak):  # type: ignore[no-untyped-def]
        n_pixels = peak.shape[0]
        for p in range(0, n_pixels - PIXELS + 1, PIXELS):
            _vector_maxima(rows, stride, numbers, p, n_samples, peak)
        for p in range(n_pixels // PIXELS * PIXELS, n_pixels):
            peak[p] = first_maximum(rows, stride, numbers, p * N_ROWS, n_samples)

    return by_blocks


@overload(first_weighted_maxima, jit_options={"nogil": True})
def _first_weighted_maxima(rows, stride, numbers, weight, n_samples, peak, highest):  # type: ignore[no-untyped-def]
    def by_blocks(rows, stride, numbers, weight, n_samples, peak, highest):  # type: ignore[no-untyped-def]
        n_pixels = peak.shape[0]
        for p in range(0, n_pixels - PIXELS + 1, PIXELS):
            _vector_own_maxima(rows, stride, numbers, weight, p, n_samples, peak, highest)
        for p in range(n_pixels // PIXELS * PIXELS, n_pixels):
            s = first_weighted_maximum(rows, stride, numbers, p * N_ROWS, p, weight, n_samples)
            total = rows[p * stride + s] * weight
            for j in range(N_ROWS):
                total += rows[np.int64(numbers[p * N_ROWS + j]) * stride + s]
            peak[p], highest[p] = s, total if total == total else -np.inf

    return by_blocks


@overload(first_row_maxima, jit_options={"nogil": True})
def _first_row_maxima(rows, stride, n_samples, peak, highest):  # type: ignore[no-untyped-def]
    def by_blocks(rows, stride, n_samples, peak, highest):  # type: ignore[no-untyped-def]
        n_pixels = peak.shape[0]
        for p in range(0, n_pixels - PIXELS + 1, PIXELS):
            _vector_own_maxima(rows, stride, None, None, p, n_samples, peak, highest)
        for p in range(n_pixels // PIXELS * PIXELS, n_pixels):
            s = first_of_row(rows, p * stride, n_samples)
            largest = rows[p * stride + s]
            peak[p], highest[p] = s, largest if largest == largest else -np.inf

    return by_blocks


__all__ = ["PIXELS", "first_maxima", "first_row_maxima", "first_weighted_maxima"]
