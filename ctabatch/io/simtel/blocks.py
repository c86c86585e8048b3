"""A stream cut into blocks of complete objects, each with its table of object headers.

A block ends behind an array event, so everything that belongs to an event (its photo-electrons
come before it) lies in one buffer. Where the object structure is broken the stream is searched for
the next credible sync marker, and what lies between is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ctabatch.io.streams import SYNC, ByteStream
from ctabatch.kernels import object_table as ot
from ctabatch.kernels.bytes import i32, u32

from .losses import Account, Loss

#: A large block costs memory, a small one the work per block: twice as much in all at 2 MiB.
BLOCK_SIZE = 16 << 20
#: A longer top-level object is taken for a wrong length field: 100 telescopes with 1855 pixels, two
#: gains and 128 samples each take 95 MB.
MAX_OBJECT = 1 << 28
#: Objects within one top-level object: each takes 72 bytes of the table, but only 12 in the file.
MAX_PARTS = 1 << 20
#: Photo-electrons and their sums belong to the MC event before and the array event behind them.
_BOUNDARIES = (2010, 2028, 2020, 2021)
_BELONG_TO_NEXT = (1204, 2026, 2034)
_IS_BOUNDARY, _IS_WAITING = np.zeros((2, 1 << 16), np.bool_)
_IS_BOUNDARY[list(_BOUNDARIES)] = _IS_WAITING[list(_BELONG_TO_NEXT)] = True
_MAX_TYPE, _MAX_VERSION = 12_000, 1_100
#: Type of the objects that take the place of damaged bytes, so that a block need not end there.
FILLER = 0xFFFF
#: Bytes read ahead to mend a marker, at most.
_LONGEST_WAIT = 1 << 27
_NEXT_INSIDE = "its length is wrong: the next object begins inside"
#: Repairs in one block; with more damage the block ends at the damage instead.
_MAX_REPAIRS = 64


@dataclass
class Block:
    """Some consecutive objects.

    Attributes
    ----------
    data : uint8 (n,)
    table : int64 (n_objects, 9)
        Columns as in `ctabatch.kernels.object_table`; positions count from the start of `data`.
    offset : int
        Position of ``data[0]`` in the stream.
    end : int
        The objects end here: a scan of the bytes before gives the same table.
    """

    data: npt.NDArray[np.uint8]
    table: npt.NDArray[np.int64]
    offset: int
    end: int


class BlockReader:
    """Iterate over the blocks of a stream.

    Memory is one block, grown only as far as bytes arrive for an object that is longer.
    """

    def __init__(
        self,
        stream: ByteStream,
        account: Account,
        block_size: int = BLOCK_SIZE,
        empty: Callable[..., npt.NDArray[np.uint8]] = np.empty,
    ) -> None:
        self.stream, self.account = stream, account
        self.block_size = max(block_size, 1 << 16)
        self.n_bytes = 0
        self._empty = empty
        self._buffer = empty((self.block_size,), np.uint8)
        self._filled = 0
        self._offset = 0
        self._table = np.empty((1 << 14, ot.N_COLUMNS), np.int64)
        self._ended = False
        self._n_repairs = 0

    def __iter__(self) -> Iterator[Block]:
        while True:
            self._fill()
            if self._filled == 0:
                break
            rows, position, reason = self._scan(0, self._filled, self._ended)
            if self._repair(position, reason):
                continue
            if rows:
                kept, position = self._cut_behind_event(rows, position, reason)
                if kept:
                    yield self._emit(kept, position, position)
                else:
                    self._grow()
                continue
            if reason == ot.NEED_DATA:
                if self._ended:
                    self._lose("the file ends inside an object header", self._filled, header=False)
                    break
                self._grow()
            elif reason == ot.TABLE_FULL and len(self._table) >= MAX_PARTS:
                self._skip_object(f"an object of more than {MAX_PARTS:,} parts")
            elif reason == ot.TABLE_FULL:
                self._table = np.empty((2 * len(self._table), ot.N_COLUMNS), np.int64)
            elif reason == ot.NO_SYNC:
                self._skip_garbage()
            elif reason == ot.TOO_LONG:
                self._skip_object("a length field claims more than 256 MiB")
            elif reason == ot.BAD_LENGTH:
                block = self._salvage()
                if block is not None:
                    yield block
        if why := self.stream.problem:
            at = self.n_bytes - self._offset
            self._lose(f"the file is damaged: {why}", 0, header=False, at=at)

    # -- the buffer

    def _fill(self) -> None:
        view = memoryview(self._buffer.data)
        while self._filled < len(view) and not self._ended:
            n_read = self.stream.readinto(view[self._filled :])
            self._filled += n_read
            self.n_bytes += n_read
            self._ended = n_read == 0

    def _grow(self) -> None:
        larger = np.empty(2 * len(self._buffer), np.uint8)
        larger[: self._filled] = self._buffer[: self._filled]
        self._buffer = larger

    def _scan(self, begin: int, end: int, at_end: bool) -> tuple[int, int, int]:
        return ot.scan_objects(self._buffer, begin, end, at_end, MAX_OBJECT, self._table)

    def _cut_behind_event(self, rows: int, position: int, reason: int) -> tuple[int, int]:
        """Leave the beginning of an event in the buffer while its array event is not there yet."""
        if reason != ot.NEED_DATA or self._ended or len(self._buffer) >= MAX_OBJECT:
            return rows, position
        table = self._table[:rows]
        top = np.flatnonzero(table[:, ot.LEVEL] == 0)
        types = table[top, ot.TYPE]
        boundaries = np.flatnonzero(_IS_BOUNDARY[types])
        after = boundaries[-1] + 1 if len(boundaries) else 0
        waiting = np.flatnonzero(_IS_WAITING[types[after:]])
        if len(waiting) == 0:
            return rows, position
        cut = top[after + waiting[0]]
        return int(cut), int(table[cut, ot.START])

    def _emit(
        self, rows: int, end: int, position: int, cut: str = "the file ends inside this object"
    ) -> Block:
        """Hand out the objects before `end` and keep the bytes from `position` on."""
        block = Block(self._buffer, self._table[:rows].copy(), self._offset, end)
        for row in np.flatnonzero(block.table[:, ot.STATE] != ot.INTACT):
            self._lose(
                cut if block.table[row, ot.STATE] == ot.CUT else "its sub-objects do not fit",
                min(int(block.table[row, ot.SIZE]), self._filled),
                row=block.table[row],
            )
        rest = self._filled - position
        fresh = self._empty((max(self.block_size, rest + (1 << 16)),), np.uint8)
        fresh[:rest] = self._buffer[position : self._filled]
        self._drop(position)
        self._buffer = fresh
        self._n_repairs = 0
        return block

    def _drop(self, n: int) -> None:
        self._offset += n
        self._filled -= n

    def _discard(self, n: int) -> None:
        """Forget the first `n` bytes of the buffer.

        Bytes are moved only when little room is left: many small gaps must not cost a copy each.
        """
        rest = self._buffer[n:]
        if len(rest) < self.block_size // 2:
            fresh = np.empty(self.block_size, np.uint8)
            fresh[: self._filled - n] = rest[: self._filled - n]
            rest = fresh
        self._buffer = rest
        self._drop(n)

    # -- damage

    def _repair(self, at: int, reason: int) -> bool:
        """Mend the structure at byte `at` of the buffer, so that the objects around stay together.

        A marker of which only the marker is wrong is restored; other damaged bytes are covered by a
        filler object. Array events are left to `_salvage`, which saves their telescopes.
        """
        if reason not in (ot.NO_SYNC, ot.BAD_LENGTH, ot.TOO_LONG) or self._n_repairs > _MAX_REPAIRS:
            return False
        marker = at if reason == ot.NO_SYNC else at + self._own_end(at)
        if reason != ot.TOO_LONG and self._may_be_longer(marker):
            self._grow()
            return True
        self._n_repairs += 1
        if reason != ot.TOO_LONG and self._is_object(marker):
            self._buffer[marker : marker + 4] = np.frombuffer(SYNC, np.uint8)
            self._lose("a damaged sync marker (restored)", 4, header=False, at=marker)
            return True
        kind = int(u32(self._buffer, at + 4)) & 0xFFFF
        if reason == ot.BAD_LENGTH and kind in (2010, 2028):
            return False
        behind = self._next_object(at + (1 if reason == ot.NO_SYNC else 16))
        if behind < at + 16:
            return False
        self._lose("damaged bytes" if reason == ot.NO_SYNC else "an object of wrong length",
                   behind - at, header=reason != ot.NO_SYNC, at=at)  # fmt: skip
        words = np.array([FILLER, 0, behind - at - 16], "<u4")
        self._buffer[at : at + 16] = np.frombuffer(SYNC + words.tobytes(), np.uint8)
        return True

    def _may_be_longer(self, at: int) -> bool:
        """Whether it takes more bytes to say if an object with a wrong marker stands there."""
        if self._ended or (at + 20 <= self._filled and not self._is_credible(at)):
            return False
        end = at + (20 if at + 20 > self._filled else self._own_end(at) + 4)
        return self._filled < end < _LONGEST_WAIT

    def _is_object(self, at: int) -> bool:
        """Whether all but the marker of a top-level object stands at byte `at`."""
        if at + 20 > self._filled or ot.is_sync(self._buffer, at) or not self._is_credible(at):
            return False
        stop = at + self._own_end(at)
        if stop + 4 <= self._filled:
            return bool(ot.is_sync(self._buffer, stop))
        return self._ended and stop == self._filled

    def _is_credible(self, at: int) -> bool:
        word = int(u32(self._buffer, at + 4))
        return 0 < word & 0xFFFF < _MAX_TYPE and word >> 20 < _MAX_VERSION

    def _next_object(self, begin: int) -> int:
        """Position of the next credible object header; -1 if the buffer holds none."""
        position = begin
        while True:
            position = ot.find_sync(self._buffer, position, self._filled)
            if position < 0 or position + 8 > self._filled:
                return -1 if position < 0 else int(position)
            if self._is_credible(position):
                return int(position)
            position += 1

    def _skip_garbage(self) -> None:
        """No marker where one belongs: go to the next one."""
        position = self._next_object(1)
        if position < 0:
            position = self._filled if self._ended else max(self._filled - 7, 1)
        self._lose("no object header where one belongs", position, header=False)
        self._discard(position)

    def _skip_object(self, reason: str) -> None:
        position = self._next_object(16)
        if position < 0:
            position = self._filled if self._ended else max(self._filled - 7, 1)
        self._lose(reason, position)
        self._discard(position)

    def _salvage(self) -> Block | None:
        """The object at the front is not followed by a marker: its length or its follower is bad.

        Read it as far as its own length and the next marker allow, and go on at that marker.
        """
        position = self._next_object(16)
        if position < 0 and not self._ended and len(self._buffer) < MAX_OBJECT:
            self._grow()
            return None
        if position < 0:
            position = self._filled
        rows, stop, _ = self._scan(0, position, True)
        if rows == 0:  # its length ends before the next marker
            rows, stop, _ = self._scan(0, min(self._own_end(), position), True)
            if rows == 0:
                self._lose("an object of wrong length", position)
                self._discard(position)
                return None
            self._lose("bytes that belong to no object", position - stop, header=False, at=stop)
        return self._emit(rows, stop, position, _NEXT_INSIDE)

    def _own_end(self, at: int = 0) -> int:
        """Length of the object at byte `at`, marker and header included, as it says itself."""
        word = int(u32(self._buffer, at + 4))
        extended = (word >> 17) & 1
        size = int(u32(self._buffer, at + 12)) & 0x3FFFFFFF
        if extended:
            size |= (int(u32(self._buffer, at + 16)) & 0xFFF) << 30
        return (20 if extended else 16) + size

    def _lose(
        self,
        reason: str,
        size: int,
        *,
        header: bool = True,
        row: npt.NDArray[np.int64] | None = None,
        at: int = 0,
    ) -> None:
        kind = ident = None
        if row is not None:
            kind, ident, at = int(row[ot.TYPE]), int(row[ot.ID]), int(row[ot.START])
        elif header and at + 12 <= self._filled:
            kind = int(u32(self._buffer, at + 4)) & 0xFFFF
            ident = int(i32(self._buffer, at + 8))
        self.account.lose(Loss(reason, self._offset + at, size, kind, ident), of_stream=True)
