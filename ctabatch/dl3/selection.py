"""Which events go into a list: those that the responses are for, and an SQL expression."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from ctabatch.dl3.responses import home, record
from ctabatch.expressions import QualityQuery
from ctabatch.irf.cut_files import read_cuts
from ctabatch.irf.cuts import CutTable

#: Name of the expression in messages and in the account.
SELECT = "--select"
CUTS = "cuts.parquet"


@dataclass(frozen=True)
class Selection:
    """Events that a list keeps.

    Attributes
    ----------
    cuts : CutTable, optional
        Those behind the responses, with their quality criteria. The cut in theta is not applied:
        the distance to the source is the business of who analyses the list, and background is
        taken far from it.
    criteria : mapping
        More criteria: name -> SQL that is true for events to keep.
    """

    cuts: CutTable | None = None
    criteria: Mapping[str, str] = field(default_factory=dict)

    def apply(self, events: pl.LazyFrame) -> pl.LazyFrame:
        """Valid events that pass the cuts and the expression.

        Raises
        ------
        OptionError
            The expression is not valid, or a column does not exist.
        """
        events = self._chosen(events)
        if self.cuts is None:
            return events
        events = without_theta(self.cuts).apply(events).filter("passes_gammaness")
        return events.drop("passes_gammaness", "passes_theta")

    def flow(self, events: pl.LazyFrame) -> dict[str, int]:
        """Criterion -> events that are left after it; those of the cuts come last."""
        query = self._query(events)
        conditions = dict(zip(self.criteria, query.conditions(), strict=True))
        if "is_valid" in events.collect_schema().names():
            conditions = {"is_valid": pl.col("is_valid").fill_null(value=False), **conditions}
        kept = list(conditions.values())
        counts = events.select(
            pl.len().alias("all"),
            *(
                pl.all_horizontal(kept[:n]).sum().alias(name)
                for n, name in enumerate(conditions, 1)
            ),
        ).collect(engine="streaming")
        found = {name: int(n) for name, n in counts.row(0, named=True).items()}
        if self.cuts is not None:
            flow = without_theta(self.cuts).cut_flow(self._chosen(events)).iter_rows()
            found |= {str(row[0]): int(row[1]) for row in flow if row[0] not in ("all", "is_valid")}
        return found

    def _chosen(self, events: pl.LazyFrame) -> pl.LazyFrame:
        kept = [self._query(events).all()]
        if "is_valid" in events.collect_schema().names():
            kept.append(pl.col("is_valid").fill_null(value=False))
        return events.filter(*kept)

    def _query(self, events: pl.LazyFrame) -> QualityQuery:
        query = QualityQuery(self.criteria)
        query.check(events.collect_schema().names())
        return query


def read_selection(path: Path, *, cuts: bool = True, sql: str | None = None) -> Selection:
    """Selection that responses were made with.

    Parameters
    ----------
    path : Path
        As for `ctabatch.dl3.responses.read_sets`.
    cuts : bool
        Whether to take cuts and quality criteria from there.
    sql : str, optional
        True for events to keep besides.

    Raises
    ------
    InputError
        The cuts cannot be read.
    OptionError
        The expression is not valid.
    """
    chosen = {} if sql is None else {SELECT: sql}
    found = None
    if cuts:
        root, _ = home(path)
        file = root / CUTS
        found = read_cuts(file) if file.is_file() else None
        if found is None:
            chosen = {**record(root).get("config", {}).get("quality", {}), **chosen}
    QualityQuery(chosen)
    return Selection(found, chosen)


def without_theta(cuts: CutTable) -> CutTable:
    """The same cuts but for that in theta; bins without cuts stay without."""
    level = np.where(cuts.has_cut, cuts.gammaness, np.nan)
    return dataclasses.replace(cuts, gammaness=level, theta=None, theta_efficiency=None)
