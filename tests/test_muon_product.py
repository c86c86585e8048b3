"""`process --write muons` writes what the muon stage makes of images, whatever they come from."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.io.stored_parts import stored_inputs


def muons(root):
    return pl.read_parquet(root / "dl1/muon/**/*.parquet", hive_partitioning=False)


def test_rings_of_the_example_have_radius_and_efficiency(example_files, tmp_path):
    path, source = example_files["lst-muons"], {"focal_length": "equivalent"}
    config = ProcessConfig.model_validate({"write": ("images", "muons"), "source": source})
    assert Engine(tmp_path / "all", config).run(path).status == "done"
    rings = muons(tmp_path / "all")
    assert rings.height == 3
    # the Cherenkov angle of muons in air at 2 km height is at most 1.25 deg
    assert rings["muonring_radius"].is_between(1.0, 1.3).all()
    assert rings["muonefficiency_optical_efficiency"].is_between(0.1, 0.4).all()
    assert not list((tmp_path / "all").glob("dl1/parameters/**/*.parquet"))
    (file,) = (tmp_path / "all").glob("dl1/images/*/*.parquet")
    images = pq.read_table(file, partitioning=None)
    charges = np.array(images["image"].combine_chunks().to_numpy_ndarray())
    masks = np.array(images["image_mask"].to_pylist())
    charge = np.where(masks, charges, 0).sum(axis=1, dtype=np.float64)
    # a criterion by telescope type leaves out the fainter ones
    some = {"muons": {"min_intensity": {"LST*": float(np.median(charge))}}}
    config = ProcessConfig.model_validate({"write": ("muons",), "source": source, **some})
    assert Engine(tmp_path / "some", config).run(path).status == "done"
    found = muons(tmp_path / "some")["muonring_radius"].is_not_nan().to_list()
    assert found == (charge > np.median(charge)).tolist()
    assert sum(found) == 1


def test_stored_images_give_the_same_rings(example_files, tmp_path):
    source = {"focal_length": "equivalent"}
    config = ProcessConfig.model_validate({"write": ("images", "muons"), "source": source})
    assert Engine(tmp_path / "one", config).run(example_files["lst-muons"]).status == "done"
    again = ProcessConfig.model_validate({"write": ("muons",), "source": source})
    (stored,) = stored_inputs(tmp_path / "one")
    result = Engine(tmp_path / "two", again).run(stored)
    assert result.status == "done", result.error
    first, second = (muons(tmp_path / name) for name in ("one", "two"))
    assert first.columns == second.columns
    for name in first.columns:
        np.testing.assert_array_equal(first[name].to_numpy(), second[name].to_numpy())
