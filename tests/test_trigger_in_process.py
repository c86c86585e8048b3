"""The trigger of `process` keeps the events that ctapipe's keeps, in all tables alike."""

from __future__ import annotations

import warnings

import polars as pl
import pytest

from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine

OPTIONS = {
    "three of any": {"min_telescopes": 4},
    "types": {"min_telescopes": 2, "min_telescopes_of_type": {"*": 0, "SST*": 5}},
}


def rows(root, name):
    return pl.read_parquet(root / name / "**/*.parquet", hive_partitioning=False)


def their_events(path, trigger):
    """Event -> telescopes, after ctapipe's software trigger."""
    from ctapipe.instrument import SoftwareTrigger
    from ctapipe.io import EventSource

    of_type = trigger.get("min_telescopes_of_type", {})
    found = {}
    with EventSource(path, focal_length_choice="EQUIVALENT") as source:
        software = SoftwareTrigger(
            subarray=source.subarray, min_telescopes=trigger["min_telescopes"],
            min_telescopes_of_type=[("type", key, value) for key, value in of_type.items()] or 0,
        )  # fmt: skip
        for event in source:
            if software(event):
                found[event.index.event_id] = set(event.trigger.tels_with_trigger)
    return found


@pytest.mark.parametrize("name", list(OPTIONS))
def test_the_same_events_and_telescopes_are_kept(name, example_files, tmp_path):
    path = example_files["sst1m"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = their_events(path, OPTIONS[name])
    roots = {}
    for kind, trigger in (("all", {}), ("some", OPTIONS[name])):
        roots[kind] = tmp_path / kind
        config = ProcessConfig.model_validate({"trigger": trigger})
        result = Engine(roots[kind], config).run(path)
        assert result.status == "done", result.error
    trigger = rows(roots["some"], "trigger")
    ours = dict(zip(trigger["event_id"], trigger["tels_with_trigger"].to_list(), strict=True))
    assert {key: set(tels) for key, tels in ours.items()} == theirs
    assert 0 < len(theirs) < rows(roots["all"], "trigger").height
    removed = rows(roots["all"], "trigger").height - len(theirs)
    assert result.record["notes"]["array events removed by the trigger"] == removed
    kept = pl.DataFrame(
        [(event, tel) for event, tels in theirs.items() for tel in tels],
        schema={"event_id": pl.Int64, "tel_id": pl.Int16}, orient="row",
    )  # fmt: skip
    for table in ("dl1/images", "dl1/parameters", "telescope_trigger", "pointing"):
        whole, some = (rows(roots[kind], table) for kind in ("all", "some"))
        keys = ["event_id", "tel_id"]
        expected = whole.join(kept, on=keys, how="semi").sort(keys)
        assert some.sort(keys).equals(expected, null_equal=True), table
        assert 0 < some.height < whole.height
    for table in ("shower", "dl2/geometry"):
        assert rows(roots["some"], table)["event_id"].to_list() == sorted(theirs)


def test_patterns_that_fit_no_telescope_are_refused(example_files, tmp_path):
    config = ProcessConfig.model_validate({"trigger": {"min_telescopes_of_type": {"XST*": 2}}})
    result = Engine(tmp_path / "d", config).run(example_files["sst1m"])
    assert result.status == "failed"
    assert "min_telescopes_of_type" in result.error
    assert "SST" in result.error


def test_raw_data_are_stored_whole_or_not_at_all(example_files, tmp_path):
    config = ProcessConfig.model_validate(
        {"trigger": {"min_telescopes": 3}, "write": ("r0", "images")}
    )
    result = Engine(tmp_path / "d", config).run(example_files["sst1m"])
    assert result.status == "failed"
    assert "r0 is the input as it is" in result.error
