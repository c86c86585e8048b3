"""Events of one block as columns: triggers, simulated showers and references to telescope data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.kernels import event_index as ei
from ctabatch.kernels import object_table as ot
from ctabatch.kernels.pixel_lists import read_pixel_lists
from ctabatch.kernels.tracking import read_tracking
from ctabatch.kernels.trigger_block import read_triggers

from . import consistency
from .blocks import Block
from .losses import Account, Loss
from .run import Run, clip_altitude

#: Event types of the CTAO data model (ctapipe.containers.EventType).
SUBARRAY, OTHER_CALIBRATION, MUON, RANDOM_MONO, LONG_EVENT = 32, 15, 16, 18, 33
#: Calibration type of sim_telarray (dark pedestal, sky pedestal, single p.e., flatfield) -> event
#: type.
CALIBRATION_TYPES = {0: 3, 1: 5, 2: 1, 3: 0}


#: Bytes of a list of triggered pixels that is read: many for each pixel of the largest camera. Each
#: byte may stand for a pixel, which takes four in memory.
MOST_PIXEL_LIST = 1 << 18


@dataclass(eq=False)
class Events:
    """Array events of one run from one block.

    Attributes
    ----------
    run : Run
    block : Block
    event_id, event_type, seconds, nanoseconds : (n_events,) int64
    whole : (n_events,) bool
        False for events of a truncated or damaged object, of which telescopes may be missing.
    trigger_starts : (n_events + 1,) int64
        Ragged: telescopes that triggered in event k are entries ``[k]`` to ``[k + 1]`` of
        `trigger_tel_id` (int16), `trigger_time` (float32, ns after the central time) and
        `trigger_mask` (int64).
    mc : (n_events,) int64
        Row in `mc_integers` and `mc_floats`, -1 for calibration events.
    telescopes : (n_telescopes, 12) int64
        Telescope events, columns as in `ctabatch.kernels.event_index`.
    azimuth, altitude : (n_telescopes,) float32
        Pointing, rad.
    n_trigger_pixels : (n_telescopes,) int32
    """

    run: Run
    block: Block
    event_id: NDArray[np.int64]
    event_type: NDArray[np.int64]
    seconds: NDArray[np.int64]
    nanoseconds: NDArray[np.int64]
    whole: NDArray[np.bool_]
    trigger_starts: NDArray[np.int64]
    trigger_tel_id: NDArray[np.int16]
    trigger_time: NDArray[np.float32]
    trigger_mask: NDArray[np.int64]
    mc: NDArray[np.int64]
    mc_integers: NDArray[np.int64]
    mc_floats: NDArray[np.float64]
    pe_sum_row: NDArray[np.int64]
    telescopes: NDArray[np.int64]
    azimuth: NDArray[np.float32]
    altitude: NDArray[np.float32]
    n_trigger_pixels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.event_id)

    @property
    def tel_id(self) -> NDArray[np.int64]:
        """Telescope of each telescope event."""
        return self.telescopes[:, ei.TEL_ID]

    def objects(self, rows: NDArray[np.int64], *columns: int) -> list[NDArray[np.int64]]:
        """Columns of the object table at `rows`; -1 where the row is -1."""
        found = self.block.table[rows]
        return [
            np.ascontiguousarray(np.where(rows < 0, -1, found[:, column])) for column in columns
        ]


class EventIndexer:
    """Assembles events from object tables; carries what one block leaves to the next.

    Parameters
    ----------
    account : Account
    allowed_tels : set of int or None
        Other telescopes do not exist for the caller.
    """

    def __init__(self, account: Account, allowed_tels: frozenset[int] | None = None) -> None:
        self.account = account
        self.allowed_tels = allowed_tels
        self.new_run()

    def new_run(self) -> None:
        """Forget the simulated shower in force and start numbering anew."""
        self._has_shower = self._has_event = False
        self._integers = np.full((1, ei.N_MC_INTEGERS), -1, np.int64)
        self._floats = np.full((1, ei.N_MC_FLOATS), np.nan)
        self.new_block()
        self._next_pseudo_id = -1

    def new_block(self) -> None:
        """Rows of the object table that wait for their array event are rows of one block."""
        self._pending = np.full(3, -1, np.int64)

    def events(self, run: Run, block: Block, begin: int, end: int) -> Events | None:
        """Events of the objects in rows ``begin`` to ``end``; None if there are none."""
        types = block.table[begin:end, ot.TYPE]
        n_mc = int((types == ei.MC_EVENT).sum())
        integers = np.zeros((n_mc + 2, ei.N_MC_INTEGERS), np.int64)
        floats = np.zeros((n_mc + 2, ei.N_MC_FLOATS))
        integers[0], floats[0] = self._integers[0], self._floats[0]
        events = np.empty((int((types == ei.ARRAY_EVENT).sum()), ei.N_EVENT_COLUMNS), np.int64)
        # each telescope event holds at least its header object
        telescopes = np.empty(
            (max(int((types >= 2200).sum()), 1), ei.N_TELESCOPE_COLUMNS), np.int64
        )
        n_events, n_telescopes, n_mc, self._has_shower, self._has_event, n_foreign = (
            ei.index_events(
                block.data, block.table, begin, end, self._has_shower, self._has_event,
                self._pending, integers, floats, events, telescopes,
            )
        )  # fmt: skip
        self.account.note("objects of unknown type inside events", n_foreign)
        self._integers, self._floats = integers[n_mc : n_mc + 1], floats[n_mc : n_mc + 1]
        consistency.report_empty_events(block, begin, end, self.account)
        if n_events == 0:
            return None
        events, telescopes = events[:n_events], telescopes[:n_telescopes]
        consistency.settle_event_numbers(block, events, telescopes, self.account)
        images = np.array([int(t) for t in run.header["tel_id"]], np.int64)
        ei.link_true_images(block.table, images, telescopes, n_telescopes)
        columns = self._columns(run, block, events, integers[:n_mc], floats[:n_mc])
        consistency.report_gaps(block, events, telescopes, columns.pop("n_with_data"), self.account)
        return self._select(columns, telescopes)

    def _columns(
        self,
        run: Run,
        block: Block,
        events: NDArray[np.int64],
        integers: NDArray[np.int64],
        floats: NDArray[np.float64],
    ) -> dict[str, Any]:
        """Everything about array events: triggers, types, ids."""
        n = len(events)
        trigger_row = events[:, ei.TRIGGER_ROW]
        trigger = block.table[trigger_row]
        offsets = np.where(trigger_row < 0, -1, trigger[:, ot.CONTENT])
        sizes = np.where(trigger_row < 0, 0, trigger[:, ot.SIZE])
        # a trigger block lists at most as many telescopes as its 16-bit count can say
        room = int((np.minimum(sizes // 2, 1 << 15) + 32).sum())
        seconds, nanoseconds = np.empty(n, np.int64), np.empty(n, np.int64)
        starts, n_with_data = np.empty(n + 1, np.int64), np.empty(n, np.int64)
        tels, times = np.empty(room, np.int16), np.empty(room, np.float32)
        masks = np.empty(room, np.int64)
        n_bad = read_triggers(
            block.data, offsets, sizes, np.ascontiguousarray(trigger[:, ot.VERSION]),
            seconds, nanoseconds, n_with_data, starts, tels, times, masks,
        )  # fmt: skip
        event_id = events[:, ei.NUMBER].copy()
        calibration = events[:, ei.CALIBRATION]
        event_type = np.full(n, SUBARRAY, np.int64)
        for k in np.flatnonzero((calibration != ei.NO_CALIBRATION) | (event_id == 0)):
            if calibration[k] != ei.NO_CALIBRATION:
                event_type[k] = CALIBRATION_TYPES.get(int(calibration[k]), OTHER_CALIBRATION)
            event_id[k] = self._next_pseudo_id
            self._next_pseudo_id -= 1
        if n_bad:
            for k in np.flatnonzero(np.diff(starts) == 0):
                row = block.table[events[k, ei.ROW]]
                place, size, kind, ident = (
                    int(row[column]) for column in (ot.START, ot.SIZE, ot.TYPE, ot.ID)
                )
                reason = "the trigger block [2009] is missing or malformed: event left out"
                place += block.offset
                self.account.lose(Loss(reason, place, size, kind, ident, int(event_id[k])))
        return {
            "run": run,
            "block": block,
            "event_id": event_id,
            "event_type": event_type,
            "seconds": seconds,
            "nanoseconds": nanoseconds,
            "n_with_data": n_with_data,
            "whole": events[:, ei.WHOLE].astype(bool),
            "trigger_starts": starts,
            "trigger_tel_id": tels[: starts[-1]],
            "trigger_time": times[: starts[-1]],
            "trigger_mask": masks[: starts[-1]],
            "mc": events[:, ei.MC],
            "mc_integers": integers,
            "mc_floats": floats,
            "pe_sum_row": events[:, ei.PE_SUM_ROW],
        }

    def _select(self, columns: dict[str, Any], telescopes: NDArray[np.int64]) -> Events | None:
        """Drop telescopes that are not wanted or did not trigger, and events without data."""
        n = len(columns["event_id"])
        event = np.repeat(np.arange(n), np.diff(columns["trigger_starts"]))
        triggered = _pairs(event, columns["trigger_tel_id"])
        if self.allowed_tels is not None:
            allowed = np.array(sorted(self.allowed_tels), np.int64)
            telescopes = telescopes[np.isin(telescopes[:, ei.TEL_ID], allowed)]
        data = _pairs(telescopes[:, ei.EVENT], telescopes[:, ei.TEL_ID])
        keep = np.isin(data, triggered)
        has_block = np.diff(columns["trigger_starts"]) > 0
        self.account.note(
            "telescope events of telescopes that are not in the trigger list",
            int((~keep & has_block[telescopes[:, ei.EVENT]]).sum()),
        )
        telescopes = telescopes[keep]
        with_data = np.zeros(n, bool)
        with_data[telescopes[:, ei.EVENT]] = True
        self.account.note("array events without telescope data", int((~with_data).sum()))
        if not with_data.any():
            return None
        return _subset(columns, telescopes, with_data)


def _subset(
    columns: dict[str, Any], telescopes: NDArray[np.int64], keep: NDArray[np.bool_]
) -> Events:
    """Keep some array events; every telescope event must belong to one of them."""
    columns = dict(columns)
    counts = np.diff(columns["trigger_starts"])
    entries = np.repeat(keep, counts)
    for name in ("trigger_tel_id", "trigger_time", "trigger_mask"):
        columns[name] = columns[name][entries]
    columns["trigger_starts"] = np.concatenate([[0], np.cumsum(counts[keep])])
    for name in ("event_id", "event_type", "seconds", "nanoseconds", "whole", "mc", "pe_sum_row"):
        columns[name] = columns[name][keep]
    telescopes = telescopes.copy()
    telescopes[:, ei.EVENT] = (np.cumsum(keep) - 1)[telescopes[:, ei.EVENT]]
    block: Block = columns["block"]
    table = block.table

    def objects(rows: NDArray[np.int64], column: int) -> NDArray[np.int64]:
        return np.ascontiguousarray(np.where(rows < 0, -1, table[rows, column]))

    n = len(telescopes)
    tracking, lists = telescopes[:, ei.TRACKING_ROW], telescopes[:, ei.TRIGGERED_PIXELS_ROW]
    azimuth, altitude = np.empty(n, np.float32), np.empty(n, np.float32)
    read_tracking(
        block.data, objects(tracking, ot.ID), objects(tracking, ot.CONTENT),
        objects(tracking, ot.SIZE), azimuth, altitude,
    )  # fmt: skip
    sizes, places = np.maximum(objects(lists, ot.SIZE), 0), objects(lists, ot.CONTENT)
    too_long = sizes > MOST_PIXEL_LIST
    sizes[too_long], places[too_long] = 0, -1
    counts = np.empty(n, np.int32)
    read_pixel_lists(
        block.data, objects(lists, ot.VERSION), places, sizes,
        np.empty(n + 1, np.int64), np.empty(int(sizes.sum()) + 1, np.int32), counts,
    )  # fmt: skip
    return Events(
        telescopes=telescopes,
        azimuth=azimuth,
        altitude=altitude,
        n_trigger_pixels=counts,
        **columns,
    )


def first_events(events: Events, n: int) -> Events:
    """The first `n` array events."""
    names = (
        "run", "block", "event_id", "event_type", "seconds", "nanoseconds", "whole",
        "trigger_starts", "trigger_tel_id", "trigger_time", "trigger_mask", "mc", "mc_integers",
        "mc_floats", "pe_sum_row",
    )  # fmt: skip
    keep = np.arange(len(events)) < n
    telescopes = events.telescopes[events.telescopes[:, ei.EVENT] < n]
    return _subset({name: getattr(events, name) for name in names}, telescopes, keep)


def trigger_event_type(masks: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Event type of each telescope trigger from its mask, see spec of [2009] version 4."""
    types = np.full(len(masks), SUBARRAY, np.uint8)
    known = masks >= 0
    types[known & (masks & 0x100 != 0)] = LONG_EVENT
    types[known & (masks & 0x200 != 0)] = MUON
    types[known & (masks & 0x400 != 0)] = RANDOM_MONO
    return types


def _pairs(event: NDArray[Any], tel_id: NDArray[Any]) -> NDArray[np.int64]:
    """One integer per (event, telescope)."""
    return event.astype(np.int64) << 16 | tel_id.astype(np.int64)


def shower_altitude(values: NDArray[Any]) -> NDArray[np.float64]:
    """Altitudes with single-precision excess over pi/2 removed, rad."""
    return np.array([clip_altitude(float(v)) for v in values])
