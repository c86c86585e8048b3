"""Counts and values in fine cells: exact quantiles of any number of events in little memory."""

from __future__ import annotations

import numpy as np

from .jit import kernel

_SIGN = np.int64(0x7FFFFFFFFFFFFFFF)


@kernel
def count_cells(
    values: np.ndarray,
    rows: np.ndarray,
    selected: np.ndarray,
    shift: int,
    first: int,
    out_counts: np.ndarray,
) -> None:
    """Count the selected values of each row in cells of their bits.

    Parameters
    ----------
    values : float64 (n_values,)
        NaN is not counted.
    rows : int64 (n_values,)
        Bin of energy and so on of each value.
    selected : bool (n_values,)
    shift : int
        Lower bits that a cell ignores.
    first : int
        Upper bits of the first cell; lower values are counted there, higher ones in the last cell.
    out_counts : uint32 (n_rows, n_cells)
        Added to.

    Notes
    -----
    Source: IEEE 754, section 5.10: as sign and magnitude, bits are in the order of the numbers they
    stand for. Cells so are ordered, and narrow as numbers are small, about as in a logarithm.

    Examples
    --------
    >>> import numpy as np
    >>> counts, values = np.zeros((1, 3), np.uint32), np.array([0.1, 1.0, 1.9, 2.0, 99.0])
    >>> count_cells(values, np.zeros(5, np.int64), values < 50, 52, 1022, counts)
    >>> counts.tolist()
    [[1, 2, 1]]
    """
    last = out_counts.shape[1] - 1
    bits = values.view(np.int64)
    for i in range(values.shape[0]):
        if not selected[i] or values[i] != values[i]:
            continue
        key = bits[i] if bits[i] >= 0 else bits[i] ^ _SIGN
        cell = min(max((key >> shift) - first, 0), last)
        out_counts[rows[i], cell] += np.uint32(1)


@kernel
def collect_cells(
    values: np.ndarray,
    rows: np.ndarray,
    selected: np.ndarray,
    shift: int,
    first: int,
    slots: np.ndarray,
    begin: np.ndarray,
    out_filled: np.ndarray,
    out_values: np.ndarray,
) -> None:
    """Keep the selected values of some cells.

    Parameters
    ----------
    values, rows, selected, shift, first
        As in `count_cells`.
    slots : int32 (n_rows, n_cells)
        Where the values of a cell are kept; -1 for cells whose values are not wanted.
    begin : int64 (n_slots + 1,)
        First place of each slot in `out_values`, and the end of the last one.
    out_filled : int64 (n_slots,)
        Added to: values met for each slot. One with more values than places keeps the first ones.
    out_values : float64 (n_places,)
        Written, slot by slot.

    Notes
    -----
    Source: as `count_cells`.

    Examples
    --------
    >>> import numpy as np
    >>> filled, out, values = np.zeros(1, np.int64), np.zeros(2), np.array([0.1, 1.9, 1.0, 2.0])
    >>> slots, begin = np.array([[-1, 0, -1]], np.int32), np.array([0, 2])
    >>> rows = np.zeros(4, np.int64)
    >>> collect_cells(values, rows, values > 0, 52, 1022, slots, begin, filled, out)
    >>> filled.tolist(), out.tolist()
    ([2], [1.9, 1.0])
    """
    last = slots.shape[1] - 1
    bits = values.view(np.int64)
    for i in range(values.shape[0]):
        if not selected[i] or values[i] != values[i]:
            continue
        key = bits[i] if bits[i] >= 0 else bits[i] ^ _SIGN
        slot = slots[rows[i], min(max((key >> shift) - first, 0), last)]
        if slot < 0:
            continue
        place = begin[slot] + out_filled[slot]
        out_filled[slot] += 1
        if place < begin[slot + 1]:
            out_values[place] = values[i]


@kernel
def add_moments(
    values: np.ndarray,
    rows: np.ndarray,
    selected: np.ndarray,
    origin: float,
    out_sums: np.ndarray,
    out_squares: np.ndarray,
) -> None:
    """Sum the selected values of each row, and their squares, relative to an origin.

    Parameters
    ----------
    values, rows, selected
        As in `count_cells`.
    origin : float
        Near the mean, so that little is lost in differences of sums.
    out_sums, out_squares : float64 (n_rows,)
        Added to.

    Notes
    -----
    Source: definition.

    Examples
    --------
    >>> import numpy as np
    >>> sums, squares, values = np.zeros(1), np.zeros(1), np.array([1.5, 0.0, np.nan])
    >>> add_moments(values, np.zeros(3, np.int64), values < 9, 1.0, sums, squares)
    >>> sums.tolist(), squares.tolist()
    ([-0.5], [1.25])
    """
    for i in range(values.shape[0]):
        if selected[i] and values[i] == values[i]:
            x = values[i] - origin
            out_sums[rows[i]] += x
            out_squares[rows[i]] += x * x
