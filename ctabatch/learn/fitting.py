"""One model and its cross-validation."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .mapped_rows import release
from .samples import Sample
from .trainers import cross_fit, trainer
from .trees import Trees

if TYPE_CHECKING:
    from .trainers import FittedModel

#: Features of at most so many bytes are read into memory, which is faster than to stream them.
IN_MEMORY = 64 << 20


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained model.

    Attributes
    ----------
    final : Trees
        Trained on all rows.
    folds : tuple of Trees
        Each trained without the rows of its fold.
    predicted : float64 (n,)
        Prediction of every row by the model that has not seen it.
    importance : float64 (n_features,)
    info : dict
        What the trainer tells about it.
    """

    final: Trees
    folds: tuple[Trees, ...]
    predicted: NDArray[np.float64]
    importance: NDArray[np.float64]
    info: dict[str, Any]

    def importance_by(self, names: Iterable[str]) -> dict[str, float]:
        """Share of each feature."""
        shares = (round(float(share), 6) for share in self.importance)
        return dict(zip(names, shares, strict=True))


def fit_folds(
    name: str,
    sample: Sample,
    y: NDArray[np.float64],
    *,
    n_folds: int,
    classification: bool,
    options: Mapping[str, Any],
    seed: int,
) -> Fitted:
    """Train on all rows, and on all but those of each fold.

    Parameters
    ----------
    name : str
        Of the trainer.
    sample : Sample
    y : float64 (n,)
        What is learnt: the target or its logarithm, 0 or 1 for a classification.
    n_folds : int
    classification : bool
    options : mapping
        Of the trainer.
    seed : int

    Raises
    ------
    OptionError
        There is no such trainer, or an option is unusable.
    InputError
        The rows cannot be learnt from.
    """
    x = sample.x
    if x.nbytes <= IN_MEMORY:
        x = np.array(x)
        release(sample.x)
    result = cross_fit(
        trainer(name),
        x,
        y,
        sample.weight,
        sample.fold,
        n_folds,
        classification=classification,
        options=options,
        seed=seed,
    )
    pa.system_memory_pool().release_unused()  # the bins go back to the system, not to the heap
    final = cast("FittedModel", result.final)
    info = {"rounds": final.best_iteration, **final.info}
    folds = tuple(model.trees for model in result.models)
    return Fitted(final.trees, folds, result.predictions, final.importance, info)


def import_lightgbm_alone() -> None:
    """Import LightGBM without scikit-learn, which takes 65 MB and most of a second.

    For a program of its own only: LightGBM's classes for scikit-learn stay unusable. scikit-learn
    itself can be imported afterwards.
    """
    if "lightgbm" in sys.modules or "sklearn" in sys.modules:
        return
    sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        import lightgbm  # noqa: F401
    finally:
        del sys.modules["sklearn"]


__all__ = ["Fitted", "fit_folds", "import_lightgbm_alone"]
