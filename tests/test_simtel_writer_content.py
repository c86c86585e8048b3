"""Content that cannot be expressed in the format is refused before anything of it is written."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from ctabatch.errors import OptionError
from ctabatch.io.simtel_writer.writer import SimtelWriter
from tests import toy_run
from tests.toy_run import written


@pytest.fixture
def run():
    return toy_run.run()


def break_run(run, what):
    first, *others = run.telescopes
    if what == "no telescope":
        return replace(run, telescopes=())
    if what == "not unique":
        return replace(run, telescopes=(first, first))
    if what == "1 to 999":
        return replace(run, telescopes=(replace(first, tel_id=1000), *others))
    if what == "pedestal has shape":
        return replace(run, telescopes=(replace(first, pedestal=first.pedestal[:1]), *others))
    if what == "disabled pixels":
        return replace(run, telescopes=(replace(first, disabled_pixels=np.array([37])), *others))
    if what == "finite":
        position = np.array([0, np.nan, 0], np.float32)
        return replace(run, telescopes=(replace(first, position=position), *others))
    if what == "gains":
        camera = replace(first.camera, n_gains=3)
        return replace(run, telescopes=(replace(first, camera=camera), *others))
    if what == "0 pixels":
        camera = replace(first.camera, pixel_x=first.camera.pixel_x[:0])
        return replace(run, telescopes=(replace(first, camera=camera), *others))
    if what == "obs_id":
        return replace(run, obs_id=-1)
    if what == "n_shower'":
        return replace(run, simulation={"n_shower": 3})
    if what == "has 1 values":
        return replace(run, simulation={"E_range": 3.0})
    raise AssertionError(what)


@pytest.mark.parametrize(
    "what",
    ["no telescope", "not unique", "1 to 999", "pedestal has shape", "disabled pixels", "finite",
     "gains", "0 pixels", "obs_id", "n_shower'", "has 1 values"],
)  # fmt: skip
def test_a_run_that_cannot_be_described_is_refused_before_any_file(run, tmp_path, what):
    with pytest.raises(OptionError, match=what):
        SimtelWriter(tmp_path / "a.simtel", break_run(run, what))
    assert not list(tmp_path.iterdir())


def _change(name, value):
    def change(events):
        setattr(events, name, value(getattr(events, name)))

    return change


def _change_data(name, value):
    def change(events):
        setattr(events.telescopes[0], name, value(getattr(events.telescopes[0], name)))

    return change


def _twice(events):
    events.telescopes.append(events.telescopes[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_change("energy", lambda e: e[1:]), "energy has shape"),
        (_change("energy", lambda e: 0 * e), "positive"),
        (_change("core_x", lambda x: x[1:]), "core_x has shape"),
        (_change("shower", lambda s: s[::-1].copy()), "ascending"),
        (_change("shower", lambda s: s + 100), "ascending"),
        (_change("event_id", lambda i: i - 10**6), "event_id"),
        (_change("pe_sums", lambda s: s[:, 1:]), "pe_sums"),
        (_change("triggered", np.zeros_like), "did not trigger"),
        (_twice, "twice"),
        (_change_data("tel_id", lambda i: i + 500), "not in the run"),
        (_change_data("tel_id", lambda i: i[1:]), "tel_id has shape"),
        (_change_data("event", lambda e: e + 10**6), "do not exist"),
        (_change_data("waveform", lambda w: w.astype(float)), "uint16"),
        (_change_data("waveform", lambda w: w[:, :, 1:]), "waveforms"),
        (_change_data("read_out", lambda r: r[:, 1:]), "read_out"),
        (_change_data("pe_offsets", lambda o: o + 10**6), "pe_offsets"),
        (_change_data("pe_time", lambda t: t[1:]), "times"),
        (_change_data("pe_pixel", lambda p: p + 100), "pixels that the camera"),
        (_change_data("pe_pixel", lambda p: np.arange(len(p), 0, -1, np.int32) % 36), "sorted"),
    ],
)  # fmt: skip
def test_a_batch_that_does_not_fit_is_refused_and_the_file_stays_whole(run, change, message):
    out = io.BytesIO()
    good, bad = toy_run.events(run, 4), toy_run.events(run, 4, n_showers=12)
    change(bad)
    with SimtelWriter(out, run) as writer:
        writer.write(good)
        with pytest.raises(OptionError, match=message):
            writer.write(bad)
    assert out.getvalue() == written(run, [good])
