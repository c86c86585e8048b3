"""From simulated events to cuts, response functions and benchmarks: what ``ctabatch irf`` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from ctabatch.errors import InputError, OptionError
from ctabatch.irf.audit import audit
from ctabatch.irf.axes import Axis
from ctabatch.irf.cuts import CutTable
from ctabatch.irf.derived import with_derived
from ctabatch.irf.fill import Filled, fill
from ctabatch.irf.groups import GroupColumn
from ctabatch.irf.histograms import QUANTITIES, IrfAxes
from ctabatch.irf.options import IrfConfig
from ctabatch.irf.performance import (
    background_rate,
    point_source_sensitivity,
    resolutions,
    theta_cut_at,
)
from ctabatch.irf.primaries import RUN_COLUMNS, Division, Primary
from ctabatch.irf.products import Product, make_products, rad_max
from ctabatch.irf.selection import Selection, select_cuts
from ctabatch.irf.spectra import spectrum
from ctabatch.irf.weights import weighted

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
        self.gaps: list[str] = []
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
        gammas = self._divided(self.gammas)
        axes = self._axes(gammas)
        signal = self._signal(gammas, axes.offset)
        background = self._background()
        self.tell("cuts")
        # of all offsets together, the source stands at one only
        once = self._signal(gammas, Axis("offset", self.config.cuts.offset, "deg"))
        selection = select_cuts(once, background, axes, self.config, self.gammas, self.notes)
        flow = {"gamma": selection.flow(signal)}
        if background is not None:
            flow["background"] = selection.flow(background)
            flow["background"].pop("theta cut", None)  # the background has no source
        products, groups = self._responses(signal, background, selection, axes, gammas)
        inputs = {
            primary.role: [sample.record for sample in primary.samples]
            for primary in (self.gammas, *self.backgrounds)
        }
        return Responses(
            self.config, products, groups, selection.cuts, flow, self.notes, self.gaps, inputs,
            self.audits,
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
        frames = []
        for division in gammas.values():
            events = with_derived(division.events, self._derived())
            bins = offset if division.showers.is_diffuse else None
            frames.append(weighted(events, division.showers, self.spectrum, self.time, offset=bins))
        return _concatenated(frames)

    def _background(self) -> pl.LazyFrame | None:
        """Weighted events of all background primaries."""
        frames = []
        for primary in self.backgrounds:
            self.tell(f"looking at the {primary.role}s")
            flux = spectrum(getattr(self.config.spectra, primary.role), diffuse=True)
            for division in self._divided(primary).values():
                events = with_derived(division.events, self._derived())
                frames.append(weighted(events, division.showers, flux, self.time))
        return _concatenated(frames) if frames else None

    def _derived(self) -> list[str]:
        columns = {c for q in self.config.quantities for c, _ in QUANTITIES[q]}
        texts = " ".join([*self.config.by, *self.config.quality.values()])
        fov = {c for c in ("true_fov_lon", "true_fov_lat", "reco_fov_lon", "reco_fov_lat")
               if c in columns or c in texts}  # fmt: skip
        return [*_DERIVED, *sorted(fov)]

    def _responses(
        self,
        signal: pl.LazyFrame,
        background: pl.LazyFrame | None,
        selection: Selection,
        axes: IrfAxes,
        gammas: Mapping[tuple[str, ...], Division],
    ) -> tuple[list[Product], tuple[str, ...]]:
        """Everything that is counted."""
        config, benchmarks = self.config, self.config.benchmarks
        wanted = [q for q in config.quantities if not q.startswith("background")]
        after = {"aeff_none": True, "aeff_gammaness": selection.cuts is not None,
                 "aeff_theta": selection.has_theta}  # fmt: skip
        wanted += [q for q, there in after.items() if there and "aeff_cuts" in benchmarks]
        if self._has_sensitivity(background, selection):
            wanted.append("signal")
        shower = self._shower(self.gammas)
        cut = {"gammaness": selection.gammaness, "theta": selection.theta,
               "point_like": config.point_like}  # fmt: skip
        self.tell("responses of gammas")
        chosen = selection.apply(signal)
        filled = fill(chosen, axes, wanted, weight="weight", by=config.by, shower=shower, **cut)
        showers = {group: gammas[self._key(filled, group)].showers for group in filled.groups}
        products = make_products(filled, showers, self.time)
        if config.point_like and selection.theta_cut is not None:
            products += [
                rad_max(*selection.theta_cut, _whole(axes.offset), group) for group in filled.groups
            ]
        if {"energy", "direction"} & set(benchmarks):
            self.tell("resolutions")
            containments = (25, 50, 68, 95) if "direction" in benchmarks else ()
            found = resolutions(
                chosen, axes.true_energy, axes.offset, containments=containments,
                gammaness=selection.gammaness,
                theta=selection.theta if config.point_like else None,
                by=config.by, shower=shower,
            )  # fmt: skip
            products += [p for p in found if "energy" in benchmarks or p.quantity[:5] == "theta"]
        if background is not None:
            self.tell("background")
            products += self._background_products(background, selection, axes, filled)
        return products, tuple(filled.groups)

    def _key(self, filled: Filled, group: str) -> tuple[str, ...]:
        """The part of a group's labels that its runs share."""
        labels = zip(filled.groups[group], self.of_run, strict=True)
        return tuple(label for label, whole in labels if whole)

    def _shower(self, primary: Primary) -> str | None:
        return primary.shower if self.config.shower == "auto" else self.config.shower

    def _has_sensitivity(self, background: pl.LazyFrame | None, selection: Selection) -> bool:
        if "sensitivity" not in self.config.benchmarks or background is None:
            return False
        if not selection.has_theta:
            self.notes.append("no sensitivity: it needs a cut in theta (--theta, or other cuts)")
            return False
        return True

    def _background_products(
        self, background: pl.LazyFrame, selection: Selection, axes: IrfAxes, gammas: Filled
    ) -> list[Product]:
        """Background, its rate, and sensitivity."""
        config = self.config
        wanted = [q for q in config.quantities if q.startswith("background")]
        near = "background_near"  # in the bins of offset of the signal
        showers = [self._shower(primary) for primary in self.backgrounds]
        shower = showers[0] if len(set(showers)) == 1 else None
        filled = fill(
            selection.apply(background), axes, [*wanted, near], weight="weight", by=config.by,
            gammaness=selection.gammaness, shower=shower,
        )  # fmt: skip
        self.gaps += [
            f"background of {group or 'all events'}: there are no events"
            for group in gammas.groups if group not in filled.groups
        ]  # fmt: skip
        products = make_products(filled, {}, self.time)
        if selection.theta_cut is None:
            return products
        theta = theta_cut_at(*selection.theta_cut, axes.reco_energy)
        for group in filled.groups:
            around = filled.histograms[group, near]
            if "background_rate" in config.benchmarks:
                products.append(background_rate(around, theta, self.time, group))
            if (group, "signal") in gammas.histograms:
                products += point_source_sensitivity(
                    gammas.histograms[group, "signal"], around, theta, self.spectrum,
                    alpha=config.alpha, group=group,
                )  # fmt: skip
        return products


def _concatenated(frames: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    if len(frames) == 1:
        return frames[0]
    names = set.intersection(*(set(frame.collect_schema().names()) for frame in frames))
    order = [name for name in frames[0].collect_schema().names() if name in names]
    return pl.concat([frame.select(order) for frame in frames], how="vertical_relaxed")


def _whole(axis: Axis) -> Axis:
    """One bin over the whole of an axis."""
    return Axis(axis.name, axis.edges[[0, -1]], axis.unit)


__all__ = ["Progress", "Responses", "make_responses"]
