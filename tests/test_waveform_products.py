"""What happens to waveforms on the way to images: noise, reduction, both gains; and is stored."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ctabatch
from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.io.stored_parts import stored_inputs
from ctabatch.stages.reduced_waveforms import expand_waveforms

THRESHOLDS = {"picture_threshold_pe": 6.0, "boundary_threshold_pe": 3.0}
REDUCED = {"reduction": {"reducer": "TailCutsDataVolumeReducer", **THRESHOLDS}}


def processed(root, path, threads=1, **sections):
    config = ProcessConfig.model_validate(sections)
    result = Engine(root, config, threads=threads).run(path)
    assert result.status == "done", result.error
    return result.record


def table(root, name):
    """A table of one telescope type, in the order of its keys."""
    files = sorted(root.glob(f"{name}/*/*.parquet"))
    found = pa.concat_tables([pq.read_table(file, partitioning=None) for file in files])
    return found.sort_by([(key, "ascending") for key in ("obs_id", "event_id", "tel_id")])


def tensor(found, name):
    return np.array(found[name].combine_chunks().to_numpy_ndarray())


@pytest.fixture(scope="module")
def whole(example_files, tmp_path_factory):
    root = tmp_path_factory.mktemp("whole") / "d"
    processed(root, example_files["sst1m"], write=("r1", "images"))
    return root


@pytest.fixture(scope="module")
def reduced(example_files, tmp_path_factory):
    root = tmp_path_factory.mktemp("reduced") / "d"
    record = processed(root, example_files["sst1m"], write=("r1", "dl0", "images"), **REDUCED)
    return root, record


def test_reduced_waveforms_are_those_of_r1_where_pixels_are_kept(whole, reduced):
    root, record = reduced
    r1 = tensor(table(whole, "r1"), "waveform")
    rows = table(root, "dl0").combine_chunks().to_batches()
    dense = expand_waveforms(rows[0])
    assert 0 < dense.mask.mean() < 0.5
    np.testing.assert_array_equal(dense.waveform[dense.mask], r1[dense.mask])
    assert not dense.waveform[~dense.mask].any()
    assert record["bytes_saved_by_reduction"] > 0.4 * r1.nbytes
    np.testing.assert_array_equal(tensor(table(root, "r1"), "waveform"), r1)
    small, large = (
        sum(file.stat().st_size for file in root.glob(f"{name}/*/*")) for name in ("dl0", "r1")
    )
    assert small < large / 2


def test_images_after_reduction_are_those_of_ctapipe(reduced, example_files):
    """The samples of dropped pixels count as zero there too."""
    from ctapipe.calib import CameraCalibrator
    from ctapipe.io import EventSource
    from traitlets.config import Config

    config = Config({"TailCutsDataVolumeReducer": {"TailcutsImageCleaner": THRESHOLDS}})
    theirs = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with EventSource(example_files["sst1m"], focal_length_choice="EQUIVALENT") as source:
            calibrator = CameraCalibrator(
                source.subarray, data_volume_reducer_type="TailCutsDataVolumeReducer", config=config
            )
            for event in source:
                calibrator(event)
                for tel_id, dl1 in event.dl1.tel.items():
                    theirs[event.index.event_id, tel_id] = dl1.image, dl1.peak_time
    found = table(reduced[0], "dl1/images")
    keys = list(zip(found["event_id"].to_pylist(), found["tel_id"].to_pylist(), strict=True))
    assert len(keys) == len(theirs) > 100
    for k, name in enumerate(("image", "peak_time")):
        expected = np.array([theirs[key][k] for key in keys])
        np.testing.assert_allclose(tensor(found, name), expected, rtol=1e-6, atol=1e-5)


def test_the_default_reducer_keeps_everything(whole, example_files, tmp_path):
    record = processed(tmp_path / "d", example_files["sst1m"], write=("dl0", "images"))
    assert record["bytes_saved_by_reduction"] <= 0  # numbers of pixels take place, too
    dense = expand_waveforms(table(tmp_path / "d", "dl0").combine_chunks().to_batches()[0])
    assert dense.mask.all()
    np.testing.assert_array_equal(dense.waveform, tensor(table(whole, "r1"), "waveform"))
    assert table(tmp_path / "d", "dl1/images").equals(table(whole, "dl1/images"))


def test_noise_makes_waveforms_wider_and_belongs_to_events(whole, example_files, tmp_path):
    noise = {"WaveformModifier": {"nsb_rate": 0.3, "rng_seed": 3}}
    for name, threads, events in (("one", 1, None), ("two", 2, None), ("few", 1, 5)):
        processed(
            tmp_path / name, example_files["sst1m"], threads, tuning=noise, write=("r1", "images"),
            source={"max_events": events},
        )  # fmt: skip
    found = {name: table(tmp_path / name, "r1") for name in ("one", "two", "few")}
    assert found["one"].equals(found["two"])
    noisy, quiet = tensor(found["one"], "waveform"), tensor(table(whole, "r1"), "waveform")
    added = noisy - quiet
    assert abs(added.mean()) < 0.02 * added.std()
    assert added.std() > 0.05
    few = found["few"]["event_id"].to_pylist()
    same = found["one"].filter(pa.compute.is_in(found["one"]["event_id"], pa.array(set(few))))
    assert same.equals(found["few"])
    images = [tensor(table(root, "dl1/images"), "image") for root in (whole, tmp_path / "one")]
    assert images[1].std() > images[0].std()


def test_noise_of_images_is_the_same_for_any_number_of_threads(example_files, tmp_path):
    tuning = {"ImageModifier": {"noise_level_dim_pixels": 2.0, "psf_smear_factor": 0.1}}
    for threads in (1, 2):
        processed(tmp_path / str(threads), example_files["sst1m"], threads, tuning=tuning)
    first, second = (pl.read_parquet(tmp_path / n / "dl1/images/**/*.parquet") for n in "12")
    assert first.equals(second, null_equal=True)


def test_waveforms_of_both_gains_are_kept_on_request(example_files, tmp_path):
    record = processed(
        tmp_path / "d", example_files["prod6"], write=("r1", "r1_gains"), source={"max_events": 1}
    )
    assert record["telescope_events"] > 0
    compared = 0
    for folder in sorted((tmp_path / "d" / "r1_gains").glob("*")):
        name = folder.name
        both = [pq.read_table(f, partitioning=None) for f in sorted(folder.glob("*.parquet"))]
        one = [
            pq.read_table(f, partitioning=None)
            for f in sorted((tmp_path / "d" / "r1" / name).glob("*.parquet"))
        ]
        for gains, selected in zip(both, one, strict=True):
            waveform, chosen = tensor(gains, "waveform"), tensor(selected, "waveform")
            channel = tensor(selected, "selected_gain_channel")
            picked = np.take_along_axis(waveform, channel[:, None, :, None].astype(int), axis=1)[
                :, 0
            ]
            np.testing.assert_array_equal(picked, chosen)
            compared += waveform.shape[1] == 2
    assert compared


def test_the_gain_may_be_chosen_by_hand(example_files, tmp_path):
    for channel, number in (("HIGH", 0), ("LOW", 1)):
        root = tmp_path / channel
        processed(
            root, example_files["prod6"], write=("images",), source={"max_events": 1},
            gain_selection={"gain_selector": "ManualGainSelector", "channel": channel},
        )  # fmt: skip
        gains = [tensor(pq.read_table(f, partitioning=None), "selected_gain_channel")
                 for f in root.glob("dl1/images/*LST*/*.parquet")]  # fmt: skip
        assert gains
        assert all((gain == number).all() for gain in gains)


def test_saturated_pixels_are_flagged_if_the_end_of_the_range_is_given(example_files, tmp_path):
    with ctabatch.open(example_files["sst1m"]) as source:
        highest = max(int(batch.waveform.max()) for batch in source.batches("r0"))
    flags = {"max_signal": {"*": highest}}
    processed(tmp_path / "d", example_files["sst1m"], write=("images",), pixel_flags=flags)
    processed(tmp_path / "n", example_files["sst1m"], write=("images",))
    found = table(tmp_path / "d", "dl1/images")["is_saturated"]
    assert found.null_count == 0
    assert sum(sum(row) for row in found.to_pylist()) >= 1
    assert table(tmp_path / "n", "dl1/images")["is_saturated"].null_count == len(found)


def test_what_an_input_lacks_cannot_be_written(whole, tmp_path):
    (stored,) = stored_inputs(whole)
    config = ProcessConfig.model_validate({"write": ("r1_gains",)})
    result = Engine(tmp_path / "d", config).run(stored)
    assert result.status == "failed"
    assert "r1_gains cannot be written from r1" in result.error


def test_processing_starts_from_reduced_waveforms(reduced, tmp_path):
    """The same images, parameters and showers as when they were written."""
    root, _ = reduced
    sections = {"source": {"level": "dl0"}, "write": ("images", "parameters", "geometry")}
    processed(tmp_path / "two", stored_inputs(root, "dl0")[0], 2, **sections)
    assert table(tmp_path / "two", "dl1/images").equals(table(root, "dl1/images"))
    assert list((tmp_path / "two").glob("dl2/geometry/*.parquet"))
