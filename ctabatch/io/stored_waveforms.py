"""Raw waveforms of a dataset: decoded on request from the stream that a part keeps of its input."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.kernels import adc
from ctabatch.kernels import object_table as ot
from ctabatch.schemas.waveforms import raw_waveforms

from .location import Location, parquet_source
from .simtel.stored_stream import Piece, StreamFile
from .stored_parts import STREAM

#: Sub-objects begin without the marker that a scan looks for.
_NO_MARKER = 12


class StoredWaveforms:
    """Raw data of the telescope events of one part.

    The piece of the stream that was read last is kept, so rows in the order of the table r0 cost
    one pass over the stream.

    Parameters
    ----------
    path : Path
        File of the table r0, ``DATASET/r0/tel_type=T/PART.parquet``.
    """

    def __init__(self, path: Location) -> None:
        self._file = StreamFile(path.parents[2] / STREAM / path.name)
        self._first = self._file.first_offsets()
        self._group = -1
        self._pieces: list[Piece] = []
        self._piece: Piece | None = None
        self._data = np.empty(0, np.uint8)

    def groups(self, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row group of the stream that holds each of some positions."""
        return np.searchsorted(self._first, offsets, side="right") - 1

    def decode(
        self,
        offsets: NDArray[np.int64],
        sizes: NDArray[np.int64],
        shape: tuple[int, int, int],
    ) -> tuple[NDArray[np.uint16] | NDArray[np.uint32], NDArray[np.bool_]]:
        """Waveforms of some telescope events.

        Parameters
        ----------
        offsets, sizes : (n,) int64
            Columns ``stream_offset`` and ``stream_size`` of the table r0.
        shape : (n_gains, n_pixels, n_samples)

        Returns
        -------
        waveform : (n, n_gains, n_pixels, n_samples) uint16, or uint32 for sums
        read_out : (n, n_pixels) bool
            Pixels that are in the file.

        Raises
        ------
        InputError
            The stream is damaged, or does not hold these objects.
        """
        objects = [
            self._object(int(offset), int(size), int(group))
            for offset, size, group in zip(offsets, sizes, self.groups(offsets), strict=True)
        ]
        limits = np.concatenate([[0], np.cumsum([len(one) for one in objects])]).astype(np.int64)
        data = np.concatenate(objects)
        table = np.empty((len(objects), ot.N_COLUMNS), np.int64)
        for k in range(len(objects)):
            if not _header(data, int(limits[k]), int(limits[k + 1]), table[k]):
                raise self._missing(int(offsets[k]))
        kinds, versions, ids, places, lengths = (
            np.ascontiguousarray(table[:, column])
            for column in (ot.TYPE, ot.VERSION, ot.ID, ot.CONTENT, ot.SIZE)
        )
        shapes = np.empty((len(objects), 5), np.int64)
        adc.adc_shapes(data, kinds, versions, ids, places, lengths, shapes)
        is_sum = bool(kinds[0] == adc.SUMS)
        wrong = (shapes[:, adc.STATUS] != adc.OK) | (kinds != kinds[0])
        wrong |= (shapes[:, : adc.N_SAMPLES + 1] != shape).any(axis=1)
        if wrong.any():
            raise self._missing(int(offsets[np.flatnonzero(wrong)[0]]))
        waveform = np.zeros((len(objects), *shape), np.uint32 if is_sum else np.uint16)
        read_out = np.empty((len(objects), shape[1]), np.bool_)
        status = np.empty(len(objects), np.int64)
        decode = adc.decode_sums if is_sum else adc.decode_samples
        decode(data, ids, places, lengths, waveform, read_out, status)
        if (status != adc.OK).any():
            raise self._missing(int(offsets[np.flatnonzero(status != adc.OK)[0]]))
        return waveform, read_out

    def close(self) -> None:
        self._file.close()

    def _object(self, offset: int, size: int, group: int) -> NDArray[np.uint8]:
        if group < 0:
            raise self._missing(offset)
        if group != self._group:
            self._pieces, self._group = self._file.pieces(group), group
        for piece in self._pieces:
            begin = offset - piece.offset
            if begin >= 0 and begin + size <= piece.size:
                if piece is not self._piece:
                    self._data, self._piece = self._file.data(piece), piece
                return self._data[begin : begin + size]
        raise self._missing(offset)

    def _missing(self, offset: int) -> InputError:
        return InputError(f"{self._file.path}: no raw data of a telescope at byte {offset}")


