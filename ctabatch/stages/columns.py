"""From numpy arrays to Arrow columns of a schema, without copying tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

#: By identity: schemas that were used, kept so that the identity stays theirs.
_FIELDS: dict[int, tuple[pa.Schema, list[tuple[str, pa.DataType]]]] = {}
_MOST_KNOWN = 256


@dataclass(frozen=True, eq=False)
class Nullable:
    """A column that has no value in some rows.

    numpy's masked arrays say the same, but took a tenth of the time of a whole batch.

    Attributes
    ----------
    values : (n,) array
    absent : (n,) bool
        Rows that are null.
    """

    values: NDArray[Any]
    absent: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.values)


def tensor_array(
    values: NDArray[Any], dtype: pa.FixedShapeTensorType, present: NDArray[np.bool_] | None = None
) -> pa.Array:
    """Array of tensors over the memory of `values`.

    Parameters
    ----------
    values : (n, ...) array
        C order; Arrow stores booleans as bits, so those alone are copied.
    dtype : pyarrow.FixedShapeTensorType
    present : (n,) bool, optional
        False for rows that are null.
    """
    storage = dtype.storage_type
    flat = _flat(values.reshape(-1), storage.value_type)
    validity, n_absent = None, 0
    if present is not None:  # an argument `mask` of Arrow's would import all its functions
        validity = pa.py_buffer(np.packbits(present, bitorder="little"))
        n_absent = len(present) - int(np.count_nonzero(present))
    lists = pa.Array.from_buffers(storage, len(values), [validity], n_absent, children=[flat])
    return pa.ExtensionArray.from_storage(dtype, lists)


def _flat(values: NDArray[Any], dtype: pa.DataType) -> pa.Array:
    """Array without nulls; Arrow packs booleans into bits seventy times slower than numpy."""
    if not pa.types.is_boolean(dtype) or not len(values):
        return pa.array(values, dtype)
    bits = np.packbits(values, bitorder="little")
    return pa.Array.from_buffers(dtype, len(values), [None, pa.py_buffer(bits)])


def _nullable(
    column: Nullable, dtype: pa.DataType, validities: dict[int, tuple[pa.Buffer | None, int]]
) -> pa.Array:
    """Array with nulls; columns of one table share few masks, so each becomes bits once."""
    is_number = pa.types.is_integer(dtype) or pa.types.is_floating(dtype)
    if not len(column) or not is_number:
        return pa.array(column.values, dtype, mask=column.absent)
    known = validities.get(id(column.absent))
    if known is None:
        n_absent = int(np.count_nonzero(column.absent))
        bits = np.packbits(~column.absent, bitorder="little") if n_absent else None
        known = (None if bits is None else pa.py_buffer(bits), n_absent)
        validities[id(column.absent)] = known
    validity, n_absent = known
    values = pa.array(column.values, dtype).buffers()[1]
    return pa.Array.from_buffers(dtype, len(column), [validity, values], n_absent)


def _names_and_types(schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    """Names and types of a schema; asking it again for each of a hundred columns takes long."""
    known = _FIELDS.get(id(schema))
    if known is None or known[0] is not schema:
        if len(_FIELDS) >= _MOST_KNOWN:
            _FIELDS.clear()
        known = _FIELDS[id(schema)] = (schema, [(field.name, field.type) for field in schema])
    return known[1]


def record_batch(schema: pa.Schema, columns: Mapping[str, Any]) -> pa.RecordBatch:
    """Record batch of a schema from numpy arrays or Arrow arrays by column name.

    Rows that are absent of a `Nullable` become null, None stands for a column of nulls.

    Raises
    ------
    KeyError
        A column of the schema is missing.
    """
    n = next(len(values) for values in columns.values() if values is not None)
    arrays: list[pa.Array] = []
    validities: dict[int, tuple[pa.Buffer | None, int]] = {}
    for name, dtype in _names_and_types(schema):
        values = columns[name]
        if values is None:
            arrays.append(pa.nulls(n, dtype))
        elif isinstance(values, pa.Array):
            arrays.append(values)
        elif isinstance(dtype, pa.FixedShapeTensorType):
            arrays.append(tensor_array(values, dtype))
        elif isinstance(values, Nullable):
            arrays.append(_nullable(values, dtype, validities))
        else:
            arrays.append(_flat(values, dtype))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
