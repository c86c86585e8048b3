"""Descriptions of the arrays in a dataset, read from its folder subarray/."""

from __future__ import annotations

from ctabatch.errors import InputError
from ctabatch.instrument.stored import subarray_from_tables
from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.schemas import subarray as schemas

from .location import Location
from .parquet_bounds import bounded_file
from .record_checks import is_plain_name

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
    if not is_plain_name(digest):  # it stands in a table of the part
        raise InputError(f"{root}: {digest[:80]!r} is not the digest of an array")
    tables = {}
    for name, schema in _SCHEMAS.items():
        path = root / "subarray" / name / f"{digest}.parquet"
        with bounded_file(path) as file:
            found = file.read()
            found.validate(full=True)
            tables[name] = found.cast(schema)
    return subarray_from_tables(tables)


__all__ = ["read_subarray"]
