"""sim_telarray files, and streams of them that are stored in datasets, as blocks of events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.io.location import Location
from ctabatch.io.simtel.batches import BatchPlan, RawBatch, batch_plans
from ctabatch.io.simtel.events import Events
from ctabatch.io.simtel.losses import Account
from ctabatch.io.simtel.run import Run
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.io.simtel.tables import (
    pointing_batch,
    raw_data_batch,
    run_batch,
    shower_batch,
    shower_distribution_batch,
    telescope_trigger_batch,
    trigger_batch,
)
from ctabatch.io.stored_parts import entry
from ctabatch.source import calibrated, telescope_events
from ctabatch.stages.events import TelescopeEvents

from .protocol import Empty, EventBlock, KindOf, SourceOptions


@dataclass(frozen=True, eq=False)
class SimtelBatch:
    """Decoded raw data of a file."""

    raw: RawBatch
    account: Account

    def __len__(self) -> int:
        return len(self.raw)

    @property
    def tel_type(self) -> str:
        return self.raw.tel_type

    def raw_rows(self) -> pa.RecordBatch:
        """Where in the stream the raw data stand."""
        return raw_data_batch(self.raw)

    def telescopes(self) -> tuple[TelescopeEvents, NDArray[Any]]:
        """Those with a calibration."""
        raw = calibrated(self.raw, self.account)
        return telescope_events(raw), raw.event


@dataclass(frozen=True, eq=False)
class SimtelPlan:
    """Raw data of a file that are to be decoded together."""

    plan: BatchPlan

    def __str__(self) -> str:
        return str(self.plan)

    def load(self, empty: Empty) -> SimtelBatch:
        return SimtelBatch(self.plan.decode(empty), self.plan.account)


@dataclass(frozen=True, eq=False)
class SimtelRun:
    """A run of a file."""

    run: Run

    @property
    def obs_id(self) -> int:
        return self.run.obs_id

    @property
    def subarray(self) -> Any:
        return self.run.subarray

    def rows(self) -> pa.RecordBatch:
        return run_batch(self.run)

    def shower_distribution(self) -> pa.RecordBatch | None:
        return shower_distribution_batch(self.run)


class SimtelSource:
    """A file or a stored stream.

    Parameters
    ----------
    reader : SimtelReader
        Closed with the source.
    size : int
        Bytes of the file.
    """

    def __init__(self, reader: SimtelReader, size: int) -> None:
        self.size, self._reader = size, reader
        self.levels = frozenset({"r0", "r1", "dl0"})
        self.about: dict[str, Any] = {}
        self.account = reader.account

    @property
    def runs(self) -> Sequence[SimtelRun]:
        return [SimtelRun(run) for run in self._reader.runs]

    @property
    def stopped(self) -> bool:
        return self._reader.stopped

    @property
    def position(self) -> int:
        return self._reader.position

    def stored_entry(self) -> dict[str, Any]:
        return entry(self.account, self._reader.allowed_tels, self.stopped)

    def __iter__(self) -> Iterator[EventBlock]:
        for events in self._reader:
            yield event_block(events, self.account)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._reader.close()


def open_simtel(
    path: Location,
    options: SourceOptions,
    *,
    size: int,
    ahead: bool = True,
    empty: Callable[..., NDArray[np.uint8]] = np.empty,
    keep: Callable[[pa.RecordBatch], None] | None = None,
) -> SimtelSource:
    """Open a file or a stored stream; for the arguments see `SimtelReader`."""
    reader = SimtelReader(
        path,
        focal_length=options.focal_length,
        allowed_tels=options.allowed_tels,
        max_events=options.max_events,
        ahead=ahead,
        empty=empty,
        keep=keep,
    )
    return SimtelSource(reader, size)


def event_block(events: Events, account: Account) -> EventBlock:
    """Events of a block of a file."""
    run = events.run
    return EventBlock(
        obs_id=run.obs_id,
        event_id=events.event_id,
        event_type=events.event_type,
        whole=events.whole,
        subarray=run.subarray,
        array_pointing=run.array_pointing,
        tables={
            "trigger": trigger_batch(events),
            "telescope_trigger": telescope_trigger_batch(events),
            "pointing": pointing_batch(events),
            "shower": shower_batch(events),
        },
        plans=partial(_plans, events, account),
    )


def _plans(events: Events, account: Account, kind_of: KindOf) -> Iterator[SimtelPlan]:
    return map(SimtelPlan, batch_plans(events, account, kind_of=kind_of))


__all__ = ["SimtelSource", "event_block", "open_simtel"]
