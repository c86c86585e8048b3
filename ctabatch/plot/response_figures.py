"""All figures of a table of responses, drawn into a folder that appears as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ctabatch.io.whole_folder import whole_folder

from .reference_curves import Reference, read_reference
from .response_curves import angles, bin_text, groups, has, offsets, read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: In every folder of figures: their files and titles.
INDEX = "figures.json"
_WIDTH, _HEIGHT, _DPI = 7.2, 5.0, 110  # 792 pixels wide
#: Panels of energy dispersions, at most.
_PANELS = 6


def draw_responses(
    source: Path | pl.DataFrame,
    folder: Path,
    *,
    reference: Path | Sequence[Path] | None = None,
    offset: tuple[float, float] | None = None,
) -> list[Path]:
    """Draw what a long table of responses holds.

    Parameters
    ----------
    source : Path or polars.DataFrame
        irf.parquet of `ctabatch irf`, or its table.
    folder : Path
        Replaced as a whole, if it exists and holds figures.
    reference : Path or sequence of Path, optional
        Published sensitivities, see `read_reference`.
    offset : (float, float), optional
        Bin of offset (deg) of figures that show only one; the innermost one with events by default.

    Returns
    -------
    list of Path
        PNG files, 792 pixels wide.

    Raises
    ------
    InputError
        The table or a reference cannot be used.
    OutputError
        The folder holds something else, or cannot be written.
    """
    table = read_table(source)
    paths = [reference] if isinstance(reference, Path) else list(reference or ())
    references = [read_reference(path) for path in paths]
    made = [
        (name, title, draw(table, offset))
        for name, title, needed, draw in _drawings(references)
        if any(has(table, quantity) for quantity in needed)
    ]
    with whole_folder(folder, INDEX, "figures", overwrite=True) as wip:
        for name, _, figure in made:
            _make_room(figure)
            figure.savefig(wip / name, dpi=_DPI)
        index = [{"file": name, "title": title} for name, title, _ in made]
        (wip / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    return [folder / name for name, _, _ in made]


_Draw = Callable[[pl.DataFrame, Any], "Figure"]


def _drawings(references: Sequence[Reference]) -> list[tuple[str, str, tuple[str, ...], _Draw]]:
    """File, title, the quantities of which one is needed, and the function of each figure."""
    return [
        ("effective_area.png", "Effective area", ("aeff", "aeff_none"), _effective_area),
        ("effective_area_offset.png", "Effective area by offset", ("aeff",), _area_by_offset),
        ("energy_dispersion.png", "Energy dispersion", ("edisp",), _energy_dispersion),
        ("energy_resolution.png", "Energy resolution and bias",
         ("energy_resolution", "energy_resolution_reco"), _energy_resolution),
        ("angular_resolution.png", "Angular resolution", ("theta_68", "theta_68_reco"),
         _angular_resolution),
        ("psf.png", "Point spread function", ("psf",), _psf),
        ("background.png", "Background by offset", ("background",), _background),
        ("background_rate.png", "Background rate within the theta cut", ("background_rate",),
         _background_rate),
        ("sensitivity.png", "Differential sensitivity", ("sensitivity",),
         lambda table, offset: _sensitivity(table, offset, references)),
    ]  # fmt: skip


def _figure(height: float = _HEIGHT, width: float = _WIDTH) -> Figure:
    from matplotlib.figure import Figure

    # margins in inches, the same for all: a layout made to measure takes longer than all drawing
    figure = Figure(figsize=(width, height))
    left, right, bottom, top = 0.95, 0.2, 0.7, 0.3
    figure.subplots_adjust(
        left / width, bottom / height, 1 - right / width, 1 - top / height, hspace=0.08, wspace=0.08
    )
    return figure


def _make_room(figure: Figure) -> None:
    """Lower the axes by the height of the legends above them."""
    legends = [ax.get_legend() for ax in figure.axes]
    figure.set_dpi(_DPI)
    heights = [legend.get_window_extent().height for legend in legends if legend is not None]
    if heights:
        inches = max(heights) / _DPI + 0.1
        figure.subplots_adjust(top=min(figure.subplotpars.top, 1 - inches / figure.get_figheight()))


def _place(table: pl.DataFrame, quantity: str, offset: Any) -> Any:
    there = offsets(table, quantity)
    return offset or (there[0] if there else None)


def _fullest(table: pl.DataFrame, quantity: str) -> str:
    """The group with the most events."""
    return max(groups(table, quantity), key=lambda group: _n_events(table, quantity, group))


def _n_events(table: pl.DataFrame, quantity: str, group: str) -> int:
    own = table.filter(pl.col("quantity") == quantity, pl.col("group") == group)
    return int(own["n_events"].sum())


def _note(ax: Any, offset: Any, group: str = "") -> None:
    """Which offset and group a figure shows, at the right end of the label of the energy."""
    text = ", ".join(part for part in (group, bin_text(offset) if offset else "") if part)
    ax.annotate(text, (1, 0), (0, -22), xycoords="axes fraction", textcoords="offset points",
                ha="right", va="top", fontsize="small", color="0.35")  # fmt: skip


def _effective_area(table: pl.DataFrame, offset: Any) -> Figure:
    from . import responses

    name = "aeff" if has(table, "aeff") else "aeff_none"
    figure, place = _figure(), _place(table, name, offset)
    ax = figure.subplots()
    if groups(table, name) == [""]:
        responses.effective_area(ax, table, "", place)
    else:
        responses.by_group(ax, table, name, "effective area / m$^2$", offset=place)
    _note(ax, place)
    return figure


def _area_by_offset(table: pl.DataFrame, offset: Any) -> Figure:
    from . import responses

    del offset
    figure, group = _figure(), _fullest(table, "aeff")
    ax = figure.subplots()
    responses.by_offset(ax, table, "aeff", "effective area / m$^2$", group=group)
    _note(ax, None, group)
    return figure


def _energy_dispersion(table: pl.DataFrame, offset: Any) -> Figure:
    from . import responses

    names, place = groups(table, "edisp")[:_PANELS], _place(table, "edisp", offset)
    columns = 1 if len(names) == 1 else 2
    lines = -(-len(names) // columns)
    figure = _figure(_HEIGHT if columns == 1 else 0.8 + 2.6 * lines)
    figure.subplots_adjust(right=1 - 0.75 / _WIDTH)  # for the label of the colours
    beside = figure.add_gridspec(1, 2, width_ratios=[1, 0.03], wspace=0.05)
    places = beside[0].subgridspec(lines, columns, hspace=0.2, wspace=0.08)  # room for titles
    grid = places.subplots(squeeze=False, sharex=True, sharey=True)
    # without bins of a few events, which have the highest densities
    seen = table.filter(pl.col("quantity") == "edisp", pl.col("n_events") >= 5)
    highest: Any = seen["value"].max()
    for k, (ax, name) in enumerate(zip(grid.flat, names, strict=False)):
        image = responses.energy_dispersion(ax, table, name, place, highest=highest)
        ax.set_title(name, fontsize="small", loc="right")
        ax.label_outer()
        if k and ax.get_legend() is not None:
            ax.get_legend().remove()
    for ax in grid.flat[len(names) :]:
        ax.set_visible(False)
        above = grid[lines - 2, 1]
        above.tick_params(labelbottom=True)
        above.set_xlabel(responses.TRUE)
    label = f"probability density ({bin_text(place)})" if place else "probability density"
    figure.colorbar(image, cax=figure.add_subplot(beside[1]), label=label, extend="max")
    return figure


def _energy_resolution(table: pl.DataFrame, offset: Any) -> Figure:
    from . import responses

    name = "energy_resolution" if has(table, "energy_resolution") else "energy_resolution_reco"
    figure, place = _figure(6.0), _place(table, name, offset)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    responses.energy_resolution(top, bottom, table, place)
    _note(bottom, place)
    return figure


def _angular_resolution(table: pl.DataFrame, offset: Any) -> Figure:
    from . import responses

    name = "theta_68" if has(table, "theta_68") else "theta_68_reco"
    figure, place = _figure(), _place(table, name, offset)
    ax = figure.subplots()
    if groups(table, name) == [""]:
        responses.angular_resolution(ax, table, "", place)
    else:
        label = "angular resolution (68 % containment) / deg"
        xlabel = responses.RECO if name.endswith("_reco") else responses.TRUE
        responses.by_group(ax, table, name, label, offset=place, min_events=10, xlabel=xlabel)
        angles(ax)
    _note(ax, place)
    return figure


def _psf(table: pl.DataFrame, offset: Any) -> Figure:
    from . import responses

    figure, place = _figure(), _place(table, "psf", offset)
    group = _fullest(table, "psf")
    ax = figure.subplots()
    responses.psf(ax, table, group, place)
    _note(ax, place, group)
    return figure


def _background(table: pl.DataFrame, offset: Any) -> Figure:
    from . import responses

    del offset
    figure, group = _figure(), _fullest(table, "background")
    label = "background / (s$^{-1}$ MeV$^{-1}$ sr$^{-1}$)"
    ax = figure.subplots()
    responses.by_offset(ax, table, "background", label, group=group,
                        xlabel=responses.RECO, decades=9)  # fmt: skip
    _note(ax, None, group)
    return figure


def _background_rate(table: pl.DataFrame, offset: Any) -> Figure:
    from . import responses

    figure, place = _figure(), _place(table, "background_rate", offset)
    ax = figure.subplots()
    responses.background_rate(ax, table, place)
    _note(ax, place)
    return figure


def _sensitivity(table: pl.DataFrame, offset: Any, references: Sequence[Reference]) -> Figure:
    from . import responses

    figure, place = _figure(), _place(table, "sensitivity", offset)
    ax = figure.subplots()
    responses.sensitivity(ax, table, place, references)
    _note(ax, place)
    return figure
