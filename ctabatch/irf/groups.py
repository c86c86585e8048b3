"""Groups of events, each with responses of its own: event types, bins of zenith and the like."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.errors import OptionError
from ctabatch.expressions import Expression, check_columns, parse
from ctabatch.irf.axes import Axis
from ctabatch.kernels.event_groups import match_values, paired_numbers, table_codes

#: More groups than this are taken for a mistake, such as a column of continuous values.
MAX_GROUPS = 256
#: Columns that are the same for all events of a run, so that its showers are known by them.
RUN_COLUMNS = frozenset({"obs_id", "pointing_alt", "pointing_az"})
#: Rows of a run, on average, from which on expressions of its columns are evaluated by run.
_RUN = 16
#: Whole numbers that are closer than this are coded by a table.
_SPAN = 4096
#: Names that need no column of their own.
ALIASES = {"zenith": "90.0 - pointing_alt", "azimuth": "pointing_az"}

_CUT = re.compile(r"^(?P<of>.+)\.cut\(\s*\[(?P<breaks>[^\[\]()]*)\]\s*\)$", re.DOTALL)


class GroupColumn:
    """One expression whose values separate events.

    Parameters
    ----------
    text : str
        SQL expression of columns, or one followed by ``.cut([20, 40])``: intervals that hold their
        upper end, with names as of `polars.Expr.cut`, here (-inf, 20], (20, 40] and (40, inf].
    available : collection of str
        Columns of the events. ``zenith`` and ``azimuth`` are those of the pointing if there are no
        such columns.

    Raises
    ------
    OptionError
        It cannot be parsed, or reads a column that is not there.
    """

    def __init__(self, text: str, available: Collection[str]) -> None:
        cut = _CUT.match(text.strip())
        self.name = (cut["of"] if cut else text).strip()
        sql = self.name
        if sql in ALIASES and sql not in available:
            sql = ALIASES[sql]
        self.expression: Expression = parse(sql, self.name)
        # a name that needs no column does so alone only, but is worth a hint
        alone = ALIASES.keys() - self.expression.columns
        check_columns([self.expression], {*available, *alone})
        self._axis: Axis | None = None
        self._limits: list[float] = []
        self.labels: list[str] = []
        self._codes: dict[Any, int] = {}
        self._table: tuple[int, NDArray[np.int32]] | None = None
        one = len(self.expression.columns) == 1
        #: Whether the expression is evaluated once for rows with the same value that follow.
        self.is_steady = one and self.expression.columns <= RUN_COLUMNS
        if cut:
            breaks = _breaks(text, cut["breaks"])
            # x <= b if and only if x < the number after b
            edges = np.nextafter([*breaks, np.finfo(np.float64).max / 2], np.inf)
            self._axis = Axis("group", edges)
            self._limits = [-np.inf, *edges[:-1], np.inf]
            ends = ["-inf", *(f"{b:g}" for b in breaks), "inf"]
            self.labels = [f"({low}, {high}]" for low, high in pairwise(ends)]

    @property
    def expr(self) -> pl.Expr:
        """The values that `codes` takes."""
        expr = self.expression.expr
        return expr.cast(pl.Float64) if self._axis is not None else expr

    @property
    def read(self) -> pl.Expr:
        """The values that `read_codes` takes."""
        return pl.col(*self.expression.columns) if self.is_steady else self.expr

    def read_codes(self, read: pl.Series) -> NDArray[np.int32]:
        """As `codes`, from the values of `read`."""
        if not self.is_steady or len(read) == 0:
            return self.codes(read)
        values = read.to_numpy()
        starts = np.flatnonzero(values[1:] != values[:-1]) + 1
        (name,) = self.expression.columns
        if len(starts) > len(read) // _RUN:
            return self.codes(read.to_frame(name).select(self.expr.alias("value"))["value"])
        starts = np.concatenate([[0], starts])
        rows = read[starts].to_frame(name).select(self.expr.alias("value"))
        return np.repeat(self.codes(rows["value"]), np.diff(starts, append=len(read)))

    def condition(self, label: str) -> pl.Expr:
        """Whether a row has a label that `codes` has met."""
        number = self.labels.index(label)
        if self._axis is not None:
            # an edge is the number after the break
            low, high = (float(edge) for edge in self._limits[number : number + 2])
            return (self.expr >= low) & (self.expr < high)
        value = next(value for value, code in self._codes.items() if code == number)
        if value is None:
            return self.expr.is_null()
        if isinstance(value, float) and value == np.inf:  # the code of a number that is missing
            return self.expr.is_null() | self.expr.cast(pl.Float64).is_nan()
        return self.expr.eq(value)

    def sort_key(self, label: str) -> tuple[bool, Any]:
        """By which labels are sorted: number, or text; intervals in their order."""
        number = self.labels.index(label)
        if self._axis is not None:
            return False, number
        value = next(value for value, code in self._codes.items() if code == number)
        missing = value is None or value == np.inf
        return missing, 0 if missing else value

    def codes(self, values: pl.Series) -> NDArray[np.int32]:
        """Index into `labels` of each value; labels are added as values appear."""
        if self._axis is not None:
            if values.null_count() or values.is_nan().any():
                raise OptionError(f"--by {self.name}: some events have no value; filter them out")
            return np.minimum(self._axis.index(values.to_numpy()), len(self.labels) - 1)
        if values.dtype.is_numeric():
            return self._number_codes(values)
        for value in values.unique().to_list():
            self._code(value, "null" if value is None else str(value))
        known = pl.Series(list(self._codes), dtype=values.dtype)
        codes = pl.Series(list(self._codes.values()), dtype=pl.Int32)
        return values.replace_strict(known, codes, return_dtype=pl.Int32).to_numpy()

    def _number_codes(self, values: pl.Series) -> NDArray[np.int32]:
        # nearly free: a look-up by hash takes as long as all histograms
        if self._table is not None and values.dtype in _WHOLE and not values.null_count():
            found = np.empty(len(values), np.int32)
            if not table_codes(values.to_numpy(), *self._table, found):
                return found
        numbers = values.cast(pl.Float64).to_numpy()  # null becomes NaN
        if not values.dtype.is_integer() or values.null_count():
            numbers = np.where(np.isnan(numbers), np.inf, numbers)
        found = np.empty(len(numbers), np.int32)
        while match_values(numbers, np.array([*self._codes], np.float64), found):
            new = np.unique(numbers[found < 0][:_SPAN]).tolist()
            _check_number(self.name, len(self.labels) + len(new))
            for value in new:
                self._code(value, _number_label(value, values.dtype))
            self._table = _code_table(self._codes)
        return found

    def _code(self, value: Any, label: str) -> None:
        if value not in self._codes:
            self._codes[value] = len(self.labels)
            self.labels.append(label)
            _check_number(self.name, len(self.labels))


class Groups:
    """Numbers the combinations of values of several columns as they appear.

    Parameters
    ----------
    columns : sequence of GroupColumn
    """

    def __init__(self, columns: Sequence[GroupColumn]) -> None:
        self.columns = tuple(columns)
        # members[k]: for each number after k + 1 columns, the number before and the own code
        self._members: list[list[tuple[int, int]]] = [[] for _ in columns]
        self._numbers = [np.full((MAX_GROUPS, MAX_GROUPS), -1, np.int32) for _ in columns]

    def __len__(self) -> int:
        return len(self._members[-1]) if self.columns else 1

    def numbers(self, frame: pl.DataFrame, names: Sequence[str]) -> NDArray[np.int32]:
        """Number of the group of each row, from columns that hold what `read` gives."""
        found = np.zeros(frame.height, np.int32)
        for k, (column, name) in enumerate(zip(self.columns, names, strict=True)):
            codes = column.read_codes(frame[name])
            table, members = self._numbers[k], self._members[k]
            numbers = np.empty(frame.height, np.int32)
            if paired_numbers(found, codes, table, numbers):
                new = numbers < 0
                # distinct pairs, in the order of their numbers
                pairs = np.unique(found[new].astype(np.int64) * MAX_GROUPS + codes[new])
                for pair in pairs.tolist():
                    _check_number(", ".join(c.name for c in self.columns), len(members) + 1)
                    table.reshape(-1)[pair] = len(members)
                    members.append(divmod(pair, MAX_GROUPS))
                paired_numbers(found, codes, table, numbers)
            found = numbers
        return found

    def parts(self) -> list[tuple[str, ...]]:
        """Label of each column, for each group."""
        found = []
        for number in range(len(self)):
            codes = []
            for k in reversed(range(len(self.columns))):
                number, code = self._members[k][number]
                codes.append(self.columns[k].labels[code])
            found.append(tuple(reversed(codes)))
        return found

    def order(self) -> list[int]:
        """Numbers of all groups, sorted by the values of the columns; what is missing comes last.

        Batches may come in any order, so the numbers alone are not the same each time.
        """
        found = self.parts()
        keys = [column.sort_key for column in self.columns]
        return sorted(
            range(len(self)),
            key=lambda n: [key(label) for key, label in zip(keys, found[n], strict=True)],
        )

    def labels(self) -> list[str]:
        """Name of each group, such as "event_type=2, zenith=(20, 40]"; "" without columns."""
        return [group_label(self.columns, parts) for parts in self.parts()]


def group_label(columns: Sequence[GroupColumn], parts: Sequence[str]) -> str:
    """Name of a group from the labels of its columns."""
    return ", ".join(f"{c.name}={part}" for c, part in zip(columns, parts, strict=True))


#: What the kernel of tables takes.
_WHOLE = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32)


def _code_table(codes: Mapping[Any, int]) -> tuple[int, NDArray[np.int32]] | None:
    """The smallest number and the code of each whole number from there; -1 if it has none."""
    low, high = min(codes), max(codes)
    if not (np.isfinite([low, high]).all() and high - low < _SPAN and abs(low) < 2**52):
        return None
    table = np.full(int(high - low) + 1, -1, np.int32)
    for value, code in codes.items():
        if value == int(value):
            table[int(value - low)] = code
    return int(low), table


def _number_label(value: float, dtype: pl.DataType) -> str:
    if value == np.inf:
        return "null"
    if dtype.is_integer():
        return str(int(value))
    return str(np.float32(value) if dtype == pl.Float32 else value)


def _breaks(text: str, numbers: str) -> list[float]:
    try:
        breaks = [float(part) for part in numbers.split(",") if part.strip()]
    except ValueError as error:
        raise OptionError(f"--by {text!r}: the breaks in cut([...]) must be numbers") from error
    if not breaks or not np.isfinite(breaks).all() or (np.diff(breaks) <= 0).any():
        raise OptionError(f"--by {text!r}: cut([...]) needs finite breaks in rising order")
    _check_number(text, len(breaks) + 1)
    return breaks


def _check_number(name: str, number: int) -> None:
    if number > MAX_GROUPS:
        raise OptionError(
            f"--by {name}: more than {MAX_GROUPS} groups; make bins of it with .cut([...])"
        )
