"""Sums over the decision trees of a forest, for many rows at once: by striking out leaves.

Thresholds and NaN are treated as in `trees`.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .trees import BLOCK

#: Leaves per mask.
MASK_BITS = 64


@kernel
def _lowest_bit(mask: np.uint64) -> int:
    """Place of the lowest bit that is set, by halves; `mask` is not zero."""
    mask = mask ^ (mask & (mask - np.uint64(1)))
    place = np.int64((mask & np.uint64(0xFFFFFFFF00000000)) != 0) * 32
    place += np.int64((mask & np.uint64(0xFFFF0000FFFF0000)) != 0) * 16
    place += np.int64((mask & np.uint64(0xFF00FF00FF00FF00)) != 0) * 8
    place += np.int64((mask & np.uint64(0xF0F0F0F0F0F0F0F0)) != 0) * 4
    place += np.int64((mask & np.uint64(0xCCCCCCCCCCCCCCCC)) != 0) * 2
    return place + np.int64((mask & np.uint64(0xAAAAAAAAAAAAAAAA)) != 0)


@kernel
def sum_by_masks(
    x: np.ndarray,
    offsets: np.ndarray,
    feature: np.ndarray,
    threshold: np.ndarray,
    mask: np.ndarray,
    first_leaf: np.ndarray,
    ends_tree: np.ndarray,
    value: np.ndarray,
    out: np.ndarray,
) -> None:
    """Sum of the leaf values of all trees, by striking out leaves that cannot be reached.

    The leaves of a tree are numbered from left to right. Every node that sends a row right strikes
    out the leaves on its left; the first leaf that remains is the one the row falls into. All nodes
    are looked at in any order, so there is nothing to branch on and rows share every instruction.
    A tree of more than `MASK_BITS` leaves has several words of leaves, the last word first.

    Parameters
    ----------
    x : float32 array of shape (n_rows, n_features)
    offsets : int64 array of shape (n_words + 1,)
        Word w owns ``offsets[w]`` to ``offsets[w + 1]`` of `feature`, `threshold` and `mask`.
    feature : int32 array
        Column of x that the node looks at.
    threshold : float32 array
    mask : uint64 array
        Leaves of this word that remain if the row goes right at the node.
    first_leaf : int64 array of shape (n_words,)
        Index into `value` of the leaf of bit 0.
    ends_tree : bool array of shape (n_words,)
        The word is the last one of its tree.
    value : float64 array of shape (n_leaves,)
    out : float64 array of shape (n_rows,)
        Written: sums in the order of trees; NaN for rows with NaN.

    Notes
    -----
    Source: C. Lucchese et al., QuickScorer, SIGIR 2015, doi:10.1145/2766462.2767733, with rows in
    place of nodes as the direction of the vectors.

    Examples
    --------
    >>> import numpy as np
    >>> one, out = np.zeros(1, np.int32), np.empty(2)
    >>> sum_by_masks(np.array([[0.5], [2.0]], np.float32), np.array([0, 1]), one,
    ...     np.ones(1, np.float32), np.array([2], np.uint64), np.zeros(1, np.int64),
    ...     np.ones(1, np.bool_), np.array([10.0, 20.0]), out)
    >>> out.tolist()
    [10.0, 20.0]
    """
    n_rows, n_features = x.shape
    column = np.empty((n_features, BLOCK), np.float32)
    remaining, leaf = np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.int64)
    all_leaves = ~np.uint64(0)
    for start in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - start)
        for i in range(n):
            out[start + i] = 0.0
            for j in range(n_features):
                column[j, i] = x[start + i, j]
                if math.isnan(x[start + i, j]):
                    out[start + i] = math.nan
        for word in range(offsets.shape[0] - 1):
            remaining[:] = all_leaves
            for k in range(offsets[word], offsets[word + 1]):
                here, limit, keep = column[feature[k]], threshold[k], mask[k]
                for i in range(n):
                    remaining[i] &= keep if here[i] > limit else all_leaves
            first = first_leaf[word]
            for i in range(n):
                if remaining[i] != 0:
                    leaf[i] = first + _lowest_bit(remaining[i])
            if ends_tree[word]:
                for i in range(n):
                    out[start + i] += value[leaf[i]]
