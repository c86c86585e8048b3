"""Applying models: predictions of telescopes and of array events as tables of a dataset.

A part is read in chunks of array events, all telescope types side by side: the energies of all
telescopes of an event are combined before the models that read the combined energy are asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.parquet import PartFiles
from ctabatch.io.part_tables import PartTables
from ctabatch.kernels.direction_mean import horizontal
from ctabatch.provenance.activity import moment
from ctabatch.provenance.of_parts import apply_activity
from ctabatch.provenance.product import of_tables
from ctabatch.provenance.software import software
from ctabatch.schemas.reconstruction import event_predictions, telescope_predictions
from ctabatch.stages.combine import (
    DirectionMethod,
    DispPredictions,
    combine_directions,
    combine_energy,
    combine_scores,
    required_parameters,
    telescope_weights,
)

from .features import float32_feature
from .model_set import KINDS, Model, ModelSet
from .options import Task
from .provenance import models_input
from .telescope_rows import EVENT_ROW, available_columns, telescope_rows

#: Array events predicted together.
CHUNK = 1 << 13
#: What the direction from disp needs of a row.
_AXIS = ("hillas_fov_lon", "hillas_fov_lat", "hillas_psi", "telescope_pointing_altitude",
         "telescope_pointing_azimuth")  # fmt: skip
#: Told the number of telescope rows done.
Progress = Callable[[int], None]


@dataclass(frozen=True)
class ApplyOptions:
    """How predictions of telescopes become those of events.

    Attributes
    ----------
    prefix : str
        Of the columns, and the name of the predictions in the dataset.
    weighting : str
        Weight of a telescope in the means, see `ctabatch.stages.combine.telescope_weights`.
    direction : {"disp-signs", "mean"}
        Whether telescopes agree on the head-tail signs of their images, or each trusts its own.
    jobs : int
        Telescope types predicted at the same time.
    """

    prefix: str
    weighting: str = "aspect-weighted-intensity"
    direction: DirectionMethod = "disp-signs"
    jobs: int = 1

    def combination(self) -> dict[str, str]:
        """What shapes the numbers, for the commit record."""
        return {"weighting": self.weighting, "direction": self.direction}


@dataclass
class _Rows:
    """Rows of one telescope type in a chunk of events."""

    tel_type: str
    frame: pl.DataFrame
    event: NDArray[np.int64]
    values: dict[str, NDArray[Any]] = field(default_factory=dict)

    def number(self, name: str) -> NDArray[np.float64]:
        """A column as float64, null as NaN."""
        column = self.frame[name].cast(pl.Float64).fill_null(float("nan"))
        return np.ascontiguousarray(column.to_numpy())


def apply_models(
    part: PartTables, models: ModelSet, options: ApplyOptions, progress: Progress | None = None
) -> dict[str, Any]:
    """Predict everything about one part and commit it.

    Parameters
    ----------
    part : PartTables
    models : ModelSet
    options : ApplyOptions
    progress : callable, optional

    Returns
    -------
    dict
        The commit record of the predictions.

    Raises
    ------
    InputError
        Columns or units of the part do not fit the models, or a file is damaged.
    OutputError
        The predictions cannot be written; nothing of them is visible.
    """
    begin = moment()
    step = _Prediction(part, models, options)
    files = PartFiles(part.root, part.name)
    try:
        files.require(step.event_table, step.event_schema)
        for rows, events in step.chunks():
            step.predict(rows, events)
            for own in rows:
                files.write(f"{step.telescope_table}/tel_type={own.tel_type}", step.rows(own))
            files.write(step.event_table, step.event_rows(events))
            if progress is not None:
                progress(sum(len(own.frame) for own in rows))
        record = {
            "part": part.name,
            "prefix": options.prefix,
            "models": {
                "folder": str(models.folder),
                "digest": models.digest,
                "by_task": {task: models.digests(task, models.models) for task in step.tasks},
            },
            "combination": options.combination(),
            **basis(part),
            **step.summary(),
        }
        activity = apply_activity(
            part.record,
            [models_input(models.card)],
            {"prefix": options.prefix, **options.combination()},
            software(),
            begin,
        )
        files.about = of_tables(activity, part.name)
        record["activities"] = [activity.entry()]
        DatasetFolder(part.root).commit_predictions(options.prefix, files, record)
    except BaseException:
        files.discard()
        raise
    return record


def basis(part: PartTables) -> dict[str, Any]:
    """What predictions of a part are made from: if it changes they are out of date."""
    tables = part.record["tables"]
    return {
        "input_sha256": part.record.get("input", {}).get("sha256", ""),
        "config_digest": part.record.get("config_digest", ""),
        "stereo": part.record.get("config", {}).get("stereo"),
        "rows": {name: tables[name]["rows"] for name in sorted(tables) if "dl1/param" in name},
    }


def is_up_to_date(
    earlier: dict[str, Any], part: PartTables, models: ModelSet, options: ApplyOptions
) -> bool:
    """Whether earlier predictions are what applying again would give."""
    return (
        earlier.get("models", {}).get("digest") == models.digest
        and earlier.get("combination") == options.combination()
        and all(earlier.get(key) == value for key, value in basis(part).items())
    )


class _Prediction:
    """Predictions for one part, chunk by chunk."""

    def __init__(self, part: PartTables, models: ModelSet, options: ApplyOptions) -> None:
        self.part, self.models, self.options = part, models, options
        self.tasks: tuple[Task, ...] = models.tasks()
        self.known = [name for name in part.tel_types if name in models.models]
        self.unknown = {
            name: part.n_rows(f"dl1/parameters/tel_type={name}")
            for name in part.tel_types
            if name not in models.models
        }
        where = f"{part.root}, part {part.name}"
        if part.tel_types and not self.known:
            raise InputError(
                f"{where}: the models of {models.folder} know none of its telescope types "
                f"({', '.join(part.tel_types)}), but {', '.join(sorted(models.models))}"
            )
        self.weightings = {options.weighting, models.feature_weighting}
        self.weight_columns = {c for kind in self.weightings for c in required_parameters(kind)}
        for tel_type in self.known:
            columns = available_columns(part, tel_type)
            models.check(tel_type, {name: unit for name, (_, unit) in columns.items()}, where)
        digests = {str(task): models.digests(task, models.models) for task in self.tasks}
        prefix = options.prefix
        self.telescope_schema = telescope_predictions(prefix, self.tasks, digests)
        self.event_schema = event_predictions(prefix, self.tasks, digests)
        self.telescope_table = f"dl2/telescope/model={prefix}"
        self.event_table = f"dl2/subarray/model={prefix}"
        self.counts: Counter[str] = Counter()

    def summary(self) -> dict[str, Any]:
        """Counts for the commit record."""
        return {
            "array_events": self.counts["events"],
            "telescope_events": self.counts["rows"],
            "predicted": {task: self.counts[task] for task in self.tasks},
            "predicted_telescopes": {task: self.counts[f"tel {task}"] for task in self.tasks},
            "mono_events": self.counts["mono"],
            "signs_changed": self.counts["signs"],
            "telescope_types_without_model": self.unknown,
        }

    # -- reading

    def chunks(self) -> Iterator[tuple[list[_Rows], dict[str, NDArray[Any]]]]:
        """Yield the rows of each known telescope type, and the keys of the events, chunk wise."""
        streams = {name: _Stream(self.part, name, self._columns(name)) for name in self.known}
        first = 0
        for group in self.part.row_groups("trigger", ["obs_id", "event_id"]):
            for begin in range(0, group.num_rows, CHUNK):
                keys = group.slice(begin, CHUNK)
                events = {name: keys.column(name).to_numpy() for name in ("obs_id", "event_id")}
                stop = first + keys.num_rows
                rows = []
                for name, stream in streams.items():
                    frame = stream.take(stop)
                    rows.append(_Rows(name, frame, frame[EVENT_ROW].to_numpy() - first))
                first = stop
                self.counts["events"] += keys.num_rows
                self.counts["rows"] += sum(len(own.frame) for own in rows)
                yield rows, events

    def _columns(self, tel_type: str) -> set[str]:
        columns = {c for model in self.models.models[tel_type].values() for c in model.columns}
        return (columns - self.models.chained) | self.weight_columns | set(_AXIS)

    # -- predicting

    def predict(self, rows: list[_Rows], events: dict[str, NDArray[Any]]) -> None:
        """Fill in the predictions of a chunk, of its rows and of its events."""
        n_events = len(events["event_id"])
        groups = _Groups(rows, n_events)
        weights = {kind: groups.join([self._weights(own, kind) for own in rows])
                   for kind in self.weightings}  # fmt: skip
        with ThreadPoolExecutor(max(1, self.options.jobs)) as pool:
            for task in self.tasks:
                list(pool.map(lambda own, t=task: self._predict(own, t), rows))
                self._combine(task, groups, rows, weights, events)

    def _weights(self, own: _Rows, kind: str) -> NDArray[np.float64]:
        columns = {name: own.number(name) for name in required_parameters(kind)}
        return telescope_weights(kind, columns, len(own.frame))

    def _predict(self, own: _Rows, task: Task) -> None:
        n = len(own.frame)
        if not self.models.has(own.tel_type, task):
            for name in _VALUES[task]:
                own.values[name] = np.full(n, np.nan)
            own.values[f"{task} valid"] = np.zeros(n, np.bool_)
            return
        kinds = [self.models.models[own.tel_type][kind] for kind in KINDS[task]]
        quality = kinds[0].quality.all().alias("passed")
        passed = own.frame.select(quality).to_series().to_numpy()
        chosen = own.frame.filter(pl.Series(passed)) if not passed.all() else own.frame
        chained = self._chained_columns(own, passed)
        predictions, valid = [], np.zeros(n, np.bool_)
        x, features = None, None
        for model in kinds:
            if x is None or model.features != features:
                x, features = _matrix(model, chosen, chained), model.features
            complete = np.isfinite(x).all(axis=1)
            out = np.full(n, np.nan)
            inside = np.flatnonzero(passed)[complete]
            out[inside] = model.predict(x if complete.all() else x[complete])
            predictions.append(out)
        valid = np.logical_and.reduce([np.isfinite(p) for p in predictions])
        own.values[f"{task} valid"] = valid
        if task == "energy":
            own.values["tel_energy"] = predictions[0]
        elif task == "particle_type":
            own.values["tel_prediction"] = predictions[0]
        else:
            norm, positive = predictions
            norm = np.abs(norm)
            own.values["tel_disp"] = np.where(positive >= 0.5, norm, -norm)
            own.values["tel_disp"][~valid] = np.nan
            own.values["tel_disp_sign_score"] = np.abs(2 * positive - 1)

    def _chained_columns(self, own: _Rows, passed: NDArray[np.bool_]) -> list[pl.Series]:
        """The energies as features of the later models."""
        prefix = self.models.config.prefix
        names = {"energy": f"{prefix}_energy", "tel_energy": f"{prefix}_tel_energy"}
        return [
            pl.Series(name, own.values[key][passed])
            for key, name in names.items()
            if key in own.values
        ]

    def _combine(
        self,
        task: Task,
        groups: _Groups,
        rows: list[_Rows],
        weights: dict[str, NDArray[np.float64]],
        events: dict[str, NDArray[Any]],
    ) -> None:
        weight = weights[self.options.weighting]
        valid = groups.join([own.values[f"{task} valid"] for own in rows], np.bool_)
        self.counts[f"tel {task}"] += int(valid.sum())
        if task == "disp":
            self._combine_directions(groups, rows, valid, weight, events)
            return
        name = {"energy": "tel_energy", "particle_type": "tel_prediction"}[task]
        values = groups.join([own.values[name] for own in rows])
        if task == "energy":
            combined = combine_energy(groups.offsets, values, valid, weight, log_target=True)
            feature = combined
            if self.models.feature_weighting != self.options.weighting:
                own_weight = weights[self.models.feature_weighting]
                feature = combine_energy(groups.offsets, values, valid, own_weight, log_target=True)
            for own in rows:
                own.values["energy"] = feature.value[own.event]
        else:
            combined = combine_scores(groups.offsets, values, valid, weight)
        column = {"energy": "energy", "particle_type": "prediction"}[task]
        events[column] = combined.value
        events[f"{column}_uncert"] = combined.uncert
        events[f"{column}_n_tels"] = combined.n_tels.astype(np.int16)
        events[f"{column}_is_valid"] = combined.is_valid
        self.counts[task] += int(combined.is_valid.sum())
        if task == "energy":
            self.counts["mono"] += int(combined.is_mono.sum())

    def _combine_directions(
        self,
        groups: _Groups,
        rows: list[_Rows],
        valid: NDArray[np.bool_],
        weight: NDArray[np.float64],
        events: dict[str, NDArray[Any]],
    ) -> None:
        axes = [groups.join([own.number(name) for own in rows]) for name in _AXIS]
        disp, score = (
            groups.join([own.values[name] for own in rows])
            for name in ("tel_disp", "tel_disp_sign_score")
        )
        predictions = DispPredictions(disp, score, *axes)
        combined = combine_directions(
            groups.offsets, predictions, valid, weight, method=self.options.direction
        )
        alt, az = np.empty(len(disp)), np.empty(len(disp))
        horizontal(predictions.vectors(disp), alt, az)
        for own, place in zip(rows, groups.places, strict=True):
            own.values["tel_alt"], own.values["tel_az"] = alt[place], az[place]
        events["alt"], events["az"] = combined.alt, combined.az
        events["ang_distance_uncert"] = combined.ang_distance_uncert
        events["direction_n_tels"] = combined.n_tels.astype(np.int16)
        events["direction_is_valid"] = combined.is_valid
        self.counts["disp"] += int(combined.is_valid.sum())
        self.counts["signs"] += int(combined.sign_changed.sum())

    # -- writing

    def rows(self, own: _Rows) -> pa.RecordBatch:
        """Rows of dl2/telescope."""
        valid = {"energy": "energy", "particle_type": "prediction", "disp": "disp"}
        columns = {f"tel_{valid[t]}_is_valid": own.values[f"{t} valid"] for t in self.tasks}
        columns |= {name: values for name, values in own.values.items() if name[:4] == "tel_"}
        keys = {name: own.frame[name].to_numpy() for name in ("obs_id", "event_id", "tel_id")}
        return self._batch(self.telescope_schema, keys, columns)

    def event_rows(self, events: dict[str, NDArray[Any]]) -> pa.RecordBatch:
        """Rows of dl2/subarray."""
        keys = {name: events[name] for name in ("obs_id", "event_id")}
        return self._batch(self.event_schema, keys, events)

    def _batch(
        self, schema: pa.Schema, keys: dict[str, NDArray[Any]], columns: dict[str, NDArray[Any]]
    ) -> pa.RecordBatch:
        prefix = f"{self.options.prefix}_"
        arrays = []
        for column in schema:
            name = column.name
            values = keys[name] if name in keys else columns[name.removeprefix(prefix)]
            arrays.append(pa.array(values, column.type))
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


#: Task -> columns of a row that it fills.
_VALUES: dict[Task, tuple[str, ...]] = {
    "energy": ("tel_energy",),
    "particle_type": ("tel_prediction",),
    "disp": ("tel_disp", "tel_disp_sign_score"),
}


def _matrix(model: Model, frame: pl.DataFrame, chained: list[pl.Series]) -> NDArray[np.float32]:
    """Features of some rows, as the trees see them."""
    frame = frame.with_columns(chained)
    x = frame.select(float32_feature(e).alias(str(n)) for n, e in enumerate(model.features))
    return np.ascontiguousarray(x.to_numpy(), np.float32).reshape(len(frame), len(model.features))


class _Groups:
    """The telescopes of each event together, by ascending number, over all telescope types."""

    def __init__(self, rows: list[_Rows], n_events: int) -> None:
        event = np.concatenate([np.empty(0, np.int64), *(own.event for own in rows)])
        tel_id = np.concatenate(
            [np.empty(0, np.int64), *(own.frame["tel_id"].to_numpy() for own in rows)]
        )
        key = event << 16 | tel_id.astype(np.int64)
        self.order = np.argsort(key, kind="stable")
        self.offsets = np.searchsorted(key[self.order], np.arange(n_events + 1) << 16)
        place = np.empty(len(key), np.int64)
        place[self.order] = np.arange(len(key))
        #: For each telescope type, where its rows stand among the grouped rows.
        self.places = np.split(place, np.cumsum([len(own.event) for own in rows])[:-1])

    def join(self, columns: list[NDArray[Any]], dtype: Any = np.float64) -> NDArray[Any]:
        """Values of all telescope types in the order of the groups."""
        joined: NDArray[Any] = np.concatenate([np.empty(0, dtype), *columns])[self.order]
        return joined


class _Stream:
    """Rows of one telescope type up to one event after the other."""

    def __init__(self, part: PartTables, tel_type: str, columns: set[str]) -> None:
        self.part, self.tel_type = part, tel_type
        self._frames = telescope_rows(part, tel_type, columns)
        self._ahead: list[pl.DataFrame] = []
        self._last = -1

    def take(self, stop: int) -> pl.DataFrame:
        """Rows of events before `stop` that were not taken yet."""
        while not self._ahead or self._last < stop:
            frame = next(self._frames, None)
            if frame is None:
                break
            row = frame[EVENT_ROW]
            if row.null_count() or not row.is_sorted() or int(row[0]) < self._last:
                raise InputError(
                    f"{self.part.root}, part {self.part.name}: rows of telescope type "
                    f"{self.tel_type} do not follow the order of the array events; process its "
                    "input again"
                )
            self._last = int(row[-1])
            self._ahead.append(frame)
        if not self._ahead:
            raise InputError(
                f"{self.part.root}, part {self.part.name}: no rows of type {self.tel_type}"
            )
        rows = pl.concat(self._ahead)
        n = int((rows[EVENT_ROW] < stop).sum())
        self._ahead = [rows.slice(n)]
        return rows.slice(0, n)


__all__ = ["ApplyOptions", "apply_models", "basis", "is_up_to_date"]
