"""Lazy frames of many files whose ranges of keys are known: a filter opens only what it must."""

from __future__ import annotations

import inspect
from pathlib import Path

import polars as pl
import pyarrow as pa

#: polars' name for what is known of the files; it takes the same of Delta tables and Iceberg.
_OPTION = "_table_statistics"


def scan_in_ranges(files: list[Path], ranges: pa.Table) -> pl.LazyFrame:
    """Rows of all files; those that a filter on obs_id or event_id rules out are not opened.

    Parameters
    ----------
    files : list of Path
        Not empty, with equal columns.
    ranges : pyarrow.Table
        One row per file: rows, obs_id_min, obs_id_max, event_id_min, event_id_max, null if unknown.
    """
    plain = pl.scan_parquet(files, hive_partitioning=False)
    if _OPTION not in inspect.signature(pl.scan_parquet).parameters:  # all files are opened then
        return plain
    filled = [index for index, n_rows in enumerate(ranges["rows"].to_pylist()) if n_rows != 0]
    if not filled:
        return plain
    files, ranges = [files[index] for index in filled], ranges.take(filled)
    if ranges["rows"].null_count:
        return plain
    schema = pl.read_parquet_schema(files[0])
    columns = {"len": pl.Series(ranges["rows"].to_numpy()).cast(pl.UInt32)}
    for key in ("obs_id", "event_id"):
        ends = {end: ranges[f"{key}_{end}"] for end in ("min", "max")}
        if key in schema and not any(values.null_count for values in ends.values()):
            columns[f"{key}_nc"] = pl.Series([0] * len(files), dtype=pl.UInt32)
            for end, values in ends.items():
                columns[f"{key}_{end}"] = pl.Series(values.to_numpy()).cast(schema[key])
    known = {_OPTION: pl.DataFrame(columns)}
    return pl.scan_parquet(files, hive_partitioning=False, **known)  # type: ignore[arg-type]


__all__ = ["scan_in_ranges"]
