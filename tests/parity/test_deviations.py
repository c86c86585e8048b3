"""What differs from ctapipe by intent; each test is named in docs/deviations.md."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.stages.extract import ExtractionOptions
from tests.parity.conftest import UNREADABLE_FOR_CTAPIPE, Pair
from tests.parity.our_tables import Tables

Pairs = Callable[[str], Pair]
SYNC = b"\x37\x8a\x1f\xd4"


def content(path: Path) -> bytes:
    """Decompressed bytes of a file."""
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        return gzip.decompress(raw)
    with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
        return bytes(stream.read())


def zstd(data: bytes) -> bytes:
    """One frame."""
    return pa.compress(data, codec="zstd", asbytes=True)


def ours(path: Path, folder: Path, **source: Any) -> Tables:
    result = Engine(folder / "ours", ProcessConfig(source=source)).run(path)
    assert result.status == "done", result.error
    return Tables(folder / "ours")


def ctapipe_events(path: Path, focal_length: str = "EQUIVALENT", **options: Any) -> list[int]:
    """Event ids that ctapipe's reader gives."""
    from ctapipe.io import SimTelEventSource

    with (
        warnings.catch_warnings(),
        SimTelEventSource(path, focal_length_choice=focal_length, **options) as source,
    ):
        warnings.simplefilter("ignore")
        return [event.index.event_id for event in source]


def test_every_test_named_in_the_docs_exists() -> None:
    tests = Path(__file__).parents[1]
    named = re.findall(r"`(test_\w+)`", (tests.parent / "docs" / "deviations.md").read_text())
    assert len(named) > 20
    sources = "".join(path.read_text() for path in tests.rglob("test_*.py"))
    assert [name for name in named if f"def {name}(" not in sources] == []


# --- files ---------------------------------------------------------------------------------------


def test_all_zstd_frames_of_a_file_are_read(example_files: dict[str, Path], tmp_path: Path) -> None:
    data = content(example_files["pixel-settings-v3"])
    path = tmp_path / "frames.simtel.zst"
    middle = len(data) // 2
    path.write_bytes(zstd(data[:middle]) + zstd(data[middle:]))
    events = ours(path, tmp_path).table("trigger")["event_id"].tolist()
    assert len(events) == 10
    theirs = ctapipe_events(path)
    assert 0 < len(theirs) < 10
    assert events[: len(theirs)] == theirs


def test_all_gzip_members_of_a_file_are_read_as_ctapipe_does(
    example_files: dict[str, Path], tmp_path: Path
) -> None:
    data = content(example_files["pixel-settings-v3"])
    path = tmp_path / "members.simtel.gz"
    middle = len(data) // 2
    path.write_bytes(gzip.compress(data[:middle], 1) + gzip.compress(data[middle:], 1))
    events = ours(path, tmp_path).table("trigger")["event_id"].tolist()
    assert len(events) == 10
    assert events == ctapipe_events(path)


