"""eventio and ctapipe get out of a file what the writer put into it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from ctapipe.io import SimTelEventSource, read_table
from eventio import EventIOFile, SimTelFile
from eventio.base import read_header
from eventio.histograms import Histograms

from ctabatch.io.simtel.source import SimtelReader
from ctabatch.io.simtel_writer import framing
from ctabatch.io.simtel_writer.writer import SimtelWriter
from tests import eventio_bytes as eb
from tests import toy_run
from tests.toy_run import array_events, telescope_events, true_image, written


@pytest.fixture
def run():
    return toy_run.run()


@pytest.fixture
def file(run, tmp_path):
    """A zstd file and the batches in it."""
    batches = [toy_run.events(run, seed, first=1 + 5 * seed) for seed in range(3)]
    path = tmp_path / "toy.simtel.zst"
    with SimtelWriter(path, run) as writer:
        for events in batches:
            writer.write(events)
    return path, batches


def leaves(parent):
    for item in parent:
        if item.header.only_subobjects:
            yield from leaves(item)
        else:
            yield item


def test_eventio_parses_every_object(file):
    path, _ = file
    with EventIOFile(path) as stream:
        kinds = set()
        for item in leaves(stream):
            item.parse()
            kinds.add(item.header.type)
            assert item.header.content_size % 4 == 0
    single = {
        71,
        72,
        75,
        100,
        1208,
        1212,
        *range(2000, 2010),
        2011,
        2013,
        2020,
        2021,
        2022,
        2023,
        2026,
    }
    assert kinds == single | {2101, 2102, 2103, 2104}


def test_eventio_reads_the_descriptions_as_they_were_given(file, run):
    path, _ = file
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        with SimTelFile(path) as stream:
            header, simulation = stream.header, stream.mc_run_headers[0]
            descriptions, card = stream.telescope_descriptions, stream.corsika_inputcards
    assert header["run"] == run.obs_id
    assert header["time"] == run.start_time
    np.testing.assert_array_equal(header["tel_id"], [t.tel_id for t in run.telescopes])
    np.testing.assert_array_equal(header["tel_pos"], [t.position for t in run.telescopes])
    for name, value in run.simulation.items():
        np.testing.assert_array_equal(simulation[name], np.float32(value))
    assert simulation["obsheight"] == run.altitude
    assert simulation["corsika_wlen_min"] == 0
    assert card[0].decode().splitlines() == run.input_card.splitlines()
    for telescope in run.telescopes:
        camera, found = telescope.camera, descriptions[telescope.tel_id]
        settings_ = found["camera_settings"]
        np.testing.assert_array_equal(settings_["pixel_x"], camera.pixel_x)
        np.testing.assert_array_equal(settings_["pixel_y"], camera.pixel_y)
        np.testing.assert_allclose(settings_["pixel_area"], camera.pixel_area, rtol=1e-6)
        assert settings_["cam_rot"] == np.float32(camera.camera_rotation)
        assert settings_["focal_length"] == np.float32(camera.focal_length)
        organisation = found["camera_organization"]
        assert organisation["n_gains"] == camera.n_gains
        assert organisation["drawer"].max() == organisation["n_drawers"] - 1
        pixels = found["pixel_settings"]
        assert (pixels["sum_bins"], pixels["time_slice"]) == (camera.n_samples, camera.time_slice)
        np.testing.assert_array_equal(
            found["disabled_pixels"]["HV_disabled"], telescope.disabled_pixels
        )
        assert found["camera_software_settings"]["zero_sup_mode"] == 0


def test_eventio_reads_the_events_as_they_were_given(file, run):
    path, batches = file
    with SimTelFile(path) as stream:
        found = list(stream)
        histograms = {h["id"]: h for h in stream.histograms}
    given = telescope_events(batches)
    assert [e["event_id"] for e in found] == [b.event_id[k] for b, k in array_events(batches)]
    for event, (batch, row) in zip(found, array_events(batches), strict=True):
        shower = batch.shower[row]
        assert (
            event["mc_shower"]["shower"]
            == event["mc_event"]["shower_num"]
            == batch.shower_id[shower]
        )
        assert event["mc_shower"]["hmax"] == np.float32(batch.h_max[shower])
        np.testing.assert_array_equal(event["photoelectron_sums"]["n_pe"], batch.pe_sums[row])
        for tel_id, telescope in event["telescope_events"].items():
            _, data, k = given.pop((event["event_id"], tel_id))
            np.testing.assert_array_equal(telescope["adc_samples"], data.waveform[k])
            assert telescope["header"]["relative_trigger_time"] == data.trigger_time[k]
            truth = event["photoelectrons"][tel_id - 1]
            part = slice(data.pe_offsets[k], data.pe_offsets[k + 1])
            np.testing.assert_array_equal(truth["pixel_id"], data.pe_pixel[part])
            np.testing.assert_array_equal(truth["time"], data.pe_time[part])
            moni = event["camera_monitorings"][tel_id]
            np.testing.assert_array_equal(moni["noise"], run.telescopes[tel_id - 1].pedestal_noise)
            assert moni["n_ped_slices"] == 1
    assert not given
    assert histograms[6]["data"].sum() == sum(len(b.event_id) for b in batches)
    assert histograms[7]["data"].sum() == len(found)


@pytest.mark.parametrize("options", [{"sums": True}, {"extreme": True}])
def test_eventio_reads_sums_and_extreme_samples(run, tmp_path, options):
    batch = toy_run.events(run, 3, **options)
    path = tmp_path / "a.simtel"
    path.write_bytes(written(run, [batch], zero_suppression=True))
    given = telescope_events([batch])
    with SimTelFile(path) as stream:
        for event in stream:
            for tel_id, telescope in event["telescope_events"].items():
                _, data, k = given.pop((event["event_id"], tel_id))
                if "sums" in options:
                    np.testing.assert_array_equal(telescope["adc_sums"], data.waveform[k, ..., 0])
                else:
                    kept = data.read_out[k][:, np.newaxis]
                    np.testing.assert_array_equal(
                        telescope["adc_samples"], np.where(kept, data.waveform[k], 0)
                    )
    assert not given


@pytest.mark.parametrize("length", [0, 100, (1 << 30) - 1, 1 << 30, (1 << 41) + 5])
@pytest.mark.parametrize("nested", [False, True])
def test_headers_are_those_of_the_format_also_with_extended_length(length, nested):
    found = framing.header(2010, length, version=3, ident=-5, nested=nested)
    header = read_header(io.BytesIO(found), 0)
    assert (header.type, header.version, header.id) == (2010, 3, -5)
    assert (header.content_size, header.only_subobjects) == (length, nested)
    assert header.extended == (length >= 1 << 30)
    if length == 100 and not nested:
        assert found + bytes(100) == eb.inner(2010, bytes(100), version=3, ident=-5)


def test_the_shower_histogram_counts_all_uses_by_distance_from_the_axis(run):
    batch = toy_run.events(run, 2, n_showers=40, trigger=0.1)
    reader = SimtelReader(io.BytesIO(written(run, [batch])))
    for _ in reader:
        pass
    found = reader.runs[0].shower_histogram
    s = batch.shower
    axis = np.array(
        [
            np.cos(batch.altitude) * np.cos(batch.azimuth),
            -np.cos(batch.altitude) * np.sin(batch.azimuth),
            np.sin(batch.altitude),
        ]
    ).T[s]
    core = np.array([batch.core_x, batch.core_y, 0 * batch.core_x]).T
    distance = np.linalg.norm(np.cross(core, axis), axis=1)
    n_y, n_x = found["data"].shape
    expected, _, _ = np.histogram2d(
        np.log10(batch.energy[s]), distance, (n_y, n_x),
        ((found["lower_y"], found["upper_y"]), (found["lower_x"], found["upper_x"])),
    )  # fmt: skip
    np.testing.assert_array_equal(found["data"], expected)
    assert found["upper_x"] == run.simulation["core_range"][1]
    assert found["entries"] == len(s)


def test_entries_outside_of_the_histogram_are_counted_as_such(run):
    batch = toy_run.events(run, 2, n_showers=10)
    batch.core_x[:] = 1e5
    batch.energy[:] = 1e6
    out = written(run, [batch])
    histograms = parse_histograms(out)
    n = len(batch.event_id)
    for h in histograms:
        expected = n if h["id"] in (1, 6) else batch.triggered.sum()
        assert (h["entries"], h["tentries"]) == (expected, 0)
        assert (h["overflow_x"], h["overflow_y"]) == (expected, expected)
        assert h["content_outside"].tolist() == [0] * 7 + [expected]
        assert (h["data"] == 0).all()


def parse_histograms(data):
    kind, begin, end = next(
        (kind, word + 12, end) for _, kind, word, end in eb.headers(data) if kind == 100
    )
    assert kind == 100
    return eb.parse(Histograms, data[begin:end], version=2)


def test_ctapipe_reads_the_file(file, run):
    path, batches = file
    given = telescope_events(batches)
    with SimTelEventSource(path) as source:
        subarray = source.subarray
        assert source._has_true_image
        for event in source:
            assert set(event.trigger.tels_with_trigger) == set(event.r0.tel)
            for tel_id, r0 in event.r0.tel.items():
                batch, data, k = given.pop((int(event.index.event_id), int(tel_id)))
                np.testing.assert_array_equal(r0.waveform, data.waveform[k])
                truth = event.simulation.tel[tel_id]
                n_pixels = data.waveform.shape[2]
                np.testing.assert_array_equal(truth.true_image, true_image(data, k, n_pixels))
                assert truth.true_image_sum == batch.pe_sums[data.event[k], tel_id - 1]
        distribution = source.simulated_shower_distributions[run.obs_id]
    assert not given
    assert distribution.n_entries == sum(len(b.event_id) for b in batches)
    assert subarray.name == run.array_name
    location = subarray.reference_location
    assert location.lat.deg == pytest.approx(run.latitude)
    assert location.lon.deg == pytest.approx(run.longitude)
    assert location.height.value == pytest.approx(run.altitude)
    for telescope in run.telescopes:
        found = subarray.tel[telescope.tel_id]
        assert found.optics.name == telescope.camera.optics_name
        assert found.camera.name == telescope.camera.camera_name
        assert found.optics.effective_focal_length.value == pytest.approx(
            telescope.camera.effective_focal_length
        )
        assert found.optics.n_mirrors == (2 if telescope.camera.mirror_class == 2 else 1)


def test_ctapipe_process_runs_without_complaint(file, tmp_path):
    path, batches = file
    output = tmp_path / "toy.dl1.h5"
    command = [
        sys.executable, "-m", "ctapipe.tools.process", f"--input={path}", f"--output={output}",
        "--write-images", "--write-parameters", "--write-showers",
    ]  # fmt: skip
    # astropy complains about these variables itself where an older cache of its own exists
    xdg = {"XDG_CACHE_HOME", "XDG_CONFIG_HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in xdg}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        triggers = read_table(output, "/dl1/event/subarray/trigger")
        assert len(read_table(output, "/simulation/service/shower_distribution")) == 1
    assert triggers["event_id"].tolist() == [b.event_id[k] for b, k in array_events(batches)]
