"""Sources of other packages: found by their entry point, and processed like any other input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.io.simtel.batches import raw_batches
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.source import telescope_events
from ctabatch.sources.added import names
from ctabatch.stages.extract import ExtractionOptions, calibrate
from tests.same_tables import check_same, read

PACKAGE = Path(__file__).parent / "plugin_package"
WRITE = ("r1", "images", "parameters", "geometry")
#: What is not known of the telescope or the shower here, or is another number.
OTHER = ("obs_id", "event_id", "tel_id", "true_", "is_read_out")


@pytest.fixture
def plugin(monkeypatch):
    monkeypatch.syspath_prepend(str(PACKAGE))
    assert names() == ["npz"]


def save(path, file, *, calibrated):
    """The telescope events of one batch of a file, as a file of the plugin."""
    with SimtelReader(file, ahead=False, focal_length="equivalent") as reader:
        raw = next(b for e in reader for b in raw_batches(e, reader.account))
    one = raw.tel_id == raw.tel_id[0]
    events = telescope_events(raw.take(one))
    row = events.calibration_row[:1]
    coefficients, geometry = events.calibration, events.geometry
    [readout] = {coefficients.readouts[int(row[0])]}
    waveform, more = events.waveform, {}
    if calibrated:
        r1, gain = calibrate(waveform, events.calibration_row, coefficients, ExtractionOptions())
        waveform, more = r1[:, np.newaxis], {"gain": gain}
    np.savez(
        path, waveform=waveform, pedestal=coefficients.pedestal[row],
        dc_to_pe=coefficients.dc_to_pe[row], time_shift=coefficients.time_shift[row],
        invalid=coefficients.invalid_pixels[row], pixel_x=geometry.pixel_x,
        pixel_y=geometry.pixel_y, pixel_area=geometry.pixel_area,
        focal_length=geometry.focal_length, sampling_rate=readout.sampling_rate,
        pulse=readout.reference_pulse, pulse_step=readout.reference_pulse_sample_width,
        pointing=events.pointing, array=events.array_pointing[0], **more,
    )  # fmt: skip
    return events.event_id, int(events.tel_id[0])


def process(path, root, threads=1, write=WRITE, **source):
    config = {"write": write, "source": {"focal_length": "equivalent", **source}}
    return Engine(root, ProcessConfig.model_validate(config), threads=threads).run(path)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("calibrated", [False, True], ids=["raw", "calibrated"])
@pytest.mark.parametrize("name", ["lst-muons", "prod6"])
def test_waveforms_of_an_added_source_become_what_those_of_the_file_do(
    name, calibrated, example_files, tmp_path
):
    path = tmp_path / "some.npz"
    event_id, tel_id = save(path, example_files[name], calibrated=calibrated)
    result = process(path, tmp_path / "npz", threads=2)
    assert result.status == "done", result.error
    assert result.record["telescope_events"] == len(event_id)
    assert result.record["input"]["source"] == "npz"
    assert result.record["input"]["source_package"] == "npz-source 1.0"
    assert not result.record["simulated"]  # it knows of no showers
    assert process(example_files[name], tmp_path / "simtel").status == "done"
    for table in ("r1", "dl1/images", "dl1/parameters"):
        (mine,) = (tmp_path / "npz" / table).rglob("*.parquet")
        found = read(mine)
        for other in (tmp_path / "simtel" / table).rglob("*.parquet"):
            all_rows = read(other)
            keep = np.isin(all_rows["event_id"], event_id) & (
                all_rows["tel_id"].to_numpy() == tel_id
            )
            rows = np.flatnonzero(keep)
            if not len(rows):
                continue
            assert len(rows) == len(found)
            for column in found.schema.names:
                if not column.startswith(OTHER):
                    a, b = (numbers(t, column) for t in (found, all_rows))
                    np.testing.assert_array_equal(a, b[rows], err_msg=f"{table} {column}")


def numbers(table, column):
    array = table[column].combine_chunks()
    if hasattr(array, "storage"):
        flat = array.storage.flatten().to_numpy(zero_copy_only=False)
        return flat.reshape(len(array), -1)
    return array.to_numpy(zero_copy_only=False)


@pytest.mark.usefixtures("plugin")
def test_what_was_made_of_an_added_source_can_be_processed_again(example_files, tmp_path):
    save(tmp_path / "some.npz", example_files["lst-muons"], calibrated=True)
    assert process(tmp_path / "some.npz", tmp_path / "npz", max_events=2).status == "done"
    (record,) = (tmp_path / "npz" / "parts").glob("*.json")
    assert json.loads(record.read_text())["stopped_by_max_events"]
    for level in ("r1", "images"):
        write = WRITE if level == "r1" else WRITE[1:]
        result = process(record, tmp_path / level, write=write, level=level)
        assert result.status == "done", result.error
        but = () if level == "r1" else ("r1", "calibration")
        check_same(tmp_path / level, tmp_path / "npz", but=but)


@pytest.mark.usefixtures("plugin")
def test_what_an_added_source_cannot_do_is_told(example_files, tmp_path):
    save(tmp_path / "some.npz", example_files["lst-muons"], calibrated=True)
    result = process(tmp_path / "some.npz", tmp_path / "out", write=("r0",))
    assert result.status == "failed"
    assert "sim_telarray files only" in result.error
    (tmp_path / "broken.npz").write_bytes(b"no zip")
    result = process(tmp_path / "broken.npz", tmp_path / "out")
    assert result.status == "failed"
    assert "package npz-source" in result.error
    (tmp_path / "other.txt").write_bytes(b"something else")
    result = process(tmp_path / "other.txt", tmp_path / "out")
    assert result.status == "failed"
    assert "no sim_telarray" in result.error or "EventIO" in result.error


def test_a_source_that_is_broken_is_told(monkeypatch, tmp_path):
    folder = tmp_path / "package"
    (folder / "bad-2.dist-info").mkdir(parents=True)
    (folder / "bad-2.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: bad\nVersion: 2\n"
    )
    (folder / "bad-2.dist-info" / "entry_points.txt").write_text(
        "[ctabatch.sources]\nbad = no_such_module:Bad\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    (tmp_path / "other.txt").write_bytes(b"something else")
    result = process(tmp_path / "other.txt", tmp_path / "out")
    assert result.status == "failed"
    assert "of the package bad" in result.error
