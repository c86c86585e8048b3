"""From inputs and options to a store: what ``ctabatch dl3`` does."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from ctabatch.dl3 import observations as plans
from ctabatch.dl3 import observed, pointings
from ctabatch.dl3.make import (
    Progress,
    SimulatedEvents,
    StoreAccount,
    write_observed,
    write_simulated,
)
from ctabatch.dl3.provenance import StoreMarks
from ctabatch.dl3.responses import ResponseSet, lacking, read_sets
from ctabatch.dl3.selection import Selection
from ctabatch.dl3.simulated import TOLERANCE
from ctabatch.errors import InputError, OptionError
from ctabatch.io.fits.observation import Site
from ctabatch.irf.agreement import check_agreement
from ctabatch.irf.audit import audit
from ctabatch.irf.primaries import Division, Primary
from ctabatch.irf.spectra import Spectrum


@dataclass(frozen=True)
class StoreOptions:
    """What all stores need.

    Attributes
    ----------
    irf : Path
        Folder that ``ctabatch irf`` wrote, or FITS file of responses.
    output : Path
    selection : Selection
    site : Site
    target : (str, float, float)
        Name and ICRS position in deg.
    live_fraction : float, optional
        Live time by ontime.
    overwrite : bool
        Replace a store.
    audit : bool
        Refuse simulations whose counts of showers do not fit, or that do not belong together.
    marks : StoreMarks, optional
        Who made the store, for the headers of its files.
    """

    irf: Path
    output: Path
    selection: Selection
    site: Site
    target: tuple[str, float, float]
    live_fraction: float | None = None
    overwrite: bool = False
    audit: bool = True
    marks: StoreMarks | None = None


@dataclass(frozen=True)
class WobblePlan:
    """When and where to observe: see `ctabatch.dl3.observations.wobble`; hours, minutes, deg."""

    exposure: float = 5.0
    duration: float = 20.0
    offset: float = 0.5
    angles: Sequence[float] = plans.WOBBLE_ANGLES
    start: str = "2025-01-10T20:00:00"
    min_altitude: float = 40.0


def simulated_store(
    primaries: Sequence[Primary],
    spectra: Mapping[str, Spectrum],
    options: StoreOptions,
    plan: WobblePlan,
    *,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    progress: Progress | None = None,
) -> StoreAccount:
    """Draw observations of a target from simulations.

    Parameters
    ----------
    primaries : sequence of Primary
        Gammas, and any background.
    spectra : mapping
        Role of a primary -> its spectrum.
    options : StoreOptions
    plan : WobblePlan
    seed : int
        The same inputs and seed give the same events.
    tolerance : float
        Half width in deg of the ring of simulated offsets that serves the target.
    progress : callable, optional

    Raises
    ------
    InputError, OptionError, OutputError
        Inputs or options are unusable, or the output cannot be written.
    """
    observations = plans.wobble(
        options.target, options.site, exposure=plan.exposure * 3600, start=plan.start,
        duration=plan.duration * 60, offset=plan.offset, angles=plan.angles,
        live_fraction=1.0 if options.live_fraction is None else options.live_fraction,
        min_altitude=plan.min_altitude,
    )  # fmt: skip
    _check_models(primaries, options.selection)
    sets, of_runs = read_sets(options.irf, primaries[0].samples[0].events)
    divided = {primary.role: primary.divided(of_runs) for primary in primaries}
    notes = [f"{s.source}: {text}" for p in primaries for s in p.samples for text in s.notes]
    notes += lacking(sets)
    if options.audit:
        notes += _audited(primaries, divided)
    flows = {
        primary.role: _sum([options.selection.flow(s.events) for s in primary.samples])
        for primary in primaries
    }

    def suiting(wanted: ResponseSet) -> list[SimulatedEvents]:
        found = []
        for role, parts in divided.items():
            if wanted.run_key not in parts:
                raise InputError(f"no {role}s were simulated for the responses {wanted.name}")
            part = parts[wanted.run_key]
            events = options.selection.apply(part.events)
            found.append(SimulatedEvents(events, part.showers, spectra[role], role != "gamma"))
        return found

    account = write_simulated(
        options.output, suiting, observations, sets, seed=seed, tolerance=tolerance,
        overwrite=options.overwrite, progress=progress, marks=options.marks,
    )  # fmt: skip
    return dataclasses.replace(account, flows=flows, notes=notes)


def _audited(
    primaries: Sequence[Primary], divided: Mapping[str, Mapping[tuple[str, ...], Division]]
) -> list[str]:
    """Notes of the checks that counts of showers, sites and pointings fit; raises if not."""
    gammas, *background = [
        [(s.source, s.circumstances) for s in primary.samples if s.circumstances is not None]
        for primary in primaries
    ]
    others = [pair for pairs in background for pair in pairs]
    notes = check_agreement(gammas, others) if gammas and others else []
    for role, parts in divided.items():
        for part in parts.values():
            signal = role == primaries[0].role
            found = audit(part.showers, part.events, part.runs, part.source, plausible=signal)
            notes += [f"{part.source}: {text}" for text in found.notes]
    return notes


def observed_store(
    events: pl.LazyFrame,
    triggers: pl.LazyFrame | None,
    options: StoreOptions,
    *,
    models: Mapping[str, str] | None = None,
    pointing_table: Path | None = None,
    interval_table: Path | None = None,
    progress: Progress | None = None,
) -> StoreAccount:
    """Write observed events.

    Parameters
    ----------
    events : LazyFrame
        Reconstructed events, with their times.
    triggers : LazyFrame, optional
        All events that triggered: obs_id, event_id, time, pointing_alt, pointing_az.
    options : StoreOptions
    models : mapping, optional
        What is known of the models behind the gammaness, see `CutTable.check_models`.
    pointing_table, interval_table : Path, optional
        Tables of `ctabatch.dl3.pointings`.
    progress : callable, optional

    Raises
    ------
    InputError, OptionError, OutputError
        Inputs or options are unusable, or the output cannot be written.
    """
    if options.selection.cuts is not None:
        options.selection.cuts.check_models(models or {})
    sources = events if triggers is None else triggers
    table = (
        pointings.pointings_from_events(sources, options.site)
        if pointing_table is None
        else read_table(pointing_table, "pointings")
    )
    good = None
    if interval_table is not None:
        good = pointings.good_intervals(read_table(interval_table, "good intervals"))
        if pointing_table is None:
            table = pointings.widened(table, good)
    live: Mapping[int, float] | float
    if options.live_fraction is not None:
        live = options.live_fraction
    elif triggers is None:
        raise OptionError(
            "an event table does not tell the dead time (events may be missing from it): state "
            "--live-fraction"
        )
    else:
        live = pointings.live_fractions(triggers)
    observations = pointings.observations_from_table(
        table, options.site, live_fractions=live, target=options.target, intervals=good
    )
    observed.check_times(events, observations, table)
    sets, _ = read_sets(options.irf, events)
    account = write_observed(
        options.output, options.selection.apply(events), observations, sets,
        overwrite=options.overwrite, progress=progress, marks=options.marks,
    )  # fmt: skip
    flows = {"events": options.selection.flow(events)}
    return dataclasses.replace(account, flows=flows, notes=lacking(sets))


def read_table(path: Path, what: str) -> pl.DataFrame:
    """A table of pointings or good intervals, Parquet or CSV.

    Raises
    ------
    InputError
        It cannot be read.
    """
    try:
        return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
    except (OSError, PolarsError) as error:
        raise InputError(f"{path}: cannot be read as a table of {what}: {error}") from error


def _check_models(primaries: Sequence[Primary], selection: Selection) -> None:
    """Refuse events whose gammaness other models made than that of the cuts, or of one another."""
    known = [primary for primary in primaries if primary.models]
    for primary in known:
        if selection.cuts is not None:
            selection.cuts.check_models(primary.models)
        if primary.models.get("digest") != known[0].models.get("digest"):
            raise InputError(
                f"the predictions of {known[0].role}s and {primary.role}s were made by different "
                "models: apply one set to both"
            )


def _sum(flows: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {name: sum(flow.get(name, 0) for flow in flows) for name in flows[0]}
