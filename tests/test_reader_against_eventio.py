"""Every value of every event of every public example file, against the package `eventio`."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from eventio import SimTelFile

from ctabatch.errors import InputError
from ctabatch.io.example_files import EXAMPLES
from ctabatch.io.simtel.batches import raw_batches
from ctabatch.io.simtel.events import SUBARRAY, Events
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.kernels import event_index as ei
from ctabatch.kernels import object_table as ot
from ctabatch.kernels.pixel_lists import read_pixel_lists, read_pixel_trigger_times
from ctabatch.kernels.pixel_timing import read_pixel_timing

#: Files that end in the middle of an object: ours reads further than eventio.
TRUNCATED = {"gamma-test", "gamma-test-large", "laser-calibration-v3"}
#: Files without array events that hold telescope data.
WITHOUT_EVENTS = {"merged", "camera-organisation-v2"}
#: eventio's SimTelFile fails to open a file that ends before the first event; we read its headers.
EVENTIO_CANNOT_OPEN = {"camera-organisation-v2": StopIteration}
#: Files that neither eventio's SimTelFile nor we can use, and what we say.
CORSIKA = {name for name, example in EXAMPLES.items() if example.kind == "corsika"}
SIMTEL = sorted(set(EXAMPLES) - CORSIKA)


@dataclass
class Telescope:
    """Our data of one telescope event."""

    waveform: np.ndarray
    true_image: np.ndarray | None
    true_image_sum: int
    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class Found:
    """Our data of one array event."""

    events: Events
    index: int
    tel: dict[int, Telescope]

    def __getattr__(self, name):
        return getattr(self.events, name)[self.index]

    @property
    def triggered(self):
        e = self.events
        return slice(e.trigger_starts[self.index], e.trigger_starts[self.index + 1])


def oracle(path):
    """Events of eventio that have telescope data; whether it met the end of a cut file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with SimTelFile(path) as file:
            events = [event for event in file if event.get("telescope_events")]
    cut = any("runcated" in str(w.message) or "EOF" in str(w.message) for w in caught)
    return events, cut


def ours(path, **options):
    with SimtelReader(path, focal_length="equivalent", **options) as reader:
        found = []
        for events in reader:
            tels: list[dict[int, Telescope]] = [{} for _ in range(len(events))]
            objects = _per_telescope(events)
            for raw in raw_batches(events, reader.account):
                for k in range(len(raw)):
                    truth = None if raw.true_image is None else raw.true_image[k]
                    if truth is not None and truth[0] < 0:
                        truth = None
                    tels[raw.event[k]][int(raw.tel_id[k])] = Telescope(
                        raw.waveform[k],
                        truth,
                        int(raw.true_image_sum[k]),
                        objects[raw.telescope[k]],
                    )
            found += [Found(events, k, tels[k]) for k in range(len(events))]
        return found, reader.account


def _per_telescope(events):
    """Pixel lists, times and timing, pointing of each telescope event, decoded by our kernels."""
    n = len(events.telescopes)
    rows = [{"azimuth": events.azimuth[k], "altitude": events.altitude[k]} for k in range(n)]
    data = events.block.data
    for name, column in (
        ("triggered", ei.TRIGGERED_PIXELS_ROW),
        ("selected", ei.SELECTED_PIXELS_ROW),
    ):
        versions, offsets, sizes = events.objects(
            events.telescopes[:, column], ot.VERSION, ot.CONTENT, ot.SIZE
        )
        starts, counts = np.empty(n + 1, np.int64), np.empty(n, np.int32)
        pixels = np.empty(int(np.maximum(sizes, 0).sum()) + 1, np.int32)
        read_pixel_lists(data, versions, offsets, sizes, starts, pixels, counts)
        for k in range(n):
            present = offsets[k] >= 0
            assert present == (counts[k] >= 0)
            rows[k][name] = pixels[starts[k] : starts[k + 1]] if present else None
    np.testing.assert_array_equal(
        events.n_trigger_pixels,
        [-1 if row["triggered"] is None else len(row["triggered"]) for row in rows],
    )

    offsets, sizes = events.objects(events.telescopes[:, ei.PIXEL_TIMES_ROW], ot.CONTENT, ot.SIZE)
    room = int(np.maximum(sizes, 0).sum()) + 1
    starts = np.empty(n + 1, np.int64)
    pixels, times = np.empty(room, np.int32), np.empty(room, np.float32)
    assert read_pixel_trigger_times(data, offsets, sizes, starts, pixels, times) == 0
    for k in range(n):
        here = slice(starts[k], starts[k + 1])
        rows[k]["pixel_times"] = (pixels[here], times[here]) if offsets[k] >= 0 else None

    versions, offsets, sizes = events.objects(
        events.telescopes[:, ei.TIMING_ROW], ot.VERSION, ot.CONTENT, ot.SIZE
    )
    for k in range(n):
        rows[k]["timing"] = None
        known = events.run.subarray.telescopes.get(int(events.telescopes[k, ei.TEL_ID]))
        if offsets[k] < 0 or known is None:
            continue
        n_pixels = known.geometry.n_pixels
        out = np.empty((1, n_pixels, 10), np.float32)
        sums = [np.empty((1, 2, n_pixels), np.int32) for _ in range(2)]
        status = np.empty(1, np.int64)
        one = slice(k, k + 1)
        read_pixel_timing(data, versions[one], offsets[one], sizes[one], out, *sums, status)
        assert status[0] == 0
        rows[k]["timing"] = (out[0], sums[0][0], sums[1][0])
    return rows


