"""Rows of the event tables of a stored part, for the array events that are processed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.schemas.simulation import SHOWER
from ctabatch.schemas.trigger import POINTING, TELESCOPE_TRIGGER, TRIGGER

from .stored_array import StoredRun, from_degrees
from .stored_rows import Rows, place_of

#: Tables that are taken over from a part.
EVENT_TABLES: dict[str, pa.Schema] = {
    "trigger": TRIGGER,
    "telescope_trigger": TELESCOPE_TRIGGER,
    "pointing": POINTING,
    "shower": SHOWER,
}
_ANGLES = ("telescope_pointing_altitude", "telescope_pointing_azimuth")


class StoredEvents:
    """Array events of one run, in one block.

    Parameters
    ----------
    run : StoredRun
    tables : mapping
        Name of an event table -> its rows of the block.
    keep : (n_events,) int64
        Events of the block that are meant, ascending.
    allowed_tels : set of int or None
        Telescopes that are read; None if all are.

    Attributes
    ----------
    event_id, event_type : (n_events,) int64
    whole : (n_events,) bool
    tables : dict
        Rows of the event tables.
    axis : (n_events, 4) float64
        Altitude and azimuth (rad), core x and y (m) of the simulated showers; NaN without one.
    """

    def __init__(
        self,
        run: StoredRun,
        tables: Mapping[str, Rows],
        keep: NDArray[np.int64],
        allowed_tels: frozenset[int] | None,
    ) -> None:
        self.run, self.allowed_tels = run, allowed_tels
        trigger = tables["trigger"]
        self._number = np.full(len(trigger), -1, np.int64)
        self._number[keep] = np.arange(len(keep))
        self.event_id = trigger.numbers("event_id", keep).astype(np.int64)
        self.event_type = trigger.numbers("event_type", keep).astype(np.int64)
        self.whole = trigger.numbers("is_complete", keep).astype(np.bool_)
        self.tables = {
            name: tables[name].chosen(self.own(tables[name], of_telescopes=name == "pointing"),
                                      schema)
            for name, schema in EVENT_TABLES.items()
        }  # fmt: skip
        self._leave_out_pixels()
        pointing = tables["pointing"]
        rows = self.own(pointing, of_telescopes=True)
        self._pointed = self._number[pointing.event[rows]], pointing.numbers("tel_id", rows)
        self._angles = np.column_stack([pointing.numbers(name, rows) for name in _ANGLES])
        self.axis = self._axis(tables["shower"])

    def __len__(self) -> int:
        return len(self.event_id)

    def own(self, rows: Rows, *, of_telescopes: bool) -> NDArray[np.int64]:
        """Numbers of the rows that belong to these events, and to telescopes that are read."""
        mine = self._number[rows.event] >= 0
        if of_telescopes and self.allowed_tels is not None:
            mine &= is_allowed(rows, self.allowed_tels)
        return np.flatnonzero(mine)

    def event_of(self, rows: Rows, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Event of some rows."""
        return self._number[rows.event[chosen]]

    def pointing(self, event: NDArray[np.int64], tel_id: NDArray[np.int64]) -> NDArray[np.float64]:
        """Altitude and azimuth of telescopes in events, (n, 2) rad; NaN where not stored."""
        at = place_of(event, tel_id, *self._pointed)
        out = np.full((len(event), 2), np.nan)
        out[at >= 0] = self._angles[at[at >= 0]]
        return out

    @property
    def n_telescope_events(self) -> int:
        """Telescope events that were in the input of the part."""
        return len(self._angles)

    def _axis(self, shower: Rows) -> NDArray[np.float64]:
        axis = np.full((len(self), 4), np.nan)
        rows = self.own(shower, of_telescopes=False)
        columns = [
            from_degrees(shower.numbers("true_alt", rows), clip=True),
            from_degrees(shower.numbers("true_az", rows), clip=False),
            shower.numbers("true_core_x", rows),
            shower.numbers("true_core_y", rows),
        ]
        axis[self._number[shower.event[rows]]] = np.column_stack(columns)
        return axis

    def _leave_out_pixels(self) -> None:
        """Telescopes that are not read have no data, so none of their pixels are known."""
        if self.allowed_tels is None:
            return
        table = self.tables["telescope_trigger"]
        other = ~np.isin(table.column("tel_id").to_numpy(), sorted(self.allowed_tels))
        at = TELESCOPE_TRIGGER.get_field_index("n_trigger_pixels")
        counts = np.where(other, np.int32(-1), table.column(at).to_numpy())
        self.tables["telescope_trigger"] = table.set_column(
            at, TELESCOPE_TRIGGER.field(at), pa.array(counts)
        )


def is_allowed(rows: Rows, allowed_tels: frozenset[int]) -> NDArray[np.bool_]:
    """Which rows belong to telescopes that are read."""
    return np.isin(rows.numbers("tel_id"), sorted(allowed_tels))


__all__ = ["EVENT_TABLES", "StoredEvents", "is_allowed"]
