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
from ctabatch.irf.agreement import Circumstances, check_agreement
from ctabatch.irf.audit import audit
from ctabatch.irf.axes import Axis
from ctabatch.irf.counting import Counting
from ctabatch.irf.cuts import CutTable
from ctabatch.irf.derived import with_derived
from ctabatch.irf.groups import GroupColumn
from ctabatch.irf.histograms import QUANTITIES, IrfAxes
from ctabatch.irf.options import IrfConfig
from ctabatch.irf.primaries import RUN_COLUMNS, Division, Primary
from ctabatch.irf.products import Product
from ctabatch.irf.selection import select_cuts
from ctabatch.irf.simulated import SimulatedShowers
from ctabatch.irf.spectra import Spectrum, spectrum
from ctabatch.irf.weights import weight_expression

#: Told (what is being done, steps done, steps in all).
Progress = Callable[[str, int, int], None]
_HOUR = 3600.0
#: Events looked at to find the offset of a point source.
_FIRST = 10_000
_DERIVED = ("theta", "true_offset", "reco_offset")


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
        background = self._background()
        self.tell("cuts")
        # of all offsets together, the source stands at one only
        ring = self._ring()
        once = self._signal(gammas, Axis("offset", np.array(ring), "deg"))
        selection = select_cuts(once, background, axes, self.config, ring, self.gammas, self.notes)
        flow = {"gamma": selection.flow(signal)}
        if not list(flow["gamma"].values())[-1]:
            left = ", ".join(f"{step} {n:,}" for step, n in flow["gamma"].items())
            raise InputError(f"no gamma passes all cuts; left after each: {left}")
        if background is not None:
            flow["background"] = selection.flow(background)
            flow["background"].pop("theta cut", None)  # the background has no source
        of_group = partial(_of_group, gammas, self.of_run)
        counts = Counting(self.config, axes, selection, self.spectrum, self.time)
        self.tell("responses of gammas")
        counts.gammas(signal, of_group, self._shower([self.gammas]), background is not None)
        self.tell("resolutions")
        counts.resolutions(signal, self._shower([self.gammas]))
        if background is not None:
            self.tell("background")
            counts.background(background, self._shower(self.backgrounds))
        inputs = {
            primary.role: [sample.record for sample in primary.samples]
            for primary in (self.gammas, *self.backgrounds)
        }
        return Responses(
            self.config, counts.products, counts.groups, selection.cuts, flow,
            [*self.notes, *counts.notes], counts.gaps, inputs, self.audits,
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

    def _signal(self, gammas: Mapping[tuple[str, ...], Division], offset: Axis) -> pl.LazyFrame:
        """Gammas with derived columns, weighted to the whole source in each bin of offset."""
        return self._weighted(list(gammas.values()), self.spectrum, offset)

    def _background(self) -> pl.LazyFrame | None:
        """Weighted events of all background primaries."""
        frames = []
        self.filled = math.inf
        for primary in self.backgrounds:
            self.tell(f"looking at the {primary.role}s")
            flux = spectrum(getattr(self.config.spectra, primary.role), diffuse=True)
            divisions = list(self._divided(primary).values())
            self.filled = min(self.filled, *(d.showers.viewcone_max for d in divisions))
            frames.append(self._weighted(divisions, flux))
        return _concatenated(frames) if frames else None

    def _weighted(
        self, divisions: Sequence[Division], flux: Spectrum, offset: Axis | None = None
    ) -> pl.LazyFrame:
        """Events with derived columns and weights; what is in one frame is read once."""
        frames = []
        for frame in {id(division.frame): division.frame for division in divisions}.values():
            weight = pl.lit(None, pl.Float64)
            for division in divisions:
                if division.frame is frame:
                    bins = offset if division.showers.is_diffuse else None
                    own = weight_expression(division.showers, flux, self.time, bins)
                    here = division.condition
                    weight = own if here is None else pl.when(here).then(own).otherwise(weight)
            frames.append(with_derived(frame, self._derived()).with_columns(weight=weight))
        return _concatenated(frames)

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

    def _derived(self) -> list[str]:
        columns = {c for q in self.config.quantities for c, _ in QUANTITIES[q]}
        texts = " ".join([*self.config.by, *self.config.quality.values()])
        fov = {c for c in ("true_fov_lon", "true_fov_lat", "reco_fov_lon", "reco_fov_lat")
               if c in columns or c in texts}  # fmt: skip
        return [*_DERIVED, *sorted(fov)]

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


def _concatenated(frames: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    if len(frames) == 1:
        return frames[0]
    names = set.intersection(*(set(frame.collect_schema().names()) for frame in frames))
    order = [name for name in frames[0].collect_schema().names() if name in names]
    return pl.concat([frame.select(order) for frame in frames], how="vertical_relaxed")


__all__ = ["Progress", "Responses", "make_responses"]
