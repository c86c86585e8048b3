"""A folder of trained models, ready to predict: which model says what of which telescope type."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.expressions import Expression, QualityQuery, parse
from ctabatch.io.model_files import read_models

from .options import TASKS, Task, TrainConfig, build_config
from .trees import Trees

Kind = Literal["energy", "particle_type", "disp_norm", "disp_sign"]
#: Task -> the models that it takes.
KINDS: dict[Task, tuple[Kind, ...]] = {
    "energy": ("energy",),
    "particle_type": ("particle_type",),
    "disp": ("disp_norm", "disp_sign"),
}


@dataclass(frozen=True, eq=False)
class Model:
    """One model of one telescope type.

    Attributes
    ----------
    name : str
    features : tuple of Expression
        In the order of the columns of the matrix that the trees see.
    columns : dict
        Column that a feature or a criterion reads -> unit that the model was trained with.
    quality : QualityQuery
        Criteria that a row must meet to be predicted: those of the training.
    log_target : bool
        Whether the trees predict the logarithm.
    trees : Trees
    digest : str
    """

    name: str
    features: tuple[Expression, ...]
    columns: Mapping[str, str]
    quality: QualityQuery
    log_target: bool
    trees: Trees
    digest: str

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Prediction for each row of the matrix of features."""
        value = self.trees.predict(x)
        return np.exp(value) if self.log_target else value


@dataclass(frozen=True, eq=False)
class ModelSet:
    """All models of a folder.

    Attributes
    ----------
    folder : Path
    card : dict
    config : TrainConfig
    models : dict
        Telescope type -> kind -> model.
    """

    folder: Path
    card: dict[str, Any]
    config: TrainConfig
    models: dict[str, dict[Kind, Model]]

    @classmethod
    def read(cls, folder: str | Path) -> ModelSet:
        """Read and check a folder written by ``ctabatch train``.

        Raises
        ------
        InputError
            There are no models, or a file is damaged, edited, or of a newer version.
        """
        folder = Path(folder)
        card, tables = read_models(folder)
        try:
            config = build_config(card["config"], f"{folder}: configuration in the card")
            models: dict[str, dict[Kind, Model]] = {}
            parsed = functools.cache(parse)  # the models have most features in common
            for entry in card["models"]:
                features = tuple(parsed(f["sql"], f["name"]) for f in entry["features"])
                trees = Trees.from_table(tables[entry["name"]], len(features))
                model = Model(
                    name=str(entry["name"]),
                    features=features,
                    columns=dict(entry["columns"]),
                    quality=QualityQuery(entry["quality"]),
                    log_target=bool(entry["log_target"]),
                    trees=trees,
                    digest=str(entry["digest"]),
                )
                models.setdefault(entry["tel_type"], {})[entry["task"]] = model
        except (KeyError, TypeError, OptionError) as error:
            raise InputError(f"{folder}: the card is not complete: {error}") from error
        if not models:
            raise InputError(f"{folder}: the card names no models")
        return cls(folder, card, config, models)

    @property
    def digest(self) -> str:
        """Digest of the card, which holds those of all models."""
        return str(self.card["digest"])

    def tasks(self) -> tuple[Task, ...]:
        """Tasks for which any telescope type has all models."""
        return tuple(
            task for task in TASKS if any(set(KINDS[task]) <= set(m) for m in self.models.values())
        )

    def has(self, tel_type: str, task: Task) -> bool:
        """Whether a telescope type has the models of a task."""
        return set(KINDS[task]) <= set(self.models.get(tel_type, ()))

    @property
    def chained(self) -> frozenset[str]:
        """Features that the energy models predict for the others."""
        prefix = self.config.prefix
        return frozenset({f"{prefix}_energy", f"{prefix}_tel_energy"})

    @property
    def feature_weighting(self) -> str:
        """Weights of the telescopes in the energy of an event that the others read."""
        return str(self.card["feature_energy"]["weighting"])

    def digests(self, task: Task, tel_types: Collection[str]) -> str:
        """Digests of the models of a task, for the metadata of a column."""
        return ",".join(
            self.models[tel_type][kind].digest
            for tel_type in sorted(tel_types)
            if self.has(tel_type, task)
            for kind in KINDS[task]
        )

    def check(self, tel_type: str, units: Mapping[str, str], where: str) -> None:
        """Check that a dataset has the columns, in the units, that the models were trained with.

        Parameters
        ----------
        tel_type : str
        units : mapping
            Column of the dataset -> its unit.
        where : str
            Dataset and part, for messages.

        Raises
        ------
        InputError
            A column is missing or has another unit; all of them are named.
        """
        problems = []
        wanted: dict[str, str] = {}
        for model in self.models.get(tel_type, {}).values():
            wanted |= model.columns
        for column, unit in sorted(wanted.items()):
            if column in self.chained:
                continue
            if column not in units:
                problems.append(f"there is no column {column!r}")
            elif units[column] != unit:
                problems.append(
                    f"column {column!r} has unit {units[column]!r}, the models were trained with "
                    f"{unit!r}"
                )
        if problems:
            raise InputError(
                f"{where}: the models of {self.folder} do not fit telescope type {tel_type}: "
                + "; ".join(problems)
            )


__all__ = ["KINDS", "Kind", "Model", "ModelSet"]
