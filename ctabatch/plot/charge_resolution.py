"""Charge resolution and bias against the true charge, one figure per telescope type."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.verify.charge_limits import REQUIRED_UP_TO, poisson_limit, requirement

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes

    Curves = Mapping[str, pa.Table]

_MARKERS = "osD^vP*X"
#: Relative bias up to which the axis is linear, and where it has ticks.
_LINEAR_BIAS = 0.1
_TICKS = (-1, -0.3, -0.1, -0.05, 0, 0.05, 0.1, 0.3, 1, 3, 10)


def charge_resolution(ax: Axes, curves: Curves, *, min_pixels: int = 2) -> Axes:
    """Draw resolution relative to the true charge, the Poisson limit and the CTA requirement.

    Parameters
    ----------
    ax : Axes
    curves : mapping of str to pyarrow.Table
        Label -> rows of the table `CHARGE_RESOLUTION` of one telescope type and extractor.
    min_pixels : int
        Bins with fewer pixels are left out.

    Raises
    ------
    InputError
        There is no curve.
    """
    charges = [charge for charge in _points(ax, curves, "resolution", min_pixels) if len(charge)]
    low, high = (1.0, 10.0) if not charges else (
        min(charge.min() for charge in charges), max(charge.max() for charge in charges)
    )  # fmt: skip
    line = np.geomspace(min(1.0, low), max(10.0, 1.3 * high), 200)
    ax.plot(line, poisson_limit(line), color="0.5", lw=1.2, ls=":", label="Poisson limit")
    required = line[line <= REQUIRED_UP_TO]
    if line[-1] > REQUIRED_UP_TO:
        required = np.append(required, REQUIRED_UP_TO)
    ax.plot(required, requirement(required), color="k", lw=1.2, ls="--", label="CTA requirement")
    ax.set(xscale="log", yscale="log", xlabel="true charge / p.e.", ylabel="charge resolution / Q")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.grid(color="0.9", which="both", lw=0.5)
    ax.legend(frameon=False, fontsize="small")
    return ax


def charge_bias(ax: Axes, curves: Curves, *, min_pixels: int = 2) -> Axes:
    """Draw the mean of (Q - Q_true) / Q_true; beyond 0.1 the axis is logarithmic.

    For the parameters see `charge_resolution`.
    """
    ax.axhline(0, color="0.6", lw=1)
    _points(ax, curves, "bias", min_pixels)
    ax.set(xscale="log", xlabel="true charge / p.e.", ylabel="bias / Q")
    ax.set_yscale("symlog", linthresh=_LINEAR_BIAS, linscale=2)
    limits = ax.get_ylim()
    if max(map(abs, limits)) < min(tick for tick in _TICKS if tick > 0):
        ax.set_yscale("linear")  # 0 alone would be marked
    else:
        ax.set_yticks(_TICKS, minor=False)
        ax.set_yticks([], minor=True)
    ax.set_ylim(limits)  # ticks would widen them
    ax.yaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.grid(color="0.9", lw=0.5)
    return ax


def draw_charge_resolution(table: pa.Table, folder: Path) -> list[Path]:
    """Draw one figure per telescope type.

    Parameters
    ----------
    table : pyarrow.Table
        Schema `CHARGE_RESOLUTION`.
    folder : path
        Made if it does not exist; the figures are called ``TYPE.png``.

    Returns
    -------
    list of path
        The files.
    """
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for tel_type, curves in _by_type(table).items():
        figure = Figure(figsize=(7.0, 8.0), layout="constrained")
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        charge_resolution(top, curves).set(title=tel_type, xlabel="")
        charge_bias(bottom, curves)
        figure.savefig(folder / f"{tel_type}.png", dpi=110)
        drawn.append(folder / f"{tel_type}.png")
    return drawn


def _by_type(table: pa.Table) -> dict[str, dict[str, pa.Table]]:
    """Telescope type -> label of the extractor -> its rows."""
    kinds: dict[str, dict[str, list[int]]] = {}
    columns = (table[name].to_pylist() for name in ("tel_type", "extractor"))
    for row, (tel_type, extractor) in enumerate(zip(*columns, strict=True)):
        kinds.setdefault(tel_type, {}).setdefault(extractor, []).append(row)
    return {
        tel_type: {label: table.take(rows) for label, rows in curves.items()}
        for tel_type, curves in kinds.items()
    }


def _points(ax: Axes, curves: Curves, name: str, min_pixels: int) -> list[NDArray[np.float64]]:
    """Draw a column with its errors at the mean true charge; the charges of each curve."""
    if not curves:
        raise InputError("no table of charge resolution to draw")
    charges = []
    for (label, table), marker in zip(curves.items(), _MARKERS * (len(curves) // 8 + 1),
                                      strict=False):  # fmt: skip
        x, y, error = (
            np.asarray(table[column].to_numpy(), np.float64)
            for column in ("mean_true_charge", name, f"{name}_error")
        )
        # the row without photo-electrons has no relative value
        use = np.isfinite(y) & (table["n_pixels"].to_numpy() >= min_pixels)
        ax.errorbar(x[use], y[use], yerr=np.nan_to_num(error[use]), label=label, marker=marker,
                    ms=4, lw=1.2, elinewidth=1.0)  # fmt: skip
        charges.append(x[use])
    return charges


__all__ = ["charge_bias", "charge_resolution", "draw_charge_resolution"]
