"""Everything that is counted once the cuts are known: response functions and benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from ctabatch.irf.axes import Axis
from ctabatch.irf.fill import Filled, fill
from ctabatch.irf.histograms import IrfAxes
from ctabatch.irf.options import IrfConfig
from ctabatch.irf.performance import (
    background_rate,
    point_source_sensitivity,
    resolutions,
    theta_cut_at,
)
from ctabatch.irf.products import Product, make_products, rad_max
from ctabatch.irf.selection import Selection
from ctabatch.irf.simulated import SimulatedShowers
from ctabatch.irf.spectra import Spectrum

#: Background in the bins of offset of the signal, for rates and sensitivities.
_NEAR = "background_near"


class Counting:
    """Counts events and collects products.

    Parameters
    ----------
    config : IrfConfig
    axes : IrfAxes
    selection : Selection
    spectrum : Spectrum
        To which the gammas are weighted.
    obs_time : float
        For which all events are weighted, s.

    Attributes
    ----------
    products : list of Product
    groups : tuple of str
        Groups of the gammas.
    notes, gaps : list of str
        What is to be known; what could not be computed.
    """

    def __init__(
        self,
        config: IrfConfig,
        axes: IrfAxes,
        selection: Selection,
        spectrum: Spectrum,
        obs_time: float,
    ) -> None:
        self.config, self.axes, self.selection = config, axes, selection
        self.spectrum, self.obs_time = spectrum, obs_time
        self.products: list[Product] = []
        self.groups: tuple[str, ...] = ()
        self.notes: list[str] = []
        self.gaps: list[str] = []
        self._gammas: Filled | None = None

    def gammas(
        self,
        events: pl.LazyFrame,
        kept: pl.LazyFrame,
        among: pl.LazyFrame,
        showers_of: Callable[[Sequence[str]], SimulatedShowers],
        shower: str | None,
        has_background: bool,
    ) -> int:
        """Responses of gammas, and what the sensitivity needs of them.

        Parameters
        ----------
        events, kept : LazyFrame
            Weighted, with derived columns; all, and those that pass all cuts but that in theta.
        among : LazyFrame
            Events of all groups.
        showers_of : callable
            Gives the simulated showers of a group by its labels.
        shower : str, optional
            See `ctabatch.irf.fill.fill`.
        has_background : bool
            Whether there will be a sensitivity.

        Returns
        -------
        int
            Events that pass all cuts.
        """
        config, selection = self.config, self.selection
        wanted = [q for q in config.quantities if not q.startswith("background")]
        if "aeff_cuts" in config.benchmarks:
            wanted += ["aeff_gammaness"] if selection.cuts is not None else []
            wanted += ["aeff_theta"] if selection.has_theta else []
        if has_background and "sensitivity" in config.benchmarks:
            if selection.has_theta:
                wanted.append("signal")
            else:
                text = "no sensitivity: it needs a cut in theta (--theta, or other cuts)"
                self.notes.append(text)
        filled = fill(
            selection.apply(kept), self.axes, wanted, weight="weight", by=config.by, among=among,
            shower=shower, gammaness=selection.gammaness, theta=selection.theta,
            point_like=config.point_like,
        )  # fmt: skip
        showers = {group: showers_of(labels) for group, labels in filled.groups.items()}
        if "aeff_cuts" in config.benchmarks:
            whole = fill(events, self.axes, ["aeff_none"], by=config.by, shower=shower)
            self.products += make_products(whole, showers, self.obs_time)
        self.products += make_products(filled, showers, self.obs_time)
        if config.point_like and selection.theta_cut is not None:
            offset = self.axes.offset
            one = Axis("offset", offset.edges[[0, -1]], offset.unit)
            self.products += [rad_max(*selection.theta_cut, one, group) for group in filled.groups]
        self._gammas, self.groups = filled, tuple(filled.groups)
        return filled.n_passed

    def resolutions(self, kept: pl.LazyFrame, among: pl.LazyFrame, shower: str | None) -> None:
        """Resolutions of energy and direction; for the parameters see `gammas`."""
        wanted, selection = self.config.benchmarks, self.selection
        if not {"energy", "direction"} & set(wanted):
            return
        found = resolutions(
            selection.apply(kept), self.axes.true_energy, self.axes.offset, among=among,
            containments=(25, 50, 68, 95) if "direction" in wanted else (),
            gammaness=selection.gammaness,
            theta=selection.theta if self.config.point_like else None,
            by=self.config.by, shower=shower,
        )  # fmt: skip
        self.products += [
            product for product in found
            if "energy" in wanted or product.quantity.startswith("theta")
        ]  # fmt: skip

    def background(self, kept: pl.LazyFrame, among: pl.LazyFrame, shower: str | None) -> None:
        """Background, its rate, and the sensitivity; for the parameters see `gammas`."""
        config, axes, selection = self.config, self.axes, self.selection
        wanted = [q for q in config.quantities if q.startswith("background")]
        filled = fill(
            kept, axes, [*wanted, _NEAR], weight="weight", by=config.by, among=among, shower=shower,
        )  # fmt: skip
        self.gaps += [
            f"background of {group}: there are no events"
            for group in self.groups if group not in filled.groups
        ]  # fmt: skip
        self.products += make_products(filled, {}, self.obs_time)
        if selection.theta_cut is None:
            return
        theta = theta_cut_at(*selection.theta_cut, axes.reco_energy)
        signals = {} if self._gammas is None else self._gammas.histograms
        for group in filled.groups:
            around = filled.histograms[group, _NEAR]
            if "background_rate" in config.benchmarks:
                self.products.append(background_rate(around, theta, self.obs_time, group))
            if (group, "signal") in signals:
                self.products += point_source_sensitivity(
                    signals[group, "signal"], around, theta, self.spectrum, alpha=config.alpha,
                    group=group,
                )  # fmt: skip


__all__ = ["Counting"]
