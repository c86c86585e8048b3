"""Keys of rows: unique in each table over all parts, and present where rows are joined to.

Box by box, see `key_ranges`: the keys of all tables in a box are in memory, nothing else is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from ctabatch.errors import InputError
from ctabatch.io.location import Location
from ctabatch.scan import scan_files

from .files import todo_of
from .findings import Report
from .key_ranges import Box, Ranges
from .table_kinds import EVENT_KEYS, SPARSE, TELESCOPE_KEYS, table_name

#: Keys of all tables that are in memory at once: some 40 bytes each, with what comparing takes.
ROWS_AT_ONCE = 4_000_000
_FILE = "file"
_TWICE = (
    "remove one of the parts and process its input again: the same data may have been processed "
    "twice"
)


class KeyCheck:
    """Checks the keys of all tables of a dataset.

    Parameters
    ----------
    root : path or URI
    owners : mapping
        File, relative to the dataset -> the commit record that names it; the row groups of the
        files are in `ranges` under their place here.
    ranges : Ranges
    report : Report
    """

    def __init__(
        self, root: Location, owners: Mapping[str, str], ranges: Ranges, report: Report
    ) -> None:
        self.root, self.owners, self.ranges, self.report = root, owners, ranges, report
        self.names = list(owners)
        self._pairs: dict[tuple[str, ...], dict[str, tuple[int, tuple[int, ...]]]] = {}
        self._found: dict[tuple[str, str, str], tuple[int, tuple[int, ...]]] = {}

    def run(self, rows_at_once: int = ROWS_AT_ONCE) -> None:
        """Compare all boxes, then report what was found in any, once for each file."""
        for box in self.ranges.boxes(rows_at_once):
            self._compare(self._tables(box))
        for (file, kind, what), (n, example) in sorted(self._found.items()):
            todo = _TWICE if kind == "twice" else todo_of(file)
            self.report.add("keys", file, f"{n:,} {what}, the first {_named(example)}", todo)
        self._report_pairs()

    def _tables(self, box: Box) -> dict[str, pl.DataFrame]:
        """Keys in a box, by table without the telescope type."""
        files: dict[str, list[int]] = {}
        for number in self.ranges.files(box):
            table = table_name(self.names[number].rpartition("/")[0])
            kind = f"{table.kind}/model={table.prefix}" if table.prefix else table.kind
            if table.kind not in SPARSE:
                files.setdefault(kind, []).append(number)
        return {kind: self._keys(numbers, box) for kind, numbers in files.items()}

    def _keys(self, numbers: list[int], box: Box) -> pl.DataFrame:
        keys = table_name(self.names[numbers[0]].rpartition("/")[0]).keys
        names = [self.names[number] for number in numbers]
        try:
            frames = [
                scan_files([self.root / name])
                .filter(
                    pl.col("obs_id").is_between(box.first_obs, box.last_obs)
                    & pl.col("event_id").is_between(box.first, box.last)
                )
                .select(keys)
                for name in names
            ]
            found = pl.collect_all(frames)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise InputError(f"{self.root}: keys are not readable: {error}") from error
        kind = pl.Enum(names)
        return pl.concat(
            frame.with_columns(pl.lit(name, dtype=kind).alias(_FILE))
            for frame, name in zip(found, names, strict=True)
        )

    def _compare(self, tables: dict[str, pl.DataFrame]) -> None:
        for table, rows in tables.items():
            self._unique(table, rows)
        events = tables.get("trigger")
        for table, rows in tables.items():
            if table != "trigger" and self._is_written("trigger"):
                self._joined(rows, events, EVENT_KEYS, "table trigger")
        for table, other in (
            ("dl1/parameters", "dl1/images"),
            ("dl2/impact", "dl1/parameters"),
            *((t, "dl1/parameters") for t in tables if t.startswith("dl2/telescope/")),
        ):
            if table in tables and self._is_written(other):
                self._joined(tables[table], tables.get(other), TELESCOPE_KEYS, f"table {other}")

    def _is_written(self, table: str) -> bool:
        return any(name.startswith(f"{table}/") for name in self.names)

    def _unique(self, table: str, rows: pl.DataFrame) -> None:
        keys = list(table_name(table).keys)
        twice = rows.filter(pl.struct(keys).is_duplicated())
        if twice.height == 0:
            return
        inside = twice.filter(pl.struct([*keys, _FILE]).is_duplicated())
        self._note(inside, keys, "twice", "rows have a key that another row has too")
        # each part with the first that has the same key: a pair is told once, for all its tables
        first = pl.col(_FILE).to_physical().min().over(keys)
        among = twice.with_columns(first.alias("first"), pl.col(_FILE).to_physical().alias("own"))
        for (one, two), own in among.filter(pl.col("own") != pl.col("first")).group_by(
            "first", "own"
        ):
            names = rows.schema[_FILE].categories  # type: ignore[attr-defined]
            pair = tuple(sorted((self.owners[names[one]], self.owners[names[two]])))
            example = tuple(int(value) for value in own.select(keys).sort(keys).row(0))
            known = self._pairs.setdefault(pair, {})
            n, before = known.get(table, (0, example))
            known[table] = n + own.height, min(before, example)

    def _report_pairs(self) -> None:
        for (one, two), tables in sorted(self._pairs.items()):
            table = "trigger" if "trigger" in tables else min(tables)
            n, example = tables[table]
            others = f" and in {len(tables) - 1} other tables" if len(tables) > 1 else ""
            self.report.add("keys", two, f"{n:,} rows of table {table}{others} stand in {one} too, "
                            f"the first {_named(example)}", _TWICE)  # fmt: skip

    def _joined(
        self, rows: pl.DataFrame, others: pl.DataFrame | None, on: Sequence[str], where: str
    ) -> None:
        lost = rows if others is None else rows.join(others, on=list(on), how="anti")
        self._note(lost, list(on), "lost", f"rows have no row in {where}")

    def _note(self, rows: pl.DataFrame, keys: list[str], kind: str, what: str) -> None:
        if rows.height == 0:
            return
        for (name,), own in rows.group_by(_FILE):
            example = tuple(int(value) for value in own.select(keys).sort(keys).row(0))
            n, before = self._found.get((str(name), kind, what), (0, example))
            self._found[str(name), kind, what] = n + own.height, min(before, example)


def _named(example: tuple[int, ...]) -> str:
    names = TELESCOPE_KEYS[: len(example)]
    return ", ".join(f"{name} {value}" for name, value in zip(names, example, strict=True))


__all__ = ["ROWS_AT_ONCE", "KeyCheck"]
