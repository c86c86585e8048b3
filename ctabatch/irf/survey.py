"""One look at all events: what each criterion leaves, which groups there are, and what passes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.expressions import parse
from ctabatch.irf.cuts import CutTable
from ctabatch.irf.derived import needed, with_derived
from ctabatch.irf.fill import batches, group_names
from ctabatch.irf.groups import GroupColumn, Groups

#: Events that pass are kept in memory up to this size, bytes; more are read again when needed.
MAX_BYTES = 2**28


@dataclass(frozen=True, eq=False)
class Survey:
    """What was found.

    Attributes
    ----------
    flow : dict
        Criterion -> events that are left after it.
    kept : LazyFrame
        Events that pass all criteria.
    groups : LazyFrame
        One event of each group, whether it passes or not.
    """

    flow: dict[str, int]
    kept: pl.LazyFrame
    groups: pl.LazyFrame


def survey(
    events: pl.LazyFrame,
    cuts: CutTable,
    derived: Collection[str],
    by: Sequence[str] = (),
    shower: str | None = None,
) -> Survey:
    """Apply cuts that do not depend on a source, before anything else is derived of the events.

    Parameters
    ----------
    events : LazyFrame
        Event frame.
    cuts : CutTable
        Without cut in theta.
    derived : collection of str
        Columns that will be derived of the events that pass, see `ctabatch.irf.derived`.
    by : sequence of str
        Expressions whose values separate groups, see `GroupColumn`.
    shower : str, optional
        SQL that will be read of the events that pass.
    """
    events = with_derived(events, cuts.needed())
    available = events.collect_schema().names()
    groups = Groups([GroupColumn(text, available) for text in by])
    names = group_names(groups)
    used = {"true_energy", "reco_energy"} | cuts.needed()
    used |= {"obs_id"} if by else set()  # tells the showers of an event
    for name in derived:
        used |= {name} if name in available else set(needed(name))
    used |= {name for column in groups.columns for name in column.expression.columns}
    used |= parse(shower, "shower").columns if shower is not None else set()
    columns = [name for name in available if name in used]
    conditions = cuts.conditions(events)
    tests = {f"condition {k}": expr for k, (_, expr) in enumerate(conditions)}
    wanted = {name: pl.col(name) for name in columns}
    wanted |= {name: expr.fill_null(value=False) for name, expr in tests.items()}
    wanted |= {name: column.read for name, column in zip(names, groups.columns, strict=True)}
    reads = {step: "reco_energy" if step == "energy" else step for step in cuts.steps}
    labels = [*(name for name, _ in conditions), *cuts.steps.values()]
    left = np.zeros(len(labels) + 1, np.int64)
    passing: list[pl.DataFrame] | None = []
    first: list[pl.DataFrame] = []
    size = 0
    for batch in batches(events.select(**wanted), whole_showers=False):
        decided = cuts.decide({step: _numbers(batch, read) for step, read in reads.items()})
        passes = np.ones(batch.height, bool)
        left[0] += batch.height
        criteria = [*(batch[name].to_numpy() for name in tests), *(decided[step] for step in reads)]
        for k, criterion in enumerate(criteria):
            passes &= criterion
            left[k + 1] += np.count_nonzero(passes)
        first += _new_groups(groups, batch, names, columns)
        if passing is not None and left[-1]:
            own = batch[columns].filter(pl.Series(passes))
            size += int(own.estimated_size())
            passing = [*passing, own] if size <= MAX_BYTES else None
    flow = dict(zip(["all", *labels], left.tolist(), strict=True))
    if passing is None:
        kept = cuts.apply(events).filter("passes_gammaness").select(columns)
    else:
        kept = _together(passing, events, columns)
    return Survey(flow, kept, _together(first, events, columns))


def _numbers(batch: pl.DataFrame, name: str) -> NDArray[np.generic]:
    """A column with NaN where there is no value."""
    column = batch[name]
    if column.null_count():
        column = column.cast(pl.Float64).fill_null(np.nan)
    return column.to_numpy()


class Looks:
    """Surveys of frames of events, one of each.

    Parameters
    ----------
    look : callable
        Surveys a frame.
    """

    def __init__(self, look: Callable[[pl.LazyFrame], Survey]) -> None:
        self._look = look
        self._found: list[Survey] = []

    def __call__(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """What passes."""
        self._found.append(self._look(frame))
        return self._found[-1].kept

    @property
    def flow(self) -> dict[str, int]:
        """Criterion -> events that are left after it, of all frames."""
        names = dict.fromkeys(name for one in self._found for name in one.flow)
        return {name: sum(one.flow.get(name, 0) for one in self._found) for name in names}

    @property
    def groups(self) -> pl.LazyFrame:
        """An event of each group, or more."""
        names = [set(one.groups.collect_schema().names()) for one in self._found]
        common = sorted(set.intersection(*names))
        frames = [one.groups.select(common) for one in self._found]
        return pl.concat(frames, how="vertical_relaxed")


def _new_groups(
    groups: Groups, batch: pl.DataFrame, names: list[str], columns: Collection[str]
) -> list[pl.DataFrame]:
    """The first event of each group that is seen for the first time."""
    if not names:
        return []
    known = len(groups)
    numbers = groups.numbers(batch, names)
    new = range(known, len(groups))
    return [batch.select(columns)[int(np.argmax(numbers == number))] for number in new]


def _together(
    frames: Sequence[pl.DataFrame], events: pl.LazyFrame, columns: Collection[str]
) -> pl.LazyFrame:
    if not frames:
        return events.select(columns).head(0)
    return pl.concat(frames).lazy()


__all__ = ["MAX_BYTES", "Looks", "Survey", "survey"]
