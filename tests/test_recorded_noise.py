"""Recorded noise in waveforms: which events are added, what a file holds, and what is refused."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from ctapipe.io import EventSource

import ctabatch
from ctabatch.config.ctapipe_files import from_ctapipe
from ctabatch.errors import InputError, OptionError
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.kernels.recorded_noise import add_recorded_noise, draw_distinct
from ctabatch.noise_file import read_noise
from ctabatch.stages.tuning.recorded_noise import RecordedNoise, centred
from ctabatch.stages.tuning.waveform_modifier import WaveformModifier
from tests.same_tables import check_same
from tests.toy_images import read_only

COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])
N_EVENTS, N_PIXELS, N_SAMPLES = 12, 40, 3
#: All events of the example are of this type.
TYPE = 32


def powers(n_gains=2):
    """Noise that tells which events a sum holds: event k is 2^k, in the second gain 2^(k + 12)."""
    values = 2.0 ** np.arange(N_EVENTS * n_gains).reshape(n_gains, N_EVENTS).T
    shape = (N_EVENTS, n_gains, N_PIXELS, N_SAMPLES)
    return np.ascontiguousarray(np.broadcast_to(values[:, :, None, None], shape), np.float32)


def keys(n, tel_id=1):
    return (np.ones(n, np.int64), np.arange(n), np.full(n, tel_id))


def added(level, *, by_pixel=True, seed=1, gain=0, n=30, events=None, compiled=True):
    """The sums that a batch of dark waveforms gets, (n, n_pixels), as integers."""
    kernel = add_recorded_noise if compiled else add_recorded_noise.py_func
    samples = read_only(np.zeros((n, N_PIXELS, N_SAMPLES)), np.float32)
    gains = read_only(np.full(samples.shape[:2], gain), np.int8)
    obs, _, tel = keys(n)
    event = np.arange(n) if events is None else np.asarray(events)
    out = np.full(samples.shape, np.nan, np.float32)
    kernel(samples, gains, np.arange(n), obs, event, tel, powers(), level, by_pixel, seed, out)
    assert (out == out[..., :1]).all()
    return out[..., 0].astype(np.int64)


def n_events_in(sums):
    return np.array([bin(value).count("1") for value in sums.ravel()]).reshape(sums.shape)


@COMPILED
@pytest.mark.parametrize("level", [1, 5, N_EVENTS])
def test_each_sum_holds_so_many_different_events(level, compiled):
    sums = added(level, compiled=compiled, n=4)
    assert (n_events_in(sums) == level).all()
    assert np.array_equal(sums, added(level, n=4))


def test_pixels_draw_for_themselves_or_all_of_a_camera_get_the_same():
    sums = added(1)
    counts = np.bincount(np.log2(sums.ravel()).astype(int), minlength=N_EVENTS)
    expected = sums.size / N_EVENTS
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()
    together = added(1, by_pixel=False)
    assert (together == together[:, :1]).all()
    assert len(np.unique(together)) > 4


def test_both_gains_of_a_pixel_get_the_same_events():
    assert np.array_equal(added(3, gain=1), added(3) << N_EVENTS)


def test_what_an_event_gets_belongs_to_it_and_the_seed_alone():
    sums = added(2)
    some = [17, 3, 29]
    assert np.array_equal(added(2, n=3, events=some), sums[some])
    assert not np.array_equal(added(2, seed=2), sums)


@COMPILED
def test_every_choice_is_as_likely_as_any_other(compiled):
    draw = draw_distinct if compiled else draw_distinct.py_func
    state = np.array([12345], np.uint64)
    found = {}
    for _ in range(3000):
        order = np.arange(4)
        draw(state, order, 2)
        assert sorted(order) == [0, 1, 2, 3]
        pair = tuple(order[:2].tolist())
        found[pair] = found.get(pair, 0) + 1
    assert len(found) == 12
    assert max(abs(n - 250) for n in found.values()) < 5 * np.sqrt(250)


def test_the_mean_of_each_gain_is_taken_away_and_unknown_samples_add_nothing():
    rng = np.random.default_rng(1)
    waveforms = rng.normal([[[[5]], [[-3]]]], 1, (6, 2, 7, 9)).astype(np.float32)
    waveforms[0, 0, 3] = np.nan
    waveforms[1, 1, 2, 1] = np.inf
    found = centred(read_only(waveforms, np.float32))
    usable = np.isfinite(waveforms)
    for channel in (0, 1):
        own = found[:, channel][usable[:, channel]]
        assert own.mean(dtype=float) == pytest.approx(0, abs=1e-6)
    assert (found[~usable] == 0).all()


@pytest.fixture(scope="module")
def laser(example_files):
    return example_files["laser-calibration-v3"]


def test_a_file_holds_the_waveforms_that_ctapipe_reads_less_their_mean(example_files):
    path = example_files["history-meta"]  # with both gains of two cameras
    noise = read_noise(path, TYPE)
    theirs = {}
    with EventSource(path, select_gain=False) as source:
        for event in source:
            for tel_id, r1 in event.r1.tel.items():
                theirs.setdefault(tel_id, []).append(r1.waveform)
    assert noise.waveforms.keys() == theirs.keys()
    assert len(theirs) == 15
    for tel_id, waveforms in theirs.items():
        expected = np.stack(waveforms)
        assert noise.waveforms[tel_id].shape == expected.shape
        expected = expected - expected.mean(axis=(0, 2, 3), keepdims=True, dtype=float)
        np.testing.assert_allclose(noise.waveforms[tel_id], expected, rtol=1e-4, atol=2e-3)


def tuned(laser, *words):
    return ("--set", f"tuning.nsb_file={laser}", "--set", f"tuning.nsb_event_type={TYPE}", *words)


def waveforms(root):
    """Telescope event -> (gain, waveform)."""
    dataset = ctabatch.Dataset(root)
    (table,) = (name for name in dataset.tables if name.startswith("r1/"))
    rows = dataset.waveforms(table.partition("tel_type=")[2]).collect()
    return {
        (row["obs_id"], row["event_id"], row["tel_id"]):
        (np.array(row["selected_gain_channel"]), np.array(row["waveform"]))
        for row in rows.iter_rows(named=True)
    }  # fmt: skip


def test_processing_adds_one_event_of_the_file_to_every_pixel(laser, tmp_path, cli):
    for name, words in (("plain", ()), ("noisy", tuned(laser))):
        code, _, err = cli("process", laser, "-o", name, "--write", "r1", *words)
        assert code == 1, err  # the file is cut
    plain, noisy = waveforms(tmp_path / "plain"), waveforms(tmp_path / "noisy")
    noise = read_noise(laser, TYPE).waveforms
    assert plain.keys() == noisy.keys()
    assert len(plain) > 10
    drawn = set()
    for key, (gain, samples) in plain.items():
        difference = noisy[key][1].reshape(samples.shape) - samples
        own = noise[key[2]]
        pieces = own[:, gain, np.arange(len(gain))]  # (n_events, n_pixels, n_samples)
        distance = np.abs(pieces - difference.reshape(pieces.shape[1:])).max(axis=2)
        assert distance.min(axis=0).max() < 1e-2
        drawn |= set(distance.argmin(axis=0).tolist())
    assert drawn == set(range(max(map(len, noise.values()))))


def test_the_file_of_noise_is_an_input_of_the_part(laser, tmp_path, cli):
    code, _, err = cli("process", laser, "-o", "dl1", *tuned(laser))
    assert code == 1, err
    folder = DatasetFolder(tmp_path / "dl1")
    record = folder.record(folder.parts()[0])
    sha256 = hashlib.sha256(laser.read_bytes()).hexdigest()
    assert record["noise"] == [{"path": str(laser), "size": laser.stat().st_size, "sha256": sha256}]
    (told,) = (text for text in record["warnings"] if "nsb_file" in text)
    assert f"{laser}: " in told  # it is cut
    assert "losses while it was read" in told
    code, out, _ = cli("info", "dl1", "--provenance")
    assert code == 0
    assert f"noise: {laser.name}" in out
    assert sha256[:16] in out


def test_noise_does_not_depend_on_threads(laser, tmp_path, cli):
    for threads in (1, 3):
        code, _, err = cli(
            "process", laser, "-o", f"with-{threads}", "--threads", threads, *tuned(laser)
        )
        assert code == 1, err
    check_same(tmp_path / "with-1", tmp_path / "with-3")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--set", "tuning.nsb_event_type=2"), "no event of type 2 with calibrated waveforms"),
        (("--set", "tuning.nsb_level=2"), "4 events of telescope 3 are needed, twice as many"),
        (("--set", "tuning.nsb_file=absent.simtel"), "nsb_file: absent.simtel: there is no such"),
    ],
)
def test_noise_that_is_not_there_is_an_error_that_says_what(laser, cli, words, message):
    code, _, err = cli("process", laser, "-o", "dl1", *tuned(laser, *words))
    assert code != 0
    assert message in err


def test_noise_of_another_camera_is_refused(laser, example_files, cli):
    code, _, err = cli("process", example_files["sst1m"], "-o", "dl1", *tuned(laser))
    assert code != 0
    assert "1855 pixels and 40 samples" in err
    assert "the input has 1296 and 50" in err


def test_a_telescope_without_noise_and_noise_that_nobody_read_are_refused():
    noise = RecordedNoise("file", {1: powers()})
    samples = np.zeros((2, N_PIXELS, N_SAMPLES), np.float32)
    gain = np.zeros(samples.shape[:2], np.int8)
    with pytest.raises(OptionError, match=r"telescope 2 are needed.* file has 0"):
        noise.add(samples, gain, keys(2, tel_id=2), 1, 1, by_pixel=True)
    with pytest.raises(OptionError, match="not read here"):
        WaveformModifier(nsb_file="file").modify(samples, gain, np.zeros(2, int), None, *keys(2))


def test_a_file_that_is_no_simtel_file_is_refused(tmp_path):
    (tmp_path / "noise.simtel").write_bytes(b"noise")
    with pytest.raises(InputError, match="not an EventIO file"):
        read_noise(tmp_path / "noise.simtel", 2)


def test_the_options_of_ctapipe_are_translated():
    options = {"nsb_file": "nsb.simtel", "nsb_level": 4, "n_noise_realizations": 7}
    content = {"WaveformModifier": options, "ProcessorTool": {"add_nsb_in_waveforms": True}}
    found, left = from_ctapipe(content)
    assert found["tuning"]["WaveformModifier"] == {"nsb_file": "nsb.simtel", "nsb_level": 4}
    assert left == ["WaveformModifier.n_noise_realizations: 7: every event gets a sum of its own"]
    found, left = from_ctapipe({"WaveformModifier": options})
    assert "nsb_file" not in found["tuning"]["WaveformModifier"]
    assert "ProcessorTool.add_nsb_in_waveforms is not set" in left[-1]
