"""Checks that arrays are a forest: every index in range, no loops, every node reached once."""

from __future__ import annotations

import numpy as np

from ctabatch.errors import InputError


def check_trees(
    feature: np.ndarray,
    threshold: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    value: np.ndarray,
    root: np.ndarray,
    n_features: int,
) -> None:
    """Check arrays as described in `Trees`.

    Children have larger numbers than their parents and stay in its tree, so no walk can run in a
    circle or leave the arrays.

    Raises
    ------
    InputError
        The first rule that is broken, and the first node that breaks it.
    """
    n_nodes = len(feature)
    if not len(threshold) == len(left) == len(right) == len(value) == n_nodes:
        raise InputError("trees: the columns have different lengths")
    if len(root) == 0 or n_nodes == 0:
        raise InputError("trees: there is no tree")
    if root[0] != 0 or np.any(np.diff(root.astype(np.int64)) <= 0) or root[-1] >= n_nodes:
        raise InputError("trees: the roots must begin with node 0, rise, and be nodes")
    number = np.arange(n_nodes)
    end = np.repeat(np.append(root[1:], n_nodes), np.diff(np.append(root, n_nodes)))
    leaf = feature == -1
    rules = {
        f"feature must be -1 (a leaf) or 0 to {n_features - 1}":
            (feature < -1) | (feature >= n_features),
        "a leaf has left and right -1": leaf & ((left != -1) | (right != -1)),
        "left must be a later node of the same tree": ~leaf & ((left <= number) | (left >= end)),
        "right must be a later node of the same tree": ~leaf & ((right <= number) | (right >= end)),
        "threshold must be finite": ~np.isfinite(threshold),
        "value must be finite": ~np.isfinite(value),
    }  # fmt: skip
    for rule, broken in rules.items():
        _refuse(rule, broken)
    parents = np.bincount(np.concatenate([left[~leaf], right[~leaf]]), minlength=n_nodes)
    parents[root] += 1
    _refuse("a node must be the child of one other node, a root of none", parents != 1)


def _refuse(rule: str, broken: np.ndarray) -> None:
    if broken.any():
        raise InputError(f"trees: row {int(np.argmax(broken))}: {rule}")
