"""One file of a table of a part, read from front to end with its rows in order."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ctabatch.errors import InputError

from .location import Location, parquet_source
from .parquet_bounds import check_groups


class TableFile:
    """Reads some columns of a file, row group by row group; at most one waits to be taken.

    Parameters
    ----------
    path : Path
    n_rows : int
        Rows that the commit record tells.
    columns : sequence of str
        What `take` gives.

    Attributes
    ----------
    schema : pyarrow.Schema
        Of these columns.
    position, size : int
        Bytes of these columns that were read so far, and in all.

    Raises
    ------
    InputError
        The file is gone, damaged or another than the one that was committed, or a column is
        missing (also from the methods).
    """

    def __init__(self, path: Location, n_rows: int, columns: Sequence[str]) -> None:
        self.path, self.n_rows = path, n_rows
        self.position = 0
        self._names = list(columns)
        self._waiting: deque[pa.RecordBatch] = deque()
        self._group = 0
        with self.reading():
            self._file = pq.ParquetFile(parquet_source(path), page_checksum_verification=True)
        try:
            with self.reading():
                schema, metadata = self._file.schema_arrow, self._file.metadata
                check_groups(metadata)
                missing = [name for name in self._names if name not in schema.names]
                if missing:
                    raise ValueError(f"there is no column {missing[0]}")
                if metadata.num_rows != n_rows:
                    raise ValueError(f"{metadata.num_rows} rows, {n_rows} were written")
                self.schema = pa.schema([schema.field(name) for name in self._names])
                self._n_bytes = [self._stored(k) for k in range(metadata.num_row_groups)]
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        return sum(self._n_bytes)

    def numbers(self, name: str) -> NDArray[np.int64]:
        """A whole column of integers: keys, some bytes per row."""
        with self.reading():
            groups = range(self._file.num_row_groups)
            parts = [
                self._file.read_row_group(k, [name], use_threads=False).column(0) for k in groups
            ]
            chunks = [chunk for part in parts for chunk in part.chunks]
            if any(chunk.null_count for chunk in chunks):
                raise ValueError(f"rows without {name}")
            arrays = [np.asarray(chunk.to_numpy(zero_copy_only=False)) for chunk in chunks]
            joined = np.concatenate([np.empty(0, np.int64), *arrays]).astype(np.int64)
            if len(joined) != self.n_rows:
                raise ValueError(f"{len(joined)} rows of column {name}, {self.n_rows} were written")
        return joined

    def take(self, n: int) -> list[pa.RecordBatch]:
        """The next `n` rows, without copying them."""
        rows = []
        while n:
            if not self._waiting:
                self._waiting.extend(self._next_group())
                continue
            batch = self._waiting.popleft()
            if batch.num_rows > n:
                self._waiting.appendleft(batch.slice(n))
                batch = batch.slice(0, n)
            n -= batch.num_rows
            if batch.num_rows:
                rows.append(batch)
        return rows

    def _next_group(self) -> list[pa.RecordBatch]:
        with self.reading():
            if self._group == self._file.num_row_groups:
                raise ValueError(f"less than {self.n_rows} rows")
            table = self._file.read_row_group(self._group, self._names, use_threads=False)
            self.position += self._n_bytes[self._group]
            self._group += 1
            batches: list[pa.RecordBatch] = table.select(self._names).to_batches()
            return batches

    def _stored(self, group: int) -> int:
        """Bytes of the columns of a row group in the file."""
        found = self._file.metadata.row_group(group)
        columns = (found.column(k) for k in range(found.num_columns))
        return sum(
            int(column.total_compressed_size)
            for column in columns
            if column.path_in_schema.partition(".")[0] in self._names
        )

    @property
    def bytes_in_lists(self) -> int:
        """Bytes in memory, roughly, of all columns whose rows differ in length."""
        names = [field.name for field in self.schema if pa.types.is_list(field.type)]
        metadata = self._file.metadata
        groups = (metadata.row_group(k) for k in range(metadata.num_row_groups))
        columns = (group.column(k) for group in groups for k in range(group.num_columns))
        return sum(
            int(column.total_uncompressed_size)
            for column in columns
            if column.path_in_schema.partition(".")[0] in names
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Turn what is wrong with the content into an error that names the file."""
        try:
            yield
        except InputError:
            raise
        except (OSError, pa.ArrowException, ValueError, OverflowError, MemoryError) as error:
            raise InputError(f"{self.path}: not readable: {error}") from error


__all__ = ["TableFile"]
