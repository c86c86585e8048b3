"""Tables of HDF5 files (PyTables, also those of ctapipe, lstchain and astropy), in blocks."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ctabatch.errors import InputError

from .event_tables import BLOCK, Table

if TYPE_CHECKING:
    import tables

#: Units in the columns that astropy describes beside a table.
_ASTROPY = re.compile(
    r"name: '?(?P<name>[^,'}]+)'?,(?: unit: (?:!astropy\.units\.Unit \{unit: )?'?(?P<unit>[^,'}]+))"
)
#: astropy writes the description of the table NAME as NAME.__table_column_meta__.
_META = ".__table_column_meta__"


def _tables() -> Any:
    try:
        import tables
    except ImportError as error:
        raise InputError(
            "HDF5 files are read by PyTables, which is not installed: pip install 'ctabatch[hdf5]'"
        ) from error
    return tables


class Hdf5Table(Table):
    """One table; see `ctabatch.io.event_tables.EventTable`.

    Parameters
    ----------
    path : Path
    node : str, optional
        Its path in the file; by default the first table called events, or the first table.

    Raises
    ------
    InputError
        PyTables is not installed, the file is damaged, or has no such table.
    """

    def __init__(self, path: Path, node: str | None) -> None:
        self.path = path
        with _opened(path) as file:
            nodes = [t for t in _walk(file) if not t._v_pathname.endswith(_META)]
            names = [str(t._v_pathname) for t in nodes]
            if not nodes:
                raise InputError(f"{path}: this HDF5 file has no table")
            if node is None:
                events = (n for n in names if n.rpartition("/")[2].lower() == "events")
                self.node = next(events, names[0])
            else:
                self.node = f"/{node.strip('/')}"
                if self.node not in names:
                    shown = ", ".join(names[:20])
                    raise InputError(f"{path}: no table {self.node!r}; its tables: {shown}")
            table = nodes[names.index(self.node)]
            units = _units(file, table)
            fields, left_out = [], {}
            for name in table.dtype.names:
                dtype = table.dtype[name]
                if dtype.shape or dtype.kind not in "biuf" or dtype.itemsize > 8:
                    left_out[name] = f"it holds {dtype}, not one number in each row"
                elif _is_transformed(table, name):
                    left_out[name] = "its values are packed by a transform of ctapipe"
                else:
                    fields.append((name, pa.from_numpy_dtype(dtype.newbyteorder("="))))
            others = [f"{path}::{name}" for name in names if name != self.node]
            super().__init__(f"{path}::{self.node}", pa.schema(fields), int(table.nrows), units,
                             left_out, others)  # fmt: skip

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        schema = pa.schema([self.schema.field(name) for name in columns])
        with _opened(self.path) as file:
            table = file.get_node(self.node)
            step = max(BLOCK // max(int(table.rowsize), 1), 1)
            for first in range(0, self.n_rows, step):
                try:
                    rows = table.read(first, min(first + step, self.n_rows))
                except Exception as error:
                    if not isinstance(error, _damage()):
                        raise
                    raise InputError(f"{self.address}: not readable: {error}") from error
                arrays = [
                    pa.array(rows[f.name].astype(rows[f.name].dtype.newbyteorder("=")), f.type)
                    for f in schema
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _damage() -> tuple[type[Exception], ...]:
    return (_tables().HDF5ExtError, OSError, ValueError)


class _opened:  # noqa: N801 - reads as a phrase: with _opened(path)
    """A file open for reading, without warnings about names that are no identifiers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._warnings = warnings.catch_warnings()

    def __enter__(self) -> tables.File:
        found = _tables()
        self._warnings.__enter__()
        warnings.simplefilter("ignore", found.NaturalNameWarning)
        try:
            self.file = found.open_file(str(self.path), "r")
        except (found.HDF5ExtError, OSError) as error:
            self._warnings.__exit__(None, None, None)
            raise InputError(f"{self.path}: not readable: {error}") from error
        return self.file

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self._warnings.__exit__(None, None, None)


def _walk(file: tables.File) -> list[Any]:
    return list(file.walk_nodes("/", "Table"))


def _attribute(table: Any, name: str) -> str | None:
    if name not in table.attrs:
        return None
    value = table.attrs[name]
    return value.decode() if isinstance(value, bytes) else str(value)


def _ctapipe_numbers(table: Any) -> dict[str, str]:
    """Column -> begin of its attributes, as ctapipe has them: CTAFIELD_0_NAME and so on."""
    found = {}
    for number in range(len(table.dtype.names)):
        name = _attribute(table, f"CTAFIELD_{number}_NAME")
        if name is not None:
            found[name] = f"CTAFIELD_{number}"
    return found


def _is_transformed(table: Any, column: str) -> bool:
    begin = _ctapipe_numbers(table).get(column, column)
    return any(
        _attribute(table, f"{b}_{word}") is not None
        for b in (begin, column)
        for word in ("TRANSFORM", "TRANSFORM_SCALE")
    )


def _units(file: tables.File, table: Any) -> dict[str, str]:
    units = {}
    numbers = _ctapipe_numbers(table)
    for name in table.dtype.names:
        for begin in (name, numbers.get(name, name)):
            unit = _attribute(table, f"{begin}_UNIT")
            if unit:
                units[name] = unit
    meta = f"{table._v_pathname}{_META}"
    if meta in file:
        lines = "\n".join(line.decode() for line in file.get_node(meta).read())
        lines = re.sub(r"\n\s+", " ", lines)
        units |= {m["name"].strip(): m["unit"].strip() for m in _ASTROPY.finditer(lines)}
    return units
