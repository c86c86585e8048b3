"""Gradient boosting by LightGBM: one thread, repeatable, rows streamed into bins."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ctabatch.errors import OptionError

from .mapped_rows import BLOCK_ROWS, release
from .trainers import FittedModel, check_rows
from .trees import Trees

if TYPE_CHECKING:
    import lightgbm

#: Options and their defaults; names as in the documentation of LightGBM. `rounds` is the number of
#: trees, `early_stopping_rounds` 0 makes all of them.
DEFAULTS: dict[str, Any] = {
    "rounds": 60,
    "early_stopping_rounds": 0,
    "learning_rate": 0.15,
    "num_leaves": 63,
    "max_depth": -1,
    "min_data_in_leaf": 20,
    "min_sum_hessian_in_leaf": 1e-3,
    "max_bin": 63,
    "min_data_in_bin": 3,
    "bin_construct_sample_cnt": 20_000,
    "feature_fraction": 1.0,
    "bagging_fraction": 1.0,
    "bagging_freq": 0,
    "lambda_l1": 0.0,
    "lambda_l2": 0.0,
    "min_gain_to_split": 0.0,
    "path_smooth": 0.0,
    "extra_trees": False,
    "use_quantized_grad": False,
    "num_grad_quant_bins": 4,
    "regression_objective": "regression",
}
#: Objectives of the option `regression_objective`.
OBJECTIVES = ("regression", "regression_l1", "huber", "fair", "quantile")
#: Bytes of a mapped file that may be in memory before they are given back.
MAPPED_BYTES = 64 << 20


class LightGBMTrainer:
    """Built-in trainer "lightgbm"."""

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
        """Learn y from x; see `Trainer.fit`."""
        binned = self.prepare(
            x, y, weight,
            classification=classification, options=options, seed=seed, n_threads=n_threads,
        )  # fmt: skip
        return binned.fit_all(None if valid is None else binned.others(*valid))

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
    ) -> BinnedRows:
        """Sort the values of each feature into bins, for any number of fits."""
        check_rows(x, y, weight, classification=classification)
        settings = {**DEFAULTS, **options}
        for name in options:
            if name not in DEFAULTS:
                raise OptionError.unknown_name("option of lightgbm", name, DEFAULTS)
        if settings["regression_objective"] not in OBJECTIVES:
            raise OptionError.unknown_name(
                "regression_objective", str(settings["regression_objective"]), OBJECTIVES
            )
        return BinnedRows(x, y, weight, classification, settings, seed, n_threads)


class BinnedRows:
    """Rows as LightGBM keeps them: a byte per value."""

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray | None,
        classification: bool,
        settings: Mapping[str, Any],
        seed: int,
        n_threads: int,
    ) -> None:
        rest = dict(settings)
        self._rounds = int(rest.pop("rounds"))
        self._patience = int(rest.pop("early_stopping_rounds"))
        objective = rest.pop("regression_objective")
        if self._rounds < 1 or self._patience < 0:
            raise OptionError(
                "lightgbm: rounds must be at least 1, early_stopping_rounds 0 or more"
            )
        self._params = {
            **rest,
            "objective": "binary" if classification else objective,
            "seed": seed,
            "data_random_seed": seed,  # so that rows of a file and of memory get the same bins
            "num_threads": n_threads,
            "deterministic": True,
            "force_row_wise": True,
            "use_missing": False,
            "feature_pre_filter": False,
            "verbosity": -1,
        }
        self._data = self._dataset(x, y, weight, None)

    def fit(self, rows: np.ndarray | None, valid: np.ndarray | None, rounds: int) -> FittedModel:
        """Learn from some rows; see `Prepared.fit`."""
        train = self._data if rows is None else self._data.subset(np.sort(rows).tolist())
        held_out = None
        if valid is not None and self._patience:
            held_out = self._data.subset(np.sort(valid).tolist())
        return self._train(train, held_out, rounds or self._rounds)

    def fit_all(self, valid: lightgbm.Dataset | None) -> FittedModel:
        """Learn from all rows and stop on those of another set."""
        return self._train(self._data, valid, self._rounds)

    def others(
        self, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None
    ) -> lightgbm.Dataset | None:
        """Rows to stop on, in the same bins."""
        return self._dataset(x, y, weight, self._data) if self._patience else None

    def _dataset(
        self,
        x: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray | None,
        reference: lightgbm.Dataset | None,
    ) -> lightgbm.Dataset:
        import lightgbm

        rows: Any = np.ascontiguousarray(x, np.float32)
        if getattr(x, "_mmap", None) is not None:
            rows = _row_sequence(x)
        y = np.ascontiguousarray(y)
        if weight is not None:
            weight = np.ascontiguousarray(weight)
        data = lightgbm.Dataset(rows, y, weight=weight, reference=reference, params=self._params)
        try:
            return data.construct()
        except lightgbm.basic.LightGBMError as error:
            raise OptionError(f"lightgbm: {error}") from error

    def _train(
        self, train: lightgbm.Dataset, valid: lightgbm.Dataset | None, rounds: int
    ) -> FittedModel:
        import lightgbm

        callbacks: list[Callable[..., Any]] = []
        if valid is not None:
            callbacks = [lightgbm.early_stopping(self._patience, verbose=False)]
        try:
            booster = lightgbm.train(
                dict(self._params),
                train,
                rounds,
                valid_sets=None if valid is None else [valid],
                callbacks=callbacks,
            )
        except lightgbm.basic.LightGBMError as error:
            raise OptionError(f"lightgbm: {error}") from error
        best = booster.best_iteration
        n_rounds = best if best > 0 else booster.current_iteration()
        gain = booster.feature_importance("gain", iteration=n_rounds).astype(np.float64)
        scores = {f"{name} {metric}": float(value)
                  for name, metrics in booster.best_score.items()
                  for metric, value in metrics.items()}  # fmt: skip
        info = {
            "library": "lightgbm",
            "version": lightgbm.__version__,
            "settings": {**self._params, "rounds": rounds, "early_stopping_rounds": self._patience},
            "scores": scores,
        }
        return FittedModel(Trees.from_lightgbm(booster), n_rounds, gain / (gain.sum() or 1.0), info)


def _row_sequence(x: np.ndarray) -> lightgbm.Sequence:
    """Rows of a mapped file as LightGBM asks for them, without keeping the file in memory."""
    import lightgbm

    class Rows(lightgbm.Sequence):
        batch_size = BLOCK_ROWS // 4

        def __init__(self) -> None:
            self._read = 0

        def __getitem__(self, index: Any) -> np.ndarray:
            rows = np.array(x[index], np.float64)
            self._read += rows.size * 4 + mmap.PAGESIZE  # a row brings in a page
            if self._read > MAPPED_BYTES:
                release(x)
                self._read = 0
            return rows

        def __len__(self) -> int:
            return len(x)

    return Rows()
