"""Strict models of every option of the training, and its YAML form."""

from __future__ import annotations

import hashlib
from typing import Any, Literal, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ctabatch.config.bounded import read_yaml
from ctabatch.errors import OptionError

from . import features as default

#: What can be trained, in this order: the later ones use the energy that the first predicts.
Task = Literal["energy", "particle_type", "disp"]
TASKS: tuple[Task, ...] = ("energy", "particle_type", "disp")
#: What becomes of the models of the folds, see `TrainConfig.final_model`.
FinalModel = Literal["mean", "refit"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TaskOptions(_Strict):
    """What all models have.

    SQL texts are parsed by polars. ``{prefix}`` in a name or SQL text stands for the prefix.
    """

    features: tuple[str, ...] = Field(min_length=1)
    #: Name -> SQL of features that are no columns.
    generated: dict[str, str] = {}
    #: Name -> SQL: rows to use, when training and when predicting.
    quality: dict[str, str] = default.QUALITY
    #: SQL: rows to train on, besides; may read the truth.
    selection: str | None = None
    #: SQL: weight of a row; may read the truth.
    weights: str | None = None
    #: Rows per telescope type; a reproducible sample of events is taken if there are more.
    max_rows: int | None = Field(default=None, ge=100)
    trainer: str = "lightgbm"
    #: Of the trainer; for example ``early_stopping_rounds: 10`` of lightgbm stops each fold on the
    #: events it has not seen, and the final model after as many rounds as the folds on average.
    options: dict[str, Any] = {}

    @field_validator("selection", "weights")
    @classmethod
    def _not_empty(cls, sql: str | None) -> str | None:
        return sql or None


class EnergyOptions(TaskOptions):
    """Regression of the energy."""

    features: tuple[str, ...] = (*default.IMAGE, *default.STEREO, *default.AREA,
                                 *default.MULTIPLICITY)  # fmt: skip
    generated: dict[str, str] = {**default.AREA, **default.MULTIPLICITY}
    #: SQL of what is predicted, in TeV.
    target: str = "true_energy"
    log_target: bool = True


class ParticleOptions(TaskOptions):
    """Classification of gamma rays against everything else."""

    features: tuple[str, ...] = (*default.IMAGE, *default.STEREO, *default.ENERGY_FEATURES,
                                 *default.AREA)  # fmt: skip
    generated: dict[str, str] = default.AREA
    #: SQL that is true for the signal.
    target: str = "true_shower_primary_id = 0"
    #: Share of the signal after balancing, null for as it comes.
    signal_fraction: float | None = Field(default=0.5, gt=0, lt=1)
    #: Balance the classes by weights, or by leaving events out.
    balance: Literal["weights", "sampling"] = "weights"


class DispOptions(TaskOptions):
    """Regression of the distance to the source along the image, and classification of its side."""

    features: tuple[str, ...] = (*default.IMAGE, *default.ENERGY_FEATURES, *default.AREA)
    generated: dict[str, str] = default.AREA
    log_target: bool = True
    #: The distance along the image axis instead of the full distance.
    project: bool = False
    #: Options of the classifier; those of the regression if null.
    sign_options: dict[str, Any] | None = None


class TrainConfig(_Strict):
    """All options of ``ctabatch train``."""

    prefix: str = Field(default="LightGBM", pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    tasks: tuple[Task, ...] = Field(default=TASKS, min_length=1)
    seed: int = Field(default=0, ge=0, lt=1 << 31)
    #: Weights of the telescopes in the mean energy of an event that later models read, and in the
    #: metrics of events; see `ctabatch.stages.combine.WEIGHTINGS`.
    weighting: str = "aspect-weighted-intensity"
    #: Folds of the cross-validation; its predictions are also what later models learn from.
    n_cross_validation: int = Field(default=2, ge=2, le=50)
    #: mean: predict the mean of the models of the folds; refit: learn from all rows once more.
    final_model: FinalModel = "mean"
    #: Fewest rows of a telescope type (of each class) that a model is trained on.
    min_rows: int = Field(default=100, ge=10)
    #: Let features read columns of simulated truth.
    allow_truth: bool = False
    energy: EnergyOptions = EnergyOptions()
    particle_type: ParticleOptions = ParticleOptions()
    disp: DispOptions = DispOptions()

    @field_validator("tasks")
    @classmethod
    def _in_order(cls, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
        return tuple(task for task in TASKS if task in tasks)

    def of(self, task: Task) -> TaskOptions:
        """Options of one task, with the prefix put in."""
        options: TaskOptions = getattr(self, task)
        return options.model_copy(update=_put_prefix(options.model_dump(), self.prefix))

    def digest(self) -> str:
        """Short name of this configuration, equal for equal options."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    def to_yaml(self) -> str:
        """Text that `load_config` reads."""
        text: str = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, width=100)
        return text


def load_config(text: str, where: str = "configuration") -> TrainConfig:
    """Read a configuration; what it does not name keeps its default.

    Parameters
    ----------
    text : str
        YAML (or JSON).
    where : str
        Name of the file, for messages.

    Raises
    ------
    OptionError
        The text is no YAML, or an option is unknown or has an impossible value.
    """
    content = read_yaml(text, where)
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise OptionError(f"{where}: options with names are expected, see --show-config")
    return build_config(content, where)


def build_config(content: dict[str, Any], where: str = "configuration") -> TrainConfig:
    """Configuration from nested dictionaries; raises OptionError as `load_config`."""
    try:
        return TrainConfig.model_validate(content)
    except ValidationError as error:
        raise OptionError(f"{where}: {_explain(error)}") from error


def parse_tasks(text: str) -> tuple[Task, ...]:
    """Tasks named in a comma-separated list; raises OptionError for a name that is none."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in TASKS:
            raise OptionError.unknown_name("task", name, TASKS)
    if not names:
        raise OptionError(f"no task is named; valid: {', '.join(TASKS)}")
    return tuple(task for task in TASKS if task in names)


def _explain(error: ValidationError) -> str:
    """The first problem, with the nearest name for one that does not exist."""
    first = error.errors()[0]
    *above, last = first["loc"] or ("",)
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        model: type[BaseModel] = TrainConfig
        for name in above:
            model = cast("type[BaseModel]", model.model_fields[str(name)].annotation)
        return str(OptionError.unknown_name(f"option {place!r}:", str(last), model.model_fields))
    return f"{place}: {first['msg']}"


def _put_prefix(value: Any, prefix: str) -> Any:
    if isinstance(value, str):
        return value.replace("{prefix}", prefix)
    if isinstance(value, dict):
        return {_put_prefix(k, prefix): _put_prefix(v, prefix) for k, v in value.items()}
    if isinstance(value, tuple):
        return tuple(_put_prefix(item, prefix) for item in value)
    return value


__all__ = ["TASKS", "DispOptions", "EnergyOptions", "FinalModel", "ParticleOptions", "Task",
           "TaskOptions", "TrainConfig", "build_config", "load_config", "parse_tasks"]  # fmt: skip