def test_all_runs_of_concatenated_files_are_read(
    example_files: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "both.simtel"
    path.write_bytes(content(example_files["lst-muons"]) + content(example_files["lst-photons"]))
    tables = ours(path, tmp_path)
    trigger = tables.table("trigger")
    assert trigger["obs_id"].tolist() == [14, 14, 14, 5]
    assert tables.table("run")["obs_id"].tolist() == [14, 5]
    assert tables.table("shower_distribution")["obs_id"].tolist() == [14, 5]
    assert ctapipe_events(path) == trigger["event_id"][:3].tolist()


def test_whole_telescopes_of_a_truncated_event_are_kept_and_the_exit_code_is_1(
    example_files: dict[str, Path], tmp_path: Path
) -> None:
    path = example_files["laser-calibration-v3"]
    command = [sys.executable, "-m", "ctabatch", "process", str(path), "-o", str(tmp_path / "ours")]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    tables = Tables(tmp_path / "ours")
    trigger = tables.table("trigger")
    assert dict(zip(trigger["event_id"], trigger["is_complete"], strict=True))[107] == 0
    [images] = tables._read("dl1/images")
    kept = images["tel_id"][images["event_id"] == 107]
    [row] = np.flatnonzero(trigger["event_id"] == 107)
    assert 0 < len(kept) < len(trigger["tels_with_trigger"][row])
    assert 107 not in ctapipe_events(path, "EFFECTIVE")


def test_a_damaged_event_costs_only_itself(example_files: dict[str, Path], tmp_path: Path) -> None:
    data = bytearray(content(example_files["pixel-settings-v3"]))
    place, seen = 0, 0
    while seen < 4:  # the header of the fourth array event
        place = data.index(SYNC, place + 1)
        seen += int.from_bytes(data[place + 4 : place + 8], "little") & 0xFFFF == 2010
    data[place : place + 24] = bytes(24)
    path = tmp_path / "damaged.simtel"
    path.write_bytes(data)
    tables = ours(path, tmp_path)
    assert len(tables.table("trigger")["event_id"]) == 9
    assert tables.record["n_losses"] == 1
    try:
        theirs = ctapipe_events(path)
    except Exception:  # noqa: BLE001 - whatever it is, the events behind are lost
        theirs = []
    assert len(theirs) <= 3


def test_a_header_that_is_cut_off_gives_the_telescopes_that_are_described(
    example_files: dict[str, Path], tmp_path: Path
) -> None:
    path = example_files[UNREADABLE_FOR_CTAPIPE]
    tables = ours(path, tmp_path)
    assert len(tables.table("subarray/telescopes")["tel_id"]) == 77
    assert len(tables.table("trigger")["event_id"]) == 0
    with pytest.raises((StopIteration, RuntimeError)):
        ctapipe_events(path)


def test_every_mc_run_header_of_a_merged_file_is_kept(pairs: Pairs) -> None:
    pair = pairs("merged")
    run = pair.ours.table("run")
    assert len(run["obs_id"]) > 1
    assert run["is_last_header"].tolist() == [False] * (len(run["obs_id"]) - 1) + [True]
    assert len(pair.theirs.table("/configuration/simulation/run")) == 1


# --- telescopes ----------------------------------------------------------------------------------


def test_missing_effective_focal_length_falls_back_with_a_warning(pair: Pair) -> None:
    """Where ctapipe refuses the file, the equivalent focal length is used, marked and told."""
    kinds = set(pair.ours.table("subarray/telescopes")["focal_length_kind"])
    assert kinds == {pair.focal_length}
    told = any("effective focal length" in text for text in pair.ours.record["warnings"])
    assert told == (pair.focal_length == "equivalent")


def test_square_cameras_of_unknown_pixel_shape_are_square(pair: Pair) -> None:
    shapes = set(pair.changed_shapes.values())
    assert shapes == ({("hexagon", "square")} if pair.name == "gamma-test" else set())
    cameras = pair.ours.table("subarray/cameras")
    square = cameras["camera_name"][cameras["pix_type"] == "square"].tolist()
    if pair.name == "gamma-test":
        assert sorted(set(square)) == ["CHEC", "SCTCam"]


# --- charges -------------------------------------------------------------------------------------


def toy_calibration(n_summed: int) -> Any:
    """Two gains, three pixels, pedestals of 300 and 310, one photo-electron is 4 or 40 counts."""
    from ctabatch.instrument.calibration import CameraCalibration

    shape = (1, 2, 3)
    return CameraCalibration(
        tel_ids=np.array([1]),
        pedestal=np.resize(np.float32([300, 300, 300, 310, 310, 310]), shape),
        dc_to_pe=np.resize(np.float32([0.25, 0.25, 0.25, 2.5, 2.5, 2.5]), shape),
        time_shift=np.zeros(shape, np.float32),
        n_summed=np.array([n_summed]),
        readouts=(),
        invalid_pixels=np.zeros((1, 3), bool),
    )


def test_sums_of_many_samples_have_the_charge_and_gain_of_the_samples() -> None:
    """Pedestal and gain threshold count once per sample; in ctapipe once per sum."""
    from ctabatch.stages.extract import calibrate

    samples = np.array([[[[301] * 30, [330] * 30, [4500] * 30], [[311] * 30] * 3]], np.uint16)
    sums = samples.sum(axis=3, keepdims=True, dtype=np.uint32)
    rows, options = np.zeros(1, np.int64), ExtractionOptions()
    r1, gain = calibrate(samples, rows, toy_calibration(30), options)
    charge, gain_of_sum = calibrate(sums, rows, toy_calibration(30), options)
    assert gain.tolist() == gain_of_sum.tolist() == [[0, 0, 1]]
    np.testing.assert_allclose(charge[..., 0], r1.sum(axis=2), rtol=1e-6)


def test_pixels_that_were_not_read_out_have_charge_zero() -> None:
    """ctapipe takes their samples as 0, so that minus the pedestal is their signal."""
    from ctabatch.stages.extract import extract

    class Line:  # three pixels in a row
        n_pixels = 3
        neighbors = (np.array([0, 1, 3, 4], np.int32), np.array([1, 0, 2, 1], np.int32))

    sums = np.array([[[[340], [0], [340]], [[0], [0], [0]]]], np.uint32)
    read_out = np.array([[True, False, True]])
    charges = extract(
        sums, np.zeros(1, np.int64), read_out, toy_calibration(1), Line(), ExtractionOptions()
    )  # type: ignore[arg-type]
    assert charges.image.tolist() == [[10.0, 0.0, 10.0]]


def test_missing_true_images_are_null(pairs: Pairs) -> None:
    """ctapipe fills them with -1."""
    n_null = 0
    for name in ("gamma-test", "gamma-test-large", "pixel-monitoring", "history-meta", "prod6"):
        pair = pairs(name)
        folder = "/simulation/event/telescope/images"
        for _, mine, theirs, _ in pair.telescopes(folder, "dl1/images"):
            null = np.ma.getmaskarray(mine["true_image"]).all(axis=1)
            n_null += int(null.sum())
            if "true_image" in theirs.colnames:
                no_light = (np.asarray(theirs["true_image"]) == -1).all(axis=1)
                np.testing.assert_array_equal(null, no_light)
            else:
                assert null.all()
    assert n_null


def test_true_images_are_those_of_the_telescope_whatever_its_number() -> None:
    """ctapipe looks at place tel_id - 1 of the photo-electron lists."""
    from ctabatch.kernels import event_index as ei
    from ctabatch.kernels import object_table as ot

    table = np.zeros((3, 9), np.int64)  # a container of two images
    table[:, ot.TYPE] = ei.TELESCOPE_DATA, ei.PHOTOELECTRONS, ei.PHOTOELECTRONS
    table[:, ot.LEVEL] = 0, 1, 1
    table[:, ot.ID] = 100, 0, 1  # images are numbered by place in the list of telescopes
    telescopes = np.full((2, ei.N_TELESCOPE_COLUMNS), -1, np.int64)
    telescopes[:, ei.TEL_ID] = 5, 9
    telescopes[:, ei.TRUE_IMAGE_ROW] = 0
    ei.link_true_images(table, np.array([5, 9]), telescopes, 2)
    assert telescopes[:, ei.TRUE_IMAGE_ROW].tolist() == [1, 2]


# --- parameters ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sst1m"])  # so it runs where that file was processed
def test_time_gradients_do_not_depend_on_what_was_processed_before(name: str, pairs: Pairs) -> None:
    """The same events in two files: ours are equal, ctapipe's slopes differ."""
    one, other = pairs(name), pairs(f"{name}-gz")
    [mine], [again] = one.ours._read("dl1/parameters"), other.ours._read("dl1/parameters")
    for column, values in mine.items():
        np.testing.assert_array_equal(np.ma.filled(values, -7), np.ma.filled(again[column], -7))
    folder = "/dl1/event/telescope/parameters"
    slopes = [
        np.concatenate([np.asarray(t["timing_slope"]) for _, t in sorted(found.items())])
        for found in (one.theirs.telescopes(folder), other.theirs.telescopes(folder))
    ]
    fitted = np.isfinite(slopes[0])
    assert np.isfinite(slopes[1][fitted]).all()
    assert (slopes[0][fitted] != slopes[1][fitted]).any()


def test_core_psi_is_there_for_every_image_with_an_axis(pair: Pair) -> None:
    """ctapipe leaves NaN unless the stereo reconstruction used the event."""
    if not (pair.ours.root / "dl1/parameters").is_dir():
        return
    pointing = pair.ours.table("pointing")
    known = dict(zip(
        zip(pointing["event_id"].tolist(), pointing["tel_id"].tolist(), strict=True),
        np.isfinite(pointing["telescope_pointing_altitude"]).tolist(), strict=True,
    ))  # fmt: skip
    lost = {event for (event, _), there in known.items() if not there}
    assert lost <= set(pair.ours.record["incomplete_events"])  # pointing stands behind the data
    for columns in pair.ours._read("dl1/parameters"):
        keys = zip(columns["event_id"].tolist(), columns["tel_id"].tolist(), strict=True)
        there = np.isfinite(columns["hillas_psi"]) & [known[key] for key in keys]
        np.testing.assert_array_equal(np.isfinite(columns["core_psi"]), there)


# --- calibration events --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["calibration", "calibration-true"])
def test_calibration_events_are_kept_and_have_the_charges_of_ctapipe(
    name: str, pairs: Pairs
) -> None:
    """ctapipe leaves them out, or gives the images of both gains if asked for them."""
    from ctapipe.calib import CameraCalibrator
    from ctapipe.io import SimTelEventSource

    pair = pairs(name)
    trigger = pair.ours.table("trigger")
    assert trigger["event_id"].tolist() == [-1, -2][: len(trigger["event_id"])]
    assert not len(pair.common_events)
    found = 0
    with (
        warnings.catch_warnings(),
        SimTelEventSource(
            pair.path, focal_length_choice="EQUIVALENT", skip_calibration_events=False
        ) as source,
    ):
        warnings.simplefilter("ignore")
        calibrate = CameraCalibrator(source.subarray)
        for k, event in enumerate(source):
            calibrate(event)
            assert trigger["event_type"][k] == event.trigger.event_type.value
            for tel_id, dl1 in event.dl1.tel.items():
                columns = pair.ours.telescope("dl1/images", tel_id)
                [row] = np.flatnonzero(columns["event_id"] == trigger["event_id"][k])
                pixels = np.arange(columns["image"].shape[1])
                gain = columns["selected_gain_channel"][row]
                for column in ("image", "peak_time"):
                    theirs = np.atleast_2d(getattr(dl1, column))[gain, pixels]
                    np.testing.assert_allclose(
                        columns[column][row], theirs, rtol=1e-4, atol=1e-3, err_msg=f"{tel_id}"
                    )
                found += 1
    assert found == sum(len(columns["tel_id"]) for columns in pair.ours._read("dl1/images"))


# --- how things are stored -----------------------------------------------------------------------


def test_times_are_timestamps_and_telescopes_lists(pairs: Pairs) -> None:
    schema = pairs("sst1m").ours.schema("trigger")
    assert schema.field("time").type == pa.timestamp("ns", "UTC")
    assert pa.types.is_list(schema.field("tels_with_trigger").type)
    theirs = pairs("sst1m").theirs.table("/dl1/event/subarray/trigger")
    assert theirs["tels_with_trigger"].shape[1] == 70


def test_telescope_pointing_is_stored_per_event(pairs: Pairs) -> None:
    pair = pairs("sst1m")
    assert len(pair.ours.table("pointing")["event_id"]) == 129
    tables = pair.theirs.telescopes("/configuration/telescope/pointing")
    assert {len(table) for table in tables.values()} == {1}


def test_true_image_sum_is_in_both_dl1_tables(pairs: Pairs) -> None:
    pair = pairs("sst1m")
    [images], [parameters] = pair.ours._read("dl1/images"), pair.ours._read("dl1/parameters")
    np.testing.assert_array_equal(images["true_image_sum"], parameters["true_image_sum"])


# --- gaps in old files ---------------------------------------------------------------------------


def test_missing_pixel_times_are_zero() -> None:
    """Laser calibration before version 2 has none; ctapipe stops with KeyError."""
    from ctabatch.io.simtel import objects
    from ctabatch.io.simtel.run import Run
    from tests.test_subarray import telescope

    run = Run({"run": 1, "tel_id": np.array([1]), "tel_pos": np.zeros((1, 3))}, "effective")
    run.descriptions[1] = telescope()
    ones = np.ones((1, 16), np.float32)
    monitoring = {"telescope_id": 1, "pedestal": ones, "n_ped_slices": 1}
    run.take(objects.CAMERA_MONITORING, 1, monitoring)
    run.take(objects.LASER_CALIBRATION, 1, {"telescope_id": 1, "calib": ones})
    [tel_type] = run.subarray.tel_types
    calibration = run.calibration(tel_type, 1, 16)
    assert calibration.tel_ids.tolist() == [1]
    assert not calibration.time_shift.any()


def test_telescope_triggers_without_a_mask_are_array_triggers() -> None:
    """Trigger blocks before version 2 have none; ctapipe stops with KeyError."""
    from ctabatch.io.simtel.events import SUBARRAY, trigger_event_type

    assert trigger_event_type(np.array([-1, 0])).tolist() == [SUBARRAY, SUBARRAY]
