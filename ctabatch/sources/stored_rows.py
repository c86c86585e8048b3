"""Rows of the tables of a part, block of array events by block of array events.

Rows are found by their keys. Tables are read once, in the order of their rows: a block ends only
where in every table the rows of its events stand before those of all later events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.io.table_file import TableFile
from ctabatch.stages.telescope_groups import event_places

#: Bytes of rows of a block, if its events let it end there.
BLOCK_BYTES = 16 << 20


class KeyedFile:
    """A file of a table whose rows belong to array events.

    Parameters
    ----------
    file : TableFile
    obs_id, event_id : (n_events,) int64
        Keys of the array events of the part.

    Attributes
    ----------
    place : (n_rows,) int64
        Array event of each row.
    n_before : (n_events + 1,) int64
        Rows of all events before each.

    Raises
    ------
    InputError
        A row belongs to no event.
    """

    def __init__(
        self, file: TableFile, obs_id: NDArray[np.int64], event_id: NDArray[np.int64]
    ) -> None:
        self.file = file
        keys = [file.numbers(name) for name in ("obs_id", "event_id")]
        try:
            self.place = event_places(obs_id, event_id, *keys)
        except InputError as error:
            raise InputError(f"{file.path}: {error}") from error
        self.n_before = np.searchsorted(np.sort(self.place), np.arange(len(event_id) + 1))

    def ends(self) -> NDArray[np.bool_]:
        """Where a block may end: whether no row of an event before each stands behind a later."""
        latest = np.concatenate([[-1], np.maximum.accumulate(self.place)])
        return latest[self.n_before] < np.arange(len(self.n_before))

    def row_bytes(self) -> int:
        """Bytes of a row in memory, roughly."""
        return sum(_n_bytes(field.type) for field in self.file.schema)

    def take(self, first: int, last: int) -> Rows:
        """Rows of the events `first` to `last`; blocks must be asked for in order."""
        begin, end = (int(self.n_before[k]) for k in (first, last))
        batches = self.file.take(end - begin)
        return Rows(self.file, batches, self.place[begin:end] - first)


class Rows:
    """Rows of a block, in memory.

    Attributes
    ----------
    event : (n,) int64
        Array event of each row, counted from the first of the block.
    """

    def __init__(
        self, file: TableFile, batches: list[pa.RecordBatch], event: NDArray[np.int64]
    ) -> None:
        self.file, self._batches, self.event = file, batches, event
        self._starts = np.cumsum([0, *(batch.num_rows for batch in batches)])

    def __len__(self) -> int:
        return len(self.event)

    def chosen(self, rows: NDArray[np.int64], schema: pa.Schema) -> pa.RecordBatch:
        """Copies of some rows, as rows of a table of plain columns.

        Raises
        ------
        InputError
            A column has another type than it should have.
        """
        with self.file.reading():
            table = pa.Table.from_batches(self._batches, self.file.schema).take(pa.array(rows))
            columns = [
                column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
                for column in table.columns
            ]
            for field, column in zip(schema, columns, strict=True):
                if not column.type.equals(field.type):
                    raise ValueError(f"{field.name} is {column.type} and not {field.type}")
            return pa.RecordBatch.from_arrays(columns, schema=schema)

    def numbers(self, name: str, rows: NDArray[np.int64] | None = None) -> NDArray[Any]:
        """A column of numbers; NaN or -1 cannot be told from null, so there must be no null."""
        column = [batch.column(name) for batch in self._batches]
        with self.file.reading():
            if any(part.null_count for part in column):
                raise ValueError(f"rows without {name}")
            if not column:
                return np.empty(0, np.int64)
            values = np.concatenate([np.asarray(c.to_numpy(zero_copy_only=False)) for c in column])
        return values if rows is None else values[rows]

    def counts(self, name: str, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """A column of integers that are not negative, -1 where null."""
        parts = [
            np.asarray(batch.column(name).fill_null(-1).to_numpy(zero_copy_only=False))
            for batch in self._batches
        ]
        return np.concatenate([np.empty(0, np.int64), *parts])[rows].astype(np.int64)

    def present(self, name: str) -> NDArray[np.bool_]:
        """Which rows have a value."""
        parts = [
            np.asarray(batch.column(name).is_valid().to_numpy(zero_copy_only=False))
            for batch in self._batches
        ]
        return np.concatenate([np.empty(0, np.bool_), *parts])

    def tensors(
        self, name: str, rows: NDArray[np.int64], out: NDArray[Any], fill: Any = None
    ) -> NDArray[np.bool_]:
        """Copy arrays of fixed shape.

        Parameters
        ----------
        name : str
        rows : (n,) int64
        out : (n, ...) array
            Written; `fill` where there is none.
        fill : number, optional
            Without it every row must have one.

        Returns
        -------
        (n,) bool
            Which rows have one.
        """
        present = np.ones(len(rows), np.bool_)
        batch = np.searchsorted(self._starts, rows, side="right") - 1
        with self.file.reading():
            for number in np.unique(batch).tolist():
                at = np.flatnonzero(batch == number)
                own = rows[at] - self._starts[number]
                storage = self._batches[number].column(name).storage
                out[at] = _values(storage)[own].reshape(len(at), *out.shape[1:])
                if storage.null_count:
                    present[at] = np.asarray(storage.is_valid().to_numpy(zero_copy_only=False))[own]
            if not present.all():
                if fill is None:
                    raise ValueError(f"rows without {name}")
                out[~present] = fill
        return present


def _values(storage: pa.FixedSizeListArray) -> NDArray[Any]:
    """Values of an array of lists of fixed size, (n, size); undefined where there is no list."""
    size = storage.type.list_size
    flat = storage.values.slice(storage.offset * size, len(storage) * size)
    if flat.null_count not in (0, storage.null_count * size):
        raise ValueError("arrays with missing numbers")
    begin, content = flat.offset, flat.buffers()[1]
    if content is None:
        return np.zeros((len(storage), size))
    if pa.types.is_boolean(flat.type):
        bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")
        return bits[begin : begin + len(flat)].view(np.bool_).reshape(len(storage), size)
    values = np.frombuffer(content, flat.type.to_pandas_dtype())
    return values[begin : begin + len(flat)].reshape(len(storage), size)


def _n_bytes(dtype: pa.DataType) -> int:
    if isinstance(dtype, pa.FixedShapeTensorType):
        n_bits = int(np.prod(dtype.shape)) * dtype.value_type.bit_width
        return int(n_bits // 8)
    try:
        return int(dtype.bit_width) // 8 + 1
    except ValueError:  # of varying length
        return 16


def block_ends(files: Sequence[KeyedFile], n_events: int, size: int = BLOCK_BYTES) -> list[int]:
    """Where blocks end: the number of events before each end, the last one `n_events`.

    Parameters
    ----------
    files : sequence of KeyedFile
    n_events : int
        Array events of the part.
    size : int
        Bytes of a block.
    """
    may_end, n_bytes = np.ones(n_events + 1, np.bool_), np.zeros(n_events + 1, np.int64)
    for one in files:
        may_end &= one.ends()
        n_bytes += one.n_before * one.row_bytes()
    ends = np.flatnonzero(may_end[1:]) + 1
    found, begin = [], 0
    while begin < n_events:
        # the last end before the block is full, or the first there is
        k = int(np.searchsorted(n_bytes[ends], n_bytes[begin] + size, side="right")) - 1
        k = max(k, int(np.searchsorted(ends, begin, side="right")))
        found.append(begin := int(ends[min(k, len(ends) - 1)]))
    return found


def place_of(
    event: NDArray[np.int64],
    tel_id: NDArray[np.int64],
    known_event: NDArray[np.int64],
    known_tel_id: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Row of each telescope event among others, -1 where it is not among them."""
    key, known = _keys(event, tel_id), _keys(known_event, known_tel_id)
    if not len(known):
        return np.full(len(key), -1, np.int64)
    order = np.argsort(known, kind="stable")
    at = np.minimum(np.searchsorted(known, key, sorter=order), len(known) - 1)
    return np.where(known[order[at]] == key, order[at], -1)


def _keys(event: NDArray[Any], tel_id: NDArray[Any]) -> NDArray[np.int64]:
    """One integer per event and telescope."""
    return event.astype(np.int64) << 16 | tel_id.astype(np.int64) & 0xFFFF


__all__ = ["BLOCK_BYTES", "KeyedFile", "Rows", "block_ends", "place_of"]
