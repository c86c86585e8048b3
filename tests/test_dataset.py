"""`ctabatch.Dataset`: the tables as lazy queries, committed parts alone."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

import ctabatch
from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.errors import InputError, OptionError, OutputError

NAMES = ["lst-muons", "hv-disabled", "calibration-true"]


@pytest.fixture(scope="module")
def folder(example_files, tmp_path_factory):
    root = tmp_path_factory.mktemp("dataset") / "out"
    config = ProcessConfig.model_validate(
        {
            "source": {"focal_length": "equivalent"},
            "write": ("r0", "r1", "images", "parameters"),
        }
    )
    engine = Engine(root, config)
    for name in NAMES:
        assert engine.run(example_files[name]).status == "done"
    return root


@pytest.fixture
def dataset(folder):
    return ctabatch.Dataset(folder)


@pytest.fixture
def copy(folder, tmp_path):
    import shutil

    shutil.copytree(folder, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_dataset_knows_its_parts_tables_and_types(dataset):
    assert len(dataset.parts) == 3
    assert len(dataset.tel_types) == 3
    assert {"trigger", "shower", "run", "pointing", "telescope_trigger"} <= set(dataset.tables)


def test_every_table_is_a_lazy_query(dataset):
    for frame in (
        dataset.trigger(), dataset.telescope_trigger(), dataset.pointing(), dataset.shower(),
        dataset.run(), dataset.shower_distribution(), dataset.subarray(), dataset.parameters(),
    ):  # fmt: skip
        assert isinstance(frame, pl.LazyFrame)
        assert frame.collect().height > 0
    assert dataset.trigger().collect().height == 6
    assert dataset.shower().collect().height == 4  # calibration events have none
    for table in ("telescopes", "cameras", "pixels", "optics", "readout"):
        assert dataset.subarray(table).collect().height > 0


def test_parameters_of_all_types_are_one_table(dataset):
    frame = dataset.parameters().collect()
    assert frame.height == 6
    assert set(frame["tel_type"]) == set(dataset.tel_types)
    for tel_type in dataset.tel_types:
        one = dataset.parameters(tel_type).collect()
        assert one.equals(frame.filter(pl.col("tel_type") == tel_type))


def test_truth_is_joined_on_request(dataset):
    frame = dataset.parameters(truth=True).collect()
    assert frame.height == 6
    joined = frame.filter(pl.col("event_id") > 0)
    assert joined["true_energy"].null_count() == 0
    assert frame.filter(pl.col("event_id") < 0)["true_energy"].null_count() == 2
    energy = dict(dataset.shower().select("event_id", "true_energy").collect().iter_rows())
    muons = joined.filter(pl.col("event_id").is_in([100, 200, 300]))
    assert {e: energy[e] for e in muons["event_id"]} == dict(
        muons.select("event_id", "true_energy").iter_rows()
    )


def test_images_and_waveforms_are_the_numbers_of_the_source(dataset, example_files):
    with ctabatch.open(example_files["lst-muons"], focal_length="equivalent") as source:
        (images,) = source.batches("images")
    with ctabatch.open(example_files["lst-muons"], focal_length="equivalent") as source:
        (r0,) = source.batches("r0")
    frame = dataset.images(images.tel_type).collect()
    n_pixels = images.geometry.n_pixels
    stored = np.array(frame["image"].to_list(), np.float32).reshape(-1, n_pixels)
    np.testing.assert_array_equal(stored, images.image)
    for level, n in (("r0", 2 * 30), ("r1", 30)):
        stored = dataset.waveforms(images.tel_type, level).collect()["waveform"].to_list()
        assert np.shape(stored) == (3, n * n_pixels)
        if level == "r0":
            np.testing.assert_array_equal(np.ravel(stored), r0.waveform.ravel())


def test_a_filter_reads_the_rows_that_pass(dataset):
    frame = dataset.parameters().filter(pl.col("event_id") == 200).select("hillas_intensity")
    assert frame.collect().height == 1


def test_a_part_without_a_record_is_not_there(copy):
    before = ctabatch.Dataset(copy)
    gone = before.parts[0]
    (copy / "parts" / f"{gone}.json").unlink()
    dataset = ctabatch.Dataset(copy)
    assert gone not in dataset.parts
    assert len(dataset.parts) == 2
    assert (copy / "trigger" / f"{gone}.parquet").exists()
    assert dataset.trigger().collect().height < before.trigger().collect().height


def test_unfinished_files_are_not_read(copy):
    (copy / "trigger" / ".part.12345678.wip").write_bytes(b"half a file")
    (copy / "parts" / ".part.json.12345678.wip").write_text("{")
    assert ctabatch.Dataset(copy).trigger().collect().height == 6


def test_copying_the_files_of_two_datasets_together_merges_them(copy, example_files, tmp_path):
    import shutil

    config = ProcessConfig.model_validate({"source": {"focal_length": "equivalent"}})
    engine = Engine(tmp_path / "other", config)
    assert engine.run(example_files["lst-photons"]).status == "done"
    shutil.copytree(tmp_path / "other", copy, dirs_exist_ok=True)
    dataset = ctabatch.Dataset(copy)
    assert len(dataset.parts) == 4
    assert dataset.parameters().collect().height == 7


def test_folders_that_are_no_dataset_are_refused(tmp_path, copy):
    with pytest.raises(InputError, match="no ctabatch dataset"):
        ctabatch.Dataset(tmp_path / "absent")
    identity = copy / "ctabatch.json"
    newer = json.loads(identity.read_text()) | {"format_version": 99}
    identity.write_text(json.dumps(newer))
    with pytest.raises(InputError, match="version 99"):
        ctabatch.Dataset(copy)
    with pytest.raises((InputError, OutputError)):
        Engine(copy, ProcessConfig())
    identity.write_text("{")
    with pytest.raises(InputError, match="not readable"):
        ctabatch.Dataset(copy)


def test_wrong_names_say_what_there_is(dataset):
    with pytest.raises(OptionError, match="unknown telescope type"):
        dataset.images("LST")
    with pytest.raises(OptionError, match="unknown level"):
        dataset.waveforms(dataset.tel_types[0], "r2")
    with pytest.raises(OptionError, match="Did you mean 'telescopes'"):
        dataset.subarray("telescope")


def test_a_record_that_is_damaged_says_which(copy):
    (record, *_) = (copy / "parts").glob("*.json")
    record.write_text("{")
    with pytest.raises(InputError, match=record.name):
        ctabatch.Dataset(copy)
