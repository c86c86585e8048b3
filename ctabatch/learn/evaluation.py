"""How good the models are, on events that they have not seen: per telescope type and per event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.schemas.column import column
from ctabatch.stages.combine import (
    DispPredictions,
    combine_directions,
    combine_energy,
    combine_scores,
)

from . import metrics
from .rows import TEL_WEIGHT, Rows
from .samples import Sample, facts_of

Floats = NDArray[np.float64]
#: What stands in the column tel_type for the combination of all telescopes of an event.
EVENTS = "events"
#: Points of a stored ROC curve.
ROC_POINTS = 1000
#: Which kind of prediction a row of a metrics table is about.
TEL_TYPE = column("tel_type", pa.string(), "Telescope type; 'events' for whole array events")
METHOD = column("method", pa.string(), "How the telescopes of an event are combined")


@dataclass(frozen=True)
class Judged:
    """Out-of-fold predictions of one task and telescope type.

    Attributes
    ----------
    sample : Sample
    roles : sequence of Rows
    predicted : float64 (n,)
        Energy in TeV, probability of the signal, or signed disp in deg.
    sign_score : float64 (n,)
        Of disp, |2 p - 1|.
    """

    sample: Sample
    roles: Sequence[Rows]
    predicted: Floats
    sign_score: Floats = field(default_factory=lambda: np.empty(0))

    def fact(self, name: str) -> NDArray[Any]:
        return facts_of(self.sample, self.roles, name)

    @property
    def weight(self) -> Floats:
        """Weight of a telescope among those of its event."""
        return self.fact(TEL_WEIGHT)

    @property
    def event(self) -> NDArray[np.int64]:
        """A number for every event, different for gammas and protons."""
        return np.asarray(self.fact("event") * 2 + self.sample.role, np.int64)


@dataclass
class Evaluation:
    """Metrics of one task.

    Attributes
    ----------
    tables : dict
        Name -> table, with a column tel_type.
    numbers : dict
        Telescope type or "events" -> name -> number.
    """

    tables: dict[str, pa.Table] = field(default_factory=dict)
    numbers: dict[str, dict[str, float]] = field(default_factory=dict)

    def add(self, name: str, table: pa.Table, tel_type: str, method: str = "") -> None:
        for kind, text in ((METHOD, method), (TEL_TYPE, tel_type)):
            table = table.add_column(0, kind, [pa.repeat(text, table.num_rows)])
        before = self.tables.get(name)
        self.tables[name] = table if before is None else pa.concat_tables([before, table])


def judge_energy(judged: Mapping[str, Judged]) -> Evaluation:
    """Bias and resolution of the energy."""
    result = Evaluation()
    for tel_type, one in judged.items():
        _energy(result, tel_type, one.sample.target, one.predicted)
    order, offsets = _by_event(judged)
    target = _joined(judged, lambda one: one.sample.target)[order]
    predicted = _joined(judged, lambda one: one.predicted)[order]
    weight = _joined(judged, lambda one: one.weight)[order]
    mean = combine_energy(offsets, predicted, predicted > 0, weight)
    _energy(result, EVENTS, target[offsets[:-1]], mean.value)
    return result


def _energy(result: Evaluation, tel_type: str, true: Floats, predicted: Floats) -> None:
    good = np.isfinite(predicted) & (predicted > 0) & (true > 0)
    true, predicted = true[good], predicted[good]
    result.add("energy", metrics.energy_metrics(true, predicted), tel_type)
    result.numbers[tel_type] = {"n": len(true)}
    if len(true):
        ratio = predicted / true - 1
        low, middle, high = metrics.quantiles(ratio, [0.15865, 0.5, 0.84135])
        result.numbers[tel_type] |= {
            "bias": float(middle),
            "resolution": float(high - low) / 2,
            "r2_log_energy": metrics.r2_score(np.log(true), np.log(predicted)),
        }


def judge_particles(judged: Mapping[str, Judged]) -> Evaluation:
    """Separation of signal and background."""
    result = Evaluation()
    for tel_type, one in judged.items():
        _particles(result, tel_type, one.sample.target, one.predicted, one.fact("true_energy"))
    order, offsets = _by_event(judged)
    score = _joined(judged, lambda one: one.predicted)[order]
    weight = _joined(judged, lambda one: one.weight)[order]
    mean = combine_scores(offsets, score, np.isfinite(score), weight)
    first = order[offsets[:-1]]
    target = _joined(judged, lambda one: one.sample.target)[first]
    energy = _joined(judged, lambda one: one.fact("true_energy"))[first]
    _particles(result, EVENTS, target, mean.value, energy)
    return result


def _particles(
    result: Evaluation, tel_type: str, target: Floats, score: Floats, energy: Floats
) -> None:
    signal = target > 0.5
    result.add("roc", metrics.roc_curve(score, signal, max_points=ROC_POINTS), tel_type)
    result.add("auc", metrics.auc_by_energy(energy, score, signal), tel_type)
    result.numbers[tel_type] = {
        "n_signal": int(signal.sum()),
        "n_background": int((~signal).sum()),
        "auc": float(metrics.auc(score, signal)),
    }


def judge_disp(judged: Mapping[str, Judged]) -> Evaluation:
    """Angular resolution."""
    result = Evaluation()
    for tel_type, one in judged.items():
        every = np.arange(len(one.predicted) + 1)
        theta = _theta({tel_type: one}, np.arange(len(one.predicted)), every, "mean")
        _direction(result, tel_type, "", one.fact("true_energy"), theta)
        true = one.sample.target
        result.numbers[tel_type] |= {
            "r2_disp": metrics.r2_score(np.abs(true), np.abs(one.predicted)),
            "sign_accuracy": float(np.mean((true > 0) == (one.predicted > 0))),
        }
    order, offsets = _by_event(judged)
    energy = _joined(judged, lambda one: one.fact("true_energy"))[order[offsets[:-1]]]
    for method in ("disp-signs", "mean"):
        theta = _theta(judged, order, offsets, method)
        _direction(result, EVENTS, method, energy, theta)
    return result


def _theta(
    judged: Mapping[str, Judged], order: NDArray[np.int64], offsets: NDArray[np.int64], method: Any
) -> Floats:
    """Distance in deg of the combined direction of each event from the true one."""

    def fact(name: str) -> NDArray[Any]:
        return _joined(judged, lambda one: one.fact(name))[order]

    names = ("fov_lon", "fov_lat", "psi", "pointing_alt", "pointing_az")
    disp = _joined(judged, lambda one: one.predicted)[order]
    score = _joined(judged, lambda one: one.sign_score)[order]
    predictions = DispPredictions(disp, score, *(fact(name) for name in names))
    found = combine_directions(
        offsets, predictions, np.isfinite(disp), fact(TEL_WEIGHT), method=method
    )
    first = offsets[:-1]
    return metrics.angular_separation(
        found.alt, found.az, fact("true_alt")[first], fact("true_az")[first]
    )


def _direction(
    result: Evaluation, tel_type: str, method: str, energy: Floats, theta: Floats
) -> None:
    good = np.isfinite(theta)
    energy, theta = energy[good], theta[good]
    result.add("direction", metrics.angular_metrics(energy, theta), tel_type, method)
    name = "angular_resolution" if method != "mean" else "angular_resolution_plain_mean"
    numbers = result.numbers.setdefault(tel_type, {})
    numbers["n"] = len(theta)
    if len(theta):
        numbers[name] = float(np.quantile(theta, 0.68))


def _by_event(judged: Mapping[str, Judged]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order of all rows by event, and where the events begin."""
    event = _joined(judged, lambda one: one.event)
    order = np.argsort(event, kind="stable")
    starts = np.flatnonzero(np.diff(event[order], prepend=-1))
    return order, np.append(starts, len(order))


def _joined(judged: Mapping[str, Judged], column: Any) -> NDArray[Any]:
    return np.concatenate([column(one) for one in judged.values()])


__all__ = ["EVENTS", "Evaluation", "Judged", "judge_disp", "judge_energy", "judge_particles"]
