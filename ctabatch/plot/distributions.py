"""Distributions of image parameters: histograms of one or several samples on the same bins."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.dataset import KEYS, Dataset
from ctabatch.errors import InputError, OptionError
from ctabatch.schemas.column import UNIT
from ctabatch.schemas.parameters import parameters

from .style import COLOURS, axes_or_new, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Progress = Callable[[str, int, int], None]

Floats = NDArray[np.float64]
#: What is drawn unless columns are chosen.
COLUMNS = (
    "hillas_intensity", "hillas_width", "hillas_length", "hillas_r", "hillas_skewness",
    "timing_slope", "leakage_intensity_width_2", "morphology_n_pixels",
)  # fmt: skip
#: At most, of many values.
N_BINS = 50
#: Share of the values on either side that the bins may leave out: a few outliers must not make one
#: bin of all others.
_OUTSIDE = 0.001
#: Axes are logarithmic from this ratio of the 99th to the 1st percentile.
_RATIO = 20.0
#: Counts are drawn logarithmically if the fullest bin holds so many times the median one.
_STEEP = 30.0
#: Columns that tell rows apart.
_KEYS = (*KEYS, "tel_id")
_STYLES = ("-", "--", "-.", ":")


def common_bins(samples: Sequence[Floats]) -> tuple[Floats, bool]:
    """Edges of bins for several samples, and whether they are logarithmic.

    Parameters
    ----------
    samples : sequence of (n,) float64
        Finite values.

    Returns
    -------
    edges : (n_bins + 1,) float64
        Whole numbers of a small range have a bin each.
    logarithmic : bool
        For positive values over several powers of ten.
    """
    values = np.concatenate([*samples, np.empty(0)])
    if not len(values):
        return np.array([0.0, 1.0]), False
    # of few values none is left out
    low = float(np.quantile(values, _OUTSIDE, method="lower"))
    high = float(np.quantile(values, 1 - _OUTSIDE, method="higher"))
    n_bins = int(np.clip(2 * np.sqrt(len(values) / len(samples)), 10, N_BINS))
    if (values == np.rint(values)).all() and high - low < N_BINS:
        return np.arange(low - 1, high + 3) - 0.5, False
    near, far = np.quantile(values, [0.01, 0.99])
    if values.min() > 0 and far / near >= _RATIO:
        return np.geomspace(low, high, n_bins + 1), True
    if not high > low:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, n_bins + 1), False


def histogram(
    samples: Mapping[str, Any],
    ax: Axes | None = None,
    *,
    label: str = "",
    bins: Floats | None = None,
    order: Sequence[str] = (),
) -> Axes:
    """Draw the distribution of each sample, as a fraction of its values, on common bins.

    Parameters
    ----------
    samples : mapping of str to (n,) array
        By their label. Values that are not finite are left out.
    ax : Axes, optional
        Of a new figure by default.
    label : str
        Of the x axis.
    bins : (n_bins + 1,) float64, optional
        Edges; see `common_bins`.
    order : sequence of str, optional
        Labels by which colours are given, so that a sample has the same one in several axes.

    Returns
    -------
    Axes
        Logarithmic where that shows more: in x by the edges, in y for steep distributions.
    """
    from matplotlib.ticker import NullFormatter

    ax = axes_or_new(ax, (6.0, 4.5))
    finite = {name: _finite(values) for name, values in samples.items()}
    if bins is None:
        bins, logarithmic = common_bins([*finite.values()])
    else:
        steps = np.diff(bins)
        logarithmic = bool(bins[0] > 0 and not np.allclose(steps, steps[0]))
    fullest, median = 0.0, []
    names = [*dict.fromkeys([*order, *finite])]
    for name, values in finite.items():
        k = names.index(name)
        fraction = np.histogram(values, bins)[0] / max(len(values), 1)
        style: dict[str, Any] = {
            "color": COLOURS[k % len(COLOURS)],
            "ls": _STYLES[k % len(_STYLES)],
        }
        ax.stairs(fraction, bins, lw=1.5, label=f"{name} ({len(values):,})", **style)
        fullest = max(fullest, float(fraction.max()))
        median += fraction[fraction > 0].tolist()
    if logarithmic:
        ax.set_xscale("log")
        ax.xaxis.set_minor_formatter(NullFormatter())  # their labels would overlap
    if median and fullest > _STEEP * float(np.median(median)):
        ax.set_yscale("log")
    elif fullest:
        ax.set_ylim(0, 1.08 * fullest)
    if not any(len(values) for values in finite.values()):
        ax.text(0.5, 0.5, "no values", transform=ax.transAxes, ha="center", color="0.5")
    ax.set(xlim=(bins[0], bins[-1]), xlabel=label, ylabel="fraction of images")
    return ax


def parameter_distributions(
    datasets: Mapping[str, Dataset],
    columns: Sequence[str] = COLUMNS,
    *,
    tel_type: str | None = None,
    figure: Figure | None = None,
    progress: Progress | None = None,
) -> Figure:
    """Distributions of image parameters: a block for each telescope type, a curve per dataset.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        By their label.
    columns : sequence of str
        Of dl1/parameters.
    tel_type : str, optional
        This one alone.
    figure : Figure, optional
        Drawn into instead of a new one.
    progress : callable, optional
        Told (what, panels done, panels in all).

    Raises
    ------
    InputError
        A dataset has no image parameters.
    OptionError
        There is no such column or telescope type.
    """
    types = _types(datasets, tel_type)
    for name in columns:
        for dataset in datasets.values():
            if name not in (numbers := numeric_columns(dataset)):
                raise OptionError.unknown_name("column of dl1/parameters", name, numbers)
    n_columns = min(4, len(columns))
    n_rows = -(-len(columns) // n_columns)
    figure = new_figure(4.0 * n_columns + 0.4, (3.1 * n_rows + 0.7) * len(types), figure)
    blocks = figure.subfigures(len(types), 1, squeeze=False).ravel()
    done = 0
    for block, (name, having) in zip(blocks, types.items(), strict=True):
        axes = block.subplots(n_rows, n_columns, squeeze=False).ravel()
        for ax, column in zip(axes, columns, strict=False):
            if progress is not None:
                progress("draw", done, len(types) * len(columns))
            samples = {label: _values(datasets[label], name, column) for label in having}
            histogram(samples, ax, label=_label(column), order=[*datasets])
            done += 1
        for k, ax in enumerate(axes):
            ax.tick_params(labelsize="small")
            if k % n_columns:
                ax.set_ylabel("")
            if k >= len(columns):
                ax.set_axis_off()
        counts = {label: _count(datasets[label], name) for label in having}
        _legend(block, axes[0], counts)
        block.suptitle(name, fontsize="large")
    if progress is not None:
        progress("draw", done, done)
    return figure


def numeric_columns(dataset: Dataset) -> list[str]:
    """Columns of the image parameters that have a distribution: numbers that are no keys."""
    schema = dataset.parameters().collect_schema()
    return [name for name, kind in schema.items() if kind.is_numeric() and name not in _KEYS]


def _types(datasets: Mapping[str, Dataset], tel_type: str | None) -> dict[str, list[str]]:
    """Telescope type -> labels of the datasets that have it."""
    prefix = "dl1/parameters/tel_type="
    types: dict[str, list[str]] = {}
    for label, dataset in datasets.items():
        own = [t.removeprefix(prefix) for t in dataset.tables if t.startswith(prefix)]
        if not own:
            raise InputError(
                f"{dataset.root}: this dataset has no image parameters; process its input with "
                "--write parameters"
            )
        for name in own:
            types.setdefault(name, []).append(label)
    if tel_type is not None and tel_type not in types:
        raise OptionError.unknown_name("telescope type", tel_type, types)
    return {name: types[name] for name in sorted(types) if tel_type in (None, name)}


def _values(dataset: Dataset, tel_type: str, column: str) -> Floats:
    values = dataset.parameters(tel_type).select(pl.col(column).cast(pl.Float64)).collect()
    return _finite(values[column].drop_nulls().to_numpy())


def _count(dataset: Dataset, tel_type: str) -> int:
    return int(dataset.parameters(tel_type).select(pl.len()).collect().item())


def _finite(values: Any) -> Floats:
    floats = np.asarray(values, np.float64)
    return floats[np.isfinite(floats)]


def _label(column: str) -> str:
    """Name and unit."""
    schema = parameters("both")
    if column not in schema.names:
        return column
    unit = (schema.field(column).metadata or {}).get(UNIT, b"").decode()
    unit = re.sub(r"\*\*(-?\d+)", r"$^{\1}$", unit)
    return f"{column} / ({unit})" if " " in unit else f"{column} / {unit}" if unit else column


def _legend(block: Any, ax: Axes, counts: Mapping[str, int]) -> None:
    handles, _ = ax.get_legend_handles_labels()
    labels = [f"{name}: {n:,} images" for name, n in counts.items()]
    block.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False,
                 fontsize="small")  # fmt: skip


__all__ = ["COLUMNS", "common_bins", "histogram", "numeric_columns", "parameter_distributions"]
