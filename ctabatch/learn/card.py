"""The card of a training: everything about the models but their trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ctabatch.provenance.software import software

from .evaluation import EVENTS, Evaluation
from .fitting import Fitted
from .options import DispOptions, EnergyOptions, ParticleOptions, TaskOptions, TrainConfig
from .rows import Rows
from .samples import Sample
from .task_columns import TaskColumns

if TYPE_CHECKING:
    from ctabatch.io.part_tables import PartTables

#: Names of the roles, in order: what is learnt from, and what it is separated from.
ROLES = ("gammas", "protons")


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """One trained model.

    Attributes
    ----------
    name : str
    kind : {"energy", "particle_type", "disp_norm", "disp_sign"}
    tel_type : str
    fitted : Fitted
    sample : Sample
    columns : TaskColumns
    """

    name: str
    kind: str
    tel_type: str
    fitted: Fitted
    sample: Sample
    columns: TaskColumns


def training_card(
    config: TrainConfig,
    parts: Sequence[Sequence[PartTables]],
    rows: Sequence[Mapping[str, Rows]],
    models: Sequence[TrainedModel],
    units: Mapping[str, Mapping[str, str]],
    evaluations: Mapping[str, Evaluation],
    skipped: Sequence[str],
) -> dict[str, Any]:
    """Content of models.json, but for what `ctabatch.io.model_files.write_models` adds.

    Parameters
    ----------
    config : TrainConfig
    parts, rows : sequence
        Per role.
    models : sequence of TrainedModel
    units : mapping
        Telescope type -> column -> unit.
    evaluations : mapping
        Task -> metrics.
    skipped : sequence of str
    """
    return {
        "prefix": config.prefix,
        "seed": config.seed,
        "config_digest": config.digest(),
        "config": config.model_dump(mode="json"),
        "software": software("lightgbm", "scikit-learn"),
        "inputs": {name: list(map(_input, own)) for name, own in zip(ROLES, parts, strict=True)},
        # how {prefix}_energy of an event, a feature of the later models, was made
        "feature_energy": {"weighting": config.weighting, "log_mean": True},
        "models": [_entry(model, config, units[model.tel_type], evaluations) for model in models],
        "cut_flow": {task: _cut_flow(task, rows) for task in config.tasks},
        "metrics": {task: done.numbers.get(EVENTS, {}) for task, done in evaluations.items()},
        "skipped": list(skipped),
    }


def _entry(
    model: TrainedModel,
    config: TrainConfig,
    units: Mapping[str, str],
    evaluations: Mapping[str, Evaluation],
) -> dict[str, Any]:
    task, columns, fitted = model.columns.task, model.columns, model.fitted
    options = config.of(task)
    units = {**units, **dict.fromkeys(columns.chained, "TeV")}
    read = columns.quality.columns.union(*(feature.columns for feature in columns.features))
    sizes = np.bincount(model.sample.role, minlength=len(ROLES)).tolist()
    return {
        "name": model.name,
        "task": model.kind,
        "tel_type": model.tel_type,
        "features": [
            {"name": feature.name, "sql": feature.sql, "unit": units.get(feature.name, "")}
            for feature in columns.features
        ],
        # units of all columns that the features and the criteria read
        "columns": {name: units.get(name, "") for name in sorted(read)},
        "quality": dict(options.quality),
        "target": _target_name(options, model.kind),
        "log_target": predicts_logarithm(options, model.kind),
        "trainer": {"name": options.trainer, **fitted.info},
        "rows": {
            **dict(zip(ROLES, sizes, strict=True)),
            "without_predicted_energy": model.sample.n_without_energy,
        },
        "importance": fitted.importance_by(feature.name for feature in columns.features),
        "metrics": evaluations[task].numbers.get(model.tel_type, {}),
    }


def predicts_logarithm(options: TaskOptions, kind: str) -> bool:
    """Whether a model predicts the logarithm of its target."""
    return (
        isinstance(options, EnergyOptions | DispOptions)
        and options.log_target
        and kind in ("energy", "disp_norm")
    )


def _target_name(options: TaskOptions, kind: str) -> str:
    if isinstance(options, EnergyOptions | ParticleOptions):
        return options.target
    disp = "true_disp along the axis" if cast("DispOptions", options).project else "true_disp"
    return f"{disp} > 0" if kind == "disp_sign" else f"abs({disp})"


def _cut_flow(task: str, roles: Sequence[Mapping[str, Rows]]) -> dict[str, dict[str, Any]]:
    """Telescope type -> role -> criterion -> rows left."""
    flow: dict[str, dict[str, Any]] = {}
    for name, rows in zip(ROLES, roles, strict=True):
        for tel_type, own in rows.items():
            if own.cut_flow.get(task):
                flow.setdefault(tel_type, {})[name] = own.cut_flow[task]
    return flow


def _input(part: PartTables) -> dict[str, Any]:
    """Which events these were, wherever they stand."""
    return {
        "part": part.name,
        "sha256": part.record["input"]["sha256"],
        "config_digest": part.record.get("config_digest", ""),
        "array_events": part.n_rows("trigger"),
    }


__all__ = ["TrainedModel", "predicts_logarithm", "training_card"]
