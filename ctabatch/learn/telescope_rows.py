"""Rows of one telescope type with the columns of all tables that say something about them.

The rows of ``dl1/parameters`` come row group by row group. The other tables of the part are in the
same order of events, so each is read along: only a window of it is in memory. Should a table be in
another order it is read whole, so that the result is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, NoReturn, cast

import polars as pl
import pyarrow as pa
from polars.exceptions import ComputeError

from ctabatch.errors import InputError
from ctabatch.schemas.column import unit_of

if TYPE_CHECKING:
    from ctabatch.io.part_tables import PartTables

EVENT_KEYS, TELESCOPE_KEYS = ("obs_id", "event_id"), ("obs_id", "event_id", "tel_id")
#: Place of an event in the trigger table of its part: the same for all its telescopes.
EVENT_ROW = "event_row"
_ROW = "__row"


def table_sources(tel_type: str) -> dict[str, tuple[str, ...]]:
    """Table -> keys by which its rows belong to those of ``dl1/parameters``, the first."""
    return {
        f"dl1/parameters/tel_type={tel_type}": TELESCOPE_KEYS,
        f"dl2/impact/tel_type={tel_type}": TELESCOPE_KEYS,
        "dl2/geometry": EVENT_KEYS,
        "pointing": TELESCOPE_KEYS,
        "trigger": EVENT_KEYS,
        "shower": EVENT_KEYS,
    }


def available_columns(part: PartTables, tel_type: str) -> dict[str, tuple[str, str]]:
    """Column -> table that has it, and its unit; of several tables the first in `table_sources`."""
    found: dict[str, tuple[str, str]] = {}
    for table in table_sources(tel_type):
        for column in part.schema(table) or ():
            found.setdefault(column.name, (table, unit_of(column)))
    return found


def telescope_rows(
    part: PartTables, tel_type: str, columns: Collection[str]
) -> Iterator[pl.DataFrame]:
    """Rows of one telescope type, in order of ``dl1/parameters``.

    Parameters
    ----------
    part : PartTables
    tel_type : str
    columns : collection of str
        Columns of any of the tables in `table_sources`; `EVENT_ROW` and the keys come with them.

    Yields
    ------
    DataFrame
        One per row group. A row has null in the columns of a table that has no row for it.

    Raises
    ------
    InputError
        A file is damaged, lacks a column, or has several rows for one event.
    """
    available = available_columns(part, tel_type)
    first, *others = table_sources(tel_type)
    by_table: dict[str, set[str]] = {first: set(TELESCOPE_KEYS), "trigger": set()}
    for name in set(columns) - set(TELESCOPE_KEYS) - {EVENT_ROW}:
        if name not in available:
            raise InputError(f"{part.root}, part {part.name}: there is no column {name!r}")
        by_table.setdefault(available[name][0], set()).add(name)
    windows = [_Window(part, t, table_sources(tel_type)[t], by_table[t])
               for t in others if t in by_table]  # fmt: skip
    for group in part.row_groups(first, by_table[first]):
        frame = _frame(group)
        if frame.is_empty():
            continue
        if frame.select(pl.struct(TELESCOPE_KEYS).is_duplicated().any()).item():
            _repeated(part, first)
        for window in windows:
            frame = window.join(frame)
        yield frame


class _Window:
    """The rows of one table around those that are being joined."""

    def __init__(
        self, part: PartTables, table: str, keys: tuple[str, ...], columns: set[str]
    ) -> None:
        self.part, self.table, self.keys = part, table, list(keys)
        self.columns = {*columns, *keys}
        self.in_order = True
        self._start()

    def _start(self) -> None:
        self._groups = self.part.row_groups(self.table, self.columns)
        self._frame: pl.DataFrame | None = None
        self._n_read, self._n_dropped = 0, 0

    def join(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add the columns of this table to some rows."""
        last = rows.select(self.keys).tail(1)
        while not self._has(last) and self._grow():
            pass
        joined = self._joined(rows)
        if joined[_ROW].null_count() and (self._grow_all() or self._restart()):
            joined = self._joined(rows)
        if self.in_order:
            self._drop_before(cast("int | None", joined[_ROW].min()))
        if self.table == "trigger":
            return joined.rename({_ROW: EVENT_ROW})
        return joined.drop(_ROW)

    def _joined(self, rows: pl.DataFrame) -> pl.DataFrame:
        if self._frame is None:  # a table without a row: take only the types of its columns
            schema = cast("pa.Schema", self.part.schema(self.table))
            self._frame = self._numbered(schema.empty_table().select(sorted(self.columns)))
        try:
            return rows.join(
                self._frame, on=self.keys, how="left", validate="m:1", maintain_order="left"
            )
        except ComputeError:
            _repeated(self.part, self.table)

    def _has(self, key: pl.DataFrame) -> bool:
        return self._frame is not None and not key.join(self._frame, on=self.keys).is_empty()

    def _numbered(self, group: pa.Table) -> pl.DataFrame:
        numbered = _frame(group).with_row_index(_ROW, offset=self._n_read)
        return numbered.with_columns(pl.col(_ROW).cast(pl.Int64))

    def _grow(self) -> bool:
        """Read one more row group; False if there is none."""
        group = next(self._groups, None)
        if group is None:
            return False
        more = self._numbered(group)
        self._n_read += len(more)
        self._frame = more if self._frame is None else pl.concat([self._frame, more])
        return True

    def _grow_all(self) -> bool:
        """Read the rest; False if there was none."""
        grown = False
        while self._grow():
            grown = True
        return grown and self._n_dropped == 0

    def _restart(self) -> bool:
        """Read the whole table, for it is not in the order of the rows; False if it is here."""
        self.in_order = False
        if self._n_dropped == 0:
            return False
        self._start()
        self._grow_all()
        return True

    def _drop_before(self, row: int | None) -> None:
        """Forget rows before this one; the next rows to join may be of the same event."""
        if row is not None and self._frame is not None and row > self._n_dropped:
            self._frame = self._frame.slice(row - self._n_dropped)
            self._n_dropped = row


def _frame(table: pa.Table) -> pl.DataFrame:
    return cast("pl.DataFrame", pl.from_arrow(table))


def _repeated(part: PartTables, table: str) -> NoReturn:
    raise InputError(
        f"{part.root}, part {part.name}: table {table} has several rows for one event; "
        "make this part again"
    )


def units_of_parts(parts: Iterable[PartTables], tel_type: str) -> dict[str, str]:
    """Units of all columns of one telescope type that every part has.

    Raises
    ------
    InputError
        Two parts give one column different units.
    """
    found: dict[str, str] | None = None
    first = ""
    for part in parts:
        units = {name: unit for name, (_, unit) in available_columns(part, tel_type).items()}
        if found is None:
            found, first = units, part.name
            continue
        for name in sorted(set(found) & set(units)):
            if found[name] != units[name]:
                raise InputError(
                    f"column {name!r} has unit {found[name]!r} in part {first} and "
                    f"{units[name]!r} in part {part.name}"
                )
        found = {name: unit for name, unit in found.items() if name in units}
    return found or {}


__all__ = ["EVENT_ROW", "available_columns", "telescope_rows", "units_of_parts"]
