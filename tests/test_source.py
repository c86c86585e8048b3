"""`ctabatch.open`: subarray, simulation, batches of every level, events."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest

import ctabatch
from ctabatch.errors import InputError, OptionError
from ctabatch.source import LEVELS
from tests.test_damage import decompressed

NAMES = ["sst1m", "lst-muons", "calibration-true", "calibration", "astri"]


@pytest.fixture
def open_example(example_files):
    opened = []

    def of(name, **options):
        opened.append(ctabatch.open(example_files[name], focal_length="equivalent", **options))
        return opened[-1]

    yield of
    for source in opened:
        source.close()


def test_a_source_knows_its_array_and_its_simulation(open_example):
    source = open_example("sst1m")
    assert len(source.subarray.telescopes) == 70
    assert source.simulation["obs_id"] == 102
    assert source.simulation["shower_reuse"] == 10
    assert source.simulation["energy_range_min"] < source.simulation["energy_range_max"]
    assert source.losses == []


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", NAMES)
def test_batches_of_every_level_hold_the_same_rows(name, level, open_example):
    keys = [
        (b.tel_type, *zip(b.obs_id.tolist(), b.event_id.tolist(), b.tel_id.tolist(), strict=True))
        for b in open_example(name).batches(level)
    ]
    expected = [
        (b.tel_type, *zip(b.obs_id.tolist(), b.event_id.tolist(), b.tel_id.tolist(), strict=True))
        for b in open_example(name).batches("r0")
    ]
    assert keys == expected
    assert len(keys) > 0


def test_tensors_are_views_of_the_memory_of_arrow(open_example):
    for level, columns in {
        "r0": ["waveform"],
        "r1": ["waveform", "selected_gain_channel"],
        "images": ["image", "peak_time", "selected_gain_channel"],
    }.items():
        for batch in open_example("sst1m").batches(level):
            for name in columns:
                column = batch.record_batch.column(name)
                assert isinstance(column.type, pa.FixedShapeTensorType)
                values = getattr(batch, name)
                buffer = np.frombuffer(column.storage.flatten().buffers()[1], np.uint8)
                assert np.shares_memory(values, buffer)
                assert values.shape == (len(batch), *column.type.shape)


def test_levels_have_the_shapes_of_the_camera(open_example):
    (r0,) = open_example("lst-muons").batches("r0")
    (r1,) = open_example("lst-muons").batches("r1")
    (images,) = open_example("lst-muons").batches("images")
    n = r0.geometry.n_pixels
    assert r0.waveform.shape == (3, 2, n, 30)
    assert r0.waveform.dtype == np.uint16
    assert r1.waveform.shape == (3, n, 30)
    assert r1.waveform.dtype == np.float32
    assert images.image.shape == images.image_mask.shape == images.true_image.shape == (3, n)
    assert images.image_mask.dtype == bool
    assert r0.subarray.telescopes[1].tel_type == r0.tel_type


def test_a_record_batch_survives_arrow_ipc(open_example, tmp_path):
    (batch,) = open_example("lst-muons").batches("r0")
    with pa.ipc.new_file(tmp_path / "f.arrow", batch.record_batch.schema) as out:
        out.write_batch(batch.record_batch)
    with pa.ipc.open_file(tmp_path / "f.arrow") as back:
        assert back.get_batch(0).equals(batch.record_batch)


def test_batches_are_as_long_as_asked_for(open_example):
    lengths = [len(b) for b in open_example("sst1m").batches("r0", batch_size=10)]
    assert max(lengths) == 10
    assert sum(lengths) == 129


def test_wrong_names_say_what_there_is(open_example):
    source = open_example("lst-muons")
    with pytest.raises(OptionError, match="Did you mean 'images'"):
        list(source.batches("image"))
    with pytest.raises(OptionError, match="at least 1"):
        list(source.batches("r0", batch_size=0))
    (batch,) = source.batches("r0")
    with pytest.raises(AttributeError, match="no column 'wavefrom'; there are: obs_id"):
        _ = batch.wavefrom


def test_a_column_with_absent_rows_is_not_given_as_numbers(open_example):
    (batch,) = open_example("lst-muons").batches("r0")
    assert batch.record_batch["is_read_out"].null_count == 3
    with pytest.raises(ValueError, match="no value in 3 rows"):
        _ = batch.is_read_out


@pytest.mark.parametrize("name", NAMES)
def test_events_one_by_one_hold_the_data_of_the_batches(name, open_example):
    rows = {
        (int(e), int(t)): w
        for b in open_example(name).batches("r0")
        for e, t, w in zip(b.event_id, b.tel_id, b.waveform, strict=True)
    }
    events = list(open_example(name))
    found = {(e.event_id, t): tel.waveform for e in events for t, tel in e.tel.items()}
    assert found.keys() == rows.keys()
    for key, waveform in rows.items():
        np.testing.assert_array_equal(found[key], waveform)
    for event in events:
        assert set(event.tel) <= set(event.trigger.tels_with_trigger)
        assert (event.shower is None) == (event.trigger.event_type != 32)
        assert np.issubdtype(event.trigger.time.dtype, np.datetime64)


def test_events_know_their_shower_and_true_images(open_example):
    event = next(iter(open_example("lst-muons")))
    assert event.event_id == 100
    assert event.shower["true_energy"] > 0
    assert event.tel[1].true_image.sum() > 0


def test_a_stream_gives_what_its_file_gives(example_files, open_example):
    data = decompressed(example_files["lst-muons"])
    for source in (io.BytesIO(data), io.BytesIO(example_files["lst-muons"].read_bytes())):
        with ctabatch.open(source, focal_length="equivalent") as opened:
            (batch,) = opened.batches("r0")
        (expected,) = open_example("lst-muons").batches("r0")
        assert batch.record_batch.equals(expected.record_batch)


def test_a_path_may_be_text_and_an_example_has_a_name(example_files, monkeypatch):
    folder = example_files["lst-photons"].parent
    monkeypatch.setenv("CTABATCH_EXAMPLES", str(folder))
    for name in ("example:lst-photons", str(example_files["lst-photons"])):
        with ctabatch.open(name, focal_length="equivalent") as source:
            assert sum(len(b) for b in source.batches("r0")) == 1
    with pytest.raises(OptionError, match="unknown example"):
        ctabatch.open("example:lst-photon")


def test_telescopes_and_events_can_be_chosen(open_example):
    events = list(open_example("sst1m", max_events=3))
    assert len(events) == 3
    tels = sorted(events[0].tel)
    only = list(open_example("sst1m", allowed_tels=tels[:1]))
    assert {t for e in only for t in e.tel} == set(tels[:1])


@pytest.mark.parametrize("max_events", [1, 2, 31, 100])
def test_the_first_events_are_those_of_the_whole_file(max_events, open_example):
    whole = [e.event_id for e in open_example("sst1m")]
    assert [e.event_id for e in open_example("sst1m", max_events=max_events)] == whole[:max_events]


def test_a_file_that_cannot_be_used_is_refused_at_once(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        ctabatch.open(tmp_path / "absent")
    with pytest.raises(ValueError, match="no such file"):  # the builtin it derives from
        ctabatch.open(tmp_path / "absent")


def test_a_missing_effective_focal_length_is_said_once(example_files):
    with (
        pytest.warns(UserWarning, match="effective focal length") as caught,
        ctabatch.open(example_files["gamma-test"], max_events=1) as source,
    ):
        assert len(list(source.batches("r0"))) > 0
    assert len(caught) == 1


def test_losses_are_listed_with_their_place(open_example):
    source = open_example("laser-calibration-v3")
    n = sum(len(batch) for batch in source.batches("images"))
    assert n > 9
    assert source.losses
    assert source.losses[0].offset > 0
    assert "byte" in str(source.losses[0])
