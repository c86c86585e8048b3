"""Tables of events that other programs wrote, column by column in blocks: FITS, HDF5, Parquet.

Only columns with one number or truth value in a row are offered. All values are as they stand in
the file, in native byte order; units are told, not applied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import pyarrow as pa
import pyarrow.parquet as pq
from isal import igzip

from ctabatch.errors import InputError
from ctabatch.schemas.column import unit_of

from .location import Location, StorePath, local_path, location, parquet_source

#: Bytes of a block, about; a block is at least one row.
BLOCK = 1 << 23
_FITS, _HDF5, _PARQUET, _GZIP = b"SIMPLE", b"\x89HDF\r\n\x1a\n", b"PAR1", b"\x1f\x8b"
_HDU = re.compile(r"^(?P<path>.+)\[(?P<hdu>[^\[\]]+)\]$", re.DOTALL)


class EventTable(Protocol):
    """A table in a file.

    Attributes
    ----------
    address : str
        File and table, as `open_table` takes it.
    schema : pyarrow.Schema
        The usable columns.
    units : mapping
        Column -> its unit, of columns that state one.
    left_out : mapping
        Column -> why it is not usable.
    others : tuple of str
        Addresses of the other tables in the file.
    n_rows : int
    """

    address: str
    schema: pa.Schema
    units: Mapping[str, str]
    left_out: Mapping[str, str]
    others: tuple[str, ...]
    n_rows: int

    @property
    def columns(self) -> list[str]:
        """Names of the usable columns."""

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Rows of some columns, block by block."""

    def read(self, columns: Sequence[str]) -> pa.Table:
        """All rows of some columns."""


class Table:
    """What all kinds of tables share; see `EventTable`."""

    def __init__(
        self,
        address: str,
        schema: pa.Schema,
        n_rows: int,
        units: Mapping[str, str],
        left_out: Mapping[str, str],
        others: Sequence[str] = (),
    ) -> None:
        self.address, self.schema, self.n_rows = address, schema, n_rows
        self.units, self.left_out, self.others = units, left_out, tuple(others)

    @property
    def columns(self) -> list[str]:
        return [str(name) for name in self.schema.names]

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        raise NotImplementedError

    def read(self, columns: Sequence[str]) -> pa.Table:
        schema = pa.schema([self.schema.field(name) for name in columns])
        return pa.Table.from_batches(list(self.batches(columns)), schema)


def open_table(address: str) -> EventTable:
    """Open a table of events.

    Parameters
    ----------
    address : str
        ``FILE``, ``FILE.fits[HDU]`` with the name or number of an HDU, or ``FILE.h5::/path`` of a
        table. Without, it is the first table called EVENTS, or the first table. The kind of the
        file is told by its first bytes; FITS files may be compressed by gzip.

    Raises
    ------
    InputError
        The file cannot be read, is of no known kind, or lacks the table.
    """
    path, node = _file_and_table(address)
    kind = _kind(path)
    if kind == _PARQUET:
        if node is not None:
            raise InputError(f"{address}: a Parquet file has one table; name the file alone")
        return ParquetTable(path)
    if kind == _HDF5:
        from .hdf5_tables import Hdf5Table

        return Hdf5Table(path, node)
    from .fits.binary_tables import FitsTable

    return FitsTable(path, node, open_bytes)


def is_dataset(name: str) -> bool:
    """Whether an input is a dataset, here or in a store; else it is a table of events.

    Raises
    ------
    InputError
        There is neither.
    """
    place = location(name)
    if place.is_dir():
        return True
    if isinstance(place, StorePath):
        raise InputError(f"{place}: no ctabatch dataset; tables of events must be on this machine")
    file, _ = _file_and_table(name)
    if not file.exists():
        raise InputError(f"{file}: there is no such file or dataset")
    return False


def _file_and_table(address: str) -> tuple[Path, str | None]:
    name, node = address, None
    if "::" in address:
        name, _, node = address.partition("::")
    elif (found := _HDU.match(address)) and not Path(address).exists():
        name, node = found["path"], found["hdu"].strip()
    return local_path(name, "a table of events"), node


def open_bytes(path: Path) -> BinaryIO:
    """A file as bytes, without the compression of gzip."""
    file = path.open("rb")
    magic = file.read(2)
    file.seek(0)
    if magic == _GZIP:
        file.close()
        return cast(BinaryIO, igzip.IGzipFile(path, "rb"))  # type: ignore[no-untyped-call]
    return file


def _kind(path: Path) -> bytes:
    try:
        with open_bytes(path) as file:
            first = file.read(8)
    except (OSError, EOFError, igzip.BadGzipFile) as error:
        raise InputError(f"{path}: not readable: {error}") from error
    for magic in (_FITS, _HDF5, _PARQUET):
        if first.startswith(magic):
            return magic
    raise InputError(
        f"{path}: no table of events: expected a FITS, HDF5 or Parquet file; it starts with "
        f"{first.hex(' ') or 'nothing'}"
    )


class ParquetTable(Table):
    """A Parquet file; units stand in the metadata of its fields under ``unit``."""

    def __init__(self, path: Location) -> None:
        self.path = path
        try:
            with pq.ParquetFile(parquet_source(path)) as file:
                schema, n_rows = file.schema_arrow, file.metadata.num_rows
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{path}: not readable: {error}") from error
        usable = [field for field in schema if is_number(field.type)]
        left_out = {f.name: f"it holds {f.type}" for f in schema if not is_number(f.type)}
        units = {field.name: unit_of(field) for field in usable if unit_of(field)}
        super().__init__(str(path), pa.schema(usable), n_rows, units, left_out)

    def batches(self, columns: Sequence[str], n_rows: int = 65536) -> Iterator[pa.RecordBatch]:
        """Rows of some columns in blocks of `n_rows`, whatever are the row groups of the file."""
        try:
            # a buffer would hold all columns of the file at once, compressed
            with pq.ParquetFile(parquet_source(self.path), pre_buffer=False) as file:
                yield from file.iter_batches(n_rows, columns=list(columns))
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{self.path}: not readable: {error}") from error


def is_number(dtype: pa.DataType) -> bool:
    """Whether a column of this type holds a number, truth value or time in each row."""
    types = pa.types
    return bool(
        types.is_integer(dtype)
        or types.is_floating(dtype)
        or types.is_boolean(dtype)
        or types.is_timestamp(dtype)
    )
