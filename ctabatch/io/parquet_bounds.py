"""Parquet files are data: how much a row group becomes in memory is looked at before it is read.

A page of zeros, or a column of one value, takes a few bytes in the file and any number in memory.
The footer tells rows and sizes; what it says is bounded here. Pages that become more than it says
are left to Arrow, which refuses them or takes at most the 2 GiB that the header of a page can say.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ctabatch.errors import InputError

from .location import Location, StorePath, parquet_source

#: What a row group of this package's tables may become: they are written at 8 MiB, and a single
#: batch of waveforms, which is not divided, takes at most 256 MiB.
MOST_BYTES = 512 << 20
#: Bytes that a value takes in memory, by the name of its physical type.
_WIDTHS = {"BOOLEAN": 1 / 8, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 12}


def check_groups(metadata: pq.FileMetaData, most: int = MOST_BYTES) -> None:
    """Refuse a file with a row group that would take too much memory.

    Raises
    ------
    ValueError
        With the row group, and what it would take.
    """
    for k in range(metadata.num_row_groups):
        group = metadata.row_group(k)
        columns = [group.column(i) for i in range(group.num_columns)]
        size = sum(max(_in_memory(c), int(c.total_uncompressed_size)) for c in columns)
        if size > most or group.num_rows > most:
            raise ValueError(
                f"row group {k} has {group.num_rows:,} rows and takes {size / (1 << 20):,.0f} MiB "
                f"in memory, more than {most >> 20} MiB"
            )


def _in_memory(column: pq.ColumnChunkMetaData) -> int:
    """Bytes of a column of numbers; of texts at least an offset each."""
    return int(column.num_values * _WIDTHS.get(column.physical_type, 4))


def _opened(source: Any) -> Any:
    return parquet_source(source) if isinstance(source, StorePath) else source


@contextlib.contextmanager
def bounded_file(
    source: Any, name: Location | None = None, most: int = MOST_BYTES, what: str = "not readable"
) -> Iterator[pq.ParquetFile]:
    """A Parquet file whose row groups are bounded.

    Parameters
    ----------
    source : Path, StorePath or buffer
    name : Path or StorePath, optional
        For messages; the source by default.
    most : int
    what : str
        What is said of a file that cannot be used.

    Raises
    ------
    InputError
        It is no Parquet file, damaged, or takes too much memory (also while it is read).
    """
    try:
        with pq.ParquetFile(_opened(source), page_checksum_verification=True) as file:
            check_groups(file.metadata, most)
            yield file
    except (
        OSError,
        pa.ArrowException,
        ValueError,
        LookupError,
        OverflowError,
        MemoryError,
    ) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{source if name is None else name}: {what}: {error}") from error


__all__ = ["MOST_BYTES", "bounded_file", "check_groups"]
