"""Stores of event lists: of observed events, or of observations drawn from simulations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from ctabatch.dl3.observations import site_name
from ctabatch.dl3.observed import OPTIONAL, observed_blocks
from ctabatch.dl3.placing import Block
from ctabatch.dl3.provenance import StoreMarks
from ctabatch.dl3.rates import Showers, Spectrum
from ctabatch.dl3.responses import Listing, ResponseSet, listings
from ctabatch.dl3.simulated import EVENT_TYPE, TOLERANCE, Drawn, Pool, drawn_blocks
from ctabatch.dl3.write import WrittenObservation, write_store
from ctabatch.errors import InputError
from ctabatch.io.fits.observation import Instrument, Observation
from ctabatch.provenance.record import RECORD

#: Told (what, number done, number of all).
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class SimulatedEvents:
    """Simulated events of one primary, after cuts, and what they stand for.

    Attributes
    ----------
    events : LazyFrame
    showers : Showers
    spectrum : Spectrum
        Per sr for a background.
    diffuse : bool
        Background instead of signal.
    """

    events: pl.LazyFrame
    showers: Showers
    spectrum: Spectrum
    diffuse: bool


@dataclass
class StoreAccount:
    """What was written.

    Attributes
    ----------
    observations : list of Observation
        As they were observed; with classes of events there are more event lists than these.
    written : list of WrittenObservation
    drawn : list of Drawn
        Of each event list, if they were drawn from simulations.
    n_repeated : int
        Draws of simulated events that had been drawn before.
    flows : mapping
        Input -> events that were left after each criterion.
    notes : sequence of str
        What is to be known of the inputs.
    """

    observations: Sequence[Observation]
    written: list[WrittenObservation] = field(default_factory=list)
    drawn: list[Drawn] = field(default_factory=list)
    n_repeated: int = 0
    flows: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    notes: Sequence[str] = ()


def write_observed(
    folder: Path,
    events: pl.LazyFrame,
    observations: Sequence[Observation],
    sets: Sequence[ResponseSet],
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    marks: StoreMarks | None = None,
) -> StoreAccount:
    """Write observed events as a store.

    Parameters
    ----------
    folder : Path
    events : LazyFrame
        Events that pass the cuts; columns as of `ctabatch.dl3.observed.observed_blocks`.
    observations : sequence of Observation
    sets : sequence of ResponseSet
    overwrite : bool
        Replace a store.
    progress : callable, optional
    marks : StoreMarks, optional
        Who made the store, for the headers of its files.

    Raises
    ------
    InputError
        Events or observations are unusable, see `ctabatch.dl3.write.write_store`.
    OutputError
        The folder cannot be written.
    """
    plan = listings(observations, sets)
    schema = events.collect_schema()
    if EVENT_TYPE in schema and not schema[EVENT_TYPE].is_integer():
        raise InputError(f"column {EVENT_TYPE} has type {schema[EVENT_TYPE]}, not whole numbers")
    optional = [column for name, column in OPTIONAL.items() if name in schema]

    def blocks(own: Listing) -> Iterator[Block]:
        group = own.responses.events(events)
        yield from observed_blocks(group, own.observation, own.number)

    account = StoreAccount(observations)
    account.written = _write(folder, plan, blocks, optional, None, overwrite, progress, marks)
    return account


def write_simulated(
    folder: Path,
    simulated: Callable[[ResponseSet], Sequence[SimulatedEvents]],
    observations: Sequence[Observation],
    sets: Sequence[ResponseSet],
    *,
    seed: int,
    tolerance: float = TOLERANCE,
    overwrite: bool = False,
    progress: Progress | None = None,
    marks: StoreMarks | None = None,
) -> StoreAccount:
    """Draw observations from simulations and write them as a store.

    Parameters
    ----------
    folder : Path
    simulated : callable
        Responses -> simulated events of each primary that suit them.
    observations : sequence of Observation
    sets : sequence of ResponseSet
    seed : int
        The same inputs and seed give the same events.
    tolerance : float
        Half width in deg of the ring of simulated offsets that serves the source.
    overwrite : bool
        Replace a store.
    progress : callable, optional
    marks : StoreMarks, optional
        Who made the store, for the headers of its files.

    Raises
    ------
    InputError
        No gammas were simulated at the offset of the source, or nothing passes the cuts.
    OutputError
        The folder cannot be written.
    """
    plan = listings(observations, sets)
    used = {own.responses.name: own.responses for own in plan.values()}
    pools: dict[str, list[Pool]] = {
        name: [
            Pool(s.events(one.events), one.showers, one.spectrum, diffuse=one.diffuse)
            for one in simulated(s)
        ]
        for name, s in used.items()
    }
    every = [pool for group in pools.values() for pool in group]
    optional = ["GAMMANESS", "MULTIP"]
    if all(pool.has_types for pool in every):
        optional.append("EVENT_TYPE")
    seeds = dict(zip(plan, np.random.SeedSequence(seed).spawn(len(plan)), strict=True))
    account = StoreAccount(observations)

    def blocks(own: Listing) -> Iterator[Block]:
        o = own.observation
        account.drawn.append(Drawn())
        yield from drawn_blocks(
            o, pools[own.responses.name], seeds[o.obs_id], account.drawn[-1], tolerance=tolerance
        )

    place = site_name(observations[0].site) if observations else ""
    instrument = Instrument("Simulated-CTAO", place or "ARRAY")
    account.written = _write(folder, plan, blocks, optional, instrument, overwrite, progress, marks)
    account.n_repeated = sum(pool.n_repeated for pool in every)
    return account


def _write(
    folder: Path,
    plan: dict[int, Listing],
    blocks: Callable[[Listing], Iterator[Block]],
    optional: Sequence[str],
    instrument: Instrument | None,
    overwrite: bool,
    progress: Progress | None,
    marks: StoreMarks | None,
) -> list[WrittenObservation]:
    n_done = 0

    def told(observation: Observation) -> Iterator[Block]:
        nonlocal n_done
        if progress is not None:
            progress("observations", n_done, len(plan))
        n_done += 1
        yield from blocks(plan[observation.obs_id])

    return write_store(
        folder,
        [own.observation for own in plan.values()],
        told,
        lambda o: plan[o.obs_id].responses.responses,
        instrument=instrument,
        optional=optional,
        overwrite=overwrite,
        cards=None if marks is None else marks.cards,
        further_files={} if marks is None else {RECORD: marks.record()},
    )
