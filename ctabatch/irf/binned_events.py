"""Columns of events in memory, in order of their energy bin: what cuts are derived from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.expressions import QualityQuery
from ctabatch.irf.axes import Axis

#: Knuth's multiplier: the rows k with k * MULTIPLIER mod 2^32 below a limit are spread evenly.
_MULTIPLIER, _MODULUS = 2654435761, 2**32


@dataclass(frozen=True, eq=False)
class BinnedEvents:
    """Events of an energy range, those of one bin after the other.

    Attributes
    ----------
    energy : Axis
        Half-open bins, as `pyirf.binning.calculate_bin_indices` has them: a value on the last
        edge is outside.
    starts : int64 (n_bins + 1,)
        Where the events of each bin begin.
    columns : mapping
        Name -> float32 or float64 (n_events,), int64 for the multiplicity.
    n_read : int
        Events that are valid and meet all criteria, at any energy.
    largest : mapping
        Largest value of each column at any energy.
    """

    energy: Axis
    starts: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.generic]]
    n_read: int
    largest: Mapping[str, float]

    def __getitem__(self, name: str) -> NDArray[np.generic]:
        return self.columns[name]

    @property
    def n_events(self) -> int:
        """Events within the energy range."""
        return int(self.starts[-1])

    @property
    def bins(self) -> NDArray[np.int32]:
        """Bin of each event, counted from 0."""
        return np.repeat(np.arange(self.energy.n_bins, dtype=np.int32), np.diff(self.starts))

    def slices(self) -> Iterator[slice]:
        """Where the events of each bin are."""
        for begin, end in zip(self.starts[:-1], self.starts[1:], strict=True):
            yield slice(int(begin), int(end))


def bin_events(
    events: pl.LazyFrame,
    energy: Axis,
    columns: Collection[str],
    *,
    quality: Mapping[str, str] | None = None,
    within: tuple[str, float, float] | None = None,
    max_rows: int | None = None,
    label: str = "events",
) -> BinnedEvents:
    """Read columns of events into memory.

    Rows count that are valid (``is_valid``, if there is such a column), meet the criteria and have
    a value in all columns.

    Parameters
    ----------
    events : polars.LazyFrame
    energy : Axis
        Bins of ``reco_energy``.
    columns : collection of str
        Names; ``weight`` must be finite and not negative.
    quality : mapping, optional
        Name -> SQL expression.
    within : (str, float, float), optional
        A column and the half-open range that its value must be in.
    max_rows : int, optional
        If more rows would count, an evenly spread, reproducible sample of about this number is
        taken, and the weights are scaled up.
    label : str
        What the events are called in messages.

    Raises
    ------
    OptionError
        A column does not exist.
    InputError
        Weights are unusable.
    """
    available = events.collect_schema().names()
    wanted = ["reco_energy", *(name for name in columns if name != "reco_energy")]
    for name in [*wanted, *([within[0]] if within else [])]:
        if name not in available:
            raise OptionError.unknown_name(f"column of the {label}:", name, available)
    query = QualityQuery(quality or {})
    query.check(available)
    conditions = [query.all(), *(_has_value(events, name) for name in wanted if name != "weight")]
    if "is_valid" in available:
        conditions.append(pl.col("is_valid").fill_null(value=False))
    if within is not None:
        name, low, high = within
        conditions.append((pl.col(name) >= low) & (pl.col(name) < high))
    kept = events.filter(pl.all_horizontal(conditions)).select(wanted)
    kept, scale = _sampled(kept, max_rows)
    frame = kept.collect(engine="streaming")
    arrays = {name: _array(frame[name], name) for name in wanted}
    if "weight" in arrays:
        arrays["weight"] = _weights(arrays["weight"], scale, label)
    return _in_order(arrays, energy)


def half_open_index(axis: Axis, values: NDArray[np.float64]) -> NDArray[np.int32]:
    """Bin of each value as `Axis.index` has it, but a value on the last edge is outside."""
    index = axis.index(values)
    index[values == axis.edges[-1]] = axis.n_bins + 1
    return index


def _in_order(arrays: dict[str, NDArray[np.generic]], energy: Axis) -> BinnedEvents:
    values = np.asarray(arrays["reco_energy"], dtype=np.float64)
    index = half_open_index(energy, values)
    counts = np.bincount(index, minlength=energy.n_bins + 2)
    starts = np.concatenate([[0], np.cumsum(counts[1:-1])]).astype(np.int64)
    # 16 bits are sorted by radix
    order = np.argsort(index.astype(np.uint16), kind="stable")[counts[0] :][: starts[-1]]
    largest = {name: float(a.max()) if len(a) else float("nan") for name, a in arrays.items()}
    ordered = {name: array[order] for name, array in arrays.items() if name != "reco_energy"}
    return BinnedEvents(energy, starts, ordered, len(values), largest)


def _has_value(events: pl.LazyFrame, name: str) -> pl.Expr:
    there = pl.col(name).is_not_null()
    if events.collect_schema()[name].is_float():
        there &= pl.col(name).is_not_nan()
    return there


def _sampled(events: pl.LazyFrame, max_rows: int | None) -> tuple[pl.LazyFrame, float]:
    """At most about `max_rows` rows, and what their weights must be multiplied with."""
    if max_rows is None:
        return events, 1.0
    n_rows = int(events.select(pl.len()).collect(engine="streaming").item())
    if n_rows <= max_rows:
        return events, 1.0
    limit = int(_MODULUS * (max_rows / n_rows))
    place = pl.col("row").cast(pl.UInt64) * _MULTIPLIER % _MODULUS
    return events.with_row_index("row").filter(place < limit).drop("row"), _MODULUS / limit


def _array(column: pl.Series, name: str) -> NDArray[np.generic]:
    if name == "multiplicity":
        return column.cast(pl.Int64).to_numpy()
    dtype = column.dtype if column.dtype in (pl.Float32, pl.Float64) else pl.Float64
    return column.cast(dtype).to_numpy()


def _weights(weights: NDArray[np.generic], scale: float, label: str) -> NDArray[np.float64]:
    values = np.asarray(weights, dtype=np.float64) * scale
    if not (np.isfinite(values).all() and (values >= 0).all()):
        bad = int((~(np.isfinite(values) & (values >= 0))).sum())
        raise InputError(f"{label}: {bad} of {len(values)} weights are negative or not finite")
    return values
