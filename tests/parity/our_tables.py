"""Tables of a dataset as plain numpy arrays."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Columns = dict[str, Any]


class Tables:
    """Tables of a dataset of one part.

    Parameters
    ----------
    root : path
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._read = cache(self._read_folder)

    @property
    def record(self) -> dict[str, Any]:
        """The commit record."""
        [path] = (self.root / "parts").glob("*.json")
        return json.loads(path.read_text())

    def table(self, name: str) -> Columns:
        """One table that is not divided by telescope type."""
        [columns] = self._read(name)
        return columns

    def telescope(self, name: str, tel_id: int) -> Columns:
        """Rows of one telescope, by ascending event_id; no columns if it has none."""
        for columns in self._read(name):
            rows = np.flatnonzero(columns["tel_id"] == tel_id)
            if len(rows):
                rows = rows[np.argsort(columns["event_id"][rows], kind="stable")]
                return {column: content[rows] for column, content in columns.items()}
        return {}

    def schema(self, name: str) -> pa.Schema:
        """Schema of a table, of the first telescope type if it is divided."""
        return pq.read_schema(sorted((self.root / name).rglob("[!.]*.parquet"))[0])

    def _read_folder(self, name: str) -> list[Columns]:
        files = sorted((self.root / name).rglob("[!.]*.parquet"))
        return [columns(pq.ParquetFile(path).read()) for path in files]


def columns(table: pa.Table) -> Columns:
    """Every column as an array: tensors with one more dimension, lists as object arrays."""
    return {name: _array(table.column(name)) for name in table.column_names}


def _array(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if isinstance(array.type, pa.FixedShapeTensorType):
        shape = (len(array), *array.type.shape)
        if array.null_count == len(array):
            return np.ma.masked_all(shape)
        present = ~np.asarray(array.is_null())
        filled = array.storage.filter(pa.array(present)).flatten()
        out = np.ma.masked_all(shape, filled.type.to_pandas_dtype())
        out[present] = filled.to_numpy(zero_copy_only=False).reshape(-1, *shape[1:])
        return out.data if present.all() else out
    if pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_numpy(zero_copy_only=False)
    if pa.types.is_list(array.type):
        out = np.empty(len(array), object)
        out[:] = [None if row is None else np.array(row) for row in array.to_pylist()]
        return out
    if pa.types.is_string(array.type):
        return np.array(array.to_pylist(), object)
    if array.null_count:
        zeros = array.fill_null(False if pa.types.is_boolean(array.type) else 0)
        return np.ma.array(zeros.to_numpy(zero_copy_only=False), mask=np.asarray(array.is_null()))
    return array.to_numpy(zero_copy_only=False)
