"""From simulated events to cuts, response functions and benchmarks: what ``ctabatch irf`` does."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from ctabatch.errors import InputError, OptionError
from ctabatch.expressions import QualityQuery
from ctabatch.irf.agreement import Circumstances, check_agreement
from ctabatch.irf.audit import audit
from ctabatch.irf.axes import Axis
from ctabatch.irf.counting import Counting
from ctabatch.irf.cuts import CutTable
from ctabatch.irf.derived import DERIVED, with_derived
from ctabatch.irf.divisions import Division, Keep, one_frame, weighted_events
from ctabatch.irf.groups import GroupColumn
from ctabatch.irf.histograms import QUANTITIES, IrfAxes
from ctabatch.irf.options import IrfConfig
from ctabatch.irf.primaries import RUN_COLUMNS, Primary
from ctabatch.irf.products import Product
from ctabatch.irf.selection import select_cuts
from ctabatch.irf.simulated import SimulatedShowers
from ctabatch.irf.spectra import Spectrum, spectrum
from ctabatch.irf.survey import Looks
from ctabatch.provenance.activity import moment

#: Told (what is being done, steps done, steps in all).
Progress = Callable[[str, int, int], None]
_HOUR = 3600.0
#: Events looked at to find the offset of a point source.
_FIRST = 10_000


@dataclass(frozen=True, eq=False)
class Responses:
    """What came out.

    Attributes
    ----------
    config : IrfConfig
    products : list of Product
        Response functions and benchmarks of all groups.
    groups : tuple of str
    cuts : CutTable, optional
    cut_flow : mapping
        Primary -> criterion -> events left.
    notes, gaps : list of str
        What is to be known of the results; what could not be computed.
    inputs : mapping
        Primary -> records of its inputs.
    audits : list of dict
        What the audit of the simulated showers found.
    begin : str
        When the work began.
    """

    config: IrfConfig
    products: list[Product]
    groups: tuple[str, ...]
    cuts: CutTable | None
    cut_flow: Mapping[str, Mapping[str, int]]
    notes: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    inputs: Mapping[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    audits: list[dict[str, Any]] = field(default_factory=list)
    begin: str = field(default_factory=moment)


def make_responses(
    primaries: Sequence[Primary], config: IrfConfig, progress: Progress | None = None
) -> Responses:
    """Cuts, response functions and benchmarks of simulated events.

    Parameters
    ----------
    primaries : sequence of Primary
        Gammas, and the background if there is one.
    config : IrfConfig
    progress : callable, optional

    Returns
    -------
    Responses

    Raises
    ------
    InputError
        The events or their showers cannot be used.
    OptionError
        An option does not fit the events.
    """
    return _Making(primaries, config, progress or (lambda *_: None)).run()


class _Making:
    def __init__(self, primaries: Sequence[Primary], config: IrfConfig, progress: Progress) -> None:
        self.begin = moment()
        self.config, self.progress = config, progress
        roles = [primary.role for primary in primaries]
        if roles[:1] != ["gamma"]:
            raise OptionError("responses need simulated gamma rays")
        self.gammas, self.backgrounds = primaries[0], list(primaries[1:])
        self.by = [GroupColumn(text, self.gammas.columns) for text in config.by]
        self.of_run = [column.expression.columns <= RUN_COLUMNS for column in self.by]
        self.notes = [
            f"{sample.source}: {note}"
            for primary in primaries for sample in primary.samples for note in sample.notes
        ]  # fmt: skip
        self.audits: list[dict[str, Any]] = []
        self.time = config.obs_time * _HOUR
        self.spectrum = spectrum(config.spectra.gamma)
        self.steps = 3 + len(self.backgrounds) + bool(self.backgrounds)
        self.step = 0
        self.filled = math.inf  # deg, how far all background reaches

    def tell(self, what: str) -> None:
        self.progress(what, self.step, self.steps)
        self.step += 1

    def run(self) -> Responses:
        self.tell("looking at the events")
        if self.config.audit and self.backgrounds:
            self.notes += check_agreement(*map(_circumstances, ([self.gammas], self.backgrounds)))
        gammas = self._divided(self.gammas)
        axes = self._axes(gammas)
        signal = self._signal(gammas, axes.offset)
        hadrons = self._hadrons()
        background = self._background(hadrons)
        self.tell("cuts")
        # of all offsets together, the source stands at one only
        ring = self._ring()
        once = self._signal(gammas, Axis("offset", np.array(ring), "deg"))
        selection = select_cuts(once, background, axes, self.config, ring, self.gammas, self.notes)
        self.tell("responses of gammas")
        shower, of_group = self._shower([self.gammas]), partial(_of_group, gammas, self.of_run)
        by = self.config.by
        derived = self._derived()
        looks = Looks(partial(selection.survey, derived=derived, by=by, shower=shower))
        kept = self._signal(gammas, axes.offset, looks)
        flow = {"gamma": looks.flow}
        _check_left(flow["gamma"])
        counts = Counting(self.config, axes, selection, self.spectrum, self.time)
        n_passed = counts.gammas(
            signal, kept, looks.groups, of_group, shower, background is not None
        )
        if selection.has_theta:
            flow["gamma"]["theta cut"] = n_passed
            _check_left(flow["gamma"])
        self.tell("resolutions")
        counts.resolutions(kept, looks.groups, shower)
        if background is not None:
            self.tell("background")
            shower = self._shower(self.backgrounds)
            derived = self._derived(signal=False)
            looks = Looks(partial(selection.survey, derived=derived, by=by, shower=shower))
            left = self._background(hadrons, looks)
            flow["background"] = looks.flow
            if left is not None:
                counts.background(left, looks.groups, shower)
        inputs = {
            primary.role: [sample.record for sample in primary.samples]
            for primary in (self.gammas, *self.backgrounds)
        }
        return Responses(
            self.config, counts.products, counts.groups, selection.cuts, flow,
            [*self.notes, *counts.notes], counts.gaps, inputs, self.audits,
            self.begin,
        )  # fmt: skip

    def _divided(self, primary: Primary) -> dict[tuple[str, ...], Division]:
        own = [column for column, whole in zip(self.by, self.of_run, strict=True) if whole]
        divided = primary.divided(own)
        if self.config.audit:
            for division in divided.values():
                found = audit(
                    division.showers, division.events, division.runs, division.source,
                    plausible=primary.role == "gamma",
                )  # fmt: skip
                self.audits.append(found.record())
                self.notes += [f"{division.source}: {note}" for note in found.notes]
        else:
            note = "the counts of simulated showers were not audited (--no-audit)"
            self.notes += [note] if note not in self.notes else []
        return divided

    def _axes(self, gammas: Mapping[tuple[str, ...], Division]) -> IrfAxes:
        diffuse = {division.showers.is_diffuse for division in gammas.values()}
        if len(diffuse) > 1:
            raise InputError(
                "some gammas fill a view cone and others do not: make responses of each"
            )
        if diffuse == {True}:
            return self.config.bins.axes(None)
        offsets = [
            with_derived(d.events.head(_FIRST), ["true_offset"]).select("true_offset").collect()
            for d in gammas.values()
        ]
        middle = float(np.median(np.concatenate([o["true_offset"].to_numpy() for o in offsets])))
        axes = self.config.bins.axes(middle)
        if axes.offset.n_bins == 1:
            self.notes.append(
                f"the gammas come from one point at {middle:.3g} deg from the pointing: responses "
                f"have one bin of offset, {axes.offset.lo[0]:g} to {axes.offset.hi[0]:g} deg. Maps "
                "and cubes in gammapy need gammas that fill a view cone"
            )
        return axes

    def _signal(
        self, gammas: Mapping[tuple[str, ...], Division], offset: Axis, keep: Keep | None = None
    ) -> pl.LazyFrame:
        """Gammas with derived columns, weighted to the whole source in each bin of offset."""
        divisions = list(gammas.values())
        return weighted_events(divisions, self.spectrum, self.time, self._derived(), offset, keep)

    def _hadrons(self) -> list[tuple[Spectrum, list[Division]]]:
        """Spectrum and events of all background primaries."""
        found = []
        for primary in self.backgrounds:
            self.tell(f"looking at the {primary.role}s")
            flux = spectrum(getattr(self.config.spectra, primary.role), diffuse=True)
            divisions = list(self._divided(primary).values())
            self.filled = min(self.filled, *(d.showers.viewcone_max for d in divisions))
            found.append((flux, divisions))
        return found

    def _background(
        self, hadrons: Sequence[tuple[Spectrum, list[Division]]], keep: Keep | None = None
    ) -> pl.LazyFrame | None:
        """Weighted events of all background primaries."""
        frames = [
            weighted_events(divisions, flux, self.time, self._derived(signal=False), keep=keep)
            for flux, divisions in hadrons
        ]
        return one_frame(frames) if frames else None

    def _ring(self) -> tuple[float, float]:
        """Offsets from which cuts take their events: no farther than all background reaches."""
        low, high = self.config.cuts.offset
        if not low < self.filled < high:
            return low, high
        self.notes.append(
            f"cuts are made of events up to {self.filled:g} deg from the pointing, to where "
            "background was simulated"
        )
        return low, self.filled

    def _derived(self, *, signal: bool = True) -> list[str]:
        """Columns that quantities and criteria read; the background has no source."""
        quantities = [q for q in self.config.quantities if q.startswith("background") != signal]
        columns = {column for q in quantities for column, _ in QUANTITIES[q]}
        columns |= {"theta", "true_offset", "reco_offset"} if signal else {"reco_offset"}
        columns |= QualityQuery(self.config.quality).columns
        return [name for name in DERIVED if name in columns]

    def _shower(self, primaries: Sequence[Primary]) -> str | None:
        """What tells the uses of one shower, if it does so in all inputs."""
        if self.config.shower != "auto":
            return self.config.shower
        found = {primary.shower for primary in primaries}
        return found.pop() if len(found) == 1 else None


def _of_group(
    gammas: Mapping[tuple[str, ...], Division], of_run: Sequence[bool], labels: Sequence[str]
) -> SimulatedShowers:
    """Showers of the runs that a group is made of, by those of its labels that runs share."""
    key = tuple(label for label, whole in zip(labels, of_run, strict=True) if whole)
    return gammas[key].showers


def _circumstances(primaries: Sequence[Primary]) -> list[tuple[str, Circumstances]]:
    return [
        (sample.source, sample.circumstances)
        for primary in primaries for sample in primary.samples if sample.circumstances is not None
    ]  # fmt: skip


def _check_left(flow: Mapping[str, int]) -> None:
    """Refuse to go on with nothing."""
    if not list(flow.values())[-1]:
        left = ", ".join(f"{step} {n:,}" for step, n in flow.items())
        raise InputError(f"no gamma passes all cuts; left after each: {left}")


__all__ = ["Progress", "Responses", "make_responses"]
