"""Sums over the decision trees of a forest, for many rows at once: by steps from the root.

A row goes left where ``x <= threshold``, thresholds being float32 rounded towards minus infinity:
for a float32 x that is the same as comparing with the unrounded float64 threshold. A row with NaN
in any feature gets NaN. `tree_masks` gives the same numbers in another way, which is faster for
trees of some hundred leaves and fewer.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel

#: Rows that are looked up together: their features stay in the cache, and the loops over them are
#: long enough for vector instructions.
BLOCK = 256


@kernel
def sum_by_steps(
    x: np.ndarray,
    root: np.ndarray,
    depth: np.ndarray,
    feature: np.ndarray,
    threshold: np.ndarray,
    child: np.ndarray,
    value: np.ndarray,
    out: np.ndarray,
) -> None:
    """Sum of the leaf values of all trees, by as many steps from the root as the tree is deep.

    Leaves lead to themselves, so all rows of a block take the same number of steps and the loads of
    one row overlap with those of the others.

    Parameters
    ----------
    x : float32 array of shape (n_rows, n_features)
    root, depth : int32 arrays of shape (n_trees,)
        First node of the tree, and its number of steps from the root to the deepest leaf.
    feature : int32 array of shape (n_nodes,)
        Column of x; any valid one in leaves.
    threshold : float32 array of shape (n_nodes,)
        +inf in leaves.
    child : int32 array of shape (n_nodes,)
        Left child; the right one is the next node. A leaf names itself.
    value : float64 array of shape (n_nodes,)
    out : float64 array of shape (n_rows,)
        Written: sums in the order of trees; NaN for rows with NaN.

    Notes
    -----
    Source: the definition of a decision tree.

    Examples
    --------
    >>> import numpy as np
    >>> out, zero = np.empty(2), np.zeros(3, np.int32)
    >>> sum_by_steps(np.array([[0.5], [2.0]], np.float32), zero[:1], zero[:1] + 1, zero,
    ...     np.array([1, np.inf, np.inf], np.float32), np.array([1, 1, 2], np.int32),
    ...     np.array([0.0, 10.0, 20.0]), out)
    >>> out.tolist()
    [10.0, 20.0]
    """
    n_rows, n_features = x.shape
    node = np.empty(BLOCK, np.int32)
    for start in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - start)
        for i in range(n):
            out[start + i] = 0.0
            for j in range(n_features):
                if math.isnan(x[start + i, j]):
                    out[start + i] = math.nan
        for tree in range(root.shape[0]):
            node[:] = root[tree]
            for _ in range(depth[tree]):
                for i in range(n):
                    at = node[i]
                    node[i] = child[at] + np.int32(x[start + i, feature[at]] > threshold[at])
            for i in range(n):
                out[start + i] += value[node[i]]
