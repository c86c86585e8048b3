"""benchmarks/repeat_events.py: the same waveforms under fresh ids, readable by eventio."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from eventio import EventIOFile, SimTelFile

from ctabatch.errors import InputError, OptionError

_SCRIPT = Path(__file__).parents[1] / "benchmarks" / "repeat_events.py"


@pytest.fixture(scope="module")
def repeat_events():
    spec = importlib.util.spec_from_file_location("repeat_events", _SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def _events(path):
    with SimTelFile(path) as file:
        return list(file)


def _waveforms(event):
    return {
        tel_id: telescope.get("adc_samples", telescope.get("adc_sums"))
        for tel_id, telescope in event["telescope_events"].items()
    }


@pytest.mark.parametrize("name", ["lst-muons", "sst1m", "pixel-settings-v3", "astri"])
def test_repeats_have_unique_ids_and_the_same_waveforms(
    name, example_files, repeat_events, tmp_path
):
    source = example_files[name]
    written = repeat_events.repeat_events(source, tmp_path / "out.simtel.zst", 3)
    before, after = _events(source), _events(written.path)

    assert len(after) == written.n_events == 3 * len(before)
    ids = [event["event_id"] for event in after]
    assert len(set(ids)) == len(ids)
    assert ids[: len(before)] == [event["event_id"] for event in before]
    for k, event in enumerate(after):
        original = before[k % len(before)]
        expected = _waveforms(original)
        found = _waveforms(event)
        assert found.keys() == expected.keys()
        for tel_id, waveform in expected.items():
            np.testing.assert_array_equal(found[tel_id], waveform)
        np.testing.assert_equal(event["mc_shower"], original["mc_shower"])
        np.testing.assert_equal(event["camera_monitorings"], original["camera_monitorings"])
        np.testing.assert_equal(event["laser_calibrations"], original["laser_calibrations"])


def test_a_cut_file_with_telescopes_beyond_100_is_repeated(example_files, repeat_events, tmp_path):
    with pytest.raises(InputError, match="is cut"):
        repeat_events.repeat_events(example_files["gamma-test"], tmp_path / "out", 2)
    out = tmp_path / "out.simtel.zst"
    written = repeat_events.repeat_events(example_files["gamma-test"], out, 2, cut=True)
    after = _events(written.path)
    assert len(after) == written.n_events == 2 * 9
    assert max(max(event["telescope_events"]) for event in after) > 100
    for first, second in zip(after[:9], after[9:], strict=True):
        assert second["event_id"] > first["event_id"]
        for tel_id, waveform in _waveforms(first).items():
            np.testing.assert_array_equal(_waveforms(second)[tel_id], waveform)


def test_every_id_of_an_event_agrees_in_the_repeated_file(example_files, repeat_events, tmp_path):
    out = tmp_path / "out.simtel.zst"
    repeat_events.repeat_events(example_files["sst1m"], out, 2)
    seen = {1204: [], 2010: [], 2021: [], 2026: []}
    with EventIOFile(out) as file:
        for top in file:
            if top.header.type in seen:
                seen[top.header.type].append(top.header.id)
            if top.header.type == 2010:
                inner = {
                    sub.header.id
                    for sub in top
                    if sub.header.type == 2009 or 2200 <= sub.header.type < 33200
                }
                assert inner == {top.header.id}
    assert len(seen[2021]) == 2 * 200
    assert all(len(set(ids)) == len(ids) for ids in seen.values())
    assert seen[2010] == seen[2026]
    assert set(seen[2010]) <= set(seen[1204]) <= set(seen[2021])


def test_header_and_histograms_stand_once(example_files, repeat_events, tmp_path):
    out = tmp_path / "out.simtel.zst"
    repeat_events.repeat_events(example_files["lst-muons"], out, 2)

    def types(path):
        with EventIOFile(path) as file:
            return [top.header.type for top in file]

    before, after = Counter(types(example_files["lst-muons"])), Counter(types(out))
    cycle = {1204, 2010, 2020, 2021, 2026}
    assert after == {t: n * (2 if t in cycle else 1) for t, n in before.items()}
    assert types(out)[-1] == 100


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("camera-organisation-v2", "no events"),
        ("laser-calibration-v3", "is cut|[Tt]runcated"),
        ("corsika-one", "no events"),
    ],
)
def test_a_file_that_cannot_be_repeated_is_refused(
    name, message, example_files, repeat_events, tmp_path
):
    with pytest.raises((InputError, OSError), match=message):
        repeat_events.repeat_events(example_files[name], tmp_path / "out.simtel.zst", 2)
    assert not list(tmp_path.iterdir())


def test_ids_that_would_overflow_are_refused(example_files, repeat_events, tmp_path):
    with pytest.raises(OptionError, match="31 bits"):
        repeat_events.repeat_events(example_files["lst-muons"], tmp_path / "out", 10**9)


def test_command_line_takes_the_name_of_an_example(
    example_files, repeat_events, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("CTABATCH_EXAMPLES", str(example_files["lst-muons"].parent))
    assert repeat_events.main(["example:lst-muons", str(tmp_path / "o"), "--times", "2"]) == 0
    assert "6 events" in capsys.readouterr().out
    assert repeat_events.main([str(tmp_path / "absent"), str(tmp_path / "o")]) == 2
