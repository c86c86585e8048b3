"""Histograms of events for instrument response functions."""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def histogram_cells(
    bins: np.ndarray, group: np.ndarray, axes: np.ndarray, sizes: np.ndarray, out: np.ndarray
) -> None:
    """Cell of each event in a flat histogram over a group and some axes.

    Parameters
    ----------
    bins : int32 (n_all_axes, n_events)
    group : int32 (n_events,)
    axes : int64 (n_axes,)
        Rows of `bins` that are the axes of the histogram, the slowest first.
    sizes : int64 (n_axes,)
        Bins of these axes, with those below and above.
    out : int64 (n_events,)
        Written: the cell.

    Notes
    -----
    Source: row-major order.

    Examples
    --------
    >>> import numpy as np
    >>> bins, out = np.array([[1, 2], [0, 3]], np.int32), np.empty(2, np.int64)
    >>> histogram_cells(bins, np.array([0, 1], np.int32), np.arange(2), np.array([4, 5]), out)
    >>> out.tolist()
    [5, 33]
    """
    for i in range(group.shape[0]):
        out[i] = group[i]
    for a in range(axes.shape[0]):  # outside, so that the loop over events has vector instructions
        row, size = bins[axes[a]], sizes[a]
        for i in range(group.shape[0]):
            out[i] = out[i] * size + row[i]


@kernel
def add_counts(cells: np.ndarray, selected: np.ndarray, out_counts: np.ndarray) -> None:
    """Count the selected events in each cell.

    Parameters
    ----------
    cells : int64 (n_events,)
    selected : bool (n_events,)
    out_counts : int64 (n_cells,)
        Added to.

    Notes
    -----
    Source: definition.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.zeros(2, np.int64)
    >>> add_counts(np.array([1, 1, 0]), np.array([True, True, False]), counts)
    >>> counts.tolist()
    [0, 2]
    """
    for i in range(cells.shape[0]):
        if selected[i]:
            out_counts[cells[i]] += 1


@kernel
def add_weights(
    cells: np.ndarray,
    selected: np.ndarray,
    weight: np.ndarray,
    shower: np.ndarray,
    out_sums: np.ndarray,
    out_squares: np.ndarray,
) -> None:
    """Sum weights in each cell, and squares of the summed weights of each shower.

    Parameters
    ----------
    cells : int64 (n_events,)
    selected : bool (n_events,)
    weight : float64 (n_events,)
    shower : int64 (n_events,)
        Uses of one simulated shower follow each other and have the same number; distinct numbers
        make the events independent.
    out_sums : float64 (n_cells,)
        Added to: sum of the weights.
    out_squares : float64 (n_cells,)
        Added to: sum over showers of (sum of the weights of its uses in this cell) ** 2, which is
        the variance of the sum of weights.

    Notes
    -----
    Source: Kish, Survey Sampling (1965), effective size of a sample = sum ** 2 / squares, each
    cluster (shower) being one draw. (a + b) ** 2 = a ** 2 + b ** 2 + 2 a b, pair by pair.

    Examples
    --------
    >>> import numpy as np
    >>> sums, squares, one = np.zeros(1), np.zeros(1), np.ones(3)
    >>> cells = np.zeros(3, np.int64)
    >>> add_weights(cells, one > 0, one, np.array([7, 7, 8]), sums, squares)
    >>> sums.tolist(), squares.tolist()
    ([3.0], [5.0])
    """
    begin = 0
    for i in range(cells.shape[0]):
        if shower[i] != shower[begin]:
            begin = i
        if not selected[i]:
            continue
        cell, w = cells[i], weight[i]
        total = w
        for j in range(begin, i):
            if selected[j] and cells[j] == cell:
                total += 2.0 * weight[j]
        out_sums[cell] += w
        out_squares[cell] += w * total
