"""Time to fit: our boosted trees against forests of scikit-learn of equal quality.

The energy model of one telescope type: the same rows, features and weights, one process, one
thread. Both kinds are fitted once per fold and judged on the events that they have not seen, by
half the width of the central 68 % of E/E_true - 1. The forests grow step by step until they come
within a few percent of ours; sums of the times of all folds are compared.

    python benchmarks/forest.py WORK/datasets/train_gamma          about ten minutes
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

from ctabatch.io.part_tables import part_tables
from ctabatch.io.spool import SpoolFolder
from ctabatch.learn.cross_fitting import CrossFitting
from ctabatch.learn.options import TrainConfig
from ctabatch.learn.rows import RowReader
from ctabatch.learn.samples import Sample, build_sample
from ctabatch.learn.trainers import trainer

#: Number of trees, rows per leaf, share of the features tried at a split: from cheap to dear.
STEPS: dict[str, tuple[tuple[int, int, float], ...]] = {
    "random forest": ((10, 10, 1.0), (50, 10, 1.0), (50, 5, 1.0), (50, 3, 1.0), (50, 1, 1.0),
                      (100, 1, 1.0), (200, 1, 1.0)),
    "extra trees": ((10, 10, 1.0), (20, 3, 1.0), (20, 1, 1.0), (50, 2, 1.0), (50, 1, 1.0),
                    (100, 1, 1.0), (200, 1, 1.0)),
}  # fmt: skip
CLASSES = {"random forest": RandomForestRegressor, "extra trees": ExtraTreesRegressor}


def energy_rows(dataset: Path, config: TrainConfig, spools: SpoolFolder) -> tuple[str, Sample]:
    """Telescope type with most rows, and what `ctabatch train` learns its energy model from."""
    parts = part_tables(dataset)
    reader = RowReader(parts, config)
    rows, _ = reader.read(parts, ("energy",), spools)
    largest = max(rows, key=lambda name: len(rows[name].features))
    columns = reader.tasks["energy"]
    return largest, build_sample(config, columns, [rows[largest]], [], spools)


def resolution(predicted: np.ndarray, logarithm: np.ndarray) -> float:
    """Half the width of the central 68.27 % of E/E_true - 1."""
    low, high = np.quantile(np.exp(predicted - logarithm) - 1, [0.15865, 0.84135])
    return float(high - low) / 2


def fit_forest(make: Callable[[], Any], sample: Sample, y: np.ndarray) -> tuple[float, np.ndarray]:
    """CPU seconds of the fits of all folds, and the prediction of each row."""
    predicted, seconds = np.empty(len(y)), 0.0
    for k in np.unique(sample.fold):
        own = sample.fold == k
        x, target, weight = sample.x[~own], y[~own], sample.weight[~own]
        begin = time.process_time()
        forest = make().fit(x, target, sample_weight=weight)
        seconds += time.process_time() - begin
        predicted[own] = forest.predict(sample.x[own])
    return seconds, predicted


def fit_ours(config: TrainConfig, sample: Sample, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The same for our default, sorting into bins and copying out the trees included."""
    begin = time.process_time()
    steps = CrossFitting(
        trainer("lightgbm"), np.array(sample.x), y, sample.weight, sample.fold,
        config.n_cross_validation, classification=False, options=config.energy.options,
        seed=config.seed,
    )  # fmt: skip
    models = [steps.fit(k) for k in range(config.n_cross_validation)]
    return time.process_time() - begin, steps.predict(models)


def main() -> None:
    """Fit ours, then forests until they are as good."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dataset", type=Path, help="gammas processed by ctabatch")
    parser.add_argument("--within", type=float, default=0.03, help="equal means within this share")
    parser.add_argument("--rounds", type=int, default=3, help="fits of ours; the median counts")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    args = parser.parse_args()
    config = TrainConfig(tasks=("energy",))
    with SpoolFolder(Path.cwd()) as spools:
        name, sample = energy_rows(args.dataset, config, spools)
        y = np.log(sample.target)
        print(f"{name}: {len(y)} rows, {sample.x.shape[1]} features")
        fits = [fit_ours(config, sample, y) for _ in range(args.rounds + 1)][1:]
        ours = statistics.median(seconds for seconds, _ in fits)
        wanted = resolution(fits[0][1], y)
        print(f"{'ctabatch':40} {ours:8.2f} s  resolution {wanted:.4f}")
        table = [{"model": "ctabatch", "CPU s": ours, "resolution": wanted}]
        for family, steps in STEPS.items():
            for n_trees, leaf, share in steps:
                make = lambda c=CLASSES[family], n=n_trees, m=leaf, s=share: c(  # noqa: E731
                    n, min_samples_leaf=m, max_features=s, n_jobs=1, random_state=0
                )
                seconds, predicted = fit_forest(make, sample, y)
                found = resolution(predicted, y)
                title = f"{family}, {n_trees} trees, {leaf} rows per leaf"
                print(
                    f"{title:40} {seconds:8.2f} s  resolution {found:.4f}"
                    f"  ratio of times {seconds / ours:6.1f}, of resolutions {found / wanted:.3f}",
                    flush=True,
                )
                table.append({"model": title, "CPU s": seconds, "resolution": found})
                if found <= (1 + args.within) * wanted:
                    break
    if args.json is not None:
        args.json.write_text(json.dumps({"rows": len(y), "fits": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
