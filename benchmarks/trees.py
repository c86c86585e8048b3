"""Prediction by forests, microseconds per row: our kernels, LightGBM and scikit-learn.

Every forest is learned from the same toy rows; then the engines predict the same rows in turn, one
thread each, several times. Medians and ratios are printed, and whether the numbers are equal.

    python benchmarks/trees.py
    python benchmarks/trees.py --rows 500000 --features 33 --rounds 7 --json result.json
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

import lightgbm
import numpy as np
from sklearn import ensemble

from ctabatch.learn import tree_layouts
from ctabatch.learn.trees import Trees

LEARNED_ROWS = 50_000


def toy_rows(n: int, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows on which trees grow deep and uneven."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, n_features)).astype(np.float32)
    y = x[:, 0] + np.sin(3 * x[:, 1]) * x[:, 2] + np.sqrt(np.abs(x[:, 3]))
    y += 0.2 * (x[:, 4:] ** 2).sum(axis=1) + 0.3 * rng.normal(size=n)
    return x, y


def forests(x: np.ndarray, y: np.ndarray) -> dict[str, tuple[Trees, Callable[..., Any]]]:
    """Name -> our forest and the peer's prediction."""
    made: dict[str, tuple[Trees, Callable[..., Any]]] = {}
    for n_leaves in (31, 63, 127, 255):
        parameters = {"objective": "regression", "num_leaves": n_leaves, "num_threads": 1,
                      "verbosity": -1, "use_missing": False}  # fmt: skip
        booster = lightgbm.train(parameters, lightgbm.Dataset(x, y), 100)
        made[f"LightGBM 100 x {n_leaves} leaves"] = Trees.from_lightgbm(booster), booster.predict
    for name, estimator in {
        "extra trees 10, depth 10": ensemble.ExtraTreesRegressor(10, max_depth=10),
        "random forest 20, 5 per leaf": ensemble.RandomForestRegressor(
            20, min_samples_leaf=5, max_features=0.3
        ),
        "histogram boosting 100 x 63": ensemble.HistGradientBoostingRegressor(
            max_iter=100, max_leaf_nodes=63, early_stopping=False
        ),
    }.items():
        estimator.set_params(random_state=0).fit(x, y)
        made[f"scikit-learn {name}"] = Trees.from_sklearn(estimator), estimator.predict
    return made


def compare(forest: Trees, peer: Callable[..., Any], x: np.ndarray, rounds: int) -> dict[str, Any]:
    """Median microseconds per row of the kernels and the peer, taking turns."""
    layouts = {}
    chosen = tree_layouts.STEP_COST
    for name, cost in (("masks", 10**9), ("steps", 0)):
        tree_layouts.STEP_COST = cost
        layouts[name] = tree_layouts.tree_layout(
            forest.feature, forest.threshold, forest.left, forest.right, forest.value, forest.root
        )
    tree_layouts.STEP_COST = chosen
    out = np.empty(len(x))
    engines: dict[str, Callable[[], Any]] = {
        **{name: lambda at=at: at.kernel(x, *at.arguments, out) for name, at in layouts.items()},
        "ours": lambda: forest.predict(x),
        "peer": lambda: peer(x),
    }
    times: dict[str, list[float]] = {name: [] for name in engines}
    for index in range(rounds + 1):
        for name, engine in engines.items():
            begin = time.perf_counter()
            engine()
            if index:  # the first call compiles
                times[name].append((time.perf_counter() - begin) / len(x) * 1e6)
    result: dict[str, Any] = {name: statistics.median(values) for name, values in times.items()}
    result["ratio"] = result["peer"] / result["ours"]
    result["largest difference"] = float(np.abs(forest.predict(x) - peer(x)).max())
    return result


def main() -> None:
    """Learn, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--features", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5, help="counted runs of each engine")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    args = parser.parse_args()
    x, y = toy_rows(args.rows, args.features)
    n = min(LEARNED_ROWS, args.rows)
    results = {}
    print(f"{'us per row':42} {'masks':>7} {'steps':>7} {'ours':>7} {'peer':>7} {'ratio':>7} equal")
    for name, (forest, peer) in forests(x[:n].copy(), y[:n].copy()).items():
        row = results[name] = compare(forest, peer, x, args.rounds)
        print(
            f"{name:42} {row['masks']:7.2f} {row['steps']:7.2f} {row['ours']:7.2f}"
            f" {row['peer']:7.2f} {row['ratio']:7.1f} {row['largest difference'] == 0}"
        )
    if args.json is not None:
        args.json.write_text(json.dumps({"rows": args.rows, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
