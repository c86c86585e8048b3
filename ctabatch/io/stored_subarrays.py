"""Descriptions of the arrays in a dataset, read from its folder subarray/."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ctabatch.errors import InputError
from ctabatch.instrument.stored import subarray_from_tables
from ctabatch.instrument.subarray import SubarrayDescription

from .dataset_folder import SUBARRAY_TABLES


def read_subarray(root: Path, digest: str) -> SubarrayDescription:
    """The array of a dataset with this digest (``subarray_id`` of the table run).

    Raises
    ------
    InputError
        A table is missing or damaged.
    """
    tables = {}
    for name in SUBARRAY_TABLES:
        path = root / "subarray" / name / f"{digest}.parquet"
        try:
            tables[name] = pq.read_table(path, partitioning=None)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{path}: not readable: {error}") from error
    return subarray_from_tables(tables)


__all__ = ["read_subarray"]
