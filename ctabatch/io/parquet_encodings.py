"""How columns are encoded and compressed in Parquet files."""

from __future__ import annotations

import pyarrow as pa


def _leaf(field: pa.Field) -> tuple[str, pa.DataType]:
    """Path of a column's values in the file, and their type."""
    name, dtype = field.name, field.type
    if isinstance(dtype, pa.FixedShapeTensorType):
        dtype = dtype.storage_type
    while pa.types.is_fixed_size_list(dtype) or pa.types.is_list(dtype):
        name += ".list.element"
        dtype = dtype.value_type
    return name, dtype


def holds_frames(schema: pa.Schema) -> bool:
    """Whether the table holds bytes that are compressed already."""
    return any(pa.types.is_large_binary(dtype) for dtype in schema.types)


def compression(schema: pa.Schema) -> str | dict[str, str]:
    """What compresses the columns; not those that hold compressed bytes."""
    if not holds_frames(schema):
        return "zstd"
    return {
        field.name: "none" if pa.types.is_large_binary(field.type) else "zstd" for field in schema
    }


def float_encodings(schema: pa.Schema) -> dict[str, str]:
    """Floats as split byte streams: noise compresses better by byte significance."""
    leaves = map(_leaf, schema)
    return {name: "BYTE_STREAM_SPLIT" for name, dtype in leaves if pa.types.is_floating(dtype)}


def dictionary_columns(schema: pa.Schema) -> list[str]:
    """Repetitive columns: keys and counts. Pixels zstd makes as small alone, in less time."""
    return [
        name
        for (name, dtype), field in zip(map(_leaf, schema), schema, strict=True)
        if not pa.types.is_floating(dtype)
        and not pa.types.is_boolean(dtype)
        and not pa.types.is_large_binary(dtype)
        and not isinstance(field.type, pa.FixedShapeTensorType)
    ]


__all__ = ["compression", "dictionary_columns", "float_encodings", "holds_frames"]