def compare_event(event, found):
    trigger = event["trigger_information"]
    assert found.seconds == trigger["cpu_time"][0]
    assert found.nanoseconds == trigger["cpu_time"][1]
    here = found.triggered
    np.testing.assert_array_equal(
        found.events.trigger_tel_id[here], trigger["triggered_telescopes"]
    )
    np.testing.assert_array_equal(found.events.trigger_time[here], trigger["trigger_times"])
    if "teltrg_type_mask" in trigger:
        np.testing.assert_array_equal(found.events.trigger_mask[here], trigger["teltrg_type_mask"])
    is_calibration = event["type"] == "calibration"
    assert is_calibration == (found.event_type != SUBARRAY)
    assert is_calibration == (found.mc < 0)
    if is_calibration:
        assert found.event_id < 0  # never equal to the id of a shower event
    else:
        assert found.event_id == event["event_id"]
        _compare_truth(event, found)
    triggered = set(trigger["triggered_telescopes"].tolist())
    expected = {t: e for t, e in event["telescope_events"].items() if t in triggered}
    assert set(found.tel) == set(expected)
    for tel_id, telescope in expected.items():
        _compare_telescope(event, tel_id, telescope, found.tel[tel_id])
    return len(event["telescope_events"]) - len(expected)


def _compare_truth(event, found):
    integers = found.events.mc_integers[found.mc]
    floats = found.events.mc_floats[found.mc]
    shower, mc_event = event["mc_shower"], event["mc_event"]
    assert integers[ei.MC_SHOWER_ID] == shower["shower"]
    assert integers[ei.MC_PRIMARY] == shower["primary_id"]
    for column, value in {
        ei.ENERGY: shower["energy"],
        ei.AZ: shower["azimuth"],
        ei.ALT: shower["altitude"],
        ei.H_FIRST_INT: shower["h_first_int"],
        ei.X_MAX: shower["xmax"],
        ei.STARTING_GRAMMAGE: shower.get("depth_start", np.nan),
        ei.CORE_X: mc_event["xcore"],
        ei.CORE_Y: mc_event["ycore"],
    }.items():
        np.testing.assert_array_equal(floats[column], value)
    # absent before version 2, where eventio says 1
    assert np.nan_to_num(floats[ei.AREA_WEIGHT], nan=1.0) == mc_event["aweight"]


def _compare_telescope(event, tel_id, expected, found):
    if "adc_samples" in expected:
        assert found.waveform.dtype == np.uint16
        waveform = expected["adc_samples"]
        # eventio squeezes an axis of one sample away
        np.testing.assert_array_equal(found.waveform.reshape(waveform.shape), waveform)
    else:
        assert found.waveform.dtype == np.uint32
        assert found.waveform.shape[-1] == 1
        np.testing.assert_array_equal(
            found.waveform.ravel(), np.asarray(expected["adc_sums"]).ravel()
        )
    values = found.values
    for code, name in {0: "triggered", 1: "selected"}.items():
        pixels = expected["pixel_lists"].get(code)
        assert (values[name] is None) == (pixels is None)
        if pixels is not None:
            np.testing.assert_array_equal(values[name], pixels["pixel_list"])
    times = expected.get("pixel_trigger_times")
    assert (values["pixel_times"] is None) == (times is None)
    if times is not None:
        np.testing.assert_array_equal(values["pixel_times"][0], times["pixel_ids"])
        step = np.float32(times["time_step"])
        np.testing.assert_array_equal(
            values["pixel_times"][1], times["trigger_times"].astype(np.float32) * step
        )
    timing = expected.get("pixel_timing")
    assert (values["timing"] is None) == (timing is None)
    if timing is not None:
        _compare_timing(timing, *values["timing"])
    tracking = event["tracking_positions"][tel_id]
    which = "cor" if "azimuth_cor" in tracking else "raw"
    assert values["azimuth"] == np.float32(tracking[f"azimuth_{which}"])
    assert values["altitude"] == np.float32(tracking[f"altitude_{which}"])
    _compare_photoelectrons(event, tel_id, found)


