"""What one model learns from: the rows of a task, and predictions of earlier models as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .event_folds import below, fold_of
from .features import float32_feature
from .mapped_rows import release
from .options import ParticleOptions, TaskOptions, TrainConfig
from .rows import TEL_WEIGHT, Rows
from .task_columns import TaskColumns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctabatch.io.spool import SpoolFolder
    from ctabatch.learn.trees import Trees

#: Rows that are copied, or predicted, at once.
CHUNK = 1 << 16


@dataclass(frozen=True)
class Energies:
    """Predicted energies of the rows of one role.

    Attributes
    ----------
    tel : dict
        Telescope type -> energy by the telescope, (n_rows,) float32, TeV, NaN without prediction.
    event : float64 (n_events,)
        Weighted mean over all telescopes of the event in ln E, TeV; NaN without any.
    """

    tel: dict[str, NDArray[np.float32]]
    event: NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Rows of one task and telescope type.

    Attributes
    ----------
    x : float32 (n, n_features), mapped
    target, weight : float64 (n,)
        As the configuration says; weights are balanced and have mean 1.
    fold : int8 (n,)
    role : int8 (n,)
        Index into the roles (0 gammas, 1 protons).
    row : int64 (n,)
        Place in `Rows` of that role.
    n_without_energy : int
        Rows left out since no earlier model has predicted an energy for them.
    """

    x: NDArray[np.float32]
    target: NDArray[np.float64]
    weight: NDArray[np.float64]
    fold: NDArray[np.int8]
    role: NDArray[np.int8]
    row: NDArray[np.int64]
    n_without_energy: int = 0


def predict_energies(
    rows: Mapping[str, Rows],
    n_events: int,
    models: Mapping[str, Sequence[Trees]],
    task: TaskColumns,
    log_target: bool,
) -> Energies:
    """Energies by models that have not seen the event: the model of a fold predicts that fold.

    Rows of both classes are treated alike, so that the classifier cannot learn from which kind of
    model an energy comes.

    Parameters
    ----------
    rows : mapping
        Telescope type -> rows of one role.
    n_events : int
    models : mapping
        Telescope type -> the models of all folds; types without models get NaN.
    task : TaskColumns
        The energy task.
    log_target : bool
        Whether the models predict ln E.
    """
    tel: dict[str, NDArray[np.float32]] = {}
    total, count = np.zeros(n_events), np.zeros(n_events)
    for tel_type, mine in rows.items():
        energy = np.full(len(mine.features), np.nan, np.float32)
        folds = models.get(tel_type, ())
        columns = [mine.columns[e.sql] for e in task.features]
        for part in _chunks(len(energy) if folds else 0):
            valid = mine.facts["valid_energy"][part]
            fold = fold_of(mine.facts["hash"][part], len(folds))
            values = np.full(len(valid), np.nan)
            for k, trees in enumerate(folds):
                chosen = np.flatnonzero(valid & (fold == k))
                x = np.ascontiguousarray(mine.features[part][chosen[:, None], columns])
                values[chosen] = trees.predict(x)
            if not log_target:
                values = np.where(values > 0, values, np.nan)
            weight = mine.facts[TEL_WEIGHT][part]
            known = np.isfinite(values) & np.isfinite(weight) & (weight > 0)
            event = mine.facts["event"][part][known]
            logarithm = values[known] if log_target else np.log(values[known])
            np.add.at(total, event, weight[known] * logarithm)
            np.add.at(count, event, weight[known])
            energy[part] = np.exp(values) if log_target else values
            release(mine.features)
        tel[tel_type] = energy
    with np.errstate(invalid="ignore"):
        return Energies(tel, np.exp(total / count))


def build_sample(
    config: TrainConfig,
    task: TaskColumns,
    roles: Sequence[Rows],
    energies: Sequence[tuple[NDArray[np.float32], NDArray[np.float64]]],
    spools: SpoolFolder,
) -> Sample:
    """Choose the rows of a task and put their features together.

    Parameters
    ----------
    config : TrainConfig
    task : TaskColumns
    roles : sequence of Rows
        Rows of one telescope type, per role.
    energies : sequence of (n_rows,), (n_events,)
        Predicted energies by telescope and event, per role; empty if the task needs none.
    spools : SpoolFolder
    """
    options = config.of(task.task)
    chosen = [np.flatnonzero(rows.facts[f"use_{task.task}"]) for rows in roles]
    without = 0
    if any(feature.columns & task.chained for feature in task.features):
        for role, (tel, event) in enumerate(energies):
            rows = chosen[role]
            known = np.isfinite(tel[rows]) & np.isfinite(event[roles[role].facts["event"][rows]])
            without += int((~known).sum())
            chosen[role] = rows[known]
    chosen = _sampled(options, task, roles, chosen)
    spool = spools.spool(np.float32, len(task.features))
    for role, rows in enumerate(chosen):
        for part in _chunks(len(rows)):
            some = rows[part]
            spool.append(_matrix(task, roles[role], some, energies[role] if energies else None))
            release(roles[role].features)
    facts = {
        name: np.concatenate([r.facts[name][c] for r, c in zip(roles, chosen, strict=True)])
        for name in ("hash", f"target_{task.task}", f"weight_{task.task}")
    }
    target = facts[f"target_{task.task}"]
    sizes = [len(rows) for rows in chosen]
    return Sample(
        spool.finish(),
        target,
        _balanced(options, target, facts[f"weight_{task.task}"]),
        fold_of(facts["hash"], config.n_cross_validation),
        np.repeat(np.arange(len(sizes), dtype=np.int8), sizes),
        np.concatenate(chosen),
        without,
    )


