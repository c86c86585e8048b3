"""Energy bins, and the rows that metrics look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from ctabatch.errors import InputError

Floats = NDArray[np.float64]
#: From the indices of the events of a bin to values of its row.
MakeRow = Callable[[NDArray[np.int64]], dict[str, float | None]]


def default_edges() -> Floats:
    """Edges of 5 bins per decade from 0.01 to 100 TeV."""
    return 10.0 ** np.linspace(-2.0, 2.0, 21)


class EnergyBins:
    """Energy bins, and tables with one row each."""

    def __init__(self, edges: ArrayLike | None) -> None:
        self.edges = default_edges() if edges is None else np.asarray(edges, np.float64)
        if self.edges.ndim != 1 or len(self.edges) < 2 or not np.all(np.diff(self.edges) > 0):
            raise InputError("edges of energy bins must be at least two rising numbers")

    def table(
        self, schema: pa.Schema, energy: Floats, row: MakeRow, empty: dict[str, Any] | None = None
    ) -> pa.Table:
        """One row per bin: `row(indices of its events)`, or `empty` without events."""
        number = np.searchsorted(self.edges, energy, side="right") - 1
        order = np.argsort(number, kind="stable")
        limits = np.searchsorted(number[order], np.arange(len(self.edges)))
        rows = []
        for i, (low, high) in enumerate(zip(self.edges[:-1], self.edges[1:], strict=True)):
            chosen = order[limits[i] : limits[i + 1]]
            values = {"energy_min": low, "energy_max": high, "n_events": len(chosen)}
            rows.append(values | (row(chosen) if len(chosen) else (empty or {})))
        columns = [
            pa.array([values.get(field.name) for values in rows], field.type) for field in schema
        ]
        return pa.Table.from_arrays(columns, schema=schema)


def finite_rows(
    *columns: ArrayLike, weight: ArrayLike | None = None
) -> tuple[list[Floats], Floats | None]:
    """Columns as float64, without the rows that are not finite or have no positive weight."""
    arrays = [np.asarray(column, np.float64) for column in columns]
    w = None if weight is None else np.asarray(weight, np.float64)
    every = arrays if w is None else [*arrays, w]
    if any(array.shape != arrays[0].shape or array.ndim != 1 for array in every):
        shapes = ", ".join(str(array.shape) for array in every)
        raise InputError(f"columns must be arrays of one length, found shapes {shapes}")
    keep = np.logical_and.reduce([np.isfinite(array) for array in every])
    if w is not None:
        keep &= w > 0
        w = w[keep]
    return [array[keep] for array in arrays], w
