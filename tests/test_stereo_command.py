"""Geometry of showers in a dataset: written by process, made again by stereo."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

import ctabatch
from ctabatch.config import ProcessConfig, StereoConfig
from ctabatch.engine import Engine
from ctabatch.errors import InputError, OptionError, OutputError
from ctabatch.io import parquet
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.datasets import simulate_images
from ctabatch.simulate.options import SimulationOptions
from ctabatch.stereo import recompute


@pytest.fixture(scope="module")
def processed(tmp_path_factory, example_files):
    """A dataset of two files with several telescope types."""
    root = tmp_path_factory.mktemp("processed") / "dl1"
    engine = Engine(root, ProcessConfig())
    for name in ("sst1m", "gamma-test"):
        assert engine.run(example_files[name]).status == "done"
    return root


@pytest.fixture
def dataset(processed, tmp_path):
    return shutil.copytree(processed, tmp_path / "dl1")


def geometry(root):
    return ctabatch.Dataset(root).geometry().collect().sort("obs_id", "event_id")


def test_process_writes_one_geometry_per_array_event_and_one_distance_per_image(processed):
    data = ctabatch.Dataset(processed)
    events = data.trigger().select("obs_id", "event_id").collect()
    assert (
        geometry(processed).select("obs_id", "event_id").equals(events.sort("obs_id", "event_id"))
    )
    assert 10 < geometry(processed)["HillasReconstructor_is_valid"].sum() < len(events)
    for tel_type in data.tel_types:
        keys = ("obs_id", "event_id", "tel_id")
        images = data.parameters(tel_type).select(keys).collect()
        assert data.impact(tel_type).select(keys).collect().equals(images)


def test_reconstructed_gammas_come_from_where_they_were_simulated(processed):
    joined = geometry(processed).join(
        ctabatch.Dataset(processed).shower().collect(), on=["obs_id", "event_id"]
    )
    valid = joined.filter("HillasReconstructor_is_valid")
    miss = np.hypot(
        valid["HillasReconstructor_alt"] - valid["true_alt"],
        ((valid["HillasReconstructor_az"] - valid["true_az"] + 180) % 360 - 180)
        * np.cos(np.radians(valid["true_alt"])),
    )
    assert np.median(miss) < 0.3


def test_stereo_gives_again_what_process_wrote(dataset):
    before = geometry(dataset)
    recompute(dataset, StereoConfig())
    after = geometry(dataset)
    for name in before.columns:
        if before[name].dtype == pl.Float64:
            # the array pointing is stored in deg as float32
            np.testing.assert_allclose(after[name], before[name], rtol=1e-6, atol=1e-4)
        else:
            assert before[name].equals(after[name])


def test_stereo_reads_no_images(dataset):
    shutil.rmtree(dataset / "dl1" / "images")
    assert recompute(dataset, StereoConfig())


def test_a_stricter_quality_query_uses_fewer_images_and_says_how_many(dataset):
    strict = StereoConfig(quality={"bright": "hillas_intensity > 300"})
    for facts in recompute(dataset, strict).values():
        flow = facts["quality_cut_flow"]
        assert flow["bright"] < flow["all"]
    used = geometry(dataset).select(pl.col("HillasReconstructor_telescopes").list.len().sum())
    bright = ctabatch.Dataset(dataset).parameters().filter(pl.col("hillas_intensity") > 300)
    assert 0 < used.item() <= bright.collect().height
    record = next(DatasetFolder(dataset).records())
    assert record["config"]["stereo"]["quality"] == strict.quality


def test_two_reconstructors_stand_side_by_side(dataset):
    both = StereoConfig(reconstructors=("HillasReconstructor", "HillasIntersection"))
    recompute(dataset, both)
    table = geometry(dataset).filter("HillasReconstructor_is_valid")
    assert table["HillasIntersection_is_valid"].sum() > 0.9 * len(table)
    away = (table["HillasIntersection_alt"] - table["HillasReconstructor_alt"]).abs().median()
    assert 0 < away < 0.5
    assert "HillasIntersection_tel_impact_distance" in (
        ctabatch.Dataset(dataset).impact().collect_schema().names()
    )


@pytest.mark.parametrize(
    ("quality", "message"),
    [
        ("hilas_intensity > 50", "Did you mean .*'hillas_intensity'"),
        ("hillas_intensity >> 50", "not valid SQL"),
        ("sum(hillas_intensity) > 5", "mixes rows"),
    ],
)
def test_a_wrong_criterion_is_refused_before_any_work(dataset, quality, message):
    with pytest.raises(OptionError, match=message):
        recompute(dataset, StereoConfig(quality={"cut": quality}))


def test_a_full_disk_leaves_the_earlier_geometry(dataset, monkeypatch):
    before = geometry(dataset)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parquet.pq.ParquetWriter, "write_table", full)
    with pytest.raises(OutputError, match="disk is full"):
        recompute(dataset, StereoConfig())
    monkeypatch.undo()
    assert geometry(dataset).equals(before, null_equal=True)
    assert not list(dataset.rglob("*.wip"))


def test_a_dataset_without_image_parameters_says_what_to_do(tmp_path, example_files):
    Engine(tmp_path / "r", ProcessConfig(write=("r0",), source={"max_events": 2})).run(
        example_files["sst1m"]
    )
    with pytest.raises(InputError, match=r"no image parameters.*--write parameters"):
        recompute(tmp_path / "r", StereoConfig())


def test_a_damaged_file_of_parameters_is_named(dataset):
    path = next((dataset / "dl1" / "parameters").rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=path.name):
        recompute(dataset, StereoConfig())


def test_files_without_geometry_columns_stay_small(tmp_path, example_files):
    Engine(tmp_path / "d", ProcessConfig(write=("images",))).run(example_files["sst1m"])
    assert not (tmp_path / "d" / "dl2").exists()


def test_simulated_images_come_with_their_geometry(tmp_path):
    options = SimulationOptions(
        n_showers=40,
        energy_range=(1.0, 10.0),
        max_core_distance=150.0,
        array=load_array("lst4"),
        seed=3,
    )
    simulate_images(options, tmp_path / "sim")
    valid = geometry(tmp_path / "sim").filter("HillasReconstructor_is_valid")
    assert len(valid) > 5


def test_the_command_says_what_was_used(cli, dataset):
    code, out, _ = cli("stereo", dataset, "--quality", "hillas_intensity > 100")
    assert code == 0
    assert "hillas_intensity > 100" in out
    assert "HillasReconstructor:" in out
    code, out, _ = cli("stereo", dataset, "--json")
    assert code == 0
    assert set(json.loads(out)["parts"]) == set(ctabatch.Dataset(dataset).parts)


def test_the_command_refuses_an_unknown_reconstructor(cli, dataset):
    code, _, err = cli("stereo", dataset, "--reconstructors", "Hillas")
    assert code == 2
    assert "stereo.reconstructors" in err


def test_options_of_process_come_from_a_file(cli, tmp_path, example_files):
    (tmp_path / "p.yaml").write_text("stereo:\n  quality:\n    bright: hillas_intensity > 200\n")
    code, _, _ = cli(
        "process", example_files["sst1m"], "-o", "out", "--config", "p.yaml", "--max-events", 5
    )
    assert code == 0
    record = next(DatasetFolder(tmp_path / "out").records())
    assert record["config"]["stereo"]["quality"] == {"bright": "hillas_intensity > 200"}
    assert record["config"]["source"]["max_events"] == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stereo:\n  qualty: {}\n", "'qualty'.*Did you mean 'quality'"),
        ("sterio: {}\n", "Did you mean 'stereo'"),
        ("stereo: [1\n", "not readable as YAML"),
        ("- a\n", "no mapping"),
        ("extraction:\n  window_width: wide\n", "extraction.window_width"),
    ],
)
def test_a_wrong_configuration_file_is_explained(cli, tmp_path, example_files, text, message):
    (tmp_path / "p.yaml").write_text(text)
    code, _, err = cli("process", example_files["sst1m"], "-o", "out", "--config", "p.yaml")
    assert code == 2
    assert re.search(message, " ".join(err.split()))


def test_the_geometry_table_has_units(processed):
    path = next((processed / "dl2" / "geometry").glob("*.parquet"))
    schema = pq.read_schema(path)
    assert schema.field("HillasReconstructor_alt").metadata[b"unit"] == b"deg"
    assert schema.field("HillasReconstructor_core_x").metadata[b"unit"] == b"m"


def test_calibration_events_have_a_row_that_is_not_valid(tmp_path, example_files):
    Engine(tmp_path / "c", ProcessConfig()).run(example_files["calibration"])
    data = ctabatch.Dataset(tmp_path / "c")
    joined = data.geometry().join(data.trigger(), on=["obs_id", "event_id"]).collect()
    assert len(joined) == data.trigger().collect().height
    calibration = joined.filter(pl.col("event_type") != 32)
    assert len(calibration) > 0
    assert not calibration["HillasReconstructor_is_valid"].any()
