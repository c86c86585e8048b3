"""The parts of the comparison of models with ctapipe's: figures of merit, and steps done once."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
LABELS = ("ours", "theirs")


@pytest.fixture
def quality(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import model_quality

    return model_quality


@pytest.fixture
def steps(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BENCHMARKS)
    from measured_steps import MeasuredSteps

    return MeasuredSteps(tmp_path)


def sample(n: int, seed: int, *, scale: float) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    columns = {"true_energy": rng.uniform(1, 3, n) * scale}
    for i, label in enumerate(LABELS, start=1):
        columns[f"{label} energy"] = rng.normal(0.05, 0.1 * i, n)
        columns[f"{label} disp"] = rng.rayleigh(0.1 * i, n)
        columns[f"{label} geometry"] = rng.rayleigh(0.1, n)
        columns[f"{label} score"] = np.round(rng.beta(5, 2 + i, n) - (scale > 1) * 0.2, 2)
    return pl.DataFrame(columns)


def test_figures_of_merit_are_those_of_pyirf_and_scikit_learn(quality):
    import astropy.units as u
    from astropy.table import QTable
    from pyirf.benchmarks import angular_resolution, energy_bias_resolution
    from sklearn.metrics import roc_auc_score

    gammas, protons = sample(2000, 1, scale=1), sample(900, 2, scale=quality.PROTON_SCALE)
    row, _ = quality.compare(gammas, protons, LABELS, np.array([1.0, 3.0]))
    true = gammas["true_energy"].to_numpy() * u.TeV
    for label in LABELS:
        table = QTable(
            {
                "true_energy": true,
                "reco_energy": true * (1 + gammas[f"{label} energy"].to_numpy()),
                "theta": gammas[f"{label} disp"].to_numpy() * u.deg,
            }
        )
        edges = [1.0, 3.0] * u.TeV
        energy = energy_bias_resolution(table, edges)
        assert row["energy resolution"][label] == pytest.approx(energy["resolution"][0], rel=1e-3)
        assert row["bias"][label] == pytest.approx(energy["bias"][0], abs=1e-12)
        angle = angular_resolution(table, edges, quantile=0.68)["angular_resolution_68"][0]
        assert row["disp resolution"][label] == pytest.approx(angle.to_value(u.deg), rel=1e-12)
        scores = np.concatenate([gammas[f"{label} score"], protons[f"{label} score"]])
        truth = np.arange(2900) < 2000
        assert row["AUC"][label] == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)


def test_events_that_one_chain_lacks_count_only_for_the_other(quality):
    gammas, protons = sample(500, 3, scale=1), sample(300, 4, scale=quality.PROTON_SCALE)
    lost = gammas.with_columns(pl.col("theirs energy").replace(gammas["theirs energy"][0], None))
    row, _ = quality.compare(lost, protons, LABELS, np.array([1.0, 3.0]))
    found = row["energy resolution"]
    assert (found["n"], found["n ours"], found["n theirs"]) == (499, 500, 499)


def test_a_worse_bin_is_seen_in_the_verdict(quality):
    rows = [{"AUC": {"ratio": r, "n": n}} for r, n in ((1.1, 600), (0.9, 700), (0.1, 499), (1, 9))]
    found = quality.verdict(rows, "AUC")
    assert found == {"bins": 2, "better": 1, "worst ratio": 0.9}


def test_separation_is_that_of_astropy(quality):
    from astropy.coordinates import angular_separation

    rng = np.random.default_rng(5)
    lat_1, lat_2 = rng.uniform(-89, 89, (2, 100))
    lon_1, lon_2 = rng.uniform(-400, 400, (2, 100))
    expected = angular_separation(*np.radians([lon_1, lat_1, lon_2, lat_2]))
    found = quality.separation(lat_1, lon_1, lat_2, lon_2)
    np.testing.assert_allclose(found, np.degrees(expected), atol=1e-9)


@pytest.mark.filterwarnings("ignore:.*FileIO:pytest.PytestUnraisableExceptionWarning")
def test_a_step_runs_again_only_if_it_or_what_it_follows_changed(steps):
    append = "import sys; open(sys.argv[1], 'a').write('x')"

    def run(first: str, second: str) -> tuple[int, int]:
        steps.run("one", [sys.executable, "-c", append, first])
        steps.run("two", [sys.executable, "-c", append, second], after=["one"])
        return tuple((steps.folder / name).stat().st_size for name in (first, second))

    assert run("a", "b") == (1, 1)
    assert run("a", "b") == (1, 1)
    assert run("c", "b") == (1, 2)
    assert steps.forget("tw") == ["two"]
    assert run("c", "b") == (1, 3)


@pytest.mark.filterwarnings("ignore:.*FileIO:pytest.PytestUnraisableExceptionWarning")
def test_a_step_that_fails_ends_the_comparison_and_is_not_done(steps):
    with pytest.raises(SystemExit, match="exit code 3"):
        steps.run("bad", [sys.executable, "-c", "raise SystemExit(3)"])
    assert steps.names() == []
