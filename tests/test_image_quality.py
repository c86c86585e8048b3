"""Images that fail a criterion keep their image and lose their parameters; all are counted."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from ctabatch.config import ProcessConfig, StereoConfig
from ctabatch.engine import Engine
from ctabatch.errors import OptionError
from ctabatch.image_quality import ImageQuality
from ctabatch.stereo import recompute

CRITERIA = {"bright": "hillas_intensity > 80", "wide": "hillas_width > 0.05"}


@pytest.fixture(scope="module")
def datasets(example_files, tmp_path_factory):
    """A dataset with all parameters, and one with criteria."""
    root = tmp_path_factory.mktemp("quality")
    for name, quality in (("all", {}), ("some", CRITERIA)):
        config = ProcessConfig.model_validate({"parameters": {"quality": quality}})
        assert Engine(root / name, config).run(example_files["sst1m"]).status == "done"
    return root


def rows(root, table):
    return pl.read_parquet(root / table / "**/*.parquet", hive_partitioning=False)


def test_only_images_that_meet_all_criteria_have_parameters(datasets):
    whole, some = (rows(datasets / name, "dl1/parameters") for name in ("all", "some"))
    meets = (whole["hillas_intensity"] > 80) & (whole["hillas_width"] > 0.05)
    meets &= whole["hillas_width"].is_not_nan() & whole["hillas_intensity"].is_not_nan()
    assert 5 < meets.sum() < whole.height - 5
    assert some.filter(meets).equals(whole.filter(meets), null_equal=True)
    dropped = some.filter(~meets)
    for name, dtype in dropped.schema.items():
        column = dropped[name]
        if name in ("obs_id", "event_id", "tel_id") or name.startswith("true_"):
            assert column.equals(whole.filter(~meets)[name], null_equal=True)
        elif dtype.is_float():
            assert column.is_nan().all(), name
        else:
            assert (column == -1).all(), name
    images = [rows(datasets / name, "dl1/images") for name in ("all", "some")]
    assert images[0].equals(images[1], null_equal=True)


def test_the_cut_flow_counts_what_is_left_after_each_criterion(datasets):
    whole = rows(datasets / "all", "dl1/parameters")
    bright = whole.filter(
        (pl.col("hillas_intensity") > 80) & pl.col("hillas_intensity").is_not_nan()
    )
    wide = bright.filter((pl.col("hillas_width") > 0.05) & pl.col("hillas_width").is_not_nan())
    flow = rows(datasets / "some", "cut_flow")
    own = flow.filter(pl.col("query") == "parameters").sort("step")
    assert own["n_images"].to_list() == [whole.height, bright.height, wide.height]
    assert own["criterion"].to_list() == ["", *CRITERIA]
    assert own["expression"].to_list() == ["", *CRITERIA.values()]
    stereo = flow.filter(pl.col("query") == "stereo").sort("step")
    assert stereo["n_images"][0] == whole.height
    (record,) = (datasets / "some" / "parts").glob("*.json")
    counts = json.loads(record.read_text())["quality_cut_flow"]
    assert stereo["n_images"].to_list() == list(counts.values())


def test_stereo_replaces_its_own_cut_flow_alone(datasets):
    before = rows(datasets / "some", "cut_flow").filter(pl.col("query") == "parameters")
    sql = "hillas_intensity > 200"
    recompute(datasets / "some", StereoConfig(quality={sql: sql}))
    flow = rows(datasets / "some", "cut_flow")
    assert flow.filter(pl.col("query") == "parameters").equals(before)
    stereo = flow.filter(pl.col("query") == "stereo").sort("step")
    assert stereo["expression"].to_list() == ["", sql]
    parameters = rows(datasets / "some", "dl1/parameters")["hillas_intensity"].to_numpy()
    assert stereo["n_images"].to_list() == [len(parameters), int(np.sum(parameters > 200))]


@pytest.mark.parametrize("sql", ["hillas_intensty > 5", "hillas_width >", "SUM(hillas_width) > 1"])
def test_a_bad_criterion_is_refused_before_any_work(sql):
    with pytest.raises(OptionError, match="name"):
        ImageQuality({"name": sql})
