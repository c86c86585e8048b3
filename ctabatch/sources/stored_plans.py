"""Telescope events of a stored part, grouped into batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.camera import CameraGeometry
from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.io.simtel.batches import BATCH_SIZE
from ctabatch.stages.events import TelescopeEvents

from .protocol import Empty, KindOf, LoadedBatch
from .stored_array import check_telescopes
from .stored_events import StoredEvents
from .stored_rows import Rows

Content = Callable[[NDArray[np.int64], CameraGeometry, SubarrayDescription, Empty], dict[str, Any]]


@dataclass(frozen=True, eq=False)
class LevelRows:
    """Rows of telescopes of one type, of one shape, in one block.

    Attributes
    ----------
    tel_type : str
    rows : Rows
    content : callable
        Of the numbers of rows, the geometry, the array and what makes arrays: the fields of
        `TelescopeEvents` that are the level's own.
    kinds : tuple of (n,) arrays
        What must be alike in the rows of a batch.
    """

    tel_type: str
    rows: Rows
    content: Content
    kinds: tuple[NDArray[Any], ...]


@dataclass(frozen=True, eq=False)
class StoredPlan:
    """Rows that are to be loaded together, by their numbers among those of the level."""

    events: StoredEvents
    level: LevelRows
    geometry: CameraGeometry
    chosen: NDArray[np.int64]

    def __str__(self) -> str:
        event_id = self.events.event_id[self.events.event_of(self.level.rows, self.chosen)]
        return (
            f"{len(self.chosen)} telescope events of {self.level.tel_type}, events "
            f"{event_id.min()} to {event_id.max()} in {self.level.rows.file.path}"
        )

    def load(self, empty: Empty) -> LoadedBatch:
        """The telescope events."""
        events, run = self.events, self.events.run
        event = events.event_of(self.level.rows, self.chosen)
        tel_id = self.level.rows.numbers("tel_id", self.chosen).astype(np.int64)
        telescopes = run.subarray.telescopes
        azimuth, altitude = run.array_pointing
        loaded = TelescopeEvents(
            obs_id=run.obs_id,
            event_id=events.event_id[event],
            tel_id=tel_id,
            geometry=self.geometry,
            position=np.array([telescopes[one].position for one in tel_id.tolist()]),
            pointing=events.pointing(event, tel_id),
            array_pointing=np.tile([altitude, azimuth], (len(event), 1)),
            axis=events.axis[event],
            tel_type=self.level.tel_type,
            **self.level.content(self.chosen, self.geometry, run.subarray, empty),
        )
        return LoadedBatch(self.level.tel_type, loaded, event)


def plans_of(events: StoredEvents, level: LevelRows, kind_of: KindOf) -> Iterator[StoredPlan]:
    """Batches of the telescope events of one level, in the order of their rows.

    Telescopes that differ in geometry or by `kind_of` are kept apart, as of a file.
    """
    subarray = events.run.subarray
    chosen = events.own(level.rows, of_telescopes=True)
    tel_id = level.rows.numbers("tel_id", chosen).astype(np.int64)
    check_telescopes(level.rows.file.path, subarray, level.tel_type, tel_id)
    keys: dict[int, Any] = {}
    for one in np.unique(tel_id).tolist():
        geometry = subarray.telescopes[one].geometry
        keys[one] = (id(geometry), kind_of(level.tel_type, one))
    groups: dict[Any, list[int]] = {}
    for k, one in enumerate(tel_id.tolist()):
        groups.setdefault(keys[one], []).append(k)
    for members in groups.values():
        own = chosen[np.array(members, np.int64)]
        geometry = subarray.telescopes[int(tel_id[members[0]])].geometry
        for rows in _alike(own, level.kinds):
            for begin in range(0, len(rows), BATCH_SIZE):
                yield StoredPlan(events, level, geometry, rows[begin : begin + BATCH_SIZE])


def _alike(rows: NDArray[np.int64], kinds: tuple[NDArray[Any], ...]) -> list[NDArray[np.int64]]:
    """Rows cut where one of the kinds changes."""
    changes = np.zeros(max(len(rows) - 1, 0), np.bool_)
    for kind in kinds:
        changes |= kind[rows][1:] != kind[rows][:-1]
    return np.split(rows, np.flatnonzero(changes) + 1)


__all__ = ["LevelRows", "StoredPlan", "plans_of"]
