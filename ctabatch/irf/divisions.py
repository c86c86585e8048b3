"""Parts of the events that come from showers of their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from ctabatch.errors import InputError, OptionError
from ctabatch.irf.axes import Axis
from ctabatch.irf.derived import with_derived
from ctabatch.irf.groups import GroupColumn
from ctabatch.irf.simulated import SimulatedShowers
from ctabatch.irf.simulated_runs import combined
from ctabatch.irf.spectra import Spectrum
from ctabatch.irf.weights import weight_expression

if TYPE_CHECKING:
    from ctabatch.irf.primaries import Sample

#: Chooses events.
Keep = Callable[[pl.LazyFrame], pl.LazyFrame]


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
    events = one_frame([division.events for division in divisions])
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


def weighted_events(
    divisions: Sequence[Division],
    spectrum: Spectrum,
    obs_time_s: float,
    derived: Collection[str],
    offset: Axis | None = None,
    keep: Keep | None = None,
) -> pl.LazyFrame:
    """Events with derived columns and weights; what is in one frame is read once.

    Parameters
    ----------
    divisions : sequence of Division
    spectrum, obs_time_s, offset
        See `ctabatch.irf.weights.weighted`; the offset only matters to diffuse showers.
    derived : collection of str
        See `ctabatch.irf.derived.with_derived`.
    keep : callable, optional
        Chooses events before anything is derived of them.
    """
    frames = []
    for frame in {id(division.frame): division.frame for division in divisions}.values():
        weight = pl.lit(None, pl.Float64)
        for division in divisions:
            if division.frame is frame:
                bins = offset if division.showers.is_diffuse else None
                own = weight_expression(division.showers, spectrum, obs_time_s, bins)
                here = division.condition
                weight = own if here is None else pl.when(here).then(own).otherwise(weight)
        chosen = frame if keep is None else keep(frame)
        frames.append(with_derived(chosen, derived).with_columns(weight=weight))
    return one_frame(frames)


def one_frame(frames: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """Rows of all frames, with the columns that all have."""
    if len(frames) == 1:
        return frames[0]
    names = set.intersection(*(set(frame.collect_schema().names()) for frame in frames))
    order = [name for name in frames[0].collect_schema().names() if name in names]
    return pl.concat([frame.select(order) for frame in frames], how="vertical_relaxed")


__all__ = ["Division", "Keep", "divided", "one_frame", "together", "weighted_events"]
