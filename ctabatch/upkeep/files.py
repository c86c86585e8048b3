"""Files of the tables against what their record and the schemas say."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ctabatch.io.location import Location, parquet_source
from ctabatch.io.parquet import file_crc32

from .declared import declared, differences
from .findings import Report
from .key_ranges import Ranges
from .table_kinds import table_name

_AGAIN = "process its input again with --overwrite"
_APPLY = "run ctabatch apply again with --overwrite"
_ROWS = 1 << 14


def todo_of(name: str) -> str:
    """How to make a file again."""
    return _APPLY if "/model=" in name else _AGAIN


def check_file(
    root: Location, name: str, facts: dict[str, Any], report: Report, *, deep: bool,
    ranges: Ranges | None = None, number: int = 0,
) -> bool:  # fmt: skip
    """Check one file; add its row groups to `ranges` under `number`.

    Returns
    -------
    bool
        Whether its rows can be read.
    """
    path, todo = root / name, todo_of(name)
    report.checked["files"] += 1
    try:
        size = path.stat().st_size
    except OSError as error:
        report.add("file", name, f"it is gone ({error.strerror})", todo)
        return False
    if size != facts["bytes"]:
        report.add("file", name, f"{size:,} bytes, {facts['bytes']:,} were written", todo)
    if deep and _checksum(path, name, facts, report, todo):
        report.checked["bytes of checksums"] += size
    try:
        with pq.ParquetFile(parquet_source(path), page_checksum_verification=True) as file:
            return _check_content(file, name, facts, report, deep, ranges, number)
    except (OSError, pa.ArrowException, ValueError, OverflowError, MemoryError) as error:
        report.add("file", name, f"not readable as Parquet: {_short(error)}", todo)
        return False


def _check_content(
    file: pq.ParquetFile, name: str, facts: dict[str, Any], report: Report, deep: bool,
    ranges: Ranges | None, number: int,
) -> bool:  # fmt: skip
    todo, rows = todo_of(name), file.metadata.num_rows
    report.checked["rows"] += rows
    if rows != facts["rows"]:
        report.add("file", name, f"{rows:,} rows, {facts['rows']:,} were written", todo)
    table = table_name(name.rpartition("/")[0])
    wanted = declared(table, file.schema_arrow)
    if wanted is None:
        report.add("note", name, "tables of this kind are not known", "nothing: its rows were not "
                   "compared with a schema")  # fmt: skip
    else:
        for what in differences(file.schema_arrow, wanted):
            report.add("schema", name, what, todo)
    if deep and not _read_through(file, name, report, todo):
        return False
    if ranges is not None and table.has_events and set(table.keys) <= set(file.schema_arrow.names):
        ranges.add(file, number)
    return True


def _read_through(file: pq.ParquetFile, name: str, report: Report, todo: str) -> bool:
    """Read every page; Arrow checks their checksums and `validate` the values."""
    try:
        for batch in file.iter_batches(batch_size=_ROWS):
            batch.validate(full=True)
    except (OSError, pa.ArrowException, ValueError) as error:
        report.add("file", name, f"its pages are damaged: {_short(error)}", todo)
        return False
    return True


def _checksum(path: Location, name: str, facts: dict[str, Any], report: Report, todo: str) -> bool:
    if "crc32" not in facts:
        report.checked["files without checksum"] += 1
        return False
    found = file_crc32(path)
    if found != facts["crc32"]:
        report.add("checksum", name, f"checksum {found}, {facts['crc32']} was written", todo)
    return True


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


__all__ = ["check_file", "todo_of"]
