"""One model and its cross-validation."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .cross_fitting import CrossFitting
from .mapped_rows import release
from .options import FinalModel
from .samples import Sample
from .trainers import trainer
from .tree_mean import mean_trees
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
        The model to predict with.
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


class Fitting:
    """One model in the making: a fit per fold, in any order and thread, then what comes of them.

    Parameters
    ----------
    name : str
        Of the trainer.
    sample : Sample
    y : float64 (n,)
        What is learnt: the target or its logarithm, 0 or 1 for a classification.
    n_folds : int
    final : {"mean", "refit"}
        Whether the final model is the mean of those of the folds, or learns from all rows anew.
    classification : bool
    options : mapping
        Of the trainer.
    seed : int
    """

    def __init__(
        self,
        name: str,
        sample: Sample,
        y: NDArray[np.float64],
        *,
        n_folds: int,
        final: FinalModel,
        classification: bool,
        options: Mapping[str, Any],
        seed: int,
    ) -> None:
        self._sample, self._y, self._final = sample, y, final
        self._settings: dict[str, Any] = {
            "classification": classification, "options": options, "seed": seed
        }  # fmt: skip
        self._trainer, self._n_folds = trainer(name), n_folds
        self._lock = threading.Lock()
        self._steps: CrossFitting | None = None
        self._models: dict[int, FittedModel] = {}

    @property
    def n_rows(self) -> int:
        return len(self._y)

    def fit(self, k: int) -> bool:
        """Learn from all rows but those of a fold; whether it was the last fold to be done.

        Raises
        ------
        OptionError
            An option of the trainer is unusable.
        InputError
            The rows cannot be learnt from.
        """
        with self._lock:
            if self._steps is None:
                self._steps = self._start()
        model = self._steps.fit(k)
        with self._lock:
            self._models[k] = model
            return len(self._models) == self._n_folds

    def finish(self) -> Fitted:
        """The final model and the predictions of the cross-validation; all folds are done."""
        steps = cast("CrossFitting", self._steps)
        models = [self._models[k] for k in range(self._n_folds)]
        folds = tuple(model.trees for model in models)
        if self._final == "refit":
            whole = steps.fit_all(models)
            trees, importance = whole.trees, whole.importance
            info = {"rounds": whole.best_iteration, **whole.info}
        else:
            trees = mean_trees(folds)
            importance = np.mean([model.importance for model in models], axis=0)
            rounds = [model.best_iteration for model in models]
            own = [model.info.get("scores", {}) for model in models]
            info = {"rounds": round(float(np.mean(rounds))), **models[0].info, "scores": own}
        steps.forget()
        pa.system_memory_pool().release_unused()  # the bins go back to the system, not to the heap
        predicted = steps.predict(models)
        self._steps = None
        return Fitted(trees, folds, predicted, importance, info)

    def _start(self) -> CrossFitting:
        x = self._sample.x
        if x.nbytes <= IN_MEMORY:
            x = np.array(x)
            release(self._sample.x)
        sample = self._sample
        return CrossFitting(
            self._trainer, x, self._y, sample.weight, sample.fold, self._n_folds, **self._settings
        )


__all__ = ["Fitted", "Fitting"]
