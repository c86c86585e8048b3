"""Rows of many files of a table in the order of their keys, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.io.parquet_bounds import bounded_file
from ctabatch.schemas.column import TABLE, VERSION
from ctabatch.schemas.reduced_waveforms import N_PIXELS

#: Rows that are put in order at once take about so much memory.
CHUNK_BYTES = 8 << 20
#: Row groups that are kept because the next rows may be in them, too.
CACHE_BYTES = 256 << 20


class _Place(NamedTuple):
    file: Path
    group: int


class SortedRows:
    """Reads files of one schema; rows come out sorted by key, those of equal keys in file order.

    Parameters
    ----------
    files : sequence of Path
    keys : sequence of str
        Columns to sort by; without any the files are read one after the other.
    chunk_bytes, cache_bytes : int

    Attributes
    ----------
    schema : pyarrow.Schema
        Of all files; metadata of the schema that is not the same in all is left out.
    n_rows : int
    """

    def __init__(
        self,
        files: Sequence[Path],
        keys: Sequence[str],
        *,
        chunk_bytes: int = CHUNK_BYTES,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._chunk_bytes, self._cache_bytes = chunk_bytes, cache_bytes
        self._cache: OrderedDict[int, pa.Table] = OrderedDict()
        self._cached = 0  # bytes
        self._places: list[_Place] = []
        group_rows: list[int] = []
        columns: list[list[NDArray[np.int64]]] = [[] for _ in keys]
        schemas = []
        n_bytes = 0
        for path in files:
            with bounded_file(path) as file:
                schemas.append(file.schema_arrow)
                for k in range(file.metadata.num_row_groups):
                    group = file.metadata.row_group(k)
                    self._places.append(_Place(path, k))
                    group_rows.append(group.num_rows)
                    n_bytes += group.total_byte_size
                if keys:
                    table = file.read(columns=list(keys))
                    for values, key in zip(columns, keys, strict=True):
                        values.append(table[key].to_numpy())
        self.schema = common_schema(schemas)
        self.n_rows = sum(group_rows)
        self._group = np.repeat(np.arange(len(group_rows), dtype=np.int32), group_rows)
        starts = np.concatenate([[0], np.cumsum(group_rows)])[:-1]
        self._row = np.arange(self.n_rows) - np.repeat(starts, group_rows)
        if keys and self.n_rows:
            order = np.lexsort([np.concatenate(values) for values in reversed(columns)])
            self._group, self._row = self._group[order], self._row[order]
        self._step = max(1, int(chunk_bytes * self.n_rows / max(n_bytes, 1)))

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for begin in range(0, self.n_rows, self._step):
            group = self._group[begin : begin + self._step]
            row = self._row[begin : begin + self._step]
            by_group = np.argsort(group, kind="stable")
            numbers, firsts = np.unique(group[by_group], return_index=True)
            pieces = [
                self._rows(int(number)).take(pa.array(row[own]))
                for number, own in zip(numbers, np.split(by_group, firsts[1:]), strict=True)
            ]
            rows = pa.concat_tables(pieces)
            if not np.array_equal(by_group, np.arange(len(by_group))):
                back = np.empty(len(by_group), np.int64)
                back[by_group] = np.arange(len(by_group))
                rows = rows.take(pa.array(back))
            rows = rows.replace_schema_metadata(self.schema.metadata).combine_chunks()
            yield from rows.cast(self.schema).to_batches()

    def _rows(self, number: int) -> pa.Table:
        """A row group, which may have been read already."""
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        place = self._places[number]
        with bounded_file(place.file) as file:
            rows = file.read_row_group(place.group)
        self._cache[number] = rows
        self._cached += rows.nbytes
        while len(self._cache) > 1 and self._cached > self._cache_bytes:
            self._cached -= self._cache.popitem(last=False)[1].nbytes
        return rows


def common_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The first schema, with the metadata that all have."""
    first = schemas[0]
    shared = {
        name: value
        for name, value in (first.metadata or {}).items()
        if all((schema.metadata or {}).get(name) == value for schema in schemas)
    }
    return first.with_metadata(shared)


def by_schema(files: Sequence[Path]) -> list[list[Path]]:
    """Files in groups of the same columns and the same version of the same table."""
    groups: list[tuple[pa.Schema, list[Path]]] = []
    for path in files:
        with bounded_file(path) as file:
            schema = file.schema_arrow
        facts = {key: (schema.metadata or {}).get(key, b"") for key in (TABLE, VERSION, N_PIXELS)}
        schema = schema.with_metadata(facts)
        for known, group in groups:
            if known.equals(schema, check_metadata=True):
                group.append(path)
                break
        else:
            groups.append((schema, [path]))
    return [group for _, group in groups]


__all__ = ["SortedRows", "by_schema"]
