"""The stream of an input, stored in a dataset piece by piece: written from blocks, read as blocks.

A piece is a block of the input without the bytes that were in the way of its structure, so reading
it gives the same blocks and everything behind them is the same, too: events, batches, row groups.
Damage was dealt with before the pieces were stored and is not met again; it is reported from the
commit record.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.io.location import Location, parquet_source
from ctabatch.io.parquet_bounds import check_groups
from ctabatch.io.stored_parts import stored_part
from ctabatch.kernels import adc
from ctabatch.kernels import object_table as ot
from ctabatch.schemas.column import VERSION as VERSION_KEY
from ctabatch.schemas.waveforms import RAW_STREAM, VERSION

from .blocks import MAX_OBJECT, MAX_PARTS, Block
from .losses import Account

#: Of zstd: higher levels save nothing on noise and take three times as long to read.
LEVEL = 1


def stream_piece(block: Block, end: int, allowed_tels: frozenset[int] | None) -> pa.RecordBatch:
    """A block as a row of the table r0_stream.

    Parameters
    ----------
    block : Block
    end : int
        Bytes of the block to store: a whole number of top-level objects.
    allowed_tels : set of int or None
        The raw data of other telescopes are replaced by zeros, which compress to nothing; the
        structure and all positions stay.
    """
    data = block.data[:end]
    if allowed_tels is not None:
        table = block.table[block.table[:, ot.START] < end]
        kept = [tel_id << 12 for tel_id in allowed_tels]
        other = np.isin(table[:, ot.TYPE], (adc.SUMS, adc.SAMPLES))
        other &= ~np.isin(table[:, ot.ID] & (0xFFFF << 12), kept)
        data = data.copy()
        for row in table[other]:
            data[row[ot.CONTENT] : row[ot.CONTENT] + row[ot.SIZE]] = 0
    frame = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(data.data)
    columns = [
        pa.array([block.offset], pa.int64()),
        pa.array([end], pa.int64()),
        pa.array([frame], pa.large_binary()),
    ]
    return pa.record_batch(columns, schema=RAW_STREAM)


@dataclass(frozen=True)
class Piece:
    """Place, length and compressed bytes of a piece of the stream."""

    offset: int
    size: int
    frame: pa.Buffer


class StreamFile:
    """Pieces of a stored stream, row group by row group.

    Parameters
    ----------
    path : Path
        ``DATASET/r0_stream/PART.parquet``.

    Raises
    ------
    InputError
        The file is damaged, gone, or of a newer format (from any method).
    """

    def __init__(self, path: Location) -> None:
        self.path = path
        self._decompressor = zstandard.ZstdDecompressor()
        with self._reading():
            self._file = pq.ParquetFile(parquet_source(path), page_checksum_verification=True)
            # frames have checksums of their own
            self._frames = pq.ParquetFile(parquet_source(path), metadata=self._file.metadata)
        try:
            with self._reading():
                check_groups(self._file.metadata, 4 * MAX_OBJECT)
                schema = self._file.schema_arrow
                version = int((schema.metadata or {}).get(VERSION_KEY, b"0"))
            if version > VERSION or schema.types != RAW_STREAM.types:
                raise InputError(
                    f"{path}: no table r0_stream of version {VERSION} but of version {version} "
                    f"with columns {', '.join(schema.names)}"
                )
        except BaseException:
            self.close()
            raise

    @property
    def n_groups(self) -> int:
        return int(self._file.num_row_groups)

    def first_offsets(self) -> NDArray[np.int64]:
        """Offset of the first piece of each row group, from its statistics."""
        with self._reading():
            groups = [self._file.metadata.row_group(i).column(0) for i in range(self.n_groups)]
            if any(group.statistics is None for group in groups):
                raise ValueError("there are no statistics of the column offset")
            return np.array([group.statistics.min for group in groups], np.int64)

    def n_stored(self, group: int) -> int:
        """Bytes of a row group in the file."""
        with self._reading():
            found = self._file.metadata.row_group(group)
            return sum(found.column(k).total_compressed_size for k in range(found.num_columns))

    def pieces(self, group: int) -> list[Piece]:
        """Pieces of a row group, still compressed."""
        with self._reading():
            places = self._file.read_row_group(group, ["offset", "size"], use_threads=False)
            frames = self._frames.read_row_group(group, ["frame"], use_threads=False)
            offsets, sizes = (column.to_numpy() for column in places.columns)
            column = frames.column(0)
            if len(column) != len(offsets) or column.null_count or (sizes < 1).any():
                raise ValueError("columns do not fit together")
            return [
                Piece(int(offsets[k]), int(sizes[k]), column[k].as_buffer())
                for k in range(len(column))
            ]

    def data(self, piece: Piece) -> NDArray[np.uint8]:
        """Bytes of a piece."""
        with self._reading():
            if piece.size > 2 * MAX_OBJECT:
                raise ValueError(f"a piece of {piece.size:,} bytes")
            if zstandard.frame_content_size(piece.frame) != piece.size:
                raise ValueError("a frame of another length than it should have")
            data = np.empty(piece.size, np.uint8)
            with self._decompressor.stream_reader(piece.frame) as reader:
                n_read = reader.readinto(data.data)
                if n_read != piece.size or reader.read(1):
                    raise ValueError("a frame that ends early")
            return data

    def close(self) -> None:
        self._file.close()
        self._frames.close()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except InputError:  # of an object store, tells all
            raise
        except (OSError, pa.ArrowException, zstandard.ZstdError, ValueError) as error:
            raise InputError(f"{self.path}: not readable: {error}") from error


class StoredBlocks:
    """Iterate over the blocks of a stored stream, like `BlockReader` over those of a file.

    Parameters
    ----------
    path : Path
        ``DATASET/r0_stream/PART.parquet``.
    account : Account
        Told of what was lost before the stream was stored.

    Attributes
    ----------
    part : StoredPart
    name : str
    n_bytes : int
        Bytes of the stream so far.
    position : int
        Bytes of the file so far.

    Raises
    ------
    InputError
        The file is damaged, gone, or of no committed part (also while iterating).
    """

    def __init__(self, path: Location, account: Account) -> None:
        self.part = stored_part(path)
        self.account = account
        self.name = str(path)
        self.n_bytes = self.position = 0
        self._file = StreamFile(path)
        self._table = np.empty((1 << 14, ot.N_COLUMNS), np.int64)

    def __iter__(self) -> Iterator[Block]:
        losses = deque(self.part.losses)
        n_pieces = behind = 0
        for group in range(self._file.n_groups):
            for piece in self._file.pieces(group):
                if piece.offset < behind:
                    place = f"byte {piece.offset}"
                    raise InputError(f"{self.name}: pieces of the stream overlap at {place}")
                behind = piece.offset + piece.size
                block = self._block(piece.offset, self._file.data(piece))
                while losses and losses[0].offset < behind:
                    self.account.lose(losses.popleft(), of_stream=True)
                n_pieces += 1
                self.n_bytes += piece.size
                yield block
                del block, piece
            self.position += self._file.n_stored(group)
        if n_pieces != self.part.n_rows:
            raise InputError(
                f"{self.name}: {n_pieces} pieces of a stream, {self.part.n_rows} were stored"
            )
        for loss in losses:
            self.account.lose(loss, of_stream=True)
        self.account.lose_unlisted(self.part.n_unlisted)

    def _block(self, offset: int, data: NDArray[np.uint8]) -> Block:
        while True:
            found: tuple[int, int, int] = ot.scan_objects(
                data, 0, len(data), True, MAX_OBJECT, self._table
            )
            rows, position, reason = found
            if reason != ot.TABLE_FULL:
                break
            if len(self._table) >= 32 * MAX_PARTS:  # a piece holds many objects
                raise InputError(f"{self.name}: a piece of the stream has too many objects")
            self._table = np.empty((2 * len(self._table), ot.N_COLUMNS), np.int64)
        if position != len(data) or rows == 0:
            raise InputError(
                f"{self.name}: no EventIO objects in the piece at byte {offset} of the stream, "
                f"from its byte {position} on"
            )
        return Block(data, self._table[:rows].copy(), offset, len(data))

    def close(self) -> None:
        self._file.close()


__all__ = ["StoredBlocks", "StreamFile", "stream_piece"]
