"""Exact quantiles of a column in bins of others, for any number of events in bounded memory.

A first scan counts values in fine cells of their bits, which tells the cells that hold the wanted
ranks; a second scan keeps the values of these cells only. Memory is that of the cells and of one
value in some twenty to two hundred, whatever is the number of rows. (Quantiles from histograms or
sketches would be one scan, but off by the width of a cell.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.expressions import check_columns, parse
from ctabatch.irf.axes import Axis
from ctabatch.irf.fill import batches, check_wanted, find_groups, group_names, number
from ctabatch.irf.groups import GroupColumn, Groups
from ctabatch.irf.ranks import Quantiles, RankSearch, Sample
from ctabatch.kernels.irf_histogram import histogram_cells

#: Values, rows and selection of each sample, and the showers.
_Batch = tuple[
    list[NDArray[np.float64]],
    list[NDArray[np.int64]],
    list[NDArray[np.bool_]],
    NDArray[np.int64] | None,
]


def quantiles(
    events: pl.LazyFrame,
    samples: Sequence[Sample],
    *,
    by: Sequence[str] = (),
    among: pl.LazyFrame | None = None,
    shower: str | None = None,
) -> dict[tuple[str, str], Quantiles]:
    """Quantiles of all samples in all groups, from two scans over the events.

    Errors come from the ranks one standard deviation of their number below and above the quantile,
    whatever the distribution: half of the distance between the values there, which is the 68 %
    interval that order statistics give (David and Nagaraja, Order Statistics, 2003, section 7.1).

    Parameters
    ----------
    events : polars.LazyFrame
        An event frame. Rows whose column ``is_valid`` is not true do not count.
    samples : sequence of Sample
    by : sequence of str
        Expressions whose values separate groups, see `GroupColumn`.
    among : LazyFrame, optional
        As in `ctabatch.irf.fill.fill`.
    shower : str, optional
        As in `ctabatch.irf.fill.fill`: errors are those of Kish's effective number of events.

    Returns
    -------
    dict
        (group, name of the sample) -> quantiles. Without events and with `by` there are no groups.

    Raises
    ------
    OptionError
        A column or expression is unusable.
    InputError
        The events differ between the scans.
    """
    scan = _Scan(events, samples, by, shower)
    if among is not None:
        find_groups(scan.groups, among)
    searches = [RankSearch(sample) for sample in samples]
    for values, rows, selected, uses in scan:
        for k, search in enumerate(searches):
            search.count(values[k], rows[k], selected[k], uses, len(scan.groups))
    there = scan.n_events or not by or among is not None
    labels, order = (scan.groups.labels(), scan.groups.order()) if there else ([], [])
    for search in searches:
        search.plan(len(labels))
    for turn in range(max((len(search.turns) for search in searches), default=0)):
        for search in searches:
            search.start(turn)
        for values, rows, selected, _ in scan:
            for k, search in enumerate(searches):
                search.collect(values[k], rows[k], selected[k])
        for search in searches:
            search.finish()
    return {
        (label, search.sample.name): search.result(group)
        for search in searches
        for group, label in ((number, labels[number]) for number in order)
    }


class _Scan:
    """The events of all samples, batch by batch, as often as wanted."""

    def __init__(
        self, events: pl.LazyFrame, samples: Sequence[Sample], by: Sequence[str], shower: str | None
    ) -> None:
        available = events.collect_schema().names()
        self.samples, self.shower, self.n_events = samples, shower, 0
        self.groups = Groups([GroupColumn(text, available) for text in by])
        self._names = group_names(self.groups)
        self._valid = ["is_valid"] if "is_valid" in available else []
        columns = {s.column for s in samples} | {c for s in samples for c, _ in s.axes}
        cuts = {cut for s in samples for cut in s.cuts} | set(self._valid)
        wanted = {column: number(column) for column in sorted(columns)}
        wanted |= {f"cut {cut}": pl.col(cut).fill_null(value=False) for cut in sorted(cuts)}
        pairs = zip(self._names, self.groups.columns, strict=True)
        wanted |= {name: column.read for name, column in pairs}
        if shower is not None:
            uses = parse(shower, "shower")
            check_columns([uses], available)
            wanted["shower"] = uses.expr.cast(pl.Int64)
        check_wanted(wanted, available)
        self._query = events.select(**wanted)

    def __iter__(self) -> Iterator[_Batch]:
        self.n_events = 0
        for batch in batches(self._query, whole_showers=self.shower is not None):
            self.n_events += batch.height
            group = self.groups.numbers(batch, self._names)
            indices: dict[tuple[str, int], NDArray[np.int32]] = {}
            rows: list[NDArray[np.int64]] = []
            selected: list[NDArray[np.bool_]] = []
            for sample in self.samples:
                for column, axis in sample.axes:
                    if (column, id(axis)) not in indices:
                        indices[column, id(axis)] = _index(axis, batch[column].to_numpy())
                bins = np.stack([indices[column, id(axis)] for column, axis in sample.axes])
                own, sizes = np.empty(batch.height, np.int64), np.array(sample.sizes)
                histogram_cells(bins, group, np.arange(len(bins)), sizes, own)
                rows.append(own)
                passes = [batch[f"cut {cut}"].to_numpy() for cut in (*sample.cuts, *self._valid)]
                selected.append(
                    np.logical_and.reduce(passes) if passes else np.ones(batch.height, bool)
                )
            uses = batch["shower"].to_numpy() if self.shower is not None else None
            values = [batch[sample.column].to_numpy() for sample in self.samples]
            yield values, rows, selected, uses


def _index(axis: Axis, values: NDArray[np.float64]) -> NDArray[np.int32]:
    """Bins as pyirf's benchmarks have them: a value on the last edge is above the bins."""
    found = axis.index(values)
    found[values == axis.edges[-1]] = axis.n_bins + 1
    return found
