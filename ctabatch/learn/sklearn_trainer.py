"""Forests of scikit-learn behind the same seam."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ctabatch.errors import OptionError

from .trainers import FittedModel, check_rows
from .trees import Trees

#: Class -> module.
ESTIMATORS = {
    f"{name}{kind}": module
    for name, module in {
        "DecisionTree": "sklearn.tree",
        "ExtraTrees": "sklearn.ensemble",
        "RandomForest": "sklearn.ensemble",
        "HistGradientBoosting": "sklearn.ensemble",
    }.items()
    for kind in ("Regressor", "Classifier")
}


class SklearnTrainer:
    """Trainer "sklearn:CLASS".

    Parameters
    ----------
    name : str
        One of `ESTIMATORS`.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def fit(
        self,
        x: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray | None,
        *,
        classification: bool,
        options: Mapping[str, Any],
        seed: int,
        valid: tuple[np.ndarray, np.ndarray, np.ndarray | None] | None = None,  # noqa: ARG002
        n_threads: int = 1,
    ) -> FittedModel:
        """Learn y from x; see `Trainer.fit`. Rows to stop on are not used."""
        if classification != self.name.endswith("Classifier"):
            needed = "Classifier" if classification else "Regressor"
            raise OptionError(f"trainer sklearn:{self.name}: this task needs a {needed}")
        check_rows(x, y, weight, classification=classification)
        made = getattr(importlib.import_module(ESTIMATORS[self.name]), self.name)()
        known = made.get_params()
        for option in options:
            if option not in known:
                raise OptionError.unknown_name(f"option of {self.name}", option, known)
        fixed = {"random_state": seed, "n_jobs": n_threads}
        made.set_params(**options, **{name: v for name, v in fixed.items() if name in known})
        target = y.astype(np.int8) if classification else y
        try:
            made.fit(np.asarray(x), target, sample_weight=weight)
        except (TypeError, ValueError) as error:
            raise OptionError(f"sklearn:{self.name}: {error}") from error
        trees = Trees.from_sklearn(made)
        importance = getattr(made, "feature_importances_", None)
        if importance is None:
            importance = np.zeros(x.shape[1])
            for (predictor,) in made._predictors:
                split = predictor.nodes[predictor.nodes["is_leaf"] == 0]
                np.add.at(importance, split["feature_idx"], split["gain"])
            importance /= importance.sum() or 1.0
        info = {
            "library": "scikit-learn",
            "version": importlib.import_module("sklearn").__version__,
            "settings": {name: value for name, value in made.get_params().items()
                         if isinstance(value, (str, int, float, bool, type(None)))},
        }  # fmt: skip
        n_rounds = getattr(made, "n_iter_", trees.n_trees)
        return FittedModel(trees, int(n_rounds), np.asarray(importance, np.float64), info)
