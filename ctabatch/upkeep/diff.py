"""Compare two datasets: tables, columns, rows by their keys, values; order and parts do not matter.

Tables of runs and events are compared box by box, see `key_ranges`, so memory does not grow with
them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ctabatch.io.location import Location
from ctabatch.io.parquet_bounds import bounded_file
from ctabatch.schemas.column import VERSION, unit_of

from .deviations import Deviation, Tolerance, compare
from .key_ranges import Ranges
from .table_kinds import table_name
from .table_rows import AGAIN, Rows, rows_in_box, whole_rows

#: Bytes of both datasets, as they are stored without compression, that are compared at once.
BYTES_AT_ONCE = 16 << 20
#: Keys of rows that only one dataset has: as many are shown.
EXAMPLES = 3

#: Told what is done, how much of it is done and how much there is.
Progress = Callable[[str, int, int], None]
Tables = dict[str, list[Location]]


@dataclass
class TableDiff:
    """In what a table differs.

    Attributes
    ----------
    rows, only : tuple of int
        Rows in each dataset; rows whose key only that one has.
    examples : tuple of list
        Some of their keys.
    columns : list of str
        In what the columns differ: one sentence each.
    values : dict
        Column -> what was found, of the rows that both have.
    """

    rows: list[int] = field(default_factory=lambda: [0, 0])
    only: list[int] = field(default_factory=lambda: [0, 0])
    examples: list[list[dict[str, Any]]] = field(default_factory=lambda: [[], []])
    columns: list[str] = field(default_factory=list)
    values: dict[str, Deviation] = field(default_factory=dict)

    @property
    def is_equal(self) -> bool:
        return not (
            any(self.only) or self.columns or any(one.different for one in self.values.values())
        )


@dataclass
class Diff:
    """In what two datasets differ.

    Attributes
    ----------
    only : tuple of list
        Tables that only one has.
    tables : dict
        Table that both have -> in what it differs.
    """

    only: list[list[str]]
    tables: dict[str, TableDiff]

    @property
    def is_equal(self) -> bool:
        return not any(self.only) and all(table.is_equal for table in self.tables.values())


def diff(
    one: Tables,
    two: Tables,
    tolerance: Tolerance,
    *,
    bytes_at_once: int = BYTES_AT_ONCE,
    progress: Progress | None = None,
) -> Diff:
    """Compare the tables of two datasets.

    Parameters
    ----------
    one, two : dict
        Table -> its files.
    tolerance : Tolerance
    bytes_at_once : int
    progress : callable, optional

    Raises
    ------
    InputError
        A file is damaged.
    """
    both = sorted(one.keys() & two.keys())
    found = Diff([sorted(one.keys() - two.keys()), sorted(two.keys() - one.keys())], {})
    for k, table in enumerate(both):
        if progress is not None:
            progress(table, k, len(both))
        found.tables[table] = _table(table, (one[table], two[table]), tolerance, bytes_at_once)
    return found


def _table(
    table: str,
    files: tuple[list[Location], list[Location]],
    tolerance: Tolerance,
    bytes_at_once: int,
) -> TableDiff:
    found = TableDiff()
    ranges = (Ranges(), Ranges())
    columns: list[dict[str, set[str]]] = [{}, {}]
    by_box = "obs_id" in table_name(table).keys and not table.startswith("subarray/")
    for side in (0, 1):
        for number, path in enumerate(files[side]):
            with bounded_file(path) as file:
                found.rows[side] += file.metadata.num_rows
                _describe(file.schema_arrow, columns[side])
                if by_box:
                    ranges[side].add(file, number, by_bytes=True)
    found.columns = list(_columns(columns))
    if table == "r0_stream":
        _streams(files, found)
    elif by_box:
        every = Ranges.joined(ranges)
        for box in every.boxes(bytes_at_once):
            pair = [
                rows_in_box([own[k] for k in ranges[side].files(box)], box, table)
                for side, own in enumerate(files)
            ]
            _rows(pair, found, tolerance)
    else:
        pair = [whole_rows(own, table) for own in files]
        found.rows = [len(rows) for rows in pair]
        _rows(pair, found, tolerance)
    return found


def _describe(schema: pa.Schema, columns: dict[str, set[str]]) -> None:
    """Facts of every column that must be the same; files of a dataset may differ in them."""
    version = (schema.metadata or {}).get(VERSION, b"").decode()
    columns.setdefault("", set()).add(f"version {version}")
    for column in schema:
        shape = " or null" if column.nullable else ""
        unit = f" in {unit_of(column)}" if unit_of(column) else ""
        columns.setdefault(column.name, set()).add(f"{column.type}{shape}{unit}")


def _columns(columns: list[dict[str, set[str]]]) -> list[str]:
    found = []
    one, two = columns
    for name in sorted(one.keys() | two.keys()):
        sides = [" / ".join(sorted(side.get(name, ()))) for side in (one, two)]
        if name not in one or name not in two:
            found.append(f"column {name} is only in {'B' if name not in one else 'A'}")
        elif sides[0] != sides[1]:
            what = f"column {name}" if name else "the schema"
            found.append(f"{what} is {sides[0]} in A, {sides[1]} in B")
    return found


def _rows(pair: list[Rows], found: TableDiff, tolerance: Tolerance) -> None:
    """Match rows of both datasets by their keys, and compare those that match."""
    keys = [rows.keys for rows in pair]
    names = [name for name in keys[0].columns if name != "row"]
    for side in (0, 1):
        lost = keys[side].join(keys[1 - side], on=names, how="anti")
        found.only[side] += lost.height
        room = EXAMPLES - len(found.examples[side])
        examples = lost.drop("row").sort(names).head(max(room, 0)).to_dicts()
        found.examples[side] += [_key(example) for example in examples]
    matched = keys[0].join(keys[1], on=names, how="inner", suffix="_b")
    if matched.height == 0:
        return
    places = [pa.array(matched[name].to_numpy()) for name in ("row", "row_b")]
    for name in pair[0].columns:
        if name not in pair[1].columns or name in names:
            continue
        known = found.values.setdefault(name, Deviation())
        a, b = (rows.column(name).take(at) for rows, at in zip(pair, places, strict=True))
        worst = compare(a, b, tolerance, known)
        if worst is not None:
            known.where = _key(matched.select(names).row(worst, named=True))


def _key(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != AGAIN or value}


def _streams(files: tuple[list[Location], list[Location]], found: TableDiff) -> None:
    """Pieces of raw data, by their bytes: they have no keys but their place in a part."""
    pieces: list[Counter[str]] = []
    for own in files:
        count: Counter[str] = Counter()
        for path in own:
            with bounded_file(path) as file:
                for k in range(file.metadata.num_row_groups):
                    for frame in file.read_row_group(k, columns=["frame"])["frame"]:
                        count[hashlib.sha256(frame.as_buffer()).hexdigest()] += 1
        pieces.append(count)
    for side in (0, 1):
        lost = pieces[side] - pieces[1 - side]
        found.only[side] = lost.total()
        found.examples[side] = [{"sha256": digest} for digest in sorted(lost)[:EXAMPLES]]


__all__ = ["BYTES_AT_ONCE", "Diff", "TableDiff", "diff"]
