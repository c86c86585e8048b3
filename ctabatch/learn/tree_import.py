"""Fitted models of LightGBM and scikit-learn as the arrays of `Trees`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ctabatch.errors import InputError

#: Smaller values are zero for LightGBM (``kZeroThreshold``, a float32).
TINY = float(np.float32(1e-35))
#: Objectives of LightGBM whose raw score is the prediction.
IDENTITY = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
#: Objectives whose raw score is a logit.
LOGISTIC = ("binary", "cross_entropy")
#: Classes of scikit-learn that average over trees, and those that sum.
AVERAGES = tuple(
    f"{name}{kind}"
    for name in ("DecisionTree", "ExtraTree", "ExtraTrees", "RandomForest")
    for kind in ("Regressor", "Classifier")
)
SUMS = ("HistGradientBoostingRegressor", "HistGradientBoostingClassifier")


def lightgbm_trees(booster: Any) -> dict[str, Any]:
    """Arrays of a `lightgbm.Booster`, up to its best iteration.

    Their sums equal ``booster.predict(x, raw_score=True)`` to the last bit.

    Raises
    ------
    InputError
        The model does what `Trees` cannot: several classes, categories, linear leaves, values
        for missing features, or an objective with another link.
    """
    header, *blocks = booster.model_to_string(importance_type="split").split("\nTree=")
    facts = dict(line.partition("=")[::2] for line in header.splitlines())
    objective, *settings = facts.get("objective", "").split() or [""]
    if facts["num_tree_per_iteration"] != "1":
        raise InputError("LightGBM: a model of several classes is not supported")
    if objective not in IDENTITY + LOGISTIC or "sqrt" in settings:
        raise InputError(
            f"LightGBM: objective {facts.get('objective')!r} is not supported; use one of "
            f"{', '.join(IDENTITY + LOGISTIC)}"
        )
    if any(s.startswith("sigmoid:") and float(s[len("sigmoid:") :]) != 1 for s in settings):
        raise InputError("LightGBM: the option sigmoid must be 1")
    parts = [_lightgbm_tree(block) for block in blocks]
    if not parts:
        raise InputError("LightGBM: the model has no trees")
    return {
        **_join(parts),
        "n_features": int(facts["max_feature_idx"]) + 1,
        "average": "average_output" in facts,
        "link": "identity" if objective in IDENTITY else "logistic",
    }


def _lightgbm_tree(block: str) -> dict[str, np.ndarray]:
    """Nodes of one tree of LightGBM's text: splits in their order, then leaves.

    Source: the text format of LightGBM 4, src/io/tree.cpp; numbers have all their digits. A child
    below zero is the leaf of its complement.
    """
    facts = dict(line.partition("=")[::2] for line in block.splitlines())
    if facts.get("is_linear", "0") != "0":
        raise InputError("LightGBM: trees with linear leaves are not supported")
    if facts["num_cat"] != "0":
        raise InputError("LightGBM: splits by category are not supported")
    value = np.array(facts["leaf_value"].split(), np.float64)
    if len(value) == 1:  # nothing to split
        one = np.full(1, -1)
        return {"feature": one, "threshold": np.zeros(1), "left": one, "right": one, "value": value}
    threshold, leaves = np.array(facts["threshold"].split(), np.float64), np.full(len(value), -1)
    decision, feature, left, right = (
        np.array(facts[name].split(), np.int64)
        for name in ("decision_type", "split_feature", "left_child", "right_child")
    )
    if (decision >> 2 & 3).any():
        raise InputError(
            "LightGBM: the model was trained with missing values; leave rows with NaN out, or "
            "train with use_missing=False"
        )
    # -TINY itself is read as zero there, and goes right
    threshold[threshold == -TINY] = np.nextafter(-TINY, -np.inf)
    n_splits = len(feature)
    left, right = (np.where(c < 0, n_splits + ~c, c) for c in (left, right))
    return {
        "feature": np.concatenate([feature, leaves]),
        "threshold": np.concatenate([threshold, np.zeros(len(value))]),
        "left": np.concatenate([left, leaves]),
        "right": np.concatenate([right, leaves]),
        "value": np.concatenate([np.zeros(n_splits), value]),
    }


def sklearn_trees(estimator: Any) -> dict[str, Any]:
    """Arrays of a fitted tree, forest, or histogram gradient boosting of scikit-learn.

    Rows with NaN get NaN, also from models that were trained with missing values.

    Raises
    ------
    InputError
        Another kind of estimator, several outputs, or not two classes.
    """
    name = type(estimator).__name__
    if name not in AVERAGES + SUMS or not type(estimator).__module__.startswith("sklearn."):
        raise InputError(
            f"scikit-learn: {name} is not supported; use one of {', '.join(AVERAGES + SUMS)}"
        )
    if not hasattr(estimator, "n_features_in_"):
        raise InputError(f"scikit-learn: this {name} is not fitted")
    classifier = name.endswith("Classifier")
    if classifier and len(estimator.classes_) != 2:
        raise InputError(f"scikit-learn: {len(estimator.classes_)} classes; two are supported")
    if name in SUMS:
        parts = _boosted_trees(estimator)
    else:
        if estimator.n_outputs_ != 1:
            raise InputError(f"scikit-learn: {estimator.n_outputs_} outputs; one is supported")
        members = getattr(estimator, "estimators_", [estimator])
        parts = [_sklearn_tree(member.tree_, classifier) for member in members]
    return {
        **_join(parts),
        "n_features": int(estimator.n_features_in_),
        "average": name in AVERAGES,
        "link": "logistic" if name in SUMS and classifier else "identity",
    }


def _sklearn_tree(tree: Any, classifier: bool) -> dict[str, np.ndarray]:
    leaf = tree.children_left < 0
    value = tree.value[:, 0, 1 if classifier else 0]
    if classifier and not np.allclose(tree.value[:, 0, :].sum(axis=1), 1, rtol=0, atol=1e-9):
        raise InputError("scikit-learn: leaves hold counts; models of 1.3 or later are supported")
    return {
        "feature": np.where(leaf, -1, tree.feature),
        "threshold": np.where(leaf, 0.0, tree.threshold),
        "left": np.where(leaf, -1, tree.children_left),
        "right": np.where(leaf, -1, tree.children_right),
        "value": np.where(leaf, value, 0.0),
    }


def _boosted_trees(estimator: Any) -> list[dict[str, np.ndarray]]:
    """The start value as a tree of one leaf, then the trees."""
    if estimator.loss not in ("squared_error", "absolute_error", "quantile", "log_loss"):
        raise InputError(f"scikit-learn: loss {estimator.loss!r} is not supported")
    start = {"feature": [-1], "threshold": [0.0], "left": [-1], "right": [-1]}
    parts = [{name: np.array(values) for name, values in start.items()}]
    parts[0]["value"] = np.ravel(estimator._baseline_prediction)
    for (predictor,) in estimator._predictors:
        nodes = predictor.nodes
        if np.any(nodes["is_categorical"]):
            raise InputError("scikit-learn: splits by category are not supported")
        leaf = nodes["is_leaf"].astype(bool)
        parts.append(
            {
                "feature": np.where(leaf, -1, nodes["feature_idx"]),
                "threshold": np.where(leaf, 0.0, nodes["num_threshold"]),
                "left": np.where(leaf, -1, nodes["left"].astype(np.int64)),
                "right": np.where(leaf, -1, nodes["right"].astype(np.int64)),
                "value": np.where(leaf, nodes["value"], 0.0),
            }
        )
    return parts


def _join(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """One forest of trees that each count their nodes from 0."""
    sizes = np.array([len(part["feature"]) for part in parts])
    root = np.cumsum(sizes) - sizes
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    shift = np.repeat(root, sizes)
    for side in ("left", "right"):
        joined[side] = np.where(joined[side] < 0, -1, joined[side] + shift)
    return {**joined, "root": root}
