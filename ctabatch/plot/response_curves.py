"""Curves from the long table of responses, and how they are drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
#: Told apart by most eyes (Okabe and Ito), the first ones also in grey.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
MARKERS = "osD^vP*X"
_COLUMNS = ("quantity", "group", "energy_lo", "energy_hi", "offset_lo", "offset_hi", "x_lo", "x_hi",
            "value", "error", "unit", "n_events")  # fmt: skip
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)")


@dataclass(frozen=True, eq=False)
class Curve:
    """One quantity against energy, with NaN where there is no value.

    Attributes
    ----------
    energy_lo, energy_hi : float64 (n_energy,)
        TeV.
    value, error : float64 (n_energy,)
    n_events : int64 (n_energy,)
    """

    energy_lo: Floats
    energy_hi: Floats
    value: Floats
    error: Floats
    n_events: NDArray[np.int64]

    @property
    def energy(self) -> Floats:
        """Geometric middle of the bins, TeV."""
        return np.sqrt(self.energy_lo * self.energy_hi)

    def shown(self, min_events: int) -> Floats:
        """The values of bins with enough events."""
        return np.where(self.n_events >= min_events, self.value, np.nan)


def read_table(source: Path | pl.DataFrame) -> pl.DataFrame:
    """The long table of responses from a Parquet file, or as it is.

    Raises
    ------
    InputError
        It is no such table.
    """
    if isinstance(source, pl.DataFrame):
        table = source
    else:
        try:
            table = pl.read_parquet(source)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise InputError(f"{source}: cannot be read as Parquet: {error}") from error
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise InputError(f"no table of responses: it lacks {', '.join(missing)}")
    return table


def groups(table: pl.DataFrame, quantity: str) -> list[str]:
    """Groups that have a quantity, in the order of the numbers in their names."""
    found = table.filter(pl.col("quantity") == quantity)["group"].unique().to_list()
    return sorted(found, key=_order)


def _order(name: str) -> list[tuple[int, float, str]]:
    text = name.replace("-inf", "-1e308")
    parts = _NUMBER.split(text)
    return [
        (0, float(part), "") if k % 2 else (1, 0.0, part) for k, part in enumerate(parts) if part
    ]


def has(table: pl.DataFrame, *quantities: str) -> bool:
    """Whether a table has all of some quantities."""
    return set(quantities) <= set(table["quantity"].unique())


def offsets(table: pl.DataFrame, quantity: str) -> list[tuple[float, float]]:
    """Bins of offset (deg) in which a quantity has events; none if it has no such axis."""
    rows = table.filter(
        pl.col("quantity") == quantity, pl.col("offset_lo").is_not_null(), pl.col("n_events") > 0
    )
    return sorted(set(rows.select("offset_lo", "offset_hi").iter_rows()))


def rows_of(
    table: pl.DataFrame, quantity: str, group: str, offset: tuple[float, float] | None
) -> pl.DataFrame:
    """Rows of one quantity, group and bin of offset, in the order of energy and the third axis.

    Without a bin of offset they are those of the innermost one.

    Raises
    ------
    OptionError
        There are none; the message names what there is.
    """
    rows = table.filter(pl.col("quantity") == quantity)
    if rows.is_empty():
        raise OptionError.unknown_name("quantity", quantity, table["quantity"].unique())
    chosen = rows.filter(pl.col("group") == group)
    if chosen.is_empty():
        raise OptionError.unknown_name(f"group of {quantity}", group, rows["group"].unique())
    if chosen["offset_lo"].null_count() < chosen.height:
        innermost = chosen.sort("offset_lo").row(0, named=True)
        low, high = offset or (innermost["offset_lo"], innermost["offset_hi"])
        own = chosen.filter(pl.col("offset_lo") == low, pl.col("offset_hi") == high)
        if own.is_empty():
            there = sorted(set(chosen.select("offset_lo", "offset_hi").iter_rows()))
            bins = ", ".join(f"{a:g} to {b:g}" for a, b in there)
            raise OptionError(f"{quantity} has no offsets {low:g} to {high:g} deg, but {bins}")
        chosen = own
    return chosen.sort("energy_lo", "x_lo")


def curve(
    table: pl.DataFrame, quantity: str, group: str = "", offset: tuple[float, float] | None = None
) -> Curve:
    """One quantity against energy."""
    rows = rows_of(table, quantity, group, offset)
    low, high, value, error = (
        rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        for name in ("energy_lo", "energy_hi", "value", "error")
    )
    return Curve(low, high, value, error, rows["n_events"].to_numpy())


def draw(
    ax: Axes,
    line: Curve,
    label: str,
    number: int,
    *,
    limits: bool = False,
    colour: Any = None,
    min_events: int = 1,
    one_sided: NDArray[np.bool_] | None = None,
) -> bool:
    """Draw a curve: points in the middle of the bins, bars for their width and error.

    Parameters
    ----------
    number : int
        Chooses colour and marker.
    limits : bool
        Draw bins without events as upper limits: their error, with an arrow.
    colour : colour of matplotlib, optional
    min_events : int
        Bins with fewer events are left out.
    one_sided : bool (n_energy,), optional
        Bins whose error only says how much larger the value may be.

    Returns
    -------
    bool
        Whether there was anything to draw.
    """
    colour = COLOURS[number % len(COLOURS)] if colour is None else colour
    marker = MARKERS[number % len(MARKERS)]
    value = line.shown(min_events)
    enough = np.isfinite(value) & (value != 0)
    if not enough.any():
        return False
    value = np.where(enough, value, np.nan)
    error = np.where(np.isfinite(line.error), line.error, 0.0)
    lower = error if one_sided is None else np.where(one_sided, 0.0, error)
    widths = [
        np.where(enough, w, 0.0)
        for w in (line.energy - line.energy_lo, line.energy_hi - line.energy)
    ]
    style = {"color": colour, "marker": marker, "ms": 4.5, "lw": 1.2, "elinewidth": 0.8}
    ax.errorbar(line.energy, value, yerr=[lower, error], xerr=widths, label=label, **style)
    empty = (line.n_events == 0) & np.isfinite(line.error) & (line.error > 0)
    if limits and empty.any():
        # the stem is the limit's place, the head points to where the value may be
        ax.errorbar(line.energy[empty], line.error[empty], yerr=line.error[empty] * 0.35,
                    uplims=True, ls="", color=colour, elinewidth=0.8, capsize=2)  # fmt: skip
    return True


def finish(ax: Axes, xlabel: str, ylabel: str, *, log: bool, drawn: bool, columns: int = 3) -> None:
    """Labels, scales, grid, and the legend above the axes, where it covers nothing."""
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.set(xlabel=xlabel, ylabel=ylabel)
    if not drawn:
        ax.text(0.5, 0.5, "no bin has enough events", ha="center", transform=ax.transAxes)
        return
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    if ax.get_xlim()[1] < 200 * ax.get_xlim()[0]:  # powers of ten would be too few labels
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    if log:
        ax.set_yscale("log")
    ax.grid(color="0.9", which="major")
    ax.set_axisbelow(True)
    legend(ax, columns)


def legend(ax: Axes, columns: int = 3) -> None:
    """The legend above the axes."""
    handles, labels = ax.get_legend_handles_labels()
    if labels and (len(labels) > 1 or labels[0]):
        width = max(len(label) for label in labels)
        columns = min(columns, len(labels), max(1, 90 // (width + 8)))
        ax.legend(
            handles, labels, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=columns,
            frameon=False, fontsize="small", borderaxespad=0.2, columnspacing=1.2,
        )  # fmt: skip


def limit_decades(ax: Axes, lines: Sequence[Floats], decades: float) -> None:
    """Range of a logarithmic y axis: all values, but not more than some decades below the top."""
    values = np.concatenate([v[np.isfinite(v) & (v > 0)] for v in lines] or [np.empty(0)])
    if len(values):
        top = float(values.max())
        ax.set_ylim(max(float(values.min()) / 2, top * 10**-decades), top * 2)


def angles(ax: Axes) -> None:
    """Label a logarithmic axis of angles 0.05, 0.1, 0.2 instead of in powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter

    if ax.get_yscale() == "log":
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())


def shades(n: int) -> list[Any]:
    """Colours of n curves that have an order, from dark to light."""
    from matplotlib import colormaps

    return [colormaps["viridis"](0.85 * k / max(n - 1, 1)) for k in range(n)]


def spread(items: Sequence[Any], n: int) -> list[Any]:
    """At most n of some items, evenly."""
    places = np.linspace(0, len(items) - 1, min(n, len(items))).round().astype(int)
    return [items[place] for place in np.unique(places).tolist()]


def bin_text(bin_: tuple[float, float]) -> str:
    """A bin of offset in words."""
    return f"offset {bin_[0]:g} to {bin_[1]:g} deg"
