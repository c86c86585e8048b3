"""Simulated events of one primary particle, and the showers behind them, from any inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from ctabatch.dataset import Dataset
from ctabatch.errors import InputError, OptionError
from ctabatch.io.event_tables import is_dataset
from ctabatch.irf.agreement import (
    Circumstances,
    check_particle,
    circumstances,
    circumstances_of_events,
)
from ctabatch.irf.divisions import Division, divided, together
from ctabatch.irf.event_keys import check_copies
from ctabatch.irf.events import dataset_events, sources
from ctabatch.irf.fill import SHOWER
from ctabatch.irf.foreign import open_foreign
from ctabatch.irf.groups import RUN_COLUMNS, GroupColumn
from ctabatch.irf.prediction_models import check_models
from ctabatch.irf.simulated import SimulatedShowers, parse_simulated
from ctabatch.irf.simulated_runs import showers_of_runs

#: What events may come from; the first is the signal.
ROLES = ("gamma", "proton", "electron")


@dataclass(frozen=True, eq=False)
class Sample:
    """Events of one input.

    Attributes
    ----------
    source : str
        Dataset or event table.
    events : LazyFrame
        Event frame.
    runs : DataFrame, optional
        What was simulated in each run, see `showers_of_runs`; none of a foreign table.
    showers : SimulatedShowers, optional
        All showers behind a foreign table.
    models : mapping
        What is known of the models behind the gammaness: ``prefix``, ``digest``.
    record : mapping
        What the input is, for the record of the results.
    notes : tuple of str
        What is to be known of the input.
    circumstances : Circumstances, optional
        Where and how it was simulated.
    """

    source: str
    events: pl.LazyFrame
    runs: pl.DataFrame | None = None
    showers: SimulatedShowers | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    circumstances: Circumstances | None = None


@dataclass(frozen=True, eq=False)
class Primary:
    """All events of one primary particle.

    Attributes
    ----------
    role : str
        Of `ROLES`.
    samples : tuple of Sample
    """

    role: str
    samples: tuple[Sample, ...]

    @property
    def columns(self) -> list[str]:
        """Columns that all inputs have."""
        first, *others = [sample.events.collect_schema().names() for sample in self.samples]
        return [name for name in first if all(name in names for names in others)]

    @property
    def models(self) -> Mapping[str, str]:
        """The models behind the gammaness, if all inputs agree.

        Raises
        ------
        InputError
            They do not.
        """
        known = [sample for sample in self.samples if sample.models]
        for sample in known[1:]:
            if sample.models.get("digest") != known[0].models.get("digest"):
                raise InputError(
                    f"the predictions of {known[0].source} and {sample.source} were made by "
                    "different models: apply one set to both"
                )
        return known[0].models if known else {}

    @property
    def shower(self) -> str | None:
        """SQL that tells the uses of one shower, if showers were used repeatedly."""
        runs = [sample.runs for sample in self.samples]
        known = all(own is not None for own in runs)
        reused = any(own is not None and (own["reuse"] > 1).any() for own in runs)
        return SHOWER if known and reused else None

    def divided(self, by: Sequence[GroupColumn]) -> dict[tuple[str, ...], Division]:
        """Events by the values of expressions that are the same for all events of a run.

        Parameters
        ----------
        by : sequence of GroupColumn
            That read nothing but `RUN_COLUMNS`. Without any there is one division, named ().

        Raises
        ------
        InputError
            What was simulated differs within a division, or is not known by run.
        """
        parts: dict[tuple[str, ...], list[Division]] = {}
        for sample in self.samples:
            for key, division in divided(sample, by):
                parts.setdefault(key, []).append(division)
        return {key: together(found, self.role) for key, found in parts.items()}


def open_primary(
    role: str,
    inputs: Sequence[str],
    simulated: Sequence[str] = (),
    *,
    column_map: str | None = None,
    prefix: str | None = None,
    direction: str | None = None,
) -> Primary:
    """Events of one primary from datasets and event tables.

    Parameters
    ----------
    role : str
    inputs : sequence of str
        Folders of datasets, or event tables as `ctabatch.irf.foreign.foreign_events` names them.
    simulated : sequence of str
        Texts for `parse_simulated`, one for each event table.
    column_map, prefix, direction : str, optional
        See `foreign_events` and `dataset_events`.

    Raises
    ------
    InputError
        An input cannot be used, or one is given twice.
    OptionError
        Showers of an event table are not stated, or stated for a dataset.
    """
    if not inputs:
        raise InputError(f"no input of {role}s is named")
    if twice := {name for name in inputs if list(inputs).count(name) > 1}:
        raise InputError(f"{sorted(twice)[0]} is given twice: its events would count twice")
    are_datasets = [is_dataset(name) for name in inputs]
    tables = [name for name, known in zip(inputs, are_datasets, strict=True) if not known]
    option = "--simulated" if role == "gamma" else f"--simulated-{role}s"
    if simulated and not tables:
        raise OptionError(f"{option} is for event tables; a dataset knows its simulated showers")
    if len(simulated) != len(tables):
        raise OptionError(
            f"the simulated showers behind {', '.join(tables)} must be stated, {option} "
            "n_showers=...,energy_min=...,energy_max=...,index=...,max_impact=... once for each "
            f"table, not {len(simulated)} times for {len(tables)}"
        )
    stated = iter(simulated)
    samples = [
        _dataset_sample(role, name, prefix, direction) if known
        else _table_sample(name, column_map, parse_simulated(next(stated)))
        for name, known in zip(inputs, are_datasets, strict=True)
    ]  # fmt: skip
    check_copies([(sample.source, sample.events) for sample in samples])
    return Primary(role, tuple(samples))


def _dataset_sample(role: str, name: str, prefix: str | None, direction: str | None) -> Sample:
    dataset = Dataset(name)
    chosen = sources(dataset, prefix, direction=direction)
    events = dataset_events(dataset, prefix, direction=direction)
    check_particle(role, events, name)
    digests = check_models(dataset, chosen.items())
    models = {"prefix": chosen.gammaness or "", "digest": digests.get("gammaness", "")}
    record = {"path": name, "parts": len(dataset.parts), "sources": dict(chosen.items()),
              "models": digests}  # fmt: skip
    runs = showers_of_runs(dataset)
    return Sample(
        name, events, runs, models={key: value for key, value in models.items() if value},
        record=record, circumstances=circumstances(dataset, runs),
    )  # fmt: skip


def _table_sample(name: str, column_map: str | None, showers: SimulatedShowers) -> Sample:
    found = open_foreign(name, column_map)
    record = {"path": name, "showers": showers.record(), "columns": found.columns}
    return Sample(
        name, found.events, showers=showers, record=record, notes=found.notes,
        circumstances=circumstances_of_events(found.events),
    )  # fmt: skip


__all__ = ["ROLES", "RUN_COLUMNS", "Division", "Primary", "Sample", "open_primary"]
