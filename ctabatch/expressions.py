"""Expressions over columns, written as SQL and parsed by polars: features, cuts, weights.

An expression is data. It can only compute a value for each row from the columns of that row: it
reaches no files, no modules and no Python objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl
import polars.selectors as cs
from polars.exceptions import PolarsError

from ctabatch.errors import OptionError
from ctabatch.expression_words import why_refused

#: Letters of an expression in a message.
_SHOWN = 200
#: Columns that hold simulated truth begin so.
TRUTH = "true_"


@dataclass(frozen=True)
class Expression:
    """One SQL expression that gives a value for every row.

    Attributes
    ----------
    name : str
        What it is called in tables and messages.
    sql : str
        For example ``hillas_width * hillas_length``.
    """

    name: str
    sql: str
    expr: pl.Expr = field(repr=False, compare=False)

    @cached_property
    def columns(self) -> frozenset[str]:
        """Columns that it reads."""
        return frozenset(self.expr.meta.root_names())

    @property
    def reads_truth(self) -> bool:
        """Whether it reads a column of simulated truth."""
        return any(name.startswith(TRUTH) for name in self.columns)


def parse(sql: str, name: str | None = None) -> Expression:
    """Parse an expression.

    Parameters
    ----------
    sql : str
        What may stand in a SELECT list: columns, numbers, operators, functions of polars' SQL.
    name : str, optional
        Its name; the text itself by default.

    Raises
    ------
    OptionError
        It is no valid expression, or mixes rows (sums, counts).
    """
    label = sql if name is None else name
    if why := why_refused(sql):
        shown = sql if len(sql) < _SHOWN else f"{sql[:_SHOWN]}..."
        where = "expression" if name is None else f"expression {label[:_SHOWN]!r}:"
        raise OptionError(f"{where} {shown!r} {why}")
    try:
        expr = pl.sql_expr(sql)
        if expr.meta.has_multiple_outputs():
            raise OptionError(f"expression {label!r}: {sql!r} stands for several columns")
    except PolarsError as error:
        raise OptionError(f"expression {label!r}: {sql!r} is not valid SQL: {error}") from error
    if _mixes_rows(expr):
        raise OptionError(f"expression {label!r}: {sql!r} mixes rows; it must work row by row")
    return Expression(label, sql, expr)


def _mixes_rows(expr: pl.Expr) -> bool:
    """Whether the value of a row depends on other rows, as that of a sum or a count."""
    names = expr.meta.root_names()
    two, three = (pl.DataFrame({name: [1.0] * n for name in names or [""]}) for n in (2, 3))
    try:
        if names:
            return len(two.select(expr.alias("value"))) != len(two)
        return not two.select(expr.alias("value")).equals(three.select(expr.alias("value")))
    except PolarsError:  # columns that are not numbers: an error when the real ones are there
        return False


def check_columns(expressions: Iterable[Expression], available: Iterable[str]) -> None:
    """Check that all columns exist.

    Raises
    ------
    OptionError
        One does not; the message names the expression and the nearest columns.
    """
    valid = set(available)
    for expression in expressions:
        for column in sorted(expression.columns - valid):
            raise OptionError.unknown_name(f"column in {expression.name!r}:", column, valid)


class QualityQuery:
    """Criteria that a row must all meet, in order.

    Parameters
    ----------
    criteria : mapping
        Name -> SQL expression that is true for rows to keep. A row fails a criterion that reads a
        column in which the row has no value (null or NaN).

    Raises
    ------
    OptionError
        An expression is not valid.
    """

    def __init__(self, criteria: Mapping[str, str]) -> None:
        self.expressions = tuple(parse(sql, name) for name, sql in criteria.items())

    @property
    def columns(self) -> frozenset[str]:
        """Columns that the criteria read."""
        return frozenset().union(*(expression.columns for expression in self.expressions))

    def check(self, available: Iterable[str]) -> None:
        """Check that all columns exist; raises OptionError if not."""
        check_columns(self.expressions, available)

    def conditions(self) -> list[pl.Expr]:
        """The criteria as polars expressions that are never null."""
        return [_condition(expression) for expression in self.expressions]

    def all(self) -> pl.Expr:
        """One polars expression: whether a row meets all criteria."""
        conditions = self.conditions()
        return pl.all_horizontal(conditions) if conditions else pl.lit(value=True)

    def cut_flow(self) -> list[pl.Expr]:
        """Aggregates that count rows: all, and those that meet the first 1, 2, ... criteria."""
        flow = [pl.len().cast(pl.Int64).alias("all")]
        conditions = self.conditions()
        for n, expression in enumerate(self.expressions, start=1):
            kept = pl.all_horizontal(conditions[:n]).sum().cast(pl.Int64)
            flow.append(kept.alias(expression.name))
        return flow


def _condition(expression: Expression) -> pl.Expr:
    # polars orders NaN above all numbers: without more, `NaN > 50` would keep a row
    numbers = cs.float() & cs.by_name(*sorted(expression.columns), require_all=False)
    return pl.all_horizontal(expression.expr.fill_null(value=False), numbers.is_not_nan())
