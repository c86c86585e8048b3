"""Shower axes and distances from them, reconstructed from our image parameters."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ctabatch.stages.stereo import (
    Method,
    StereoEvents,
    TelescopeRows,
    event_places,
    group_rows,
    impact_distances,
    reconstruct,
)
from tests import ctapipe_stereo
from tests.parity.closeness import EXACT, Tolerance, assert_close
from tests.parity.conftest import Pair

GEOMETRY = "/dl2/event/subarray/geometry/HillasReconstructor"
IMPACT = "/dl2/event/telescope/impact/HillasReconstructor"
LAYOUT = "/configuration/instrument/subarray/layout"

ANGLE = Tolerance(absolute=1e-4)  # deg
AZIMUTH = Tolerance(absolute=1e-4, period=360)
CORE = Tolerance(absolute=0.01)  # m
HEIGHT = Tolerance(relative=1e-4, absolute=0.01)
TOLERANCE = {
    "alt": ANGLE, "alt_uncert": ANGLE, "az": AZIMUTH, "az_uncert": ANGLE,
    "core_x": CORE, "core_y": CORE, "core_tilted_x": CORE, "core_tilted_y": CORE,
    "h_max": HEIGHT, "average_intensity": Tolerance(relative=1e-6), "is_valid": EXACT,
}  # fmt: skip
#: Left at NaN by HillasReconstructor; ours knows them.
OURS_ALONE = ("ang_distance_uncert", "core_uncert_x", "core_uncert_y", "core_tilted_uncert_x",
              "core_tilted_uncert_y", "h_max_uncert")  # fmt: skip


def stereo_events(pair: Pair) -> StereoEvents:
    """Array events that ctapipe has, in its order, from our tables."""
    run = pair.ours.table("run")
    [altitude] = set(np.ma.filled(run["subarray_pointing_lat"].astype(float), np.nan))
    [azimuth] = set(np.ma.filled(run["subarray_pointing_lon"].astype(float), np.nan))
    telescopes, cameras = (pair.ours.table(f"subarray/{t}") for t in ("telescopes", "cameras"))
    place = {int(tel_id): k for k, tel_id in enumerate(telescopes["tel_id"])}
    camera = {int(index): k for k, index in enumerate(cameras["camera_index"])}
    positions = np.column_stack([telescopes[f"pos_{axis}"] for axis in "xyz"]).astype(float)
    trigger = pair.ours.table("trigger")
    obs_id, event_id = (
        trigger[key][np.isin(trigger["event_id"], pair.common_events)]
        for key in ("obs_id", "event_id")
    )
    rows = []
    for tel_id in place:
        images = pair.ours.telescope("dl1/parameters", tel_id)
        if not images:
            continue
        keep = np.isin(images["event_id"], event_id)
        images = {name: column[keep] for name, column in images.items()}
        pointing = pair.ours.telescope("pointing", tel_id)
        at = np.searchsorted(pointing["event_id"], images["event_id"])
        np.testing.assert_array_equal(pointing["event_id"][at], images["event_id"])
        index = camera[int(telescopes["camera_index"][place[tel_id]])]
        rows.append(
            TelescopeRows(
                event=event_places(obs_id, event_id, images["obs_id"], images["event_id"]),
                tel_id=images["tel_id"],
                position=np.tile(positions[place[tel_id]], (keep.sum(), 1)),
                pointing=np.column_stack(
                    [pointing[f"telescope_pointing_{a}"][at] for a in ("altitude", "azimuth")]
                ),
                camera_radius=float(cameras["radius"][index]),
                usable=(images["hillas_intensity"] > 50)
                & (images["hillas_width"] > 0)
                & (images["morphology_n_pixels"] > 3),
                parameters=images,
            )
        )
    n = len(event_id)
    events, _ = group_rows(
        obs_id, event_id, np.tile(np.radians([altitude, azimuth]), (n, 1)),
        np.full(n, telescopes["reference_height"][0]), rows,
    )  # fmt: skip
    return events


def columns(geometry: Any, method: str) -> dict[str, Any]:
    """Column without prefix -> array."""
    return {
        name.removeprefix(f"{method}_"): geometry.column(name).to_numpy(zero_copy_only=False)
        for name in geometry.schema.names
    }


def test_shower_axes_agree(pair: Pair) -> None:
    """Those of HillasReconstructor; the same events are valid."""
    theirs = pair.theirs.table(GEOMETRY)
    events = stereo_events(pair)
    if not len(theirs):
        assert not len(events)
        return
    theirs = theirs[in_our_order(theirs, events)]
    geometry = reconstruct(events)
    ours = columns(geometry, "HillasReconstructor")
    keys = events.event_id.tolist()
    for name, tolerance in TOLERANCE.items():
        reference = np.asarray(theirs[f"HillasReconstructor_{name}"])
        assert_close(f"geometry.{name}", ours[name], reference, tolerance, pair.name, keys)
    tel_ids = np.asarray(pair.theirs.table(LAYOUT)["tel_id"])
    used = geometry.column("HillasReconstructor_telescopes").to_pylist()
    masks = np.asarray(theirs["HillasReconstructor_telescopes"])
    assert used == [sorted(tel_ids[mask].tolist()) for mask in masks]
    for name in OURS_ALONE:
        assert np.isnan(theirs[f"HillasReconstructor_{name}"]).all(), name
    if pair.name.startswith("simulated"):
        assert ours["is_valid"].sum() > 30


def test_distances_from_the_reconstructed_axis_agree(pair: Pair) -> None:
    """ctapipe has them for every telescope that triggered, we for those with data."""
    events = stereo_events(pair)
    distance = impact_distances(events, reconstruct(events))
    event = np.repeat(events.event_id, np.diff(events.offsets))
    tables = pair.theirs.telescopes(IMPACT)
    for tel_id in np.unique(events.tel_id).tolist():
        own = events.tel_id == tel_id
        theirs = tables[tel_id]
        row = {int(event_id): k for k, event_id in enumerate(theirs["event_id"])}
        reference = theirs[[row[int(event_id)] for event_id in event[own]]]
        name = "HillasReconstructor_tel_impact_distance"
        assert_close(
            "impact.distance", distance[own], reference[name], CORE, pair.name,
            [(int(event_id), tel_id) for event_id in event[own]],
        )  # fmt: skip
        assert np.isnan(reference[f"{name}_uncert"]).all()


def test_what_process_wrote_is_what_the_stage_gives(pair: Pair) -> None:
    """The tables that a user reads; the stage here got the array pointing from the run table."""
    events = stereo_events(pair)
    geometry = reconstruct(events)
    expected = columns(geometry, "HillasReconstructor")
    written = pair.ours.table("dl2/geometry")
    row = {int(event_id): k for k, event_id in enumerate(written["event_id"])}
    at = [row[int(event_id)] for event_id in events.event_id]
    rounding = Tolerance(relative=1e-9, absolute=1e-3)  # that table has float32 degrees
    for name in TOLERANCE:
        assert_close(
            f"written geometry.{name}", written[f"HillasReconstructor_{name}"][at],
            expected[name], EXACT if name == "is_valid" else rounding, pair.name,
            events.event_id.tolist(),
        )  # fmt: skip
    distance = impact_distances(events, geometry)
    event = np.repeat(events.event_id, np.diff(events.offsets))
    for tel_id in np.unique(events.tel_id).tolist():
        own = events.tel_id == tel_id
        rows = pair.ours.telescope("dl2/impact", tel_id)
        found = np.searchsorted(rows["event_id"], event[own])
        np.testing.assert_array_equal(rows["event_id"][found], event[own])
        np.testing.assert_allclose(
            rows["HillasReconstructor_tel_impact_distance"][found], distance[own], atol=1e-3
        )


def test_axes_of_crossing_lines_agree(pair: Pair) -> None:
    """HillasIntersection of ctapipe with its own description of the array."""
    method: Method = "HillasIntersection"
    events = stereo_events(pair)
    if not len(events):
        assert not len(pair.theirs.table(GEOMETRY))
        return
    expected = crossing_lines_of_ctapipe(pair, events)
    ours = columns(reconstruct(events, method), method)
    keys = events.event_id.tolist()
    names = {**TOLERANCE, "core_tilted_uncert_x": CORE, "core_tilted_uncert_y": CORE}
    for name, tolerance in names.items():
        assert_close(f"intersection.{name}", ours[name], expected[name], tolerance, pair.name, keys)


def crossing_lines_of_ctapipe(pair: Pair, events: StereoEvents) -> dict[str, Any]:
    """Columns of HillasIntersection for our image parameters, in deg and m."""
    from ctapipe.instrument import SubarrayDescription
    from ctapipe.reco import HillasIntersection

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        choice = pair.focal_length.upper()
        subarray = SubarrayDescription.from_hdf(pair.theirs.path, focal_length_choice=choice)
        reconstructor = HillasIntersection(subarray)
        rows = []
        for k in range(len(events)):
            event = ctapipe_stereo.array_event(events, k)
            reconstructor(event)
            rows.append(ctapipe_stereo.numbers(event.dl2.stereo.geometry["HillasIntersection"]))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def in_our_order(theirs: Any, events: StereoEvents) -> Any:
    """Row in ctapipe's table of each of our events."""
    row = {int(event_id): k for k, event_id in enumerate(theirs["event_id"])}
    assert sorted(row) == sorted(events.event_id.tolist())
    return [row[int(event_id)] for event_id in events.event_id]
