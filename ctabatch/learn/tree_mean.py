"""One forest that predicts the mean of several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ctabatch.errors import InputError

from .trees import Trees


def mean_trees(forests: Sequence[Trees]) -> Trees:
    """A forest that predicts the mean of what the forests predict before their link.

    Leaf values are divided by the number of forests (and of trees, where a forest is the mean of
    its trees), so that all trees together are one sum.

    Parameters
    ----------
    forests : sequence of Trees
        Over the same features, with the same link.

    Returns
    -------
    Trees

    Raises
    ------
    InputError
        There is none, or they do not fit together.
    """
    if not forests:
        raise InputError("mean of forests: there is none")
    first = forests[0]
    if any((f.n_features, f.link) != (first.n_features, first.link) for f in forests):
        raise InputError("mean of forests: they have different features or links")
    if len(forests) == 1:
        return first
    before = np.cumsum([0, *(forest.n_nodes for forest in forests[:-1])])

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(forest, name) for forest in forests])

    def moved(name: str) -> np.ndarray:
        arrays = [getattr(forest, name).astype(np.int64) for forest in forests]
        return np.concatenate(
            [np.where(a < 0, a, a + n) for a, n in zip(arrays, before, strict=True)]
        )

    values = [f.value / (len(forests) * (f.n_trees if f.average else 1)) for f in forests]
    return Trees(
        feature=joined("feature"),
        threshold=joined("threshold"),
        left=moved("left"),
        right=moved("right"),
        value=np.concatenate(values),
        root=moved("root"),
        n_features=first.n_features,
        link=first.link,
    )


__all__ = ["mean_trees"]
