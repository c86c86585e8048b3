"""Which events go into a list: an SQL expression over the columns of the event frame."""

from __future__ import annotations

import polars as pl

from ctabatch.expressions import QualityQuery


def selected(events: pl.LazyFrame, sql: str | None) -> pl.LazyFrame:
    """Events for which an expression is true; all without one.

    Raises
    ------
    OptionError
        It is no valid expression, or reads a column that does not exist.
    """
    if sql is None:
        return events
    query = QualityQuery({"--select": sql})
    query.check(events.collect_schema().names())
    return events.filter(query.all())
