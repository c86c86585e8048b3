"""Rows of a query as a file: CSV, Parquet or JSON, batch by batch."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ctabatch.errors import OptionError

FORMATS = ("table", "csv", "parquet", "json")


def format_of(path: Path) -> str:
    """The format that the name of a file stands for.

    Raises
    ------
    OptionError
        It stands for none.
    """
    suffix = path.suffix.lstrip(".").lower()
    if suffix not in FORMATS[1:]:
        raise OptionError(
            f"{path}: its name tells no format; end it in .csv, .parquet or .json, or give --format"
        )
    return suffix


def write_rows(rows: pa.RecordBatchReader, file: IO[bytes], form: str) -> int:
    """Write all rows in a format; gives how many there were."""
    writer = {"csv": _csv, "parquet": _parquet, "json": _json}[form]
    return writer(rows, file)


def _csv(rows: pa.RecordBatchReader, file: IO[bytes]) -> int:
    """Numbers as they are, times in ISO 8601, lists as JSON, nothing for null."""
    fields = [
        field if _is_plain(field.type) else pa.field(field.name, pa.string())
        for field in rows.schema
    ]
    schema, n = pa.schema(fields), 0
    with pyarrow.csv.CSVWriter(file, schema) as writer:
        for batch in rows:
            arrays = [_as_text(column) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            n += batch.num_rows
    return n


def _is_plain(dtype: pa.DataType) -> bool:
    """Whether a column is written as it is."""
    return bool(
        pa.types.is_integer(dtype)
        or pa.types.is_floating(dtype)
        or pa.types.is_boolean(dtype)
        or pa.types.is_string(dtype)
    )


def _as_text(column: pa.Array) -> pa.Array:
    if _is_plain(column.type):
        return column
    if pa.types.is_timestamp(column.type):
        return pa.array(values(column), pa.string())
    return pa.array(
        [v if v is None or isinstance(v, str) else _text(v) for v in values(column)], pa.string()
    )


def values(column: pa.Array) -> list[Any]:
    """Values of a column, times as text in ISO 8601 with all their digits.

    Raises
    ------
    OptionError
        They are of a type that has no text.
    """
    if pa.types.is_timestamp(column.type):
        end = "Z" if column.type.tz else ""
        plain = column.cast(pa.timestamp(column.type.unit)).cast(pa.string()).to_pylist()
        return [None if text is None else text.replace(" ", "T") + end for text in plain]
    try:
        found: list[Any] = column.to_pylist()
    except (ValueError, NotImplementedError) as error:
        raise OptionError(f"a column of {column.type}: cast it to VARCHAR ({error})") from error
    return found


def _parquet(rows: pa.RecordBatchReader, file: IO[bytes]) -> int:
    n = 0
    with pq.ParquetWriter(file, rows.schema, compression="zstd") as writer:
        for batch in rows:
            writer.write_batch(batch)
            n += batch.num_rows
    return n


def _json(rows: pa.RecordBatchReader, file: IO[bytes]) -> int:
    """A list with one object per row and line; JSON has no NaN or infinity: null."""
    n = 0
    file.write(b"[")
    names = rows.schema.names
    for batch in rows:
        for row in zip(*map(values, batch.columns), strict=True):
            file.write(b",\n" if n else b"\n")
            file.write(_text(dict(zip(names, row, strict=True))).encode())
            n += 1
    file.write(b"\n]\n")
    return n


def _text(value: Any) -> str:
    return json.dumps(_finite(value), default=_other, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_finite(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _finite(one) for name, one in value.items()}
    return value


def _other(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


__all__ = ["FORMATS", "format_of", "values", "write_rows"]
