"""Trees rearranged for the kernels: thresholds in single precision, leaves as bits or nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ctabatch.kernels.tree_masks import MASK_BITS, sum_by_masks
from ctabatch.kernels.trees import sum_by_steps

#: A step from node to node takes as long as striking out leaves this many times (measured, with
#: and without 512-bit instructions).
STEP_COST = 20


@dataclass(frozen=True, eq=False)
class Layout:
    """A kernel and its arguments between `x` and `out`."""

    kernel: Callable[..., None]
    arguments: tuple[np.ndarray, ...]


def tree_layout(
    feature: np.ndarray,
    threshold: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    value: np.ndarray,
    root: np.ndarray,
) -> Layout:
    """The layout in which these trees are faster.

    Parameters
    ----------
    feature, threshold, left, right, value, root
        As in `Trees`, and valid.
    """
    levels = _levels(feature, left, right, root)
    tree = np.searchsorted(root, np.arange(len(feature)), side="right") - 1
    depth = np.zeros(len(root), np.int32)
    for number, nodes in enumerate(levels):
        depth[tree[nodes]] = number
    n_leaves, first_leaf = _leaf_ranges(feature, left, right, levels)
    inner = np.flatnonzero(feature >= 0)
    # leaves on the left of each inner node, numbered within its tree
    begin = first_leaf[inner]
    end = begin + n_leaves[left[inner]]
    n_words = (end - 1) // MASK_BITS - begin // MASK_BITS + 1
    limits = round_down(threshold)
    if n_words.sum() > STEP_COST * depth.sum(dtype=np.int64):
        return _steps(feature, limits, left, value, root, levels, depth)
    repeat = np.repeat(np.arange(len(inner)), n_words)
    word = begin[repeat] // MASK_BITS + _count_up(n_words)
    mask = ~(_ones_below(end[repeat] - word * MASK_BITS)
             & ~_ones_below(begin[repeat] - word * MASK_BITS))  # fmt: skip
    words_of_tree = -(-n_leaves[root] // MASK_BITS)
    last_word = np.cumsum(words_of_tree) - 1
    # words of a tree stand in descending order
    place = last_word[tree[inner][repeat]] - word
    order = np.argsort(place, kind="stable")
    offsets = np.zeros(int(words_of_tree.sum()) + 1, np.int64)
    np.cumsum(np.bincount(place, minlength=len(offsets) - 1), out=offsets[1:])
    tree_of_word = np.repeat(np.arange(len(root)), words_of_tree)
    leaves_before = np.cumsum(n_leaves[root]) - n_leaves[root]
    first = leaves_before[tree_of_word]
    first += (last_word[tree_of_word] - np.arange(len(tree_of_word))) * MASK_BITS
    ends = np.zeros(len(tree_of_word), np.bool_)
    ends[last_word] = True
    leaves = np.flatnonzero(feature < 0)
    values = np.empty(len(leaves))
    values[leaves_before[tree[leaves]] + first_leaf[leaves]] = value[leaves]
    nodes = inner[repeat][order]
    arguments = (offsets, feature[nodes], limits[nodes], mask[order], first, ends, values)
    return Layout(sum_by_masks, tuple(map(np.ascontiguousarray, arguments)))


def round_down(threshold: np.ndarray) -> np.ndarray:
    """The largest float32 not above each float64: the same rows of float32 stay at or below it."""
    with np.errstate(over="ignore", under="ignore"):
        rounded = threshold.astype(np.float32)
        above = rounded.astype(np.float64) > threshold
        return np.where(above, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def _levels(
    feature: np.ndarray, left: np.ndarray, right: np.ndarray, root: np.ndarray
) -> list[np.ndarray]:
    """Nodes of all trees by distance from the root; the children of a node are neighbours."""
    levels = [root]
    while True:
        inner = levels[-1][feature[levels[-1]] >= 0]
        if inner.size == 0:
            return levels
        levels.append(np.column_stack([left[inner], right[inner]]).ravel())


def _leaf_ranges(
    feature: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    levels: list[np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Number of leaves below each node, and the number of the first, from left to right."""
    n_leaves = (feature < 0).astype(np.int64)
    for nodes in reversed(levels):
        inner = nodes[feature[nodes] >= 0]
        n_leaves[inner] = n_leaves[left[inner]] + n_leaves[right[inner]]
    first = np.zeros(len(feature), np.int64)
    for nodes in levels:
        inner = nodes[feature[nodes] >= 0]
        first[left[inner]] = first[inner]
        first[right[inner]] = first[inner] + n_leaves[left[inner]]
    return n_leaves, first


def _steps(
    feature: np.ndarray,
    limits: np.ndarray,
    left: np.ndarray,
    value: np.ndarray,
    root: np.ndarray,
    levels: list[np.ndarray],
    depth: np.ndarray,
) -> Layout:
    """Nodes tree by tree and level by level, so that the two children of a node are adjacent."""
    nodes = np.concatenate(levels)
    tree = np.searchsorted(root, nodes, side="right")
    order = nodes[np.argsort(tree, kind="stable")]
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    leaf = feature[order] < 0
    child = np.where(leaf, place[order], place[left[order]]).astype(np.int32)
    arguments = (
        place[root],
        depth,
        np.where(leaf, 0, feature[order]).astype(np.int32),
        np.where(leaf, np.float32(np.inf), limits[order]),
        child,
        value[order],
    )
    return Layout(sum_by_steps, tuple(map(np.ascontiguousarray, arguments)))


def _count_up(lengths: np.ndarray) -> np.ndarray:
    """0, 1, ... for each length in turn."""
    starts = np.cumsum(lengths) - lengths
    return np.asarray(np.arange(lengths.sum()) - np.repeat(starts, lengths))


def _ones_below(bit: np.ndarray) -> np.ndarray:
    """Masks with all bits below `bit` set, `bit` cut to 0 ... 64."""
    within = np.clip(bit, 0, MASK_BITS).astype(np.uint64)
    ones = (np.uint64(1) << (within % np.uint64(MASK_BITS))) - np.uint64(1)
    return np.where(within == MASK_BITS, ~np.uint64(0), ones)
