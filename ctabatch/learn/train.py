"""Training of all models: energy first, then what uses the energy."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa

from ctabatch.errors import InputError
from ctabatch.io.location import Location
from ctabatch.provenance.activity import moment

from .card import ROLES, TrainedModel, predicts_logarithm, training_card
from .evaluation import Evaluation, Judged, judge_disp, judge_energy, judge_particles
from .fitting import Fitted, Fitting
from .options import DispOptions, Task, TrainConfig
from .provenance import training_activity
from .rows import RowReader, Rows
from .sample_checks import why_unusable
from .samples import Energies, Sample, build_sample, predict_energies
from .task_columns import TaskColumns

if TYPE_CHECKING:
    from ctabatch.io.part_tables import PartTables
    from ctabatch.io.spool import SpoolFolder
    from ctabatch.provenance.activity import Activity

#: Told what is being done, and how much of it of how much.
Progress = Callable[[str, int, int], None]
GAMMAS, PROTONS = 0, 1
JUDGES = {"energy": judge_energy, "particle_type": judge_particles, "disp": judge_disp}


@dataclass
class Training:
    """What came out.

    Attributes
    ----------
    card : dict
        Everything about the models but the trees, as `ctabatch.io.model_files` stores it.
    trees : dict
        Name of the model -> its table of nodes.
    tables : dict
        Name -> metrics.
    skipped : list of str
        What could not be trained, and why.
    activity : Activity
        The training, for the metadata of the files.
    places : sequence of Path
        Datasets that were read.
    """

    card: dict[str, Any]
    trees: dict[str, pa.Table]
    tables: dict[str, pa.Table]
    skipped: list[str]
    activity: Activity | None = None
    places: Sequence[Location] = ()


def train(
    gammas: Sequence[PartTables],
    protons: Sequence[PartTables],
    config: TrainConfig,
    spools: SpoolFolder,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Training:
    """Train all models of a configuration.

    In memory are, besides programs and buffers (0.4 GB), the bins and targets of the models that
    are fitted side by side: about 0.2 kB per selected row of these telescope types, so 2.5 GB for
    10 million rows; `max_rows` sets a limit. The rest is mapped from files of `spools`.

    The result depends on the events, the configuration and the versions of the software, not on the
    order of the parts, the number of jobs or where the datasets stand.

    Parameters
    ----------
    gammas : sequence of PartTables
        Parts that energy, disp and the signal are learnt from.
    protons : sequence of PartTables
        Parts with background; without any there is no classifier.
    config : TrainConfig
    spools : SpoolFolder
        Where selected rows are kept.
    jobs : int, optional
        Models of folds trained side by side, one thread each; by default one per core.
    progress : callable, optional

    Returns
    -------
    Training

    Raises
    ------
    InputError
        The datasets cannot be used, or nothing could be trained.
    OptionError
        The configuration does not fit the datasets.
    """
    roles = [_sorted_parts(gammas), _sorted_parts(protons)]
    _refuse_repeated([part for parts in roles for part in parts])
    skipped = []
    if "particle_type" in config.tasks and not protons:
        config = config.model_copy(
            update={"tasks": tuple(t for t in config.tasks if t != "particle_type")}
        )
        skipped.append("particle_type: no background (PROTONS) was given")
        if not config.tasks:
            raise InputError("nothing to train: the classifier needs background (PROTONS)")
    return _Run(roles, config, spools, jobs, progress, skipped).run()


class _Run:
    def __init__(
        self,
        roles: list[list[PartTables]],
        config: TrainConfig,
        spools: SpoolFolder,
        jobs: int | None,
        progress: Progress | None,
        skipped: list[str],
    ) -> None:
        self.begin = moment()
        self.roles, self.config, self.spools = roles, config, spools
        self.skipped = skipped
        self.progress = progress or (lambda *_: None)
        self.reader = RowReader([part for parts in roles for part in parts], config)
        self.jobs = jobs or os.cpu_count() or 1
        self.models: list[TrainedModel] = []
        self.energies: list[Energies] = []
        self.evaluations: dict[str, Evaluation] = {}
        self.rows: list[dict[str, Rows]] = []
        self.n_events: list[int] = []

    def run(self) -> Training:
        self._read()
        for task in self.config.tasks:
            self._train(task)
        if not self.models:
            raise InputError("nothing could be trained:\n  " + "\n  ".join(self.skipped))
        card = training_card(
            self.config, self.roles, self.rows, self.models, self.reader.units, self.evaluations,
            self.skipped,
        )  # fmt: skip
        trees = {model.name: model.fitted.final.to_table() for model in self.models}
        activity = training_activity(card, dict(zip(ROLES, self.roles, strict=True)), self.begin)
        card["activity"] = {"name": activity.name, "id": activity.id}
        places = sorted({part.root for parts in self.roles for part in parts}, key=str)
        return Training(card, trees, self._tables(), self.skipped, activity, places)

    def _read(self) -> None:
        total = sum(
            part.n_rows(f"dl1/parameters/tel_type={tel_type}")
            for parts in self.roles for part in parts for tel_type in part.tel_types
        )  # fmt: skip
        done = 0

        def tell(n: int) -> None:
            nonlocal done
            done += n
            self.progress("reading rows", done, total)

        chained = [t for t in self.config.tasks if t == "energy"]
        for role, parts in enumerate(self.roles):
            # energies are predicted for the background too, since the classifier reads them
            background: list[Task] = [*chained, "particle_type"]
            tasks = self.config.tasks if role == GAMMAS else background
            if role == PROTONS and "particle_type" not in self.config.tasks:
                parts = []
            rows, n_events = self.reader.read(parts, tasks, self.spools, tell)
            self.rows.append(rows)
            self.n_events.append(n_events)

    def _train(self, task: Task) -> None:
        """Train a task for all telescope types, side by side."""
        columns = self.reader.tasks[task]
        samples = self._samples(task, columns)
        kinds: tuple[str, ...] = ("disp_norm", "disp_sign") if task == "disp" else (task,)
        work = [(tel_type, kind) for tel_type in samples for kind in kinds]
        done: list[str] = []

        fittings = {item: self._fitting(task, item[1], samples[item[0]]) for item in work}
        # all models begin with their first fold, which sorts the rows into bins; the largest first
        order = sorted(work, key=lambda item: -fittings[item].n_rows)
        n_folds = self.config.n_cross_validation

        def fit(step: tuple[int, tuple[str, str]]) -> tuple[tuple[str, str], Fitted] | None:
            k, item = step
            last = fittings[item].fit(k)
            fitted = (item, fittings[item].finish()) if last else None
            done.append(item[0])
            self.progress(f"training {task}", len(done), len(work) * n_folds)
            return fitted

        self.progress(f"training {task}", 0, len(work) * n_folds)
        steps = [(k, item) for k in range(n_folds) for item in order]
        with ThreadPoolExecutor(self.jobs, thread_name_prefix="ctabatch-train") as threads:
            made = dict(filter(None, threads.map(fit, steps)))
        fitted = {item: made[item] for item in work}
        for (tel_type, part), one in fitted.items():
            name = f"{part}/{tel_type}"
            self.models.append(TrainedModel(name, part, tel_type, one, samples[tel_type], columns))
        if task == "energy":
            self._predict_energies(columns, {t: one.folds for (t, _), one in fitted.items()})
        if samples:
            judged = {t: self._judged(task, t, samples[t], fitted) for t in samples}
            self.evaluations[task] = JUDGES[task](judged)

    def _samples(self, task: Task, columns: TaskColumns) -> dict[str, Sample]:
        roles = [GAMMAS, PROTONS] if task == "particle_type" else [GAMMAS]
        samples = {}
        for tel_type in self.reader.tel_types:
            rows = [self.rows[role][tel_type] for role in roles]
            energies = [(self.energies[role].tel[tel_type], self.energies[role].event)
                        for role in roles] if self.energies else []  # fmt: skip
            sample = build_sample(self.config, columns, rows, energies, self.spools)
            why = why_unusable(task, sample, self.config)
            if why:
                self.skipped.append(f"{task}, telescope type {tel_type}: {why}")
            else:
                samples[tel_type] = sample
        return samples

    def _fitting(self, task: Task, part: str, sample: Sample) -> Fitting:
        options = self.config.of(task)
        classification = part in ("particle_type", "disp_sign")
        chosen = options.options
        target = sample.target
        if part == "disp_sign":
            sign_options = cast("DispOptions", options).sign_options
            chosen = options.options if sign_options is None else sign_options
            target = (target > 0).astype(np.float64)
        elif part == "particle_type":
            target = (target > 0.5).astype(np.float64)
        elif part == "disp_norm":
            target = np.abs(target)
        if predicts_logarithm(options, part):
            target = np.log(np.maximum(target, np.finfo(np.float32).tiny))
        return Fitting(
            options.trainer,
            sample,
            target,
            n_folds=self.config.n_cross_validation,
            final=self.config.final_model,
            classification=classification,
            options=chosen,
            seed=self.config.seed,
        )

    def _predict_energies(self, columns: TaskColumns, folds: Mapping[str, Any]) -> None:
        options = self.config.of("energy")
        for role in range(len(self.roles)):
            self.energies.append(
                predict_energies(
                    self.rows[role],
                    self.n_events[role],
                    folds,
                    columns,
                    predicts_logarithm(options, "energy"),
                )
            )

    def _judged(
        self, task: Task, tel_type: str, sample: Sample, fitted: Mapping[tuple[str, str], Fitted]
    ) -> Judged:
        roles = [GAMMAS, PROTONS] if task == "particle_type" else [GAMMAS]
        rows = [self.rows[role][tel_type] for role in roles]
        options = self.config.of(task)
        if task != "disp":
            predicted = fitted[tel_type, task].predicted
            logarithmic = task == "energy" and predicts_logarithm(options, "energy")
            return Judged(sample, rows, np.exp(predicted) if logarithmic else predicted)
        norm = fitted[tel_type, "disp_norm"].predicted
        norm = np.exp(norm) if predicts_logarithm(options, "disp_norm") else np.abs(norm)
        positive = fitted[tel_type, "disp_sign"].predicted
        disp = np.where(positive >= 0.5, norm, -norm)
        return Judged(sample, rows, disp, np.abs(2 * positive - 1))

    def _tables(self) -> dict[str, pa.Table]:
        found: dict[str, pa.Table] = {}
        for evaluation in self.evaluations.values():
            found.update({f"metrics/{name}": t for name, t in evaluation.tables.items()})
        return found


def _sorted_parts(parts: Sequence[PartTables]) -> list[PartTables]:
    return sorted(parts, key=lambda part: (part.name, part.record["input"]["sha256"]))


def _refuse_repeated(parts: Sequence[PartTables]) -> None:
    seen: dict[tuple[str, str], PartTables] = {}
    for part in parts:
        key = (part.name, part.record["input"]["sha256"])
        if key in seen:
            raise InputError(
                f"part {part.name} is given twice: in {seen[key].root} and in {part.root}"
            )
        seen[key] = part


__all__ = ["Progress", "Training", "train"]
