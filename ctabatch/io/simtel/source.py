"""A sim_telarray file as a sequence of blocks of events."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import BinaryIO, Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.io.location import Location, StorePath, location
from ctabatch.io.stored_parts import is_stored, stored_stream
from ctabatch.io.streams import ByteStream
from ctabatch.kernels import event_index as ei
from ctabatch.kernels import object_table as ot

from . import consistency, objects
from .blocks import BLOCK_SIZE, FILLER, Block, BlockReader
from .events import EventIndexer, Events, first_events
from .losses import Account
from .prefetch import prefetched
from .run import STATE_TYPES, Run, RunReader
from .stored_stream import StoredBlocks, stream_piece

#: Top-level types that belong to events, or that are known and not needed.
_EVENT_TYPES = frozenset({1204, 2010, 2020, 2021, 2026, 2028, 2034})
_IGNORED_TYPES = frozenset(
    {FILLER, 70, objects.INPUT_CARD, objects.ATMOSPHERE, 1205, 2024, 2025, 1213, 1214, 1211, 1215}
)
#: By type: whether an object is none that belongs to events.
_IS_STATE = np.ones(1 << 16, np.bool_)
_IS_STATE[list(_EVENT_TYPES)] = False
_CORSIKA_TYPES = frozenset({1200, 1201, 1202, 1203, 1209, 1210})


class SimtelReader:
    """Reads one sim_telarray file from front to end, once.

    Parameters
    ----------
    source : path, URI or binary file object
        A file, or the raw data in a dataset: the folder, if it has one part, or the stored stream
        of one of its parts.
    focal_length : {"effective", "equivalent"}
        Which focal length turns camera positions into angles; files without an effective one fall
        back to the equivalent one with a warning.
    allowed_tels : iterable of int, optional
        Read only these telescopes.
    max_events : int, optional
        Stop after so many array events.
    block_size : int
        Bytes decompressed at once.
    ahead : bool
        Read ahead in a thread.
    empty : callable
        Makes the arrays that blocks are decompressed into, as `numpy.empty` does.
    keep : callable, optional
        Given each piece of the stream that was read, in order, as a row of the table r0_stream.

    Attributes
    ----------
    account : Account
        Losses and notes so far.
    allowed_tels : set of int or None
        The telescopes that are read; None if all are.
    stopped : bool
        Whether reading stopped at `max_events`, or had stopped when the input was stored.
    runs : list of Run
        The runs seen so far; after construction at least one.

    Raises
    ------
    InputError
        The file is no sim_telarray file, or holds no run header.
    OptionError
        None of the telescopes are in a stored stream that was limited to others.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | StorePath | BinaryIO,
        *,
        focal_length: Literal["effective", "equivalent"] = "effective",
        allowed_tels: Iterable[int] | None = None,
        max_events: int | None = None,
        block_size: int = BLOCK_SIZE,
        ahead: bool = True,
        empty: Callable[..., NDArray[np.uint8]] = np.empty,
        keep: Callable[[pa.RecordBatch], None] | None = None,
    ) -> None:
        self._ahead = ahead
        self._keep = keep
        self.account = Account()
        self.stream: ByteStream | StoredBlocks
        self._reader: BlockReader | StoredBlocks
        if isinstance(source, str | os.PathLike | StorePath) and _is_stored(location(source)):
            self.stream = self._reader = StoredBlocks(stored_stream(location(source)), self.account)
        else:
            self.stream = ByteStream(source)
            self._reader = BlockReader(self.stream, self.account, block_size, empty)
        self.name = self.stream.name
        self.max_events = max_events
        self.n_events = 0
        self.stopped = False
        self._runs = RunReader(focal_length, self.account)
        self._steps = self._walk()
        try:
            wanted = None if allowed_tels is None else frozenset(allowed_tels)
            self.allowed_tels = self._telescopes(wanted)
            self._indexer = EventIndexer(self.account, self.allowed_tels)
            self._first = next(self._steps, None)
            if not self.runs:
                found = f"; {self.account.losses[0]}" if self.account.losses else ""
                raise InputError(
                    f"{self.name}: no run header [2000] in this file: it holds no sim_telarray "
                    f"data{found}"
                )
        except BaseException:
            self.close()
            raise

    @property
    def runs(self) -> list[Run]:
        return self._runs.runs

    @property
    def n_bytes(self) -> int:
        """Decompressed bytes read so far."""
        return self._reader.n_bytes

    @property
    def position(self) -> int:
        """Bytes of the file itself read so far."""
        return self.stream.position

    def __iter__(self) -> Iterator[Events]:
        """Array events, block by block."""
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        yield from self._steps

    def close(self) -> None:
        """Stop reading ahead and close the file."""
        self._steps.close()
        self.stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _telescopes(self, wanted: frozenset[int] | None) -> frozenset[int] | None:
        """Telescopes that are wanted and in the input."""
        if not isinstance(self._reader, StoredBlocks):
            return wanted
        stored = self._reader.part.allowed_tels
        if wanted is None or stored is None:
            return stored if wanted is None else wanted
        if not wanted & stored:
            raise OptionError(
                f"{self.name}: the raw data stored are those of telescopes {sorted(stored)}, none "
                "of which is to be read"
            )
        what = "telescopes to be read that were left out when the raw data were stored"
        self.account.note(what, len(wanted - stored))
        return wanted & stored

    def _walk(self) -> Generator[Events]:
        for block in prefetched(self._reader) if self._ahead else self._reader:
            self._indexer.new_block()
            self._end = block.end
            yield from self._events_of(block)
            if self._keep is not None:
                self._keep(stream_piece(block, self._end, self.allowed_tels))
            if self.stopped:
                return
        if isinstance(self._reader, StoredBlocks):
            self.stopped = self._reader.part.stopped

    def _events_of(self, block: Block) -> Iterator[Events]:
        """Events between the state objects of a block, which change what comes after them."""
        table = block.table
        top = np.flatnonzero(table[:, ot.LEVEL] == 0)
        begin = 0
        for row in top[_IS_STATE[table[top, ot.TYPE]]]:
            kind = int(table[row, ot.TYPE])
            if begin < row:
                yield from self._segment(block, begin, int(row))
                if self.stopped:
                    return
            begin = int(row)
            while begin < len(table) and (begin == row or table[begin, ot.LEVEL] > 0):
                begin += 1
            self._state(block, int(row), kind)
            consistency.report_hidden_events(block, int(row), begin, self.account)
        if begin < len(table):
            yield from self._segment(block, begin, len(table))

    def _state(self, block: Block, row: int, kind: int) -> None:
        if kind in STATE_TYPES:
            n_runs = len(self.runs)
            self._runs.take(block, row)
            if len(self.runs) > n_runs:
                self._indexer.new_run()
        elif kind in _CORSIKA_TYPES and not self.runs:
            raise InputError(
                f"{self.name}: this is a CORSIKA (IACT) file; sim_telarray must simulate the "
                "telescopes first (expected a run header [2000], found type "
                f"{kind} at byte {block.offset + int(block.table[row, ot.START])})"
            )
        elif kind not in _IGNORED_TYPES:
            self.account.note(f"top-level objects of unknown type {kind}")

    def _segment(self, block: Block, begin: int, end: int) -> Iterator[Events]:
        run = self._runs.current
        if run is None:
            self.account.note("events before any run header")
            return
        events = self._indexer.events(run, block, begin, end)
        if events is None:
            return
        if self.max_events is not None and self.n_events + len(events) >= self.max_events:
            events = first_events(events, self.max_events - self.n_events)
            self.stopped = True
            self._end = _end_of(events)
        self.n_events += len(events)
        if len(events):
            yield events


def _is_stored(path: Location) -> bool:
    return is_stored(path) or path.is_dir()


def _end_of(events: Events) -> int:
    """Where in its block the object ends that holds the last of some events."""
    table = events.block.table
    last = int(events.telescopes[:, ei.CONTAINER_ROW].max())
    behind = np.flatnonzero(table[last:, ot.LEVEL] == 0)
    return int(table[last + behind[0], ot.START]) if len(behind) else events.block.end
