"""What the writer puts into a file is what our reader gets out of it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ctabatch
from ctabatch.io.simtel.batches import raw_batches
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.io.simtel.tables import shower_batch
from ctabatch.io.simtel_writer import events as writer_events
from ctabatch.io.simtel_writer.writer import SimtelWriter
from tests import toy_run
from tests.toy_run import array_events, telescope_events, true_image, written


@pytest.fixture
def run():
    return toy_run.run()


@settings(max_examples=40)
@given(
    seed=st.integers(0, 1 << 30),
    tel_ids=st.lists(st.integers(1, 999), min_size=1, max_size=5, unique=True),
    n_batches=st.integers(1, 3),
    sums=st.booleans(),
    extreme=st.booleans(),
    zero_suppression=st.booleans(),
    trigger=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_what_is_written_is_what_is_read(
    seed, tel_ids, n_batches, sums, extreme, zero_suppression, trigger
):
    run = toy_run.run(tel_ids)
    batches = [
        toy_run.events(run, seed + k, first=1 + 5 * k, sums=sums, extreme=extreme, trigger=trigger)
        for k in range(n_batches)
    ]
    data = written(run, batches, zero_suppression=zero_suppression)
    reader = SimtelReader(io.BytesIO(data))
    rest = telescope_events(batches)
    in_order = array_events(batches)
    for events in reader:
        assert events.run.obs_id == run.obs_id
        showers = shower_batch(events).to_pylist()
        for k in range(len(events)):
            batch, row = in_order.pop(0)
            check_event(batch, row, events, k, showers[k], run)
        for raw in raw_batches(events, reader.account):
            check_raw(raw, rest, run, suppressed=zero_suppression and not sums)
    assert not rest
    assert not in_order
    assert reader.account.losses == []
    check_subarray(reader.runs[0].subarray, run)


def check_event(batch, row, events, k, shower, run):
    part = slice(events.trigger_starts[k], events.trigger_starts[k + 1])
    assert events.event_id[k] == batch.event_id[row]
    assert (events.seconds[k], events.nanoseconds[k]) == (
        batch.seconds[row],
        batch.nanoseconds[row],
    )
    expected = {
        int(t): time
        for data in batch.telescopes
        for t, time in zip(
            data.tel_id[data.event == row], data.trigger_time[data.event == row], strict=True
        )
    }
    assert (
        dict(zip(events.trigger_tel_id[part].tolist(), events.trigger_time[part], strict=True))
        == expected
    )
    assert (events.trigger_mask[part] == 1).all()
    assert (events.azimuth == np.float32(run.pointing_azimuth)).all()
    assert (events.altitude == np.float32(run.pointing_altitude)).all()
    s = batch.shower[row]
    assert shower["true_shower_primary_id"] == batch.primary_id[s]
    pairs = {
        "energy": batch.energy[s], "alt": np.degrees(np.float32(batch.altitude[s])),
        "az": np.degrees(np.float32(batch.azimuth[s])), "core_x": batch.core_x[row],
        "core_y": batch.core_y[row], "h_first_int": batch.h_first_int[s],
        "x_max": batch.x_max[s], "starting_grammage": batch.starting_grammage[s],
    }  # fmt: skip
    for name, value in pairs.items():
        np.testing.assert_allclose(shower[f"true_{name}"], value, rtol=1e-6, err_msg=name)


def check_raw(raw, rest, run, *, suppressed):
    telescopes = {t.tel_id: t for t in run.telescopes}
    for k, key in enumerate(zip(raw.event_id.tolist(), raw.tel_id.tolist(), strict=True)):
        batch, data, row = rest.pop(key)
        telescope = telescopes[key[1]]
        waveform = data.waveform[row]
        if suppressed:
            np.testing.assert_array_equal(raw.read_out[k], data.read_out[row])
            waveform = np.where(data.read_out[row][:, np.newaxis], waveform, 0)
        else:
            assert raw.read_out is None or raw.read_out[k].all()
        assert raw.waveform.dtype == data.waveform.dtype
        np.testing.assert_array_equal(raw.waveform[k], waveform)
        np.testing.assert_array_equal(
            raw.true_image[k], true_image(data, row, telescope.camera.n_pixels)
        )
        position = [t.tel_id for t in run.telescopes].index(key[1])
        assert raw.true_image_sum[k] == batch.pe_sums[data.event[row], position]
        at = raw.calibration_row[k]
        for name in ("pedestal", "dc_to_pe", "time_shift"):
            np.testing.assert_array_equal(
                getattr(raw.calibration, name)[at], getattr(telescope, name)
            )
        np.testing.assert_array_equal(
            np.flatnonzero(raw.calibration.invalid_pixels[at]), telescope.disabled_pixels
        )


def check_subarray(subarray, run):
    assert subarray.name == run.array_name
    np.testing.assert_allclose(
        subarray.reference_location, (run.latitude, run.longitude, run.altitude)
    )
    assert sorted(subarray.telescopes) == sorted(t.tel_id for t in run.telescopes)
    for telescope in run.telescopes:
        found, camera = subarray.telescopes[telescope.tel_id], telescope.camera
        np.testing.assert_array_equal(found.position, telescope.position)
        assert found.name == camera.optics_name
        assert found.geometry.name == camera.camera_name
        assert found.optics.mirror_area == np.float32(camera.mirror_area)
        assert found.optics.effective_focal_length == np.float32(camera.effective_focal_length)
        assert found.optics.n_mirror_tiles == camera.n_mirror_tiles
        assert found.geometry.pixel_shape == ("hexagon", "square")[camera.pixel_shape - 1]
        assert found.readout.n_samples == camera.n_samples
        assert found.readout.sampling_rate == 1 / camera.time_slice
        np.testing.assert_array_equal(
            found.readout.reference_pulse, camera.reference_pulse.astype(np.float16)
        )


def test_events_can_be_read_one_by_one(run):
    batches = [toy_run.events(run, seed, first=1 + 5 * seed) for seed in range(3)]
    with ctabatch.open(io.BytesIO(written(run, batches))) as source:
        events = list(source)
        assert source.losses == []
    assert [e.event_id for e in events] == [b.event_id[k] for b, k in array_events(batches)]


def test_a_file_of_many_pieces_is_that_of_one_piece(run, monkeypatch):
    batches = [toy_run.events(run, 5, n_showers=12)]
    whole = written(run, batches)
    monkeypatch.setattr(writer_events, "TELESCOPES_AT_ONCE", 3)
    assert written(run, batches) == whole
    monkeypatch.setattr(writer_events, "EVENTS_AT_ONCE", 1)
    assert written(run, batches) == whole


def test_the_same_content_gives_the_same_bytes(run, tmp_path):
    for ending in ("zst", "gz"):
        for name in ("a", "b"):
            with SimtelWriter(tmp_path / f"{name}.simtel.{ending}", run) as writer:
                writer.write(toy_run.events(run, 1))
        first, second = ((tmp_path / f"{n}.simtel.{ending}").read_bytes() for n in "ab")
        assert first == second
