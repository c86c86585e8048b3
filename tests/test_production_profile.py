"""The CPU time of stages: measured when asked for, without effect on what is written."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ctabatch.stage_times import STAGES, StageTimes, untimed
from tests.same_tables import check_same
from tests.test_production_plan import calm, runs  # noqa: F401 - fixtures


def work(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_a_block_within_a_block_counts_for_itself_alone():
    times = StageTimes()
    with times("write"):
        work(0.02)
        with times("stereo"):
            work(0.04)
        work(0.02)
    # CPU time of a thread is exact to its clock; 10 ms is room for what happens between
    assert times.seconds["write"] == pytest.approx(0.04, abs=0.01)
    assert times.seconds["stereo"] == pytest.approx(0.04, abs=0.01)
    assert list(times.rounded()) == ["stereo", "write"]  # in the order of the work


def test_the_work_of_an_iterator_counts_for_its_stage():
    times = StageTimes()

    def items():
        for n in range(3):
            work(0.01)
            yield n

    found = []
    for item in times.items("read", items()):
        work(0.02)  # of whoever takes the items
        found.append(item)
    assert found == [0, 1, 2]
    assert times.seconds["read"] == pytest.approx(0.03, abs=0.01)


def test_a_stage_that_fails_is_closed():
    times = StageTimes()
    with pytest.raises(ValueError, match="bad"), times("clean"):
        raise ValueError("bad")
    with times("read"):
        work(0.01)
    assert times.seconds["clean"] < 0.005


def test_nothing_is_made_when_nothing_is_measured():
    assert untimed("read") is untimed("write")


@pytest.mark.parametrize("threads", [1, 2])
def test_profiled_runs_write_the_same_and_tell_every_stage(cli, runs, calm, tmp_path, threads):  # noqa: F811
    words = ("process", *runs, "-o", "dl1", "--threads", threads, "--profile", "--json")
    code, out, _ = cli(*words)
    assert code == 0
    check_same(tmp_path / "dl1", calm)
    profile = json.loads(out)["profile"]
    assert list(profile["stages"]) == [stage for stage in STAGES if stage != "muons"]
    assert all(stage["cpu_seconds"] > 0 for stage in profile["stages"].values())
    n_events, decode = profile["telescope_events"], profile["stages"]["decode"]
    each = decode["cpu_seconds"] / n_events * 1e6
    assert decode["us_per_telescope_event"] == pytest.approx(each, abs=1e-3)  # as rounded


def test_the_table_names_the_stages_and_the_log_has_them(cli, runs):  # noqa: F811
    code, out, _ = cli("process", runs[0], "-o", "dl1", "--profile", "--log", "log")
    assert code == 0
    for name in ("read + decompress", "calibrate + extract", "per telescope event"):
        assert name in out
    with Path("log").open() as lines:
        (line,) = map(json.loads, lines)
    assert set(line["stages"]) == set(STAGES) - {"muons"}


def test_without_the_option_no_stage_is_told(cli, runs):  # noqa: F811
    code, out, _ = cli("process", runs[0], "-o", "dl1", "--log", "log", "--json")
    assert code == 0
    assert "profile" not in json.loads(out)
    with Path("log").open() as lines:
        assert json.loads(lines.read())["stages"] == {}
