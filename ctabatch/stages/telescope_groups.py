"""Rows of several telescope types become groups: the telescopes of each array event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.errors import InputError

#: Image parameters that geometry needs, by their names without the prefix hillas_.
PARAMETERS = ("intensity", "fov_lon", "fov_lat", "psi", "length", "width")


@dataclass(eq=False)
class StereoEvents:
    """Array events with the images of their telescopes, as ragged groups.

    Attributes
    ----------
    obs_id, event_id : (n_events,) int
    offsets : (n_events + 1,) int64
        Telescopes of event k: rows offsets[k] to offsets[k + 1].
    tel_id : (n,) int
        Ascending within an event.
    position : (n, 3) float64, m
        x north, y west, z up.
    pointing : (n, 2) float64, rad
        Altitude and azimuth of the telescopes.
    camera_radius : (n,) float64, deg
    usable : (n,) bool
        Passed the quality query.
    hillas_intensity, hillas_fov_lon, hillas_fov_lat, hillas_psi, hillas_length, hillas_width : \
(n,) float64
        Image parameters, angles in deg; NaN where an image has none.
    array_pointing : (n_events, 2) float64, rad
        Altitude and azimuth of the array, NaN where unknown.
    reference_height : (n_events,) float64, m
        Height above sea level of the origin of positions.
    """

    obs_id: NDArray[Any]
    event_id: NDArray[np.int64]
    offsets: NDArray[np.int64]
    tel_id: NDArray[Any]
    position: NDArray[np.float64]
    pointing: NDArray[np.float64]
    camera_radius: NDArray[np.float64]
    usable: NDArray[np.bool_]
    hillas_intensity: NDArray[np.float64]
    hillas_fov_lon: NDArray[np.float64]
    hillas_fov_lat: NDArray[np.float64]
    hillas_psi: NDArray[np.float64]
    hillas_length: NDArray[np.float64]
    hillas_width: NDArray[np.float64]
    array_pointing: NDArray[np.float64]
    reference_height: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.event_id)


@dataclass(eq=False)
class TelescopeRows:
    """Rows of dl1/parameters of one telescope type, and what else is known of their telescopes.

    Attributes
    ----------
    event : (n,) int64
        Place of the row's event among the array events, see `event_places`.
    tel_id : (n,) int
    position : (n, 3) float64, m
    pointing : (n, 2) float64, rad
    camera_radius : float or (n,) float64, deg
    usable : (n,) bool
        Passed the quality query.
    parameters : pyarrow.RecordBatch, pyarrow.Table or mapping
        Columns hillas_intensity, hillas_fov_lon and so on, deg.
    """

    event: NDArray[np.int64]
    tel_id: NDArray[Any]
    position: NDArray[np.float64]
    pointing: NDArray[np.float64]
    camera_radius: float | NDArray[np.float64]
    usable: NDArray[np.bool_]
    parameters: Any

    def __len__(self) -> int:
        return len(self.event)

    def column(self, name: str) -> NDArray[np.float64]:
        """One image parameter."""
        values = self.parameters[f"hillas_{name}"]
        if isinstance(values, pa.Array | pa.ChunkedArray):
            # unlike their own to_numpy, this has one signature
            values = pa.chunked_array(values) if isinstance(values, pa.Array) else values
            values = values.to_numpy()
        return np.asarray(values, np.float64)


def group_rows(
    obs_id: NDArray[Any],
    event_id: NDArray[np.int64],
    array_pointing: NDArray[np.float64],
    reference_height: NDArray[np.float64],
    rows: Sequence[TelescopeRows],
) -> tuple[StereoEvents, NDArray[np.int64]]:
    """Collect the telescopes of each event, by ascending number, from several telescope types.

    Parameters
    ----------
    obs_id, event_id : (n_events,) int
        Array events in the order of the result: that of the table trigger.
    array_pointing : (n_events, 2) float64, rad
    reference_height : (n_events,) float64, m
    rows : sequence of TelescopeRows
        In any order.

    Returns
    -------
    events : StereoEvents
    order : (n,) int64
        For each row of `events` its place in the concatenation of `rows`, for `ungroup_rows`.

    Raises
    ------
    InputError
        A row belongs to no event, or an event has a telescope twice.
    """
    n_events = len(event_id)
    event = _joined([r.event for r in rows], np.int64)
    tel_id = _joined([r.tel_id for r in rows], np.int64)
    if len(event) and (event.min() < 0 or event.max() >= n_events):
        raise InputError(
            f"image parameters of an event outside of the {n_events} array events they should "
            "belong to; process the input again"
        )
    key = event << 16 | tel_id & 0xFFFF
    # the rows of each type are sorted already, and this sort only merges sorted runs
    order = np.argsort(key, kind="stable")
    key = key[order]
    twice = np.flatnonzero(key[1:] == key[:-1])
    if len(twice):
        first = order[twice[0]]
        raise InputError(
            f"event {event_id[event[first]]} of observation {obs_id[event[first]]} has telescope "
            f"{tel_id[first]} twice; process the input again"
        )
    radius = [np.broadcast_to(np.asarray(r.camera_radius, np.float64), len(r)) for r in rows]
    parameters = {
        f"hillas_{name}": _joined([r.column(name) for r in rows], np.float64)[order]
        for name in PARAMETERS
    }
    events = StereoEvents(
        obs_id=np.asarray(obs_id),
        event_id=np.asarray(event_id),
        offsets=np.searchsorted(key, np.arange(n_events + 1, dtype=np.int64) << 16),
        tel_id=tel_id[order].astype(np.int16),
        position=_joined([r.position for r in rows], np.float64, 3)[order],
        pointing=_joined([r.pointing for r in rows], np.float64, 2)[order],
        camera_radius=_joined(radius, np.float64)[order],
        usable=_joined([r.usable for r in rows], np.bool_)[order],
        array_pointing=np.ascontiguousarray(array_pointing, np.float64),
        reference_height=np.asarray(reference_height, np.float64),
        **parameters,
    )
    return events, order


def ungroup_rows(
    values: NDArray[Any], order: NDArray[np.int64], rows: Sequence[TelescopeRows]
) -> list[NDArray[Any]]:
    """Values per row of grouped events, back in the order of each telescope type's rows.

    Parameters
    ----------
    values : (n, ...) array
    order : (n,) int64
        From `group_rows`.
    rows : sequence of TelescopeRows

    Returns
    -------
    list of (n_rows, ...) arrays
    """
    out = np.empty_like(values)
    out[order] = values
    return np.split(out, np.cumsum([len(r) for r in rows])[:-1]) if rows else []


def event_places(
    obs_id: NDArray[Any],
    event_id: NDArray[Any],
    row_obs_id: NDArray[Any],
    row_event_id: NDArray[Any],
) -> NDArray[np.int64]:
    """Place among array events of the event of each row, found by its keys.

    Parameters
    ----------
    obs_id, event_id : (n_events,) int
        Keys of the array events, each once, in any order.
    row_obs_id, row_event_id : (n,) int

    Returns
    -------
    (n,) int64

    Raises
    ------
    InputError
        An event is not among the array events, or those hold one twice.
    """
    known, wanted = _one_key(obs_id, event_id, row_obs_id, row_event_id)
    order = np.argsort(known, kind="stable")
    known = known[order]
    twice = np.flatnonzero(known[1:] == known[:-1])
    if len(twice):
        k = order[twice[0]]
        raise InputError(
            f"array event {event_id[k]} of observation {obs_id[k]} is there twice: its telescopes "
            "cannot be told apart"
        )
    place = np.searchsorted(known, wanted)
    found = np.zeros(len(wanted), np.bool_)
    inside = place < len(known)
    found[inside] = known[place[inside]] == wanted[inside]
    if not found.all():
        k = np.flatnonzero(~found)[0]
        raise InputError(
            f"image parameters of event {row_event_id[k]} of observation {row_obs_id[k]}, which "
            "is not among the array events; process the input again"
        )
    return order[place]


def _one_key(
    obs_id: NDArray[Any], event_id: NDArray[Any], row_obs: NDArray[Any], row_event: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both pairs of columns as one column that sorts and compares like the pair."""
    obs_id, row_obs = np.asarray(obs_id, np.int64), np.asarray(row_obs, np.int64)
    event_id, row_event = np.asarray(event_id, np.int64), np.asarray(row_event, np.int64)
    if len(obs_id) and (obs_id == obs_id[0]).all() and (row_obs == obs_id[0]).all():
        return event_id, row_event
    pair = np.dtype([("obs", np.int64), ("event", np.int64)])
    both = np.empty(len(obs_id) + len(row_obs), pair)
    both["obs"], both["event"] = np.r_[obs_id, row_obs], np.r_[event_id, row_event]
    _, code = np.unique(both, return_inverse=True)
    return code[: len(obs_id)], code[len(obs_id) :]


def _joined(arrays: Sequence[Any], dtype: Any, *shape: int) -> NDArray[Any]:
    """Concatenation; of nothing it is an empty array."""
    if not arrays:
        return np.empty((0, *shape), dtype)
    return np.concatenate([np.asarray(array, dtype).reshape(-1, *shape) for array in arrays])


__all__ = ["StereoEvents", "TelescopeRows", "event_places", "group_rows", "ungroup_rows"]
