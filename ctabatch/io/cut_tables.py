"""Cuts as Parquet: one row per energy bin, the rest as JSON in the metadata. Data, never code."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from ctabatch.errors import InputError
from ctabatch.schemas.cuts import CUTS, CUTS_JSON

from .parquet import write_table, writing
from .parquet_bounds import bounded_file

#: A table of cuts has a row for each bin of energy.
MOST_BYTES = 16 << 20


def write_cut_table(path: Path, table: pa.Table, about: Mapping[str, str] | None = None) -> None:
    """Write, or replace, a file of cuts at once; `about` is more key-value metadata.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        wip = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.wip")
        try:
            write_table(wip, table, about)
            wip.replace(path)
        finally:
            wip.unlink(missing_ok=True)


def read_cut_table(path: Path) -> pa.Table:
    """The table of a file of cuts, in the schema `ctabatch.schemas.cuts.CUTS`.

    Raises
    ------
    InputError
        There is no such file, it is no Parquet file, or holds something else.
    """
    with bounded_file(path, what="no readable Parquet file") as file:
        table = file.read()
    if CUTS_JSON not in (table.schema.metadata or {}):
        raise InputError(f"{path}: a Parquet file, but no table of cuts")
    try:
        whole = table.select(CUTS.names).cast(CUTS)
        return whole.replace_schema_metadata(table.schema.metadata)
    except (KeyError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{path}: the columns are not those of cuts: {error}") from error
