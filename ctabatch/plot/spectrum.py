"""The figure of a measured spectrum beside the true one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
#: erg in a TeV.
_ERG = 1.602176634
#: Points below this significance are drawn as upper limits.
_SIGNIFICANT = 2.0


@dataclass(frozen=True)
class PowerLaw:
    """Differential flux at 1 TeV, 1/(TeV s cm2), and index: flux falls as energy ** -index."""

    amplitude: float
    index: float

    def flux(self, energy: Floats) -> Floats:
        """Differential flux at energies in TeV."""
        return np.asarray(self.amplitude * energy**-self.index)

    def error(self, energy: Floats, covariance: Floats) -> Floats:
        """Its standard error from the covariance of amplitude and index, to first order."""
        gradient = np.stack([1 / self.amplitude + 0 * energy, -np.log(energy)])
        relative = np.einsum("ie,ij,je->e", gradient, covariance, gradient)
        return np.asarray(self.flux(energy) * np.sqrt(relative))


@dataclass(frozen=True, eq=False)
class FluxPoints:
    """Flux in bins of energy: arrays of shape (n,), TeV and 1/(TeV s cm2)."""

    energy: Floats
    energy_lo: Floats
    energy_hi: Floats
    flux: Floats
    error: Floats
    limit: Floats
    significance: Floats


def recovered_spectrum(
    points: FluxPoints, fitted: PowerLaw, covariance: Floats, true: PowerLaw, *, source: str = ""
) -> Figure:
    """Measured points and fit beside the spectrum that was put in; below, their ratio.

    Parameters
    ----------
    points : FluxPoints
    fitted : PowerLaw
    covariance : array of shape (2, 2)
        Of the amplitude and index of `fitted`.
    true : PowerLaw
    source : str
        Title.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 6.4), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)  # type: ignore[union-attr,call-arg]
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1.4])
    energy = np.geomspace(points.energy_lo[0], points.energy_hi[-1], 200)
    _draw(top, points, fitted, covariance, true, energy, energy**2 * _ERG, points.energy**2 * _ERG)
    _draw(
        bottom, points, fitted, covariance, true, energy, 1 / true.flux(energy),
        1 / true.flux(points.energy),
    )  # fmt: skip
    top.set(yscale="log", ylabel="$E^2\\,dN/dE$ / (erg s$^{-1}$ cm$^{-2}$)", title=source)
    top.set_ylim(0.25 * top.get_ylim()[0], None)  # room for the legend
    top.legend(frameon=False, loc="lower left")
    bottom.set(xscale="log", xlabel="energy / TeV", ylabel="measured / true", ylim=(0, 2))
    bottom.xaxis.set_major_formatter("{x:g}")
    for ax in (top, bottom):
        ax.grid(color="0.92")
        ax.set_axisbelow(True)
    return figure


def _draw(
    ax: Axes,
    points: FluxPoints,
    fitted: PowerLaw,
    covariance: Floats,
    true: PowerLaw,
    energy: Floats,
    scale: Floats,
    point_scale: Floats,
) -> None:
    """Curves and points, the flux times a scale at each energy."""
    error = fitted.error(energy, covariance)
    low, high = ((fitted.flux(energy) + sign * error) * scale for sign in (-1, 1))
    ax.fill_between(energy, low, high, color="C0", alpha=0.25, lw=0)
    ax.plot(
        energy, fitted.flux(energy) * scale, color="C0", label=_label("fit", fitted, covariance)
    )
    ax.plot(energy, true.flux(energy) * scale, color="k", ls="--", label=_label("true", true))
    seen = points.significance >= _SIGNIFICANT
    limits = ~seen & np.isfinite(points.limit)
    flux = np.where(seen, points.flux, points.limit) * point_scale
    width = np.stack([points.energy - points.energy_lo, points.energy_hi - points.energy])
    style: dict[str, Any] = {"ls": "", "color": "C3", "zorder": 3}
    ax.errorbar(
        points.energy[seen], flux[seen], (points.error * point_scale)[seen], width[:, seen],
        marker="o", ms=4.5, label="flux points", **style,
    )  # fmt: skip
    if limits.any():
        ax.errorbar(
            points.energy[limits], flux[limits], 0.3 * flux[limits], width[:, limits], uplims=True,
            **style,
        )  # fmt: skip


def _label(name: str, law: PowerLaw, covariance: Floats | None = None) -> str:
    """Amplitude and index, with errors if there are some."""
    power = int(np.floor(np.log10(law.amplitude)))
    amplitude = f"{law.amplitude / 10.0**power:.2f}"
    index = f"{law.index:.2f}"
    if covariance is not None:
        errors = np.sqrt(np.diag(covariance))
        amplitude = f"({amplitude} ± {errors[0] / 10.0**power:.2f})"
        index = f"({index} ± {errors[1]:.2f})"
    return f"{name}: {amplitude} $\\times$ $10^{{{power}}}$, index {index}"


__all__ = ["FluxPoints", "PowerLaw", "recovered_spectrum"]
