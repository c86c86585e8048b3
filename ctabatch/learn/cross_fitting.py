"""Cross-validation: every row is predicted by a model that has not seen it.

The models of the folds are made one by one, so that those of several cross-validations can be made
side by side.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ctabatch.errors import InputError

from .mapped_rows import blocks
from .trainers import FittedModel, Prepared, PreparingTrainer, Trainer, check_rows


class CrossFit(NamedTuple):
    """Result of `cross_fit`."""

    predictions: np.ndarray
    models: list[FittedModel]
    final: FittedModel | None


class CrossFitting:
    """A cross-validation in steps; the models of different folds may be made in several threads.

    Parameters
    ----------
    trainer, x, y, weight, classification, options, seed, n_threads
        As for `Trainer.fit`.
    fold : int array of shape (n,)
        Rows of an event should have the same.
    n_folds : int

    Raises
    ------
    OptionError, InputError
        As `Trainer.fit`; a fold is empty, or a number of one is out of range.
    """

    def __init__(
        self,
        trainer: Trainer,
        x: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray | None,
        fold: np.ndarray,
        n_folds: int,
        *,
        classification: bool,
        options: Mapping[str, Any],
        seed: int,
        n_threads: int = 1,
    ) -> None:
        check_rows(x, y, weight, classification=classification)
        fold = np.asarray(fold)
        if n_folds < 2 or fold.shape != y.shape or fold.min() < 0 or fold.max() >= n_folds:
            raise InputError(
                f"cross-validation: each of {len(y)} rows needs a fold from 0 to {n_folds - 1}"
            )
        for k in range(n_folds):
            _check_fold(k, y[fold != k], int(np.sum(fold == k)), classification)
        self.x, self.y, self.fold, self.n_folds = x, y, fold, n_folds
        self._trainer, self._weight = trainer, weight
        self._settings: dict[str, Any] = {
            "classification": classification, "options": options, "seed": seed,
            "n_threads": n_threads,
        }  # fmt: skip
        self._lock = threading.Lock()
        self._prepared: Prepared | None = None

    def fit(self, k: int) -> FittedModel:
        """The model that has not seen fold `k`; if it stops early, then on the rows of the fold."""
        own = self.fold == k
        return self._rows().fit(np.flatnonzero(~own), np.flatnonzero(own), 0)

    def fit_all(self, models: Sequence[FittedModel]) -> FittedModel:
        """A model of all rows, that makes as many rounds as those of the folds on average."""
        rounds = round(float(np.mean([model.best_iteration for model in models])))
        return self._rows().fit(None, None, rounds)

    def predict(self, models: Sequence[FittedModel]) -> np.ndarray:
        """Prediction of each row by the model of its fold; float64 array of shape (n,)."""
        predictions = np.empty(len(self.y))
        for rows, block in blocks(self.x):
            for k in np.unique(self.fold[rows]):
                own = np.flatnonzero(self.fold[rows] == k)
                predictions[rows.start + own] = models[k].trees.predict(block[own])
        return predictions

    def forget(self) -> None:
        """Give the prepared rows back; they are made again if needed."""
        self._prepared = None

    def _rows(self) -> Prepared:
        """The rows as the trainer reads them, made once for all folds where it can."""
        with self._lock:
            if self._prepared is None:
                if isinstance(self._trainer, PreparingTrainer):
                    self._prepared = self._trainer.prepare(
                        self.x, self.y, self._weight, **self._settings
                    )
                else:
                    self._prepared = _Unprepared(
                        self._trainer, self.x, self.y, self._weight, self._settings
                    )
            return self._prepared


def cross_fit(
    trainer: Trainer,
    x: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray | None,
    fold: np.ndarray,
    n_folds: int,
    *,
    final: bool = True,
    **settings: Any,
) -> CrossFit:
    """All steps of a `CrossFitting` in turn; `final`: learn from all rows, too.

    Returns
    -------
    CrossFit
        predictions, float64 array of shape (n,), the models of the folds, and the final model.
    """
    steps = CrossFitting(trainer, x, y, weight, fold, n_folds, **settings)
    models = [steps.fit(k) for k in range(n_folds)]
    return CrossFit(steps.predict(models), models, steps.fit_all(models) if final else None)


class _Unprepared:
    """Hands copies of the chosen rows to a trainer that knows nothing better."""

    def __init__(
        self,
        trainer: Trainer,
        x: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray | None,
        settings: dict[str, Any],
    ) -> None:
        self._trainer, self._settings = trainer, settings
        self._rows = x, y, weight

    def fit(self, rows: np.ndarray | None, valid: np.ndarray | None, _rounds: int) -> FittedModel:
        held_out = None if valid is None else self._take(valid)
        return self._trainer.fit(*self._take(rows), valid=held_out, **self._settings)

    def _take(self, rows: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        x, y, weight = self._rows
        if rows is None:
            return x, y, weight
        return np.asarray(x[rows]), y[rows], None if weight is None else weight[rows]


def _check_fold(k: int, others: np.ndarray, n_own: int, classification: bool) -> None:
    if n_own == 0 or others.size == 0:
        raise InputError(f"cross-validation: fold {k} has no rows; use fewer folds")
    if classification and len(np.unique(others)) < 2:
        raise InputError(
            f"cross-validation: without fold {k} there is only one class; use fewer folds"
        )


__all__ = ["CrossFit", "CrossFitting", "cross_fit"]
