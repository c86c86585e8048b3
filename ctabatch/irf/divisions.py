"""Parts of the events that come from showers of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from ctabatch.errors import InputError, OptionError
from ctabatch.irf.groups import GroupColumn
from ctabatch.irf.simulated import SimulatedShowers
from ctabatch.irf.simulated_runs import combined

if TYPE_CHECKING:
    from ctabatch.irf.primaries import Sample


@dataclass(frozen=True, eq=False)
class Division:
    """Events that share the showers they come from.

    Attributes
    ----------
    frame : LazyFrame
        In which the events are.
    showers : SimulatedShowers
    runs : DataFrame, optional
    source : str
    condition : polars.Expr, optional
        Which rows of the frame are meant; without all are.
    """

    frame: pl.LazyFrame
    showers: SimulatedShowers
    runs: pl.DataFrame | None
    source: str
    condition: pl.Expr | None = None

    @property
    def events(self) -> pl.LazyFrame:
        """The events alone."""
        return self.frame if self.condition is None else self.frame.filter(self.condition)


def divided(sample: Sample, by: Sequence[GroupColumn]) -> list[tuple[tuple[str, ...], Division]]:
    """Events of one input by labels that all events of a run share; see `Primary.divided`."""
    if sample.runs is None:
        if sample.showers is None:
            raise OptionError(f"{sample.source}: the simulated showers are not stated")
        if by:
            names = ", ".join(column.name for column in by)
            key = _constant(sample, by)
            if key is None:
                raise InputError(
                    f"{sample.source}: --by {names} separates events of this table, but its "
                    "simulated showers are known for all of it only; give one table for each value"
                )
            return [(key, Division(sample.events, sample.showers, None, sample.source))]
        return [((), Division(sample.events, sample.showers, None, sample.source))]
    if not by:
        showers = combined(sample.runs)
        return [((), Division(sample.events, showers, sample.runs, sample.source))]
    labels = [
        [column.labels[code] for code in column.codes(_values(sample.runs, column))]
        for column in by
    ]
    keys = list(zip(*labels, strict=True))
    found = []
    for key in dict.fromkeys(keys):
        runs = sample.runs.filter(pl.Series([own == key for own in keys]))
        chosen = pl.col("obs_id").is_in(runs["obs_id"].implode())
        division = Division(sample.events, combined(runs), runs, sample.source, chosen)
        found.append((key, division))
    return found


def _values(frame: pl.DataFrame, column: GroupColumn) -> pl.Series:
    return frame.select(column.expr.alias("value"))["value"]


def _constant(sample: Sample, by: Sequence[GroupColumn]) -> tuple[str, ...] | None:
    """Labels of a table in which each expression has one value; None if it has several."""
    labels = []
    for column in by:
        ends = sample.events.select(column.expr.min().alias("a"), column.expr.max().alias("b"))
        row = ends.collect(engine="streaming")
        codes = {int(column.codes(row[name])[0]) for name in ("a", "b")}
        if len(codes) > 1:
            return None
        labels.append(column.labels[codes.pop()])
    return tuple(labels)


def together(divisions: Sequence[Division], role: str) -> Division:
    """Divisions of several inputs as one."""
    if len(divisions) == 1:
        return divisions[0]
    names = set(divisions[0].events.collect_schema().names())
    for division in divisions[1:]:
        names &= set(division.events.collect_schema().names())
    order = [n for n in divisions[0].events.collect_schema().names() if n in names]
    events = pl.concat([d.events.select(order) for d in divisions], how="vertical_relaxed")
    sources = ", ".join(division.source for division in divisions)
    tables = [division.runs for division in divisions]
    if all(runs is not None for runs in tables):
        runs = pl.concat([runs for runs in tables if runs is not None])
        return Division(events, combined(runs), runs, sources)
    first = divisions[0].showers
    for division in divisions:
        own = {k: v for k, v in division.showers.record().items() if k != "n_showers"}
        expected = {k: v for k, v in first.record().items() if k != "n_showers"}
        if own != expected or division.showers.counts is not None:
            raise InputError(
                f"{role}: {divisions[0].source} and {division.source} simulated different things, "
                "so their showers cannot be added; make responses of each by itself"
            )
    showers = replace(first, n_showers=sum(division.showers.n_showers for division in divisions))
    return Division(events, showers, None, sources)


__all__ = ["Division", "divided", "together"]
