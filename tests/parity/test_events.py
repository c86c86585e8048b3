"""Array events, triggers, pointing and simulated showers."""

from __future__ import annotations

import numpy as np

from tests.parity.closeness import EXACT, Tolerance, assert_close, plain
from tests.parity.conftest import Pair

SUBARRAY_EVENT = 32
TIME = Tolerance(absolute=1)  # ns


def test_events_are_the_same_but_for_calibration_and_truncated_ones(pair: Pair) -> None:
    trigger = pair.ours.table("trigger")
    extra = ~np.isin(trigger["event_id"], pair.common_events)
    calibration = trigger["event_type"] != SUBARRAY_EVENT
    np.testing.assert_array_equal(extra, calibration | ~trigger["is_complete"])
    assert set(pair.common_events) <= set(trigger["event_id"])
    assert len(set(trigger["event_id"])) == len(trigger["event_id"])
    cut = trigger["event_id"][~trigger["is_complete"]].tolist()
    assert cut == pair.ours.record["incomplete_events"]
    expected = {"gamma-test": [12203], "laser-calibration-v3": [107]}
    assert cut == expected.get(pair.name, [])
    assert calibration.any() == pair.name.startswith("calibration")


def test_array_triggers_agree(pair: Pair) -> None:
    theirs = pair.theirs.table("/dl1/event/subarray/trigger")
    if not len(theirs):
        assert not len(pair.common_events)
        return
    theirs.sort("event_id")
    ours = common(pair, "trigger")
    keys = theirs["event_id"].tolist()
    for column in ("obs_id", "event_id", "event_type"):
        assert_close(f"trigger.{column}", ours[column], theirs[column], EXACT, pair.name, keys)
    assert_close("trigger.time", ours["time"], plain(theirs, "time"), TIME, pair.name, keys)
    tel_ids = np.asarray(pair.theirs.table("/configuration/instrument/subarray/layout")["tel_id"])
    for row, mask in zip(ours["tels_with_trigger"], theirs["tels_with_trigger"], strict=True):
        assert sorted(row) == tel_ids[mask].tolist(), pair.name
        assert len(set(row)) == len(row)


def test_telescope_triggers_agree(pair: Pair) -> None:
    theirs = pair.theirs.table("/dl1/event/telescope/trigger")
    if not len(theirs):
        return
    theirs.sort(["event_id", "tel_id"])
    ours = common(pair, "telescope_trigger")
    keys = list(zip(theirs["event_id"].tolist(), theirs["tel_id"].tolist(), strict=True))
    for column in ("obs_id", "event_id", "tel_id", "event_type", "n_trigger_pixels"):
        name = f"telescope_trigger.{column}"
        assert_close(name, ours[column], theirs[column], EXACT, pair.name, keys)
    name = "telescope_trigger.time"
    assert_close(name, ours["time"], plain(theirs, "time"), TIME, pair.name, keys)


def test_simulated_showers_agree(pair: Pair) -> None:
    theirs = pair.theirs.table("/simulation/event/subarray/shower")
    if not len(theirs):
        return
    theirs.sort("event_id")
    ours = common(pair, "shower")
    keys = theirs["event_id"].tolist()
    for column in theirs.colnames:
        tolerance = Tolerance(relative=1e-7)  # single precision in the file
        assert_close(f"shower.{column}", ours[column], theirs[column], tolerance, pair.name, keys)


def test_telescope_pointing_agrees(pair: Pair) -> None:
    """ctapipe stores it when it changes; each of our rows is in force at its event."""
    n = 0
    for tel_id, table in pair.theirs.telescopes("/configuration/telescope/pointing").items():
        ours = pair.ours.telescope("pointing", tel_id)
        keep = np.isin(ours["event_id"], pair.common_events)
        for column in ("telescope_pointing_azimuth", "telescope_pointing_altitude"):
            assert len(table) == 1  # ctapipe writes one row per telescope and observation
            expected = np.repeat(np.asarray(table[column]), keep.sum())
            assert_close(
                f"pointing.{column}", ours[column][keep], expected,
                Tolerance(absolute=np.radians(1e-4)), pair.name,
            )  # fmt: skip
            n += int(keep.sum())
    assert n or not len(pair.common_events)


def common(pair: Pair, name: str) -> dict:
    """Our rows of the events that ctapipe has, in its order."""
    columns = pair.ours.table(name)
    keep = np.flatnonzero(np.isin(columns["event_id"], pair.common_events))
    tel_id = columns.get("tel_id", columns["event_id"])
    keep = keep[np.lexsort((tel_id[keep], columns["event_id"][keep]))]
    return {column: content[keep] for column, content in columns.items()}