def _matrix(
    task: TaskColumns,
    rows: Rows,
    some: NDArray[np.int64],
    energies: tuple[NDArray[np.float32], NDArray[np.float64]] | None,
) -> NDArray[np.float32]:
    stored = rows.features[some]
    x = np.empty((len(some), len(task.features)), np.float32)
    for n, feature in enumerate(task.features):
        chained = feature.columns & task.chained
        if not chained:
            x[:, n] = stored[:, rows.columns[feature.sql]]
            continue
        tel, event = cast("tuple[NDArray[np.float32], NDArray[np.float64]]", energies)
        frame = {}
        for name in feature.columns - chained:
            frame[name] = stored[:, rows.columns[_sql_of(task, name)]]
        for name in chained:
            tel_energy = name.endswith("_tel_energy")
            frame[name] = tel[some] if tel_energy else event[rows.facts["event"][some]]
        value = pl.DataFrame(frame).select(float32_feature(feature).alias("value"))
        x[:, n] = value["value"].to_numpy()
    return x


def _sql_of(task: TaskColumns, name: str) -> str:
    return next(e.sql for e in task.stored if e.name == name and e.columns == {name})


def _sampled(
    options: TaskOptions, task: TaskColumns, roles: Sequence[Rows], chosen: list[NDArray[np.int64]]
) -> list[NDArray[np.int64]]:
    """Leave out events by their hash until the limits hold; the order of rows plays no part."""
    hashes = [r.facts["hash"][c] for r, c in zip(roles, chosen, strict=True)]
    if not isinstance(options, ParticleOptions):
        limit = below(np.concatenate(hashes), options.max_rows)
        if limit is None:
            return chosen
        return [c[h < limit] for c, h in zip(chosen, hashes, strict=True)]
    targets = (r.facts[f"target_{task.task}"][c] for r, c in zip(roles, chosen, strict=True))
    signal = [target > 0.5 for target in targets]
    counts = np.array([sum(int((s == wanted).sum()) for s in signal) for wanted in (False, True)])
    limits = _class_limits(options, counts)
    thresholds = [
        below(np.concatenate([h[s == wanted] for h, s in zip(hashes, signal, strict=True)]), limit)
        for wanted, limit in zip((False, True), limits, strict=True)
    ]
    result = []
    for c, h, s in zip(chosen, hashes, signal, strict=True):
        keep = np.ones(len(c), bool)
        for wanted, threshold in zip((False, True), thresholds, strict=True):
            if threshold is not None:
                keep &= (s != wanted) | (h < threshold)
        result.append(c[keep])
    return result


def _class_limits(options: ParticleOptions, counts: NDArray[np.int64]) -> list[int | None]:
    """Most rows of background and signal."""
    fraction = options.signal_fraction or counts[1] / max(counts.sum(), 1)
    shares = np.array([1 - fraction, fraction])
    most = np.inf if options.max_rows is None else float(options.max_rows)
    if options.balance == "sampling" and options.signal_fraction is not None and counts.min():
        most = min(most, float((counts / shares).min()))
    return [None if np.isinf(most) else int(most * share) for share in shares]


def _balanced(
    options: TaskOptions, target: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weights with mean 1 and, for classes, the wanted share of the signal."""
    weight = weight.copy()
    if isinstance(options, ParticleOptions) and options.signal_fraction is not None:
        signal = target > 0.5
        for wanted, share in ((signal, options.signal_fraction),
                              (~signal, 1 - options.signal_fraction)):  # fmt: skip
            total = weight[wanted].sum()
            if total > 0:
                weight[wanted] *= share / total
    mean = weight.mean() if len(weight) else 0.0
    return weight / mean if mean > 0 else weight


def _chunks(n: int) -> Iterator[slice]:
    for first in range(0, n, CHUNK):
        yield slice(first, min(first + CHUNK, n))


def facts_of(sample: Sample, roles: Sequence[Rows], name: str) -> NDArray[Any]:
    """A column of `Rows.facts` for the rows of a sample."""
    columns = [rows.facts[name][sample.row[sample.role == role]] for role, rows in enumerate(roles)]
    return np.concatenate(columns)


__all__ = ["Energies", "Sample", "build_sample", "facts_of", "predict_energies"]
