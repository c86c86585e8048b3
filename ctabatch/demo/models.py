"""Models are trained on simulated images, applied to others, and judged by the truth."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ctabatch.dataset import Dataset
from ctabatch.io.model_files import write_models
from ctabatch.io.parquet import writing
from ctabatch.io.part_tables import part_tables
from ctabatch.io.spool import SpoolFolder
from ctabatch.learn.apply import ApplyOptions, apply_models
from ctabatch.learn.metrics import (
    angular_metrics,
    angular_separation,
    auc,
    energy_metrics,
    roc_curve,
)
from ctabatch.learn.model_set import ModelSet
from ctabatch.learn.options import TrainConfig
from ctabatch.learn.provenance import written_with
from ctabatch.learn.train import train
from ctabatch.plot import performance
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.datasets import simulate_images
from ctabatch.simulate.options import SimulationOptions

if TYPE_CHECKING:
    from . import DemoOptions, Progress

#: Name of the predictions that are used further on.
PREFIX = "LightGBM"
#: Name of the predictions -> how directions of telescopes are combined.
_DIRECTIONS = {PREFIX: "disp-signs", "PlainMean": "mean"}


def train_and_test(folder: Path, options: DemoOptions, progress: Progress) -> dict[str, Any]:
    """Simulate images, train models, apply them to images they have not seen, and judge them.

    Returns
    -------
    dict
        ``models``, ``figures`` and ``performance`` (energy resolution, angular resolution and
        area under the ROC curve of the test events).
    """
    gammas, protons, *tests = (
        _simulate(folder / where, primary, n, options, k, progress)
        for k, (where, primary, n) in enumerate(
            [
                ("training/gammas", "gamma", options.training),
                ("training/protons", "proton", 2 * options.training),
                ("test/gammas", "gamma", options.training),
                ("test/protons", "proton", 2 * options.training),
            ]
        )
    )
    models = folder / "models"
    with SpoolFolder(folder / "training") as spools:
        config = TrainConfig(n_cross_validation=2)
        trained = train(
            part_tables(gammas), part_tables(protons), config, spools, progress=progress
        )
    write_models(
        models, trained.card, trained.trees, trained.tables, overwrite=True, **written_with(trained)
    )
    model_set = ModelSet.read(models)
    parts = [part for test in tests for part in part_tables(test)]
    for index, part in enumerate(parts):
        progress("apply models", index, len(parts))
        for prefix, direction in _DIRECTIONS.items():
            apply_models(part, model_set, ApplyOptions(prefix, direction=direction))  # type: ignore[arg-type]
    progress("apply models", len(parts), len(parts))
    figures, numbers = _judge([Dataset(test) for test in tests], folder / "figures")
    return {"models": str(models), "figures": figures, "performance": numbers}


def _simulate(
    root: Path, primary: str, n: int, options: DemoOptions, number: int, progress: Progress
) -> Path:
    """A dataset of images."""
    what = f"simulate {primary} images, {number + 1} of 4"
    fresh_folder(root)
    simulate_images(
        SimulationOptions(
            primary=primary,
            n_showers=n,
            index=-1.7,
            energy_range=(0.05, 30.0) if primary == "gamma" else (0.1, 60.0),
            viewcone=2.5,
            max_core_distance=350.0,
            array=load_array(options.array),
            seed=options.seed + 100 + number,
            obs_id=101 + number,
        ),
        root,
        lambda done, _: progress(what, done, n),
    )
    return root


def fresh_folder(folder: Path) -> Path:
    """The folder, without what an earlier demonstration left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _judge(datasets: Sequence[Dataset], folder: Path) -> tuple[list[str], dict[str, float]]:
    """Figures and numbers of the test events."""
    tables = {
        prefix: pl.concat(own.predictions(prefix, truth=True).collect() for own in datasets)
        for prefix in _DIRECTIONS
    }
    is_gamma = pl.col("true_shower_primary_id") == 0
    angular, theta = {}, {}
    for prefix, label in (("LightGBM", "signs resolved"), ("PlainMean", "plain mean")):
        own = tables[prefix].filter(is_gamma, pl.col(f"{prefix}_direction_is_valid"))
        theta[prefix] = angular_separation(
            *(own[name].to_numpy() for name in (f"{prefix}_alt", f"{prefix}_az")),
            *(own[name].to_numpy() for name in ("true_alt", "true_az")),
        )
        angular[label] = angular_metrics(own["true_energy"].to_numpy(), theta[prefix])
    own = tables["LightGBM"].filter(is_gamma, pl.col("LightGBM_energy_is_valid"))
    energies = [own[name].to_numpy() for name in ("true_energy", "LightGBM_energy")]
    resolution = energy_metrics(*energies)
    judged = tables["LightGBM"].filter("LightGBM_prediction_is_valid")
    score = judged["LightGBM_prediction"].to_numpy()
    signal = judged.select(is_gamma).to_series().to_numpy()
    area = auc(score, signal)
    drawn = {
        "direction.png": performance.angular_resolution(angular),
        "energy.png": performance.energy_resolution({"all events": resolution}),
        "roc.png": performance.roc_curves(
            {"all events": roc_curve(score, signal)}, {"all events": area}
        ),
    }
    paths = []
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in drawn.items():
            figure.savefig(folder / name)
            paths.append(str(folder / name))
    ratio = energies[1] / energies[0] - 1
    low, high = np.quantile(ratio, [0.15865, 0.84135])
    numbers = {
        "energy_resolution": round(float(high - low) / 2, 3),
        "angular_resolution_deg": round(float(np.quantile(theta["LightGBM"], 0.68)), 3),
        "auc": round(float(area), 3),
    }
    return paths, numbers
