"""How a column of any table is declared: name, Arrow type, unit, description and source.

Unit, description and source travel in the Arrow field metadata, so they are written into every
Parquet file and can be read without this package (``pyarrow.parquet.read_schema``).
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

#: Keys in the metadata of a field.
UNIT, DESCRIPTION, SOURCE = b"unit", b"description", b"source"
#: Keys in the metadata of a schema.
TABLE, VERSION = b"ctabatch.table", b"ctabatch.schema_version"


def column(
    name: str,
    dtype: pa.DataType,
    description: str,
    *,
    unit: str = "",
    source: str = "",
    nullable: bool = False,
) -> pa.Field:
    """Declare one column.

    Parameters
    ----------
    name : str
        Column name, the one of ctapipe's data model where it has one.
    dtype : pyarrow.DataType
        Arrow type of the column.
    description : str
        One sentence.
    unit : str
        Unit in astropy's string form; empty for dimensionless columns.
    source : str
        Where the value comes from: a file object, a paper and equation, a specification.
    nullable : bool
        Whether a row may have no value here.

    Returns
    -------
    pyarrow.Field
    """
    metadata = {DESCRIPTION: description.encode()}
    if unit:
        metadata[UNIT] = unit.encode()
    if source:
        metadata[SOURCE] = source.encode()
    return pa.field(name, dtype, nullable=nullable, metadata=metadata)


def tensor(value_type: pa.DataType, *shape: int) -> pa.DataType:
    """Type of a column that holds one array of fixed shape per row."""
    return pa.fixed_shape_tensor(value_type, shape)


def table_schema(table: str, version: int, columns: Iterable[pa.Field]) -> pa.Schema:
    """Schema of a table, carrying the table's name and its schema version."""
    metadata = {TABLE: table.encode(), VERSION: str(version).encode()}
    return pa.schema(list(columns), metadata=metadata)


def unit_of(field: pa.Field) -> str:
    """Unit of a column, empty if it has none."""
    return str((field.metadata or {}).get(UNIT, b"").decode())


def description_of(field: pa.Field) -> str:
    """Description of a column."""
    return str((field.metadata or {}).get(DESCRIPTION, b"").decode())
