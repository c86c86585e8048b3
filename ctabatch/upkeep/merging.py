"""Which parts may be merged, and the tables of the merged part."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ctabatch.errors import InputError
from ctabatch.io.commit_records import read_records
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.fetched import fetched
from ctabatch.io.location import Location, StorePath
from ctabatch.io.parquet import PartFiles
from ctabatch.io.parquet_bounds import bounded_file

from .key_ranges import Ranges
from .merged_records import Record
from .sorted_rows import SortedRows, by_schema
from .table_kinds import EVENT_KEYS, table_name

#: Rows of a table of a merged part: their keys are in memory while it is sorted.
MOST_ROWS = 5_000_000


@dataclass
class Part:
    """A committed part and its predictions.

    Attributes
    ----------
    record : dict
    predictions : dict
        Prefix -> record.
    """

    record: Record
    predictions: dict[str, Record] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.record["part"])

    @property
    def tables(self) -> dict[str, dict[str, int]]:
        """All files, of predictions too."""
        found = dict(self.record["tables"])
        for record in self.predictions.values():
            found |= record["tables"]
        return found

    @property
    def bytes(self) -> int:
        return sum(facts["bytes"] for facts in self.tables.values())

    @property
    def rows(self) -> int:
        """Rows of its longest table."""
        return max((facts["rows"] for facts in self.tables.values()), default=0)

    def kind(self) -> str:
        """Parts of one kind may be merged: same configuration, predictions of the same models.

        Those that ``ctabatch simulate`` wrote have a configuration for each, of the showers.
        """
        config, digest = self.record.get("config"), self.record.get("config_digest")
        if isinstance(config, dict) and config.keys() == {"level", "options"}:
            config, digest = config["level"], None
        about = {
            prefix: [record.get(name) for name in ("models", "combination", "stereo")]
            for prefix, record in sorted(self.predictions.items())
        }
        return json.dumps([digest, config, about])


def committed_parts(folder: DatasetFolder) -> list[Part]:
    """All committed parts with their predictions."""
    prefixes = folder.prefixes()
    parts = [Part(record) for record in folder.records()]
    for prefix in prefixes:
        paths = [folder.prediction_path(prefix, part.name) for part in parts]
        for part, found in zip(parts, read_records(paths), strict=True):
            if found is not None:
                part.predictions[prefix] = found
    return parts


def changed(folder: DatasetFolder, parts: Sequence[Part]) -> Part | None:
    """A part whose records are not what they were when it was looked at; None if all are."""
    prefixes = folder.prefixes()
    paths = [folder.record_path(part.name) for part in parts]
    now = [Part(record or {}) for record in read_records(paths)]
    for prefix in prefixes:
        found = read_records([folder.prediction_path(prefix, part.name) for part in parts])
        for part, record in zip(now, found, strict=True):
            if record is not None:
                part.predictions[prefix] = record
    return next((part for part, one in zip(parts, now, strict=True) if part != one), None)


def why_alone(folder: DatasetFolder, part: Part) -> str:
    """Why a part cannot be merged with others; empty if it can."""
    tables = {table_name(name.rpartition("/")[0]).kind for name in part.tables}
    if "r0_stream" in tables:
        return "it holds a stream of raw data, in which its rows have their place"
    if "calibration" in tables and not _is_ascending(folder, part):
        return "its calibration changes in the order of its events, which is not that of their ids"
    return ""


def _is_ascending(folder: DatasetFolder, part: Part) -> bool:
    last: tuple[int, int] | None = None
    for name in part.record["tables"]:
        if name.startswith("trigger/"):
            with bounded_file(folder.root / name) as file:
                for batch in file.iter_batches(columns=list(EVENT_KEYS)):
                    keys = zip(*(batch.column(k).to_pylist() for k in EVENT_KEYS), strict=True)
                    for key in keys:
                        if last is not None and key < last:
                            return False
                        last = key
    return True


def groups(folder: DatasetFolder, parts: Sequence[Part], most_bytes: int) -> list[list[Part]]:
    """Parts that become one each: of one kind, neighbours in their keys, not too large together."""
    kinds: dict[str, list[Part]] = {}
    for part in parts:
        kinds.setdefault(part.kind(), []).append(part)
    found: list[list[Part]] = []
    keys = _first_keys(folder, parts)
    for own in kinds.values():
        group: list[Part] = []
        for part in sorted(own, key=lambda part: (*keys[part.name], part.name)):
            size = sum(one.bytes for one in group) + part.bytes
            if group and (
                size > most_bytes or sum(one.rows for one in group) + part.rows > MOST_ROWS
            ):
                found.append(group)
                group = []
            group.append(part)
        found.append(group)
    return [group for group in found if len(group) > 1]


def _first_keys(folder: DatasetFolder, parts: Sequence[Part]) -> dict[str, tuple[int, int]]:
    if not isinstance(folder.root, StorePath):
        return {part.name: _first_key(folder, part) for part in parts}
    from ctabatch.io.object_store import SMALL_AT_ONCE, at_once

    found = at_once(lambda part: _first_key(folder, part), list(parts), SMALL_AT_ONCE)
    return dict(zip((part.name for part in parts), found, strict=True))


def _first_key(folder: DatasetFolder, part: Part) -> tuple[int, int]:
    ranges = Ranges()
    for name in part.record["tables"]:
        if name.startswith("trigger/"):
            with bounded_file(folder.root / name) as file:
                ranges.add(file, 0)
    box = next(ranges.boxes(float("inf")), None)
    return (0, 0) if box is None else (box.first_obs, box.first)


def write_merged(
    root: Location, names: Sequence[str], files: PartFiles, progress: Callable[[int], None]
) -> None:
    """Write the rows of some files, sorted by their keys, into the same tables of a new part.

    Objects of a store are copied to this machine, table by table: row groups are read more than
    once and in no order.

    Raises
    ------
    InputError
        A file is damaged, or has other rows than expected.
    """
    tables: dict[str, list[Location]] = {}
    for name in names:
        tables.setdefault(name.rpartition("/")[0], []).append(root / name)
    for table, places in sorted(tables.items()):
        with fetched(places) as paths:
            _write_table(table, paths, files, progress)


def _write_table(
    table: str, paths: list[Path], files: PartFiles, progress: Callable[[int], None]
) -> None:
    keys = table_name(table).keys
    for group in by_schema(paths):
        n = 0
        for batch in _rows(table, group, keys):
            files.write(table, batch)
            n += batch.num_rows
            progress(batch.num_rows)
        if n == 0:
            with bounded_file(group[0]) as file:
                files.require(table, file.schema_arrow)


def _rows(table: str, group: list[Path], keys: Sequence[str]) -> Iterator[pa.RecordBatch]:
    if table == "cut_flow":
        yield from _summed(group, keys).to_batches()
        return
    with bounded_file(group[0]) as file:
        there = [key for key in keys if key in file.schema_arrow.names]
    yield from SortedRows(group, there)


def _summed(group: list[Path], keys: Sequence[str]) -> pa.Table:
    """Counts of images left after each criterion, added up."""
    try:
        tables = [pq.read_table(path, partitioning=None) for path in group]
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{group[0].parent}: not readable: {error}") from error
    schema = tables[0].schema
    rows = pa.concat_tables([t.replace_schema_metadata(None) for t in tables])
    total = rows.group_by(list(keys), use_threads=False).aggregate([("n_images", "sum")])
    total = total.rename_columns([*keys, "n_images"]).select(schema.names)
    total = total.sort_by([("query", "ascending"), ("step", "ascending")])
    return pa.Table.from_arrays(
        [total[field.name].cast(field.type).combine_chunks() for field in schema], schema=schema
    )


__all__ = ["Part", "changed", "committed_parts", "groups", "why_alone", "write_merged"]
