"""Which events are gamma-like: cuts made, or read, as the options ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.errors import OptionError
from ctabatch.expressions import QualityQuery
from ctabatch.irf.axes import Axis
from ctabatch.irf.cut_files import read_cuts
from ctabatch.irf.cut_search import Conditions
from ctabatch.irf.cuts import CutTable, fixed_cuts
from ctabatch.irf.derived import with_derived
from ctabatch.irf.histograms import IrfAxes
from ctabatch.irf.optimise import Optimised, optimise_cuts, optimise_gammaness
from ctabatch.irf.options import CutOptions, IrfConfig
from ctabatch.irf.percentile_cuts import percentile_cuts
from ctabatch.irf.primaries import Primary
from ctabatch.irf.survey import Survey, survey

_FIRST = 1000  # events


@dataclass(frozen=True, eq=False)
class Selection:
    """Cuts that are applied to events as boolean columns.

    Attributes
    ----------
    cuts : CutTable, optional
        None: events need only meet the quality criteria.
    quality : mapping
        Name -> SQL, if there are no cuts.
    """

    cuts: CutTable | None
    quality: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_theta(self) -> bool:
        """Whether there is a cut on the distance from the source."""
        return self.theta_cut is not None

    @property
    def theta_cut(self) -> tuple[Axis, NDArray[np.float64]] | None:
        """Bins of reconstructed energy and the cut (deg) in each, 0 where nothing passes."""
        if self.cuts is None or self.cuts.theta is None:
            return None
        return self.cuts.energy, np.nan_to_num(self.cuts.theta)

    @property
    def gammaness(self) -> str | None:
        """Column that tells what passes all cuts but that in theta."""
        return "passes_gammaness" if self.cuts is not None or self.quality else None

    @property
    def theta(self) -> str | None:
        """Column that tells what passes the cut in theta."""
        return "passes_theta" if self.has_theta else None

    def apply(self, events: pl.LazyFrame) -> pl.LazyFrame:
        """Add the two columns."""
        if self.cuts is not None:
            return self.cuts.apply(events)
        if not self.quality:
            return events
        query = QualityQuery(self.quality)
        query.check(events.collect_schema().names())
        return events.with_columns(passes_gammaness=query.all())

    def survey(
        self,
        events: pl.LazyFrame,
        derived: Collection[str],
        by: Sequence[str],
        shower: str | None,
    ) -> Survey:
        """What passes all cuts but that in theta."""
        if self.early is not None:
            return survey(events, self.early, derived, by, shower)
        query = QualityQuery(self.quality)
        events = with_derived(events, query.columns)
        query.check(events.collect_schema().names())
        row = events.select(query.cut_flow()).collect(engine="streaming")
        flow = {name: int(row[name][0]) for name in row.columns}
        return Survey(flow, events.filter(query.all()) if self.quality else events, events)

    @property
    def early(self) -> CutTable | None:
        """The cuts without that in theta; the same events pass."""
        if self.cuts is None:
            return None
        gammaness = np.where(self.cuts.has_cut, self.cuts.gammaness, np.nan)
        return replace(self.cuts, gammaness=gammaness, theta=None, theta_efficiency=None)


def select_cuts(
    signal: pl.LazyFrame,
    background: pl.LazyFrame | None,
    axes: IrfAxes,
    config: IrfConfig,
    ring: tuple[float, float],
    gammas: Primary,
    notes: list[str],
) -> Selection:
    """The cuts that the options ask for.

    Parameters
    ----------
    signal, background : LazyFrame
        Event frames with theta, reco_offset and weight.
    axes : IrfAxes
    config : IrfConfig
    ring : (float, float)
        Offsets from the pointing (deg) from which events are taken.
    gammas : Primary
        For the models behind the gammaness.
    notes : list of str
        Gets what is to be known of the cuts.

    Raises
    ------
    OptionError
        The cuts cannot be made from these events.
    InputError
        Cuts that were read belong to other models, or no event passes.
    """
    options, energy, quality = config.cuts, axes.reco_energy, dict(config.quality)
    columns = signal.collect_schema().names()
    kind = options.kind
    if kind == "auto":
        kind = "optimise" if background is not None else "percentile"
    if kind in ("optimise", "optimise_gammaness", "percentile") and "gammaness" not in columns:
        raise OptionError(
            f"cuts {kind!r} need a column gammaness; map one (--map gammaness=...) or use --no-cuts"
        )
    cuts: CutTable | None = None
    if kind == "file":
        if options.file is None:
            raise OptionError("cuts of the kind 'file' need the option file")
        cuts = read_cuts(options.file)
        cuts.check_models(gammas.models)
    elif kind == "fixed":
        cuts = fixed_cuts(
            energy, options.gammaness, options.theta, options.multiplicity, quality=quality,
            models=gammas.models,
        )  # fmt: skip
    elif kind == "percentile":
        cuts = percentile_cuts(
            signal, energy, gammaness_efficiency=options.gammaness_efficiency,
            theta_efficiency=options.theta_efficiency, max_theta=options.max_theta,
            min_events=options.min_events, multiplicity=options.multiplicity, quality=quality,
            models=gammas.models, max_rows=options.max_rows,
        )  # fmt: skip
    elif kind != "none":
        if background is None:
            raise OptionError(f"cuts {kind!r} need a background; give PROTONS or --cuts percentile")
        found = _optimised(signal, background, energy, kind, config, ring, gammas, columns)
        cuts = found.cuts
        notes += found.problems
    if cuts is not None and kind != "optimise":
        notes += cuts.problems()
    if config.point_like and (cuts is None or cuts.theta is None):
        raise OptionError("--point-like needs a cut in theta: give --theta or another kind of cuts")
    return Selection(cuts, quality)


def _optimised(
    signal: pl.LazyFrame,
    background: pl.LazyFrame,
    energy: Axis,
    kind: str,
    config: IrfConfig,
    ring: tuple[float, float],
    gammas: Primary,
    columns: list[str],
) -> Optimised:
    options = config.cuts
    conditions = Conditions(
        alpha=config.alpha, background_offset=ring, min_events=options.min_events
    )
    grid = _efficiencies(options)
    models, quality = gammas.models, dict(config.quality)
    if kind == "optimise_gammaness":
        return optimise_gammaness(
            signal, background, energy, gammaness_efficiencies=grid,
            multiplicity=options.multiplicity, max_theta=options.max_theta, conditions=conditions,
            quality=quality, models=models, max_rows=options.max_rows,
        )  # fmt: skip
    low, high = options.multiplicity_grid
    tried = range(low, high + 1) if _counts_telescopes(signal, columns) else None
    return optimise_cuts(
        signal, background, energy, multiplicities=tried, gammaness_efficiencies=grid,
        theta_efficiencies=grid, max_theta=options.max_theta, conditions=conditions,
        quality=quality, models=models, max_rows=options.max_rows,
    )  # fmt: skip


def _counts_telescopes(events: pl.LazyFrame, columns: list[str]) -> bool:
    """Whether the first events have a number of telescopes; not all reconstructions tell it."""
    if "multiplicity" not in columns:
        return False
    first = events.select("multiplicity").head(_FIRST).collect()["multiplicity"]
    return first.null_count() < len(first)


def _efficiencies(options: CutOptions) -> np.ndarray:
    low, high, step = options.efficiency_grid
    return np.round(np.arange(low, high + step / 2, step), 12)
