"""`ctabatch demo` runs the whole chain without input and draws pictures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
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
    sizes += ["--events", "200000", "--exposure", "2"]
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
    names = ["direction", "energy", "event", "gallery", "parameters", "roc", "spectrum"]
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
    test = Dataset(demo["folder"] / "test" / "gammas")
    assert test.prefixes == ["LightGBM", "PlainMean"]


def test_demo_makes_responses_of_its_own_events(demo: dict[str, Any]) -> None:
    table = pl.read_parquet(demo["folder"] / "irf" / "irf.parquet")
    assert {"aeff", "edisp", "psf", "background", "sensitivity"} <= set(table["quantity"])
    flow = demo["responses"]["cut_flow"]
    assert flow["gamma"]["all"] > flow["gamma"]["theta cut"] > 0
    assert flow["background"]["all"] > flow["background"]["gammaness cut"]


def test_demo_recovers_the_spectrum_of_the_crab_nebula(demo: dict[str, Any]) -> None:
    """Within three standard errors: one seed, not a search for one that fits better."""
    crab = demo["crab"]
    assert crab["true_amplitude"] == 2.83e-11
    for name in ("amplitude", "index"):
        error = crab[f"{name}_error"]
        assert 0 < error < 0.1 * crab[name]
        assert abs(crab[name] - crab[f"true_{name}"]) < 3 * error
    assert crab["observations"] == 2
    assert crab["n_on"] > 10 * crab["alpha"] * crab["n_off"]


def test_event_lists_of_the_demo_have_no_finding(demo: dict[str, Any]) -> None:
    done = ctabatch("dl3", "check", str(demo["folder"] / "crab" / "dl3"), cwd=demo["folder"])
    assert done.returncode == 0, done.stdout


def test_page_of_the_demo_shows_every_figure_and_links_to_what_is_there(
    demo: dict[str, Any],
) -> None:
    text = (demo["folder"] / "index.html").read_text(encoding="utf-8")
    targets = set(re.findall(r'(?:src|href)="([^"]+)"', text))
    assert {str(demo["folder"] / target) for target in targets} >= {
        str((demo["folder"].parent / path).absolute()) for path in demo["figures"]
    }
    for target in targets:
        assert not target.startswith(("/", "http")), target
        assert (demo["folder"] / target).exists(), target
    assert "<script" not in text
    assert f"{1e11 * demo['crab']['amplitude']:.2f}" in text
    assert "not those of the sections above" in text


def test_page_of_the_demo_is_well_formed(demo: dict[str, Any]) -> None:
    """As XML, but for the two elements of HTML that have no end."""
    text = (demo["folder"] / "index.html").read_text(encoding="utf-8")
    text = re.sub(r"<(meta|img)([^>]*)>", r"<\1\2/>", text.partition("\n")[2])
    root = ET.fromstring(text)
    assert [element.text for element in root.iter("title")] == ["ctabatch demo"]


def test_without_gammapy_the_demo_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ctabatch.demo import DemoOptions
    from ctabatch.demo.crab import observe_crab
    from ctabatch.demo.page import _crab

    monkeypatch.setitem(sys.modules, "gammapy", None)
    monkeypatch.delitem(sys.modules, "ctabatch.demo.crab_spectrum", raising=False)
    for name in [name for name in sys.modules if name.startswith("gammapy.")]:
        monkeypatch.delitem(sys.modules, name)
    options = DemoOptions(events=20_000, exposure=0.5)
    found = observe_crab(tmp_path, options, lambda *_: None)
    assert "pip install 'ctabatch[gammapy]'" in found["crab"]["needs"]
    assert found["crab"]["events"] > 0
    page = "".join(_crab(tmp_path, options, found["crab"], found["figures"]))
    assert "pip install" in page
    assert "spectrum.png" not in page


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


def test_products_of_the_demo_lead_back_to_what_they_were_made_of(demo: dict[str, Any]) -> None:
    """Event lists to responses, predictions to models and to the datasets these learnt from."""

    def chain(path: Path) -> dict[str, Any]:
        done = ctabatch("info", "--provenance", str(path), "--json", cwd=demo["folder"])
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)["provenance"]
        return found

    lists = sorted((demo["folder"] / "crab" / "dl3" / "data").glob("*.fits"))
    made = chain(lists[0])
    assert made["activity"]["name"] == "ctabatch dl3"
    (responses,) = (one for one in made["inputs"] if one["kind"] == "responses")
    assert responses["activity"]["name"] == "ctabatch irf"
    assert all(one["found"] for one in responses["inputs"])
    predictions = (demo["folder"] / "test" / "gammas" / "dl2" / "subarray").rglob("*.parquet")
    made = chain(next(predictions))
    assert made["activity"]["name"] == "ctabatch apply"
    (models,) = (one for one in made["inputs"] if one["kind"] == "models")
    assert models["activity"]["name"] == "ctabatch train"
    assert {one["role"] for one in models["inputs"]} == {"gammas", "protons"}
    assert all(one["found"] for one in models["inputs"])
