"""An index of the files of a dataset, ``parts/index.parquet``: opening does not read every record.

It is a cache: commit records remain the truth. A row counts only while the record that it was made
from has the size and time of last change that it had; other records are read as if there were no
index. So it may be old, or be written by two processes at once.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ctabatch.errors import InputError

from .dataset_folder import DatasetFolder
from .location import Location, StorePath, local_path
from .merged_parts import listed, replaced_by
from .parquet import writing
from .record_checks import is_table_file, read_record
from .whole_file import whole_file

PLACE = "parts/index.parquet"
SCHEMA = pa.schema(
    [
        ("record", pa.string()),
        ("record_bytes", pa.int64()),
        ("record_mtime_ns", pa.int64()),
        ("part", pa.string()),
        ("prefix", pa.string()),
        ("order", pa.int32()),
        ("table", pa.string()),
        ("file", pa.string()),
        ("rows", pa.int64()),
        ("bytes", pa.int64()),
        *((f"{key}_{end}", pa.int64()) for key in ("obs_id", "event_id") for end in ("min", "max")),
    ],
    metadata={"format": "ctabatch dataset index", "format_version": "1"},
)


@dataclass(frozen=True)
class _Record:
    """A commit record as a file."""

    name: str
    part: str
    prefix: str
    n_bytes: int
    mtime_ns: int


class IndexedFiles(Mapping[str, list[Location]]):
    """Table -> its files, sorted by part, as `DatasetFolder.tables` gives them.

    Parameters
    ----------
    root : Path
    rows : pyarrow.Table
        Of `SCHEMA`.
    """

    def __init__(self, root: Path, rows: pa.Table) -> None:
        self._root, self._rows = root, rows
        self._names = [name for name in rows["table"].unique().to_pylist() if name is not None]
        self._known: dict[str, list[Location]] = {}

    def __getitem__(self, table: str) -> list[Location]:
        if table not in self._known:
            if table not in self._names:
                raise KeyError(table)
            files = self._of(table)["file"].to_pylist()
            if foreign := next((name for name in files if not is_table_file(name)), None):
                raise InputError(
                    f"{self._root / PLACE}: {foreign[:80]!r} is not the name of a table in this "
                    "folder; remove this file, which is only a cache"
                )
            self._known[table] = [self._root / name for name in files]
        return self._known[table]

    def paths(self, table: str) -> list[Path]:
        """The same: the files of an index are on this machine."""
        return [path for path in self[table] if isinstance(path, Path)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def ranges(self, table: str) -> pa.Table:
        """Rows of each file, and its ranges of observations and events; null where not known."""
        keys = [f"{key}_{end}" for key in ("obs_id", "event_id") for end in ("min", "max")]
        return self._of(table).select(["rows", *keys])

    def _of(self, table: str) -> pa.Table:
        return self._rows.filter(pc.equal(self._rows["table"], table))


def indexed_files(folder: DatasetFolder) -> IndexedFiles | None:
    """Files of all committed parts and predictions by the index; None if there is none.

    Raises
    ------
    InputError
        A record that is not in the index is not readable.
    """
    root = folder.root
    if isinstance(root, StorePath) or not (root / PLACE).is_file():
        return None
    return IndexedFiles(root, index_rows(folder))


def write_index(folder: DatasetFolder) -> int:
    """Write the index of a dataset as it is now, in one step; gives the number of its files.

    A dataset in an object store needs none: its records are read side by side.

    Raises
    ------
    OutputError
    """
    root = folder.root
    if isinstance(root, StorePath):
        return 0
    rows = index_rows(folder)
    with writing(root), whole_file(root / PLACE) as wip:
        pq.write_table(rows, wip, compression="zstd", write_page_checksum=True)
    return len(rows)


def index_rows(folder: DatasetFolder) -> pa.Table:
    """Rows of the index for the dataset as it is now: old ones that are still true, and new ones.

    Raises
    ------
    InputError
    """
    root = local_path(folder.root, "a dataset that gets an index")
    records = listed(lambda: list(_records(root)))
    replaced = replaced_by([one.part for one in records if not one.prefix], folder.record)
    records = [one for one in records if one.part not in replaced]
    old = _stored(root / PLACE)
    facts = zip(*(old[name].to_pylist() for name in SCHEMA.names[:3]), strict=True)
    known = dict.fromkeys(facts)
    is_known = [(r.name, r.n_bytes, r.mtime_ns) in known for r in records]
    kept = [record.name for record, fine in zip(records, is_known, strict=True) if fine]
    if len(kept) < len(known):
        # of a record that was replaced there may be old rows: those of other facts are not kept
        old = old.filter(pc.is_in(old["record"], value_set=pa.array(kept, pa.string())))
    new = [
        row
        for record, fine in zip(records, is_known, strict=True)
        if not fine
        for row in _rows_of(root, record)
    ]
    if not new:
        return old
    rows = pa.concat_tables([old, pa.Table.from_pylist(new, SCHEMA)])
    return rows.sort_by([(name, "ascending") for name in ("part", "prefix", "order")])


def _stored(path: Path) -> pa.Table:
    """Rows of the index file; none if it is not there or not usable."""
    with contextlib.suppress(OSError, pa.ArrowException):
        table = pq.read_table(path, partitioning=None)
        if table.schema.equals(SCHEMA, check_metadata=True):
            return table
    return SCHEMA.empty_table()


def _records(root: Path) -> Iterator[_Record]:
    """All commit records, by their names alone, also of parts that were merged into another."""
    yield from _in_folder(root, "parts", "")
    with contextlib.suppress(FileNotFoundError), os.scandir(root / "parts" / "dl2") as folders:
        for one in sorted(folders, key=lambda entry: entry.name):
            if one.is_dir() and not one.name.startswith("."):
                yield from _in_folder(root, f"parts/dl2/{one.name}", one.name)


def _in_folder(root: Path, folder: str, prefix: str) -> Iterator[_Record]:
    with contextlib.suppress(FileNotFoundError), os.scandir(root / folder) as entries:
        for entry in entries:
            if entry.name.endswith(".json") and not entry.name.startswith("."):
                with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                    facts = entry.stat()
                    part = entry.name.removesuffix(".json")
                    name = f"{folder}/{entry.name}"
                    yield _Record(name, part, prefix, facts.st_size, facts.st_mtime_ns)


def _rows_of(root: Path, record: _Record) -> list[dict[str, Any]]:
    path = root / record.name
    values = read_record(path)
    if values is None:  # removed meanwhile
        return []
    own = {
        "record": record.name,
        "record_bytes": record.n_bytes,
        "record_mtime_ns": record.mtime_ns,
        "part": record.part,
        "prefix": record.prefix,
    }
    try:
        own |= _range("obs_id", values.get("obs_ids")) | _range("event_id", values.get("event_ids"))
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: not readable: {error}") from error
    return [
        {**own, "order": order, "table": name.rpartition("/")[0], "file": name,
         "rows": facts["rows"], "bytes": facts.get("bytes")}
        for order, (name, facts) in enumerate(values["tables"].items())
    ] or [own]  # fmt: skip


def _range(key: str, values: list[int] | None) -> dict[str, int]:
    """Smallest and largest of the values that a record lists; nothing if it does not."""
    return {f"{key}_min": min(values), f"{key}_max": max(values)} if values else {}


__all__ = ["PLACE", "IndexedFiles", "index_rows", "indexed_files", "write_index"]
