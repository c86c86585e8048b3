"""Figures of responses and benchmarks, from their long table alone.

Every function draws on a matplotlib Axes and takes the table as a polars frame; quantities, groups
and bins of offset are those of the table. `draw_responses` draws all there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from .response_curves import (
    COLOURS,
    angles,
    bin_text,
    curve,
    draw,
    finish,
    groups,
    has,
    legend,
    limit_decades,
    offsets,
    rows_of,
    shades,
    spread,
)
from .response_figures import draw_responses

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

    from .reference_curves import Reference

    Offset = tuple[float, float] | None

TRUE, RECO = "true energy / TeV", "reconstructed energy / TeV"
_CUTS = {
    "aeff_none": "no cut",
    "aeff_gammaness": "after the gammaness cut",
    "aeff_theta": "after gammaness and theta cuts",
}
#: deg2 in a sr.
_SR = (180 / np.pi) ** 2


def effective_area(ax: Axes, table: pl.DataFrame, group: str = "", offset: Offset = None) -> None:
    """Effective area of one group after each cut."""
    names = [name for name in _CUTS if has(table, name)] or ["aeff"]
    lines = [curve(table, name, group, offset) for name in names]
    drawn = [draw(ax, line, _CUTS.get(name, ""), k) for k, (name, line) in
             enumerate(zip(names, lines, strict=True))]  # fmt: skip
    finish(ax, TRUE, "effective area / m$^2$", log=True, drawn=any(drawn))
    limit_decades(ax, [line.value for line in lines], 6)


def by_group(
    ax: Axes,
    table: pl.DataFrame,
    quantity: str,
    ylabel: str,
    *,
    offset: Offset = None,
    xlabel: str = TRUE,
    log: bool = True,
    min_events: int = 1,
    decades: float = 6,
) -> None:
    """One quantity against energy, a curve for each group."""
    names = groups(table, quantity)
    lines = [curve(table, quantity, name, offset) for name in names]
    drawn = [draw(ax, line, name, k, min_events=min_events) for k, (name, line) in
             enumerate(zip(names, lines, strict=True))]  # fmt: skip
    finish(ax, xlabel, ylabel, log=log, drawn=any(drawn))
    if log:
        limit_decades(ax, [line.shown(min_events) for line in lines], decades)


def by_offset(
    ax: Axes,
    table: pl.DataFrame,
    quantity: str,
    ylabel: str,
    *,
    group: str = "",
    xlabel: str = TRUE,
    limits: bool = False,
    min_events: int = 1,
    decades: float = 6,
) -> None:
    """One quantity against energy, a curve for each of at most six bins of offset."""
    lines, drawn = [], False
    places = spread(offsets(table, quantity), 6)
    for k, (place, colour) in enumerate(zip(places, shades(len(places)), strict=True)):
        line = curve(table, quantity, group, place)
        drawn |= draw(ax, line, bin_text(place), k, limits=limits, min_events=min_events,
                      colour=colour)  # fmt: skip
        lines.append(line.shown(min_events))
    finish(ax, xlabel, ylabel, log=True, drawn=drawn)
    limit_decades(ax, lines, decades)


def energy_dispersion(
    ax: Axes,
    table: pl.DataFrame,
    group: str = "",
    offset: Offset = None,
    *,
    highest: float | None = None,
) -> QuadMesh:
    """Image of the energy dispersion, with the median where the table has the bias.

    Colours go with the square root of the density, up to `highest` or to what is there.
    """
    from matplotlib.colors import PowerNorm

    rows = rows_of(table, "edisp", group, offset)
    energy = np.append(*_edges(rows, "energy"))
    migra = np.append(*_edges(rows, "x"))
    density = rows["value"].to_numpy().reshape(len(energy) - 1, len(migra) - 1)
    seen = np.ma.masked_less_equal(density.T, 0)
    norm = PowerNorm(0.5, vmin=0, vmax=highest or float(density.max()) or 1.0)
    image = ax.pcolormesh(energy, migra, seen, cmap="viridis", norm=norm, rasterized=True)
    ax.axhline(1, color="0.5", lw=1, ls="--")
    if has(table, "energy_bias_median") and group in groups(table, "energy_bias_median"):
        line = curve(table, "energy_bias_median", group, offset)
        median = np.where(line.n_events >= 10, 1 + line.value, np.nan)
        ax.plot(line.energy, median, color=COLOURS[1], lw=1.8, label="median")
    filled = np.flatnonzero(density.sum(axis=1) > 0)
    ylabel = "$E_{reco} / E_{true}$"
    finish(ax, TRUE, ylabel, log=True, drawn=len(filled) > 0)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(_numbers)
    ax.grid(visible=False)
    if len(filled):
        ax.set_xlim(energy[filled[0]], energy[filled[-1] + 1])
        ax.set_ylim(migra[0], migra[-1])
    return image


def energy_resolution(
    top: Axes, bottom: Axes, table: pl.DataFrame, offset: Offset = None, *, min_events: int = 10
) -> None:
    """Resolution of the energy above its bias, a curve for each group."""
    end = "" if has(table, "energy_resolution") else "_reco"
    label = RECO if end else TRUE
    options = {"offset": offset, "log": False, "min_events": min_events, "xlabel": label}
    resolution = "energy resolution\n(half of the central 68 %)"
    by_group(top, table, f"energy_resolution{end}", resolution, **options)  # type: ignore[arg-type]
    top.set(ylim=(0, None), xlabel="")
    bottom.axhline(0, color="0.6", lw=1)
    bias = "median of\n$E_{reco} / E_{true} - 1$"
    by_group(bottom, table, f"energy_bias_median{end}", bias, **options)  # type: ignore[arg-type]
    if (legend_below := bottom.get_legend()) is not None:
        legend_below.remove()


def angular_resolution(
    ax: Axes, table: pl.DataFrame, group: str = "", offset: Offset = None, *, min_events: int = 10
) -> None:
    """Angular resolution of one group: all containments there are, 68 % first."""
    end = "" if has(table, "theta_68") else "_reco"
    found = [n for n in (68, 95, 50, 25) if has(table, f"theta_{n}{end}")]
    lines = [curve(table, f"theta_{n}{end}", group, offset) for n in found]
    drawn = [draw(ax, line, f"{n} % containment", k, min_events=min_events) for k, (n, line) in
             enumerate(zip(found, lines, strict=True))]  # fmt: skip
    finish(ax, RECO if end else TRUE, "angular resolution / deg", log=True, drawn=any(drawn),
           columns=4)  # fmt: skip
    limit_decades(ax, [line.shown(min_events) for line in lines], 4)
    angles(ax)


def psf(
    ax: Axes, table: pl.DataFrame, group: str = "", offset: Offset = None, *, min_events: int = 200
) -> None:
    """Point spread functions of at most five energies, with their errors."""
    rows = rows_of(table, "psf", group, offset)
    energies = [
        bin_
        for bin_, own in rows.group_by("energy_lo", "energy_hi", maintain_order=True)
        if own["n_events"].sum() >= min_events
    ]
    reach, values = 0.0, []
    chosen = spread(energies, 5)
    for (low, high), colour in zip(chosen, shades(len(chosen)), strict=True):
        own = rows.filter(pl.col("energy_lo") == low)
        seen = own.filter(pl.col("n_events") > 0)
        middle = 0.5 * (seen["x_lo"] + seen["x_hi"]).to_numpy()
        value, error = (seen[name].to_numpy() / _SR for name in ("value", "error"))
        label = f"{low:.2g} to {high:.2g} TeV"
        ax.errorbar(middle, value, yerr=error, color=colour, lw=1.2, elinewidth=0.7,
                    marker="o", ms=3, label=label)  # fmt: skip
        values.append(value)
        share = own["n_events"].cum_sum() / own["n_events"].sum()
        reach = max(reach, float(own["x_hi"].to_numpy()[int((share < 0.98).sum())]))
    finish(ax, "distance from the true direction / deg", "PSF / deg$^{-2}$", log=True,
           drawn=bool(energies))  # fmt: skip
    ax.set_xscale("linear")
    if energies:
        ax.set_xlim(0, reach)
        limit_decades(ax, values, 5)


def background_rate(ax: Axes, table: pl.DataFrame, offset: Offset = None) -> None:
    """Background events per s within the theta cut, a curve for each group; arrows are limits."""
    names = groups(table, "background_rate")
    lines = [curve(table, "background_rate", name, offset) for name in names]
    drawn = [draw(ax, line, name, k, limits=True) for k, (name, line) in
             enumerate(zip(names, lines, strict=True))]  # fmt: skip
    finish(ax, RECO, "background rate within the theta cut / s$^{-1}$", log=True, drawn=any(drawn))
    limit_decades(ax, [line.value for line in lines], 7)


def sensitivity(
    ax: Axes,
    table: pl.DataFrame,
    offset: Offset = None,
    references: Sequence[Reference] = (),
) -> None:
    """Differential sensitivity, a curve for each group, published ones behind in grey.

    Open markers are bins in which no simulated background event was left: there the sensitivity
    follows from the least number of signal events. Dotted lines are shares of the spectrum to which
    the signal is weighted.
    """
    values, drawn, unlimited = [], False, False
    for k, reference in enumerate(references):
        style = ("-", "--", "-.")[k % 3]
        ax.plot(reference.energy, reference.value, color="0.6", lw=2.2, ls=style,
                label=reference.label, zorder=1)  # fmt: skip
        values.append(reference.value)
    names = groups(table, "sensitivity")
    for k, name in enumerate(names):
        line = curve(table, "sensitivity", name, offset)
        label = name or ("this selection" if references else "")
        none = curve(table, "n_background", name, offset).n_events == 0
        drawn |= draw(ax, line, label, k, one_sided=none)
        values.append(line.value)
        edge = COLOURS[k % len(COLOURS)]
        ax.plot(line.energy[none], line.value[none], "o", ms=5, mfc="w", mec=edge, zorder=5)
        unlimited |= bool((none & np.isfinite(line.value)).any())
    if unlimited:
        text = "no simulated background event left"
        ax.plot([], [], "o", ms=5, mfc="w", mec="0.3", label=text)
    label = r"differential sensitivity E$^2$ F / (erg s$^{-1}$ cm$^{-2}$)"
    finish(ax, RECO, label, log=True, drawn=drawn)
    limit_decades(ax, values, 6)
    if drawn:
        _shares_of_spectrum(ax, table, names[0], offset)
        legend(ax)


def _shares_of_spectrum(ax: Axes, table: pl.DataFrame, group: str, offset: Offset) -> None:
    line, relative = (
        curve(table, name, group, offset) for name in ("sensitivity", "relative_sensitivity")
    )
    known = np.isfinite(line.value) & (relative.value > 0)
    energy, spectrum = line.energy[known], line.value[known] / relative.value[known]
    low, high = ax.get_ylim()
    label: str | None = "shares of the spectrum of the weights"
    for share in (1.0, 0.1, 0.01, 0.001):
        own = spectrum * share
        inside = np.flatnonzero((own > 1.3 * low) & (own < high))
        if len(inside) > 1:
            ax.plot(energy[inside], own[inside], color="0.6", lw=1, ls=":", zorder=0, label=label)
            end, label = inside[-1], None
            ax.annotate(f"{100 * share:g} %", (energy[end], own[end]), (3, -2), fontsize=8,
                        textcoords="offset points", color="0.45", va="top")  # fmt: skip


def _numbers(value: float, _: object) -> str:
    return f"{value:g}" if f"{value:.0e}"[0] in "235" else ""


def _edges(rows: pl.DataFrame, name: str) -> tuple[np.ndarray, float]:
    lo, hi = rows[f"{name}_lo"].unique().sort(), rows[f"{name}_hi"].max()
    return lo.to_numpy(), float(hi)  # type: ignore[arg-type]


__all__ = [
    "angular_resolution",
    "background_rate",
    "by_group",
    "by_offset",
    "draw_responses",
    "effective_area",
    "energy_dispersion",
    "energy_resolution",
    "psf",
    "sensitivity",
]
