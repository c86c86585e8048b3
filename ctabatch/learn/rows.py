"""The rows that models learn from: selected while streaming, kept on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.expressions import QualityQuery
from ctabatch.kernels.disp import true_disp
from ctabatch.stages.combine import required_parameters, telescope_weights

from .event_folds import event_hash
from .features import float32_feature
from .options import Task, TrainConfig
from .task_columns import TaskColumns
from .telescope_rows import EVENT_ROW, available_columns, telescope_rows, units_of_parts

if TYPE_CHECKING:
    from ctabatch.io.part_tables import PartTables
    from ctabatch.io.spool import SpoolFolder

#: Columns of every row that are not features: name in `Rows.facts` -> column.
FACTS = {
    "true_energy": "true_energy",
    "true_alt": "true_alt",
    "true_az": "true_az",
    "fov_lon": "hillas_fov_lon",
    "fov_lat": "hillas_fov_lat",
    "psi": "hillas_psi",
    "pointing_alt": "telescope_pointing_altitude",
    "pointing_az": "telescope_pointing_azimuth",
}
#: Name in `Rows.facts` of the weight of a telescope in the mean of its event.
TEL_WEIGHT = "tel_weight"
#: Told the number of rows read.
Progress = Callable[[int], None]


@dataclass
class Rows:
    """Selected rows of one telescope type in one role (gammas or protons).

    Attributes
    ----------
    features : float32 (n, n_names), mapped
        What is stored for all tasks.
    columns : dict
        SQL -> column of `features`.
    facts : dict of (n,) arrays, mapped
        ``event`` (number of the event in its role), ``hash`` (see `event_hash`), the columns in
        `FACTS`, ``disp`` in deg, `TEL_WEIGHT`, and per task ``valid_T`` (passes the quality
        criteria and has all features), ``use_T`` (valid, selected, and has a target and a weight),
        ``target_T`` and ``weight_T``.
    cut_flow : dict
        Task -> criterion -> rows left after it, in order.
    """

    features: NDArray[np.float32]
    columns: dict[str, int]
    facts: dict[str, NDArray[Any]]
    cut_flow: dict[str, dict[str, int]] = field(default_factory=dict)


class RowReader:
    """Reads the rows of all tasks in one pass.

    Parameters
    ----------
    parts : sequence of PartTables
        All parts that will be read, of all roles.
    config : TrainConfig

    Raises
    ------
    OptionError
        A column does not exist, or the truth is used as a feature.
    InputError
        The parts do not fit together, or hold no simulated events.
    """

    def __init__(self, parts: Sequence[PartTables], config: TrainConfig) -> None:
        self.config = config
        self.tel_types = sorted({tel_type for part in parts for tel_type in part.tel_types})
        if not self.tel_types:
            raise InputError("the datasets hold no image parameters (dl1/parameters)")
        self.units: dict[str, dict[str, str]] = {}
        for tel_type in self.tel_types:
            having = [part for part in parts if tel_type in part.tel_types]
            self.units[tel_type] = units_of_parts(having, tel_type)
            for part in having:
                _check_tables(part, tel_type, config)
        known = set.intersection(*(set(units) for units in self.units.values()))
        self.tasks = {task: TaskColumns.of(config, task, known) for task in config.tasks}
        stored = {e.sql: e for task in self.tasks.values() for e in task.stored}
        self.stored = tuple(stored.values())
        self.weight_columns = required_parameters(config.weighting)
        self.columns = {*FACTS.values(), *self.weight_columns}.union(
            *(e.columns for e in self.stored),
            *(e.columns for task in self.tasks.values() for e in task.conditions()),
        )
        numbers = [*FACTS, "disp", TEL_WEIGHT]
        numbers += [f"{what}_{task}" for task in self.tasks for what in ("target", "weight")]
        flags = [f"{what}_{task}" for task in self.tasks for what in ("valid", "use")]
        self.facts = {"event": np.int64, "hash": np.uint64, **dict.fromkeys(numbers, np.float64),
                      **dict.fromkeys(flags, np.bool_)}  # fmt: skip

    def read(
        self,
        parts: Sequence[PartTables],
        tasks: Sequence[Task],
        spools: SpoolFolder,
        progress: Progress | None = None,
    ) -> tuple[dict[str, Rows], int]:
        """Select rows.

        Parameters
        ----------
        parts : sequence of PartTables
            Parts of one role.
        tasks : sequence of Task
            Those that learn from this role.
        spools : SpoolFolder
        progress : callable, optional

        Returns
        -------
        dict
            Telescope type -> rows.
        n_events : int
            Events are numbered below this.
        """
        first_event = np.concatenate([[0], np.cumsum([part.n_rows("trigger") for part in parts])])
        rows = {}
        for tel_type in self.tel_types:
            features = spools.spool(np.float32, len(self.stored))
            facts = {name: spools.spool(kind) for name, kind in self.facts.items()}
            flow: dict[str, dict[str, int]] = {task: {} for task in tasks}
            for part, first in zip(parts, first_event, strict=False):
                if tel_type not in part.tel_types:
                    continue
                for frame in telescope_rows(part, tel_type, self.columns):
                    x, about = self._select(frame, tasks, flow, part)
                    about["event"] += first
                    features.append(x)
                    for name, spool in facts.items():
                        spool.append(about[name])
                    if progress is not None:
                        progress(len(frame))
            columns = {e.sql: n for n, e in enumerate(self.stored)}
            mapped = {name: spool.finish() for name, spool in facts.items()}
            rows[tel_type] = Rows(features.finish(), columns, mapped, flow)
        return rows, int(first_event[-1])

    def _select(
        self,
        frame: pl.DataFrame,
        tasks: Sequence[Task],
        flow: dict[str, dict[str, int]],
        part: PartTables,
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[Any]]]:
        """Features and facts of the rows that pass the quality criteria of any task."""
        if frame[EVENT_ROW].null_count():
            raise InputError(
                f"{part.root}, part {part.name}: rows of dl1/parameters have no event in trigger"
            )
        passed = {task: _passed(frame, self.tasks[task]) for task in tasks}
        keep = np.logical_or.reduce([p.last for p in passed.values()])
        kept = frame.filter(pl.Series(keep))
        x = kept.select(float32_feature(e).alias(str(n)) for n, e in enumerate(self.stored))
        matrix = np.ascontiguousarray(x.to_numpy(), np.float32).reshape(len(kept), len(self.stored))
        place = {e.sql: n for n, e in enumerate(self.stored)}
        about = self._facts(kept)
        for task, cuts in passed.items():
            columns = [place[e.sql] for e in self.tasks[task].stored]
            valid = cuts.last[keep] & np.isfinite(matrix[:, columns]).all(axis=1)
            known = np.isfinite(about[f"target_{task}"]) & np.isfinite(about[f"weight_{task}"])
            use = valid & known
            counts = {**cuts.counts, "all features have a value": int(valid.sum())}
            selection = self.tasks[task].selection
            if selection is not None:
                chosen = kept.select(QualityQuery({"": selection.sql}).all().alias("chosen"))
                use &= chosen["chosen"].to_numpy()
                counts["selection"] = int((valid & chosen["chosen"].to_numpy()).sum())
            about[f"valid_{task}"], about[f"use_{task}"] = valid, use
            counts["target and weight have a value"] = int(use.sum())
            for name, n in counts.items():
                flow[task][name] = flow[task].get(name, 0) + n
        return matrix, about

    def _facts(self, kept: pl.DataFrame) -> dict[str, NDArray[Any]]:
        n = len(kept)
        about: dict[str, NDArray[Any]] = {k: np.zeros(n, kind) for k, kind in self.facts.items()}
        about["event"] = kept[EVENT_ROW].to_numpy().copy()
        about["hash"] = event_hash(
            kept["obs_id"].to_numpy(), kept["event_id"].to_numpy(), self.config.seed
        )
        for name, column in FACTS.items():
            about[name] = _numbers(kept, pl.col(column))
        alt, az, fov_lon, fov_lat, psi, pointing_alt, pointing_az = (
            about[name] for name in FACTS if name != "true_energy"
        )
        true_disp(
            alt, az, fov_lon, fov_lat, psi, pointing_alt, pointing_az,
            self.config.disp.project, about["disp"],
        )  # fmt: skip
        shape = {name: _numbers(kept, pl.col(name)) for name in self.weight_columns}
        about[TEL_WEIGHT] = telescope_weights(self.config.weighting, shape, n)
        for task, wanted in self.tasks.items():
            for what, expression in (("target", wanted.target), ("weight", wanted.weights)):
                if expression is not None:
                    about[f"{what}_{task}"] = _numbers(kept, expression.expr)
                elif what == "weight":
                    about["weight_" + task][:] = 1.0
                else:
                    about["target_" + task][:] = about["disp"]
        return about


def _numbers(frame: pl.DataFrame, expr: pl.Expr) -> NDArray[np.float64]:
    """An expression as float64 (n,), NaN where it has no value."""
    values = frame.select(expr.cast(pl.Float64).fill_null(float("nan")).alias("value"))["value"]
    if len(values) != len(frame):  # an expression without columns
        values = values.new_from_index(0, len(frame))
    return np.ascontiguousarray(values.to_numpy())


@dataclass(frozen=True)
class _Passed:
    """Rows that pass all criteria, and how many are left after each."""

    last: NDArray[np.bool_]
    counts: dict[str, int]


def _passed(frame: pl.DataFrame, task: TaskColumns) -> _Passed:
    conditions = [pl.col("true_energy").is_not_null(), *task.quality.conditions()]
    names = ["has simulated truth", *(e.name for e in task.quality.expressions)]
    each = frame.select(c.alias(str(n)) for n, c in enumerate(conditions))
    left = np.ones(len(frame), bool)
    counts = {"all": len(frame)}
    for n, name in enumerate(names):
        left = left & each[str(n)].to_numpy()
        counts[name] = int(left.sum())
    return _Passed(left, counts)


def _check_tables(part: PartTables, tel_type: str, config: TrainConfig) -> None:
    """Say what to do if a table is missing, rather than that a column is unknown."""
    known = available_columns(part, tel_type)
    missing = sorted(set(FACTS.values()) - set(known))
    if missing:
        raise InputError(
            f"{part.root}, part {part.name}, telescope type {tel_type}: no column "
            f"{', '.join(missing)}; training needs simulated events with image parameters"
        )
    wanted: set[str] = set()
    for task in config.tasks:
        options = config.of(task)
        texts = [*options.features, *options.generated.values(), *options.quality.values()]
        wanted.update(text for text in texts if "HillasReconstructor_" in text)
    impact = f"dl2/impact/tel_type={tel_type}"
    tables = [t for t in ("dl2/geometry", impact) if t not in part.tables]
    if wanted and tables and not any(name.startswith("HillasReconstructor_") for name in known):
        raise InputError(
            f"{part.root}, part {part.name}: no table {' and '.join(tables)}, which "
            f"{', '.join(sorted(wanted))} need; make them with `ctabatch stereo {part.root}`"
        )


__all__ = ["FACTS", "TEL_WEIGHT", "Progress", "RowReader", "Rows"]
