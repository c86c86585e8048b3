"""Figures of how good reconstructions are, from the tables of metrics of `ctabatch train`.

Every figure takes one table per curve: a mapping from the label of the curve to its table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Curves = Mapping[str, pa.Table]

#: Marks of the curves of one axes, in order, beside their colours.
_MARKERS = "osD^vP*X"


def _figure(width: float = 7.0, height: float = 5.0) -> Figure:
    """Margins are fixed in inches: to fit them to the labels would draw everything twice."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(
        left=0.85 / width,
        right=1 - 0.2 / width,
        bottom=0.6 / height,
        top=1 - 0.2 / height,
        hspace=0.08,
    )
    return figure


def angular_resolution(curves: Curves, *, quantile: int = 68, min_events: int = 10) -> Figure:
    """Angular resolution against true energy.

    Parameters
    ----------
    curves : mapping of str to pyarrow.Table
        Tables of `ctabatch.learn.metrics.angular_metrics`.
    quantile : int
        In percent: 25, 50, 68 or 95.
    min_events : int
        Bins with fewer events are left out.

    Raises
    ------
    InputError
        There is no curve, or a table lacks the columns.
    """
    figure = _figure()
    ax = figure.subplots()
    drawn = _by_energy(ax, curves, f"angular_resolution_{quantile}", min_events)
    ax.set(ylabel=f"angular resolution ({quantile} % containment) / deg")
    _finish(ax)
    if drawn:  # nothing has no logarithm
        _logarithmic(ax)
    return figure


def energy_resolution(curves: Curves, *, min_events: int = 10) -> Figure:
    """Resolution and bias of the energy against true energy, one above the other.

    Parameters
    ----------
    curves : mapping of str to pyarrow.Table
        Tables of `ctabatch.learn.metrics.energy_metrics`.
    min_events : int
        Bins with fewer events are left out.

    Raises
    ------
    InputError
        There is no curve, or a table lacks the columns.
    """
    figure = _figure(height=7.0)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    _by_energy(top, curves, "resolution", min_events)
    top.set(ylabel="energy resolution (half the central 68 %)", ylim=(0, None))
    _finish(top)
    top.set_xlabel("")
    bottom.axhline(0, color="0.6", lw=1)
    _by_energy(bottom, curves, "bias", min_events)
    bottom.set(ylabel="bias (median of reco / true - 1)")
    _finish(bottom, legend=False)
    return figure


def roc_curves(curves: Curves, areas: Mapping[str, float] | None = None) -> Figure:
    """ROC curves.

    Parameters
    ----------
    curves : mapping of str to pyarrow.Table
        Tables of `ctabatch.learn.metrics.roc_curve`.
    areas : mapping of str to float, optional
        Areas under the curves, written into the legend.

    Raises
    ------
    InputError
        There is no curve, or a table lacks the columns.
    """
    figure = _figure(6.0, 6.0)
    ax = figure.subplots()
    ax.plot([0, 1], [0, 1], color="0.6", lw=1, ls="--")
    for label, table in _checked(curves).items():
        x, y = (_column(label, table, f"{kind}_positive_rate") for kind in ("false", "true"))
        area = f" (area {areas[label]:.4f})" if areas and label in areas else ""
        ax.plot(x, y, lw=1.8, label=f"{label}{area}")
    ax.set(
        xlabel="background selected",
        ylabel="signal selected",
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
        aspect="equal",
    )
    ax.grid(color="0.9")
    ax.legend(frameon=False, loc="lower right")
    return figure


def auc_by_energy(curves: Curves, *, min_events: int = 10) -> Figure:
    """Area under the ROC curve against energy.

    Parameters
    ----------
    curves : mapping of str to pyarrow.Table
        Tables of `ctabatch.learn.metrics.auc_by_energy`.
    min_events : int
        Bins with fewer events of either class are left out.

    Raises
    ------
    InputError
        There is no curve, or a table lacks the columns.
    """
    figure = _figure()
    ax = figure.subplots()
    _by_energy(ax, curves, "auc", min_events, counts=("n_signal", "n_background"))
    ax.set(ylabel="area under the ROC curve")
    ax.set_ylim(top=1.0)
    _finish(ax)
    ax.set_xlabel("energy / TeV")
    return figure


def _by_energy(
    ax: Axes, curves: Curves, name: str, min_events: int, counts: tuple[str, ...] = ("n_events",)
) -> bool:
    """Points at the logarithmic middle of the bins, which are horizontal bars; whether any."""
    drawn = False
    for (label, table), marker in zip(_checked(curves).items(), _MARKERS * 9, strict=False):
        low, high = _column(label, table, "energy_min"), _column(label, table, "energy_max")
        values, middle = _column(label, table, name), np.sqrt(low * high)
        enough = np.isfinite(values)
        for count in counts:
            enough &= _column(label, table, count) >= min_events
        values = np.where(enough, values, np.nan)  # a gap in the line
        drawn |= bool(enough.any())
        bars = [np.where(enough, width, 0.0) for width in (middle - low, high - middle)]
        options = {"marker": marker, "ms": 5, "lw": 1.5, "elinewidth": 1.0}
        ax.errorbar(middle, values, xerr=bars, label=label, **options)  # type: ignore[arg-type]
    return drawn


def _finish(ax: Axes, *, legend: bool = True) -> None:
    ax.set(xscale="log", xlabel="true energy / TeV")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.grid(color="0.9")
    if legend:
        ax.legend(frameon=False)


def _logarithmic(ax: Axes) -> None:
    """Make the y axis logarithmic, labelled 0.05, 0.1, 0.2 instead of in powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())


def _checked(curves: Curves) -> Curves:
    if not curves:
        raise InputError("no tables of metrics to draw")
    return curves


def _column(label: str, table: Any, name: str) -> NDArray[np.float64]:
    if name not in table.column_names:
        raise InputError(
            f"the table of the curve {label!r} has no column {name!r}: "
            f"found {', '.join(table.column_names)}"
        )
    return np.asarray(table[name].to_numpy(), np.float64)
