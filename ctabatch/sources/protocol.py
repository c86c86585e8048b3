"""What the engine is given of any input: blocks of array events and the batches in them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.io.simtel.losses import Account
from ctabatch.stages.events import TelescopeEvents

#: Makes arrays, as `numpy.empty` does.
Empty = Callable[..., NDArray[Any]]
#: Of telescope type and id: telescopes for which it differs may not share a batch.
KindOf = Callable[[str, int], Hashable]


@dataclass(frozen=True)
class SourceOptions:
    """What is read of an input.

    Attributes
    ----------
    focal_length : {"effective", "equivalent"}
        Which focal length turns camera positions into angles.
    allowed_tels : tuple of int or None
        Telescopes that are read; all if None.
    max_events : int or None
        Stop after so many array events.
    """

    focal_length: Literal["effective", "equivalent"] = "effective"
    allowed_tels: tuple[int, ...] | None = None
    max_events: int | None = None


class TelescopeBatch(Protocol):
    """Telescope events of one type and shape, in memory."""

    @property
    def tel_type(self) -> str: ...

    def __len__(self) -> int:
        """Telescope events that could be read."""

    def raw_rows(self) -> pa.RecordBatch:
        """Rows of the table r0; asked for only of sources that give r0."""

    def telescopes(self) -> tuple[TelescopeEvents, NDArray[Any]]:
        """What the DL1 stage works on, and the row in its block of each one's array event.

        Telescope events without a calibration are left out and reported.
        """


class TelescopePlan(Protocol):
    """Telescope events that are to be loaded together.

    Everything that may change as the input is read on is in it already, so `load` may run in any
    thread at any time. Its text says which events they are.
    """

    def load(self, empty: Empty) -> TelescopeBatch:
        """The batch; what cannot be read is left out and reported."""


@dataclass(frozen=True, eq=False)
class EventBlock:
    """Array events of one run that follow one another.

    The run may change while the block waits for its batches: the array points elsewhere, or another
    run begins. So the block holds what was true for its events.

    Attributes
    ----------
    obs_id : int
    event_id, event_type : (n_events,) int64
    whole : (n_events,) bool
        False for events of which telescopes may be missing.
    subarray : SubarrayDescription
    array_pointing : tuple of float
        Azimuth and altitude of the array, rad; NaN where unknown.
    tables : mapping
        Rows of the tables trigger, telescope_trigger, pointing and shower.
    plans : callable
        Gives the batches of the block, each of telescopes of one kind.
    """

    obs_id: int
    event_id: NDArray[Any]
    event_type: NDArray[Any]
    whole: NDArray[Any]
    subarray: SubarrayDescription
    array_pointing: tuple[float, float]
    tables: Mapping[str, pa.RecordBatch]
    plans: Callable[[KindOf], Iterable[TelescopePlan]]

    def __len__(self) -> int:
        return len(self.event_id)

    @property
    def reference_height(self) -> float:
        """Height above sea level of the origin of positions, m."""
        return self.subarray.reference_location[2]


@dataclass(frozen=True, eq=False)
class LoadedBatch:
    """A batch of a source that has no raw data as they stand in its input.

    Attributes
    ----------
    tel_type : str
    events : TelescopeEvents
    event : (n,) int64
        Row in its block of each one's array event.
    """

    tel_type: str
    events: TelescopeEvents
    event: NDArray[Any]

    def __len__(self) -> int:
        return len(self.events)

    def raw_rows(self) -> pa.RecordBatch:
        """There are none."""
        raise NotImplementedError(f"{self.tel_type}: this source gives no r0")

    def telescopes(self) -> tuple[TelescopeEvents, NDArray[Any]]:
        """All of them."""
        return self.events, self.event


class SourceRun(Protocol):
    """A run that events belong to."""

    @property
    def obs_id(self) -> int: ...

    @property
    def subarray(self) -> SubarrayDescription: ...

    def rows(self) -> pa.RecordBatch:
        """Rows of the table run."""

    def shower_distribution(self) -> pa.RecordBatch | None:
        """Rows of the table shower_distribution; None if there is none."""


class EventSource(Protocol):
    """An open input, read once from front to end.

    Attributes
    ----------
    account : Account
        Losses and notes so far.
    levels : set of str
        Those of r0 and r1 that can be written from it.
    about : dict
        More for the entry ``input`` of the commit record.
    runs : sequence of SourceRun
        The runs so far.
    stopped : bool
        Whether reading stopped at a number of events, before the end of the input.
    position, size : int
        Bytes read so far, and in all.
    """

    account: Account
    levels: frozenset[str]
    about: dict[str, Any]

    @property
    def runs(self) -> Sequence[SourceRun]: ...

    @property
    def stopped(self) -> bool: ...

    @property
    def position(self) -> int: ...

    @property
    def size(self) -> int: ...

    def stored_entry(self) -> dict[str, Any]:
        """What the commit record tells of a stored stream; asked for only if r0 is written."""

    def __iter__(self) -> Iterator[EventBlock]: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


__all__ = [
    "Empty", "EventBlock", "EventSource", "KindOf", "LoadedBatch", "SourceOptions", "SourceRun",
    "TelescopeBatch", "TelescopePlan",
]  # fmt: skip
