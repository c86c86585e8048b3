"""The seam for training algorithms: rows in, `Trees` out.

A trainer is an object with a method `fit`; the built-in ones are found by name, others through the
entry-point group ``ctabatch.trainers``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ctabatch.errors import InputError, OptionError

from .mapped_rows import blocks
from .trees import Trees

ENTRY_POINTS = "ctabatch.trainers"


@dataclass(frozen=True)
class FittedModel:
    """What a trainer returns.

    Parameters
    ----------
    trees : Trees
    best_iteration : int
        Number of trees, or of rounds if a round makes several.
    importance : float64 array of shape (n_features,)
        How much each feature helped; the sum is 1, or 0 if there is no split.
    info : dict
        Whatever should be kept, as JSON: library, version, all its settings, scores.
    """

    trees: Trees
    best_iteration: int
    importance: np.ndarray
    info: dict[str, Any] = field(default_factory=dict)


class Trainer(Protocol):
    """Learns a forest from rows."""

    def fit(
        self,
        x: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray | None,
        *,
        classification: bool,
        options: Mapping[str, Any],
        seed: int,
        valid: tuple[np.ndarray, np.ndarray, np.ndarray | None] | None = None,
        n_threads: int = 1,
    ) -> FittedModel:
        """Learn y from x.

        Parameters
        ----------
        x : float32 array of shape (n, n_features)
            May be mapped from a file; finite.
        y : float64 array of shape (n,)
            0 or 1 if `classification`.
        weight : float64 array of shape (n,), optional
        classification : bool
            Predict the probability of class 1.
        options : mapping
            Settings of the algorithm.
        seed : int
            Equal input and seed give equal trees.
        valid : (x, y, weight), optional
            Rows to stop early on.
        n_threads : int

        Raises
        ------
        OptionError
            An unknown option, or one of an unusable value.
        InputError
            The rows cannot be learned from: none, one class, NaN.
        """
        ...


class Prepared(Protocol):
    """Rows made ready once, to be learned from several times."""

    def fit(self, rows: np.ndarray | None, valid: np.ndarray | None, rounds: int) -> FittedModel:
        """Learn from some rows, or all if None; stop on others; so many rounds, or by option 0."""
        ...


@runtime_checkable
class PreparingTrainer(Protocol):
    """A trainer whose work on the rows is worth sharing between folds."""

    def prepare(
        self,
        x: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray | None,
        *,
        classification: bool,
        options: Mapping[str, Any],
        seed: int,
        n_threads: int = 1,
    ) -> Prepared:
        """The rows in the form in which the algorithm reads them."""
        ...


def trainer(name: str) -> Trainer:
    """The trainer of a name: "lightgbm", "sklearn:ExtraTreesRegressor", or one of a plugin.

    Raises
    ------
    OptionError
        There is none of this name, or the plugin cannot be loaded.
    """
    from .sklearn_trainer import ESTIMATORS, SklearnTrainer

    plugins = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name == "lightgbm":
        from .lightgbm_trainer import LightGBMTrainer

        return LightGBMTrainer()
    library, _, estimator = name.partition(":")
    if library == "sklearn" and estimator in ESTIMATORS:
        return SklearnTrainer(estimator)
    if name not in plugins:
        built_in = ["lightgbm", *(f"sklearn:{known}" for known in ESTIMATORS)]
        raise OptionError.unknown_name("trainer", name, [*built_in, *plugins])
    try:
        loaded: Any = plugins[name].load()
        made: Trainer = loaded() if isinstance(loaded, type) else loaded
    except Exception as error:
        raise OptionError(f"trainer {name!r} ({plugins[name].value}): {error}") from error
    return made


def check_rows(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray | None, *, classification: bool
) -> None:
    """Refuse rows that nothing can be learned from.

    Raises
    ------
    InputError
        Says what is wrong.
    """
    if x.ndim != 2 or y.shape != x.shape[:1] or (weight is not None and weight.shape != y.shape):
        shapes = x.shape, y.shape, None if weight is None else weight.shape
        raise InputError(f"training: shapes {shapes} of x, y and weight do not fit together")
    if y.size == 0:
        raise InputError("training: there is no row to learn from")
    for rows, block in blocks(x):
        if not np.isfinite(block).all():
            row, column = np.argwhere(~np.isfinite(block))[0]
            raise InputError(f"training: row {rows.start + row}: feature {column} is not finite")
    if not np.isfinite(y).all():
        raise InputError(f"training: row {np.argmin(np.isfinite(y))}: the target is not finite")
    if weight is not None and not (np.isfinite(weight).all() and weight.min() >= 0):
        raise InputError("training: weights must be finite and not negative")
    if classification:
        classes = np.unique(y)
        if not np.isin(classes, (0, 1)).all():
            raise InputError("training: classes must be 0 and 1")
        if len(classes) == 1:
            raise InputError(
                f"training: all {len(y)} rows are of class {classes[0]:g}; a classifier needs rows "
                "of both classes"
            )
