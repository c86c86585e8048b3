"""Descriptions of the arrays in a dataset, read from its folder subarray/."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from ctabatch.errors import InputError
from ctabatch.instrument.stored import subarray_from_tables
from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.schemas import subarray as schemas

from .location import Location, parquet_source

_SCHEMAS = {
    "telescopes": schemas.TELESCOPES,
    "cameras": schemas.CAMERAS,
    "pixels": schemas.PIXELS,
    "optics": schemas.OPTICS,
    "readout": schemas.READOUT,
}


def read_subarray(root: Location, digest: str) -> SubarrayDescription:
    """The array of a dataset with this digest (``subarray_id`` of the table run).

    Raises
    ------
    InputError
        A table is missing or damaged.
    """
    tables = {}
    for name, schema in _SCHEMAS.items():
        path = root / "subarray" / name / f"{digest}.parquet"
        try:
            found = pq.read_table(
                parquet_source(path), partitioning=None, page_checksum_verification=True
            )
            found.validate(full=True)
            tables[name] = found.cast(schema)
        except InputError:  # of an object store, tells all
            raise
        except (OSError, pa.ArrowException, ValueError) as error:
            raise InputError(f"{path}: not readable: {error}") from error
    return subarray_from_tables(tables)


__all__ = ["read_subarray"]
