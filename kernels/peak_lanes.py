"""First maximum of a row, or of the sum of some rows.

The default search adds the six neighbours of a pixel; another adds the pixel itself before them.
Sums are in the precision of the rows and in their order, as in ctapipe: where two samples are equal
but for rounding, the order decides which is the first maximum. Samples that are NaN never are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic, overload

from .search_lanes import LANES, search

#: Rows that are added: a fixed number, so that their addresses stay in registers.
N_ROWS = 6


def first_maximum(
    rows: np.ndarray, stride: int, numbers: np.ndarray, begin: int, n_samples: int
) -> int:
    """First sample at which the sum of some rows is largest.

    Parameters
    ----------
    rows : float32 (m * stride,)
        Rows of `stride` numbers, a multiple of 16.
    stride : int
    numbers : uint32 (k,)
        Rows to add are ``numbers[begin:begin + 6]``; a row of zeros fills up.
    begin : int
    n_samples : int
        Samples that count in each row; the rest is padding.

    Returns
    -------
    int
    """
    total = np.zeros(n_samples, np.float32)
    for j in range(N_ROWS):
        row = np.int64(numbers[begin + j]) * stride
        total += rows[row : row + n_samples]
    return int(np.argmax(np.where(np.isnan(total), -np.inf, total)))


def first_weighted_maximum(
    rows: np.ndarray,
    stride: int,
    numbers: np.ndarray,
    begin: int,
    own: int,
    weight: float,
    n_samples: int,
) -> int:
    """The same with one more row before the others, times a weight.

    Parameters
    ----------
    rows : float32 or float64 (m * stride,)
        Rows of `stride` numbers, a multiple of 16.
    stride : int
    numbers : uint32 (k,)
    begin : int
    own : int
        The row that is added first.
    weight : float32 or float64, as the rows
    n_samples : int

    Returns
    -------
    int
    """
    total = rows[own * stride : own * stride + n_samples] * weight
    for j in range(N_ROWS):
        row = np.int64(numbers[begin + j]) * stride
        total = total + rows[row : row + n_samples]
    return int(np.argmax(np.where(np.isnan(total), -np.inf, total)))


def first_of_row(rows: np.ndarray, place: int, n_samples: int) -> int:
    """First sample at which a row is largest.

    Parameters
    ----------
    rows : float32 or float64 (m,)
        From `place` on there must be as many numbers as the next multiple of 16.
    place : int
        Where the row begins.
    n_samples : int
        At least 1.

    Returns
    -------
    int
    """
    row = rows[place : place + n_samples]
    return int(np.argmax(np.where(np.isnan(row), -np.inf, row)))


def row_places(builder: Any, numbers: Any, begin: Any, stride: Any) -> list[Any]:
    """Where the rows begin."""
    found = []
    for j in range(N_ROWS):
        pointer = builder.gep(numbers, [builder.add(begin, begin.type(j))])
        found.append(builder.mul(builder.zext(builder.load(pointer), begin.type), stride))
    return found


@intrinsic
def _vector_maximum(
    typingctx: Any, rows: Any, stride: Any, numbers: Any, begin: Any, n_samples: Any
) -> Any:
    i = types.int64
    signature = i(rows, i, numbers, i, i)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values, stride, numbers, begin, n_samples = args
        values = context.make_array(signature.args[0])(context, builder, values).data
        numbers = context.make_array(signature.args[2])(context, builder, numbers).data
        places = row_places(builder, numbers, begin, stride)
        return search(builder, values, places, None, n_samples)

    return signature, codegen


@intrinsic
def _vector_weighted_maximum(
    typingctx: Any, rows: Any, stride: Any, numbers: Any, begin: Any, own: Any, weight: Any,
    n_samples: Any,
) -> Any:  # fmt: skip
    i = types.int64
    signature = i(rows, i, numbers, i, i, rows.dtype, i)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values, stride, numbers, begin, own, weight, n_samples = args
        values = context.make_array(signature.args[0])(context, builder, values).data
        numbers = context.make_array(signature.args[2])(context, builder, numbers).data
        places = [builder.mul(own, stride), *row_places(builder, numbers, begin, stride)]
        return search(builder, values, places, weight, n_samples)

    return signature, codegen


@intrinsic
def _vector_row_maximum(typingctx: Any, rows: Any, place: Any, n_samples: Any) -> Any:
    signature = types.int64(rows, types.int64, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values, place, n_samples = args
        values = context.make_array(signature.args[0])(context, builder, values).data
        return search(builder, values, [place], None, n_samples)

    return signature, codegen


@overload(first_maximum, jit_options={"nogil": True})
def _first_maximum(rows, stride, numbers, begin, n_samples):  # type: ignore[no-untyped-def]
    return lambda rows, stride, numbers, begin, n_samples: _vector_maximum(
        rows, stride, numbers, begin, n_samples
    )


@overload(first_weighted_maximum, jit_options={"nogil": True})
def _first_weighted(rows, stride, numbers, begin, own, weight, n_samples):  # type: ignore[no-untyped-def]
    return lambda rows, stride, numbers, begin, own, weight, n_samples: _vector_weighted_maximum(
        rows, stride, numbers, begin, own, weight, n_samples
    )


@overload(first_of_row, jit_options={"nogil": True})
def _first_of_row(rows, place, n_samples):  # type: ignore[no-untyped-def]
    return lambda rows, place, n_samples: _vector_row_maximum(rows, place, n_samples)


__all__ = ["LANES", "N_ROWS", "first_maximum", "first_of_row", "first_weighted_maximum",
           "row_places"]  # fmt: skip