def _header(data: NDArray[np.uint8], begin: int, end: int, row: NDArray[np.int64]) -> bool:
    """Read the header of the object at `begin`; False if it does not end at `end`."""
    if end - begin < _NO_MARKER:
        return False
    word, ident, length = np.frombuffer(data[begin : begin + 12].tobytes(), "<u4").tolist()
    extended = (word >> 17) & 1
    head = _NO_MARKER + 4 * extended
    size = length & 0x3FFFFFFF
    row[ot.TYPE], row[ot.VERSION] = word & 0xFFFF, word >> 20
    row[ot.ID] = ident - (1 << 32) if ident >= 1 << 31 else ident
    row[ot.CONTENT], row[ot.SIZE] = begin + head, end - begin - head
    known = row[ot.TYPE] in (adc.SUMS, adc.SAMPLES)
    return known and (bool(extended) or size == row[ot.SIZE])


def waveform_batches(
    path: Location, rows: pa.Table, shape: tuple[int, int, int]
) -> Iterator[pa.RecordBatch]:
    """Decoded waveforms of some rows of a table r0, of one shape, in their order.

    Parameters
    ----------
    path : Path
        File of the table.
    rows : pyarrow.Table
        Columns obs_id, event_id, tel_id, stream_offset and stream_size.
    shape : (n_gains, n_pixels, n_samples)

    Raises
    ------
    InputError
        The stream is damaged, or does not hold these objects.
    """
    offsets, sizes = (
        rows.column(name).to_numpy().astype(np.int64) for name in ("stream_offset", "stream_size")
    )
    keys = rows.select(["obs_id", "event_id", "tel_id"]).combine_chunks()
    source = StoredWaveforms(path)
    try:
        groups = source.groups(offsets)
        limits = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), len(rows)]
        for begin, end in pairwise(limits):
            if begin == end:
                continue
            waveform, read_out = source.decode(offsets[begin:end], sizes[begin:end], shape)
            yield _batch(keys.slice(begin, end - begin), waveform, read_out)
    finally:
        source.close()


def raw_waveform(
    path: Location, obs_id: int, event_id: int, tel_id: int
) -> NDArray[np.uint16] | NDArray[np.uint32] | None:
    """Raw waveform of one telescope event; None if the part has none.

    Parameters
    ----------
    path : Path
        File of the table r0.

    Returns
    -------
    (n_gains, n_pixels, n_samples) array or None

    Raises
    ------
    InputError
        A file is damaged.
    """
    keys = [("obs_id", "=", obs_id), ("event_id", "=", event_id), ("tel_id", "=", tel_id)]
    try:
        rows = pq.read_table(parquet_source(path), filters=keys, partitioning=None).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: not readable: {error}") from error
    if not rows:
        return None
    row = rows[0]
    source = StoredWaveforms(path)
    try:
        waveform, _ = source.decode(
            np.array([row["stream_offset"]], np.int64),
            np.array([row["stream_size"]], np.int64),
            (row["n_gains"], row["n_pixels"], row["n_samples"]),
        )
    finally:
        source.close()
    found: NDArray[np.uint16] | NDArray[np.uint32] = waveform[0]
    return found


def _batch(
    keys: pa.Table, waveform: NDArray[np.uint16] | NDArray[np.uint32], read_out: NDArray[np.bool_]
) -> pa.RecordBatch:
    _, n_gains, n_pixels, n_samples = waveform.shape
    dtype = pa.from_numpy_dtype(waveform.dtype)
    schema = raw_waveforms(n_gains, n_pixels, n_samples, dtype)
    arrays = [column.combine_chunks() for column in keys.columns]
    whole = read_out.all(axis=1)
    for name, values in (("waveform", waveform), ("is_read_out", read_out)):
        tensor = schema.field(name).type
        lists = pa.FixedSizeListArray.from_arrays(
            pa.array(values.reshape(-1), tensor.value_type),
            type=tensor.storage_type,
            mask=pa.array(whole) if name == "is_read_out" else None,
        )
        arrays.append(pa.ExtensionArray.from_storage(tensor, lists))
    return pa.record_batch(arrays, schema=schema)


__all__ = ["StoredWaveforms", "raw_waveform", "waveform_batches"]
