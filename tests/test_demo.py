"""`ctabatch demo` runs the whole chain without input and draws pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from matplotlib.image import imread

from ctabatch.dataset import Dataset


def ctabatch(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ctabatch", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A small demonstration, and its folder under the key "folder"."""
    folder = tmp_path_factory.mktemp("demo")
    sizes = ["--gammas", "40", "--protons", "60", "--muons", "4", "--training", "600"]
    done = ctabatch("demo", "-o", "out", "--json", *sizes, cwd=folder)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "folder": folder / "out"}


def test_demo_processes_every_simulated_event(demo: dict[str, Any]) -> None:
    counts = {row["primary"]: row for row in demo["counts"]}
    assert set(counts) == {"gamma", "proton", "muon"}
    assert counts["gamma"]["simulated"] == 40
    assert counts["gamma"]["parametrised"] > 5
    parts = Dataset(demo["dataset"] if Path(demo["dataset"]).is_absolute()
                    else demo["folder"] / "dl1")._folder.records()  # fmt: skip
    assert all(record["n_losses"] == 0 for record in parts)


def test_demo_draws_pictures_that_are_not_blank(demo: dict[str, Any]) -> None:
    pictures = sorted((demo["folder"] / "figures").glob("*.png"))
    names = ["direction", "energy", "event", "gallery", "parameters", "roc"]
    assert [path.stem for path in pictures] == names
    for path in pictures:
        pixels = imread(path)
        assert min(pixels.shape[:2]) >= 500
        assert pixels[..., :3].std() > 0.05


def test_showers_of_the_demo_point_to_where_they_were_put(demo: dict[str, Any]) -> None:
    dataset = Dataset(demo["folder"] / "dl1")
    gammas = dataset.shower().filter(pl.col("true_shower_primary_id") == 0).collect()
    assert gammas["true_az"].n_unique() == 1
    assert gammas["true_alt"][0] == pytest.approx(70, abs=0.1)


def test_models_of_the_demo_tell_gammas_from_protons(demo: dict[str, Any]) -> None:
    numbers = demo["performance"]
    assert 0.85 < numbers["auc"] <= 1
    assert 0.05 < numbers["energy_resolution"] < 0.5
    assert 0.02 < numbers["angular_resolution_deg"] < 0.3
    test = Dataset(demo["folder"] / "test")
    assert test.prefixes == ["LightGBM", "PlainMean"]


def test_demo_refuses_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    done = ctabatch("demo", "-o", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert "mine.txt" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_simulate_writes_the_same_bytes_for_the_same_seed(tmp_path: Path) -> None:
    words = ["--showers", "30", "--array", "lst4", "--max-core-distance", "100"]
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        done = ctabatch("simulate", f"{name}.simtel", *words, "--seed", seed, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    a, b, c = ((tmp_path / f"{name}.simtel").read_bytes() for name in "abc")
    assert a == b
    assert a != c


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--primary", "gama"], "gamma"),
        (["--energy-range", "5,1"], "must rise"),
        (["--energy-range", "5"], "two numbers"),
        (["--showers", "0"], "showers"),
        (["--array", "lst5"], "lst4"),
        (["--zenith", "89"], "zenith"),
    ],
)
def test_simulate_refuses_impossible_options_before_any_work(
    tmp_path: Path, words: list[str], said: str
) -> None:
    done = ctabatch("simulate", "x.simtel.zst", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_simulate_keeps_an_existing_file(tmp_path: Path) -> None:
    (tmp_path / "x.simtel").write_bytes(b"mine")
    done = ctabatch("simulate", "x.simtel", "--showers", "2", cwd=tmp_path)
    assert done.returncode == 2
    assert (tmp_path / "x.simtel").read_bytes() == b"mine"
