"""Histograms of all instrument response functions from one scan over the events.

The events come as a lazy query, are computed in streaming batches by polars and counted by
`ctabatch.kernels.irf_histogram`, so that memory does not depend on the number of rows. Measured
with 2e7 rows on one thread, reading included: this way 2.1 s and 0.4 GiB with edges exact to the
event; polars' group_by over `search_sorted` bins 6.4 s and 1.2 GiB, over bins from floor(log) 2.4
to 3.0 s and 0.6 GiB, but these put a few events into the neighbouring bin. The first one is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.expressions import check_columns, parse
from ctabatch.irf.axes import Axis
from ctabatch.irf.groups import GroupColumn, Groups
from ctabatch.irf.histograms import QUANTITIES, WEIGHTED, Counter, Histogram, IrfAxes, unseen_cuts

#: Simulated shower of an event in the numbering of sim_telarray: event = 100 * shower + use.
SHOWER = "obs_id * 10000000000 + event_id // 100"

#: What a counter counts: columns, cuts, and whether weights.
_Key = tuple[tuple[str, ...], tuple[str, ...], bool]
_MIGRA = pl.col("reco_energy").cast(pl.Float64) / pl.col("true_energy").cast(pl.Float64)


@dataclass(frozen=True, eq=False)
class Filled:
    """What one scan found.

    Attributes
    ----------
    histograms : mapping
        (group, quantity) -> histogram; the group is empty if none were asked for.
    groups : mapping
        Name of each group -> its label in each of the columns.
    columns : tuple of GroupColumn
        What separates the groups.
    n_events, n_passed : int
        Rows read, and those of them that pass all cuts.
    point_like : bool
        Whether a theta cut was applied to the responses where it belongs.
    """

    histograms: Mapping[tuple[str, str], Histogram]
    groups: Mapping[str, tuple[str, ...]]
    n_events: int
    n_passed: int
    point_like: bool
    columns: tuple[GroupColumn, ...] = ()

    def condition(self, group: str) -> pl.Expr:
        """Whether an event belongs to a group."""
        pairs = zip(self.columns, self.groups[group], strict=True)
        conditions = [column.condition(label) for column, label in pairs]
        return pl.all_horizontal(conditions) if conditions else pl.lit(value=True)


def fill(
    events: pl.LazyFrame,
    axes: IrfAxes,
    quantities: Sequence[str] = ("aeff", "edisp", "psf"),
    *,
    gammaness: str | None = None,
    theta: str | None = None,
    point_like: bool = True,
    weight: str | None = None,
    by: Sequence[str] = (),
    among: pl.LazyFrame | None = None,
    shower: str | None = None,
) -> Filled:
    """Count events for all wanted quantities in one scan.

    Parameters
    ----------
    events : polars.LazyFrame
        An event frame with the columns that the quantities read. Rows whose column ``is_valid`` is
        not true do not count.
    axes : IrfAxes
    quantities : sequence of str
        Of `QUANTITIES`.
    gammaness, theta : str, optional
        Boolean columns: what passes the cuts. Without, all events pass.
    point_like : bool
        Whether the theta cut applies to responses (those of `WITH_THETA_CUT`), or only to what
        describes a source (`ALWAYS_WITH_THETA_CUT`).
    weight : str, optional
        Column of weights, for background and signal. Other quantities count events.
    by : sequence of str
        Expressions whose values separate groups, see `GroupColumn`.
    among : LazyFrame, optional
        What `events` were chosen from: there are histograms of all groups in it.
    shower : str, optional
        SQL expression that has the same integer value in all uses of one simulated shower, such as
        `SHOWER`. Rows of a shower must follow each other, as they do in simulated files: then
        errors take the reuse into account. Without, events count as independent.

    Raises
    ------
    OptionError
        A quantity, column or expression is unusable.
    InputError
        Weights are not finite.
    """
    available = events.collect_schema().names()
    for quantity in quantities:
        axes.of(quantity)
    pairs = dict.fromkeys(pair for quantity in quantities for pair in QUANTITIES[quantity])
    groups = Groups([GroupColumn(text, available) for text in by])
    names = group_names(groups)
    if among is not None:
        find_groups(groups, among)
    wanted = {column: number(column) for column, _ in pairs}
    cuts = [cut for cut in (gammaness, theta) if cut is not None]
    cuts += ["is_valid"] if "is_valid" in available else []
    wanted |= {f"cut {cut}": pl.col(cut).fill_null(value=False) for cut in cuts}
    weighted = weight is not None and not set(quantities).isdisjoint(WEIGHTED)
    if weight is not None and weighted:
        wanted["weight"] = pl.col(weight).cast(pl.Float64).fill_null(np.nan)
    wanted |= {name: c.read for name, c in zip(names, groups.columns, strict=True)}
    if shower is not None:
        uses = parse(shower, "shower")
        check_columns([uses], available)
        wanted["shower"] = uses.expr.cast(pl.Int64)
    check_wanted(wanted, available)
    query = events.select(**wanted)
    # quantities that count the same events in the same bins share a counter
    counters: dict[_Key, Counter] = {}
    keys: dict[str, _Key] = {}
    for quantity in quantities:
        unseen = unseen_cuts(quantity, gammaness, theta, point_like=point_like)
        seen = tuple(cut for cut in cuts if cut not in unseen)
        columns = tuple(map(str, QUANTITIES[quantity]))
        keys[quantity] = columns, seen, weighted and quantity in WEIGHTED
        if keys[quantity] not in counters:
            counters[keys[quantity]] = Counter(quantity, axes, list(pairs))
    n_events = n_passed = 0
    for batch in batches(query, whole_showers=shower is not None):
        n_events += batch.height
        numbers = groups.numbers(batch, names)
        bins = np.empty((len(pairs), batch.height), np.int32)
        for row, (column, axis) in enumerate(pairs):
            bins[row] = _axis(axes, axis).index(batch[column].to_numpy())
        passes = {cut: batch[f"cut {cut}"].to_numpy() for cut in cuts}
        weights = batch["weight"].to_numpy() if weighted else None
        showers = batch["shower"].to_numpy() if shower is not None else None
        every = np.ones(batch.height, bool)
        n_passed += int(np.count_nonzero(np.logical_and.reduce([every, *passes.values()])))
        cells: dict[tuple[str, ...], NDArray[np.int64]] = {}
        selections: dict[tuple[str, ...], NDArray[np.bool_]] = {}
        for (axes_of, seen, _), counter in counters.items():
            if axes_of not in cells:
                cells[axes_of] = counter.cells(bins, numbers)
            if seen not in selections:
                own = [passes[cut] for cut in seen]
                selections[seen] = np.logical_and.reduce(own) if own else every
            counter.add(cells[axes_of], selections[seen], weights, showers, len(groups))
    there = n_events or not by or among is not None
    order = groups.order() if there else []
    labels, parts = groups.labels(), groups.parts()
    found = {
        (labels[number], quantity): counters[key].histogram(number, quantity)
        for quantity, key in keys.items()
        for number in order
    }
    applied = theta is not None and point_like
    return Filled(
        found, {labels[k]: parts[k] for k in order}, n_events, n_passed, applied, groups.columns
    )


def _axis(axes: IrfAxes, name: str) -> Axis:
    quantity = next(q for q, pairs in QUANTITIES.items() if name in [field for _, field in pairs])
    return axes.field(quantity, name)


def group_names(groups: Groups) -> list[str]:
    """Names of the columns of a query that hold the values of the groups."""
    return [f"by {k}" for k in range(len(groups.columns))]


def find_groups(groups: Groups, events: pl.LazyFrame) -> None:
    """Number all groups that events belong to."""
    names = group_names(groups)
    if names:
        pairs = zip(names, groups.columns, strict=True)
        query = events.select(**{name: column.read for name, column in pairs})
        for batch in batches(query, whole_showers=False):
            groups.numbers(batch, names)


def number(column: str) -> pl.Expr:
    """A column as float64 without null; ``migra`` is reconstructed over true energy."""
    expr = _MIGRA if column == "migra" else pl.col(column).cast(pl.Float64)
    return expr.fill_null(np.nan)


def check_wanted(wanted: Mapping[str, pl.Expr], available: Sequence[str]) -> None:
    """Refuse expressions that read columns that are not there."""
    missing = {name for expr in wanted.values() for name in expr.meta.root_names()}
    missing -= set(available)
    if missing:
        raise OptionError(
            f"the events lack columns: {', '.join(sorted(missing))}; "
            f"there are: {', '.join(sorted(available))}"
        )


def batches(query: pl.LazyFrame, *, whole_showers: bool) -> Iterator[pl.DataFrame]:
    """Batches of a streaming query; if wanted, no shower is divided between two."""
    # polars declares this method unstable: tests pin what is used of it. In order, so that sums of
    # weights are the same to the last digit each time
    found: Any = query.collect_batches(engine="streaming", maintain_order=True)
    held: pl.DataFrame | None = None
    for batch in found:
        if not whole_showers:
            yield batch.rechunk()
            continue
        if batch.height == 0:
            continue
        if batch["shower"].null_count():
            raise InputError("the expression that names the simulated shower has no value in a row")
        shower = batch["shower"].to_numpy()
        begin = 0
        if held is not None:
            others = np.flatnonzero(shower != held["shower"][0])
            begin = int(others[0]) if len(others) else len(shower)
            held = pl.concat([held, batch[:begin]])
            if begin == len(shower):
                continue
            yield held.rechunk()
        others = np.flatnonzero(shower[begin:] != shower[-1])
        end = begin + int(others[-1]) + 1 if len(others) else begin
        held = batch[end:]
        if end > begin:
            yield batch[begin:end].rechunk()
    if held is not None:
        yield held.rechunk()