def _compare_timing(timing, times, local_sums, global_sums):
    n_types, n_gains = timing["n_types"], timing["n_gains"]
    stored = timing["time"]
    np.testing.assert_array_equal(times[:, :n_types], stored)
    assert np.isnan(times[:, n_types:]).all()
    for found, name in ((local_sums, "pulse_sum_loc"), (global_sums, "pulse_sum_glob")):
        if name in timing:
            np.testing.assert_array_equal(found[:n_gains], timing[name])


def _compare_photoelectrons(event, tel_id, found):
    sums = event.get("photoelectron_sums")
    if sums is None:
        assert found.true_image_sum == -1
    else:
        place = {int(t): k for k, t in enumerate(event["tel_ids"])}
        assert found.true_image_sum == sums["n_pe"][place[tel_id]]
    images = event.get("photoelectrons", {})
    index = {int(t): k for k, t in enumerate(event["tel_ids"])}[tel_id]
    assert (found.true_image is None) == (index not in images)
    if index in images:
        np.testing.assert_array_equal(found.true_image, images[index]["photoelectrons"])


@pytest.mark.parametrize("name", sorted(EVENTIO_CANNOT_OPEN))
def test_a_file_of_headers_alone_is_read_though_eventio_cannot_open_it(name, example_files):
    with pytest.raises(EVENTIO_CANNOT_OPEN[name]):
        SimTelFile(example_files[name])
    with SimtelReader(example_files[name], focal_length="equivalent") as reader:
        assert list(reader) == []
        assert len(reader.runs) == 1
        assert reader.account.losses == []


@pytest.mark.parametrize("name", sorted(set(SIMTEL) - set(EVENTIO_CANNOT_OPEN)))
def test_every_event_of_an_example_is_that_of_eventio(name, example_files):
    expected, _ = oracle(example_files[name])
    found, account = ours(example_files[name])
    if name in TRUNCATED:
        assert len(found) >= len(expected)
    else:
        assert len(found) == len(expected)
        assert account.losses == []
    dropped = 0
    for event, mine in zip(expected, found, strict=name not in TRUNCATED):
        event["tel_ids"] = mine.events.run.header["tel_id"]
        dropped += compare_event(event, mine)
    note = "telescope events of telescopes that are not in the trigger list"
    assert account.notes[note] == dropped
    assert (len(found) == 0) == (name in WITHOUT_EVENTS)


@pytest.mark.parametrize("name", sorted(TRUNCATED))
def test_of_a_cut_file_we_read_at_least_what_eventio_reads_and_say_so(name, example_files):
    expected, _ = oracle(example_files[name])
    found, account = ours(example_files[name])
    n_expected = sum(len(e["telescope_events"]) for e in expected)
    assert sum(len(f.tel) for f in found) >= n_expected
    assert all(f.whole for f in found[: len(expected)])
    assert account.n_losses >= 1
    assert all(loss.offset > 0 for loss in account.losses)
    assert all(not f.whole for f in found[len(expected) :])


@pytest.mark.parametrize("name", sorted(CORSIKA))
def test_corsika_examples_are_refused_with_the_reason(name, example_files):
    with pytest.raises(InputError, match="CORSIKA"):
        SimtelReader(example_files[name])


def test_examples_in_no_list_do_not_exist():
    assert set(SIMTEL) | CORSIKA == set(EXAMPLES)
    assert set(SIMTEL) >= TRUNCATED | WITHOUT_EVENTS


@pytest.mark.parametrize("block_size", [1 << 16, 1 << 20])
def test_events_do_not_depend_on_the_block_size(block_size, example_files):
    for name in ("sst1m", "calibration-true"):
        large, _ = ours(example_files[name])
        small, account = ours(example_files[name], block_size=block_size)
        assert account.losses == []
        assert [f.event_id for f in small] == [f.event_id for f in large]
        for a, b in zip(small, large, strict=True):
            assert a.tel.keys() == b.tel.keys()
            for tel_id in a.tel:
                np.testing.assert_array_equal(a.tel[tel_id].waveform, b.tel[tel_id].waveform)
                np.testing.assert_equal(a.tel[tel_id].true_image, b.tel[tel_id].true_image)
                assert a.tel[tel_id].true_image_sum == b.tel[tel_id].true_image_sum
