"""The figures of a processed dataset: events, images, waveforms and parameter distributions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ctabatch.dataset import Dataset
from ctabatch.io.parquet import writing
from ctabatch.source import open_source

from .array import array_view
from .camera import camera_image
from .distributions import histogram
from .pictures import PRIMARIES
from .style import new_figure
from .waveforms import brightest_waveforms

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ctabatch.instrument.subarray import SubarrayDescription

Progress = Callable[[str, int, int], None]


def figures(
    dataset: Dataset, simtel_file: Path, folder: Path, progress: Progress | None = None
) -> list[Path]:
    """Draw the figures of a dataset into a folder.

    Parameters
    ----------
    dataset : Dataset
        With images and parameters, and r1 of the same events for waveforms.
    simtel_file : Path
        The input of the first part: tells the array.
    folder : Path

    Returns
    -------
    list of Path
        PNG files.
    """
    with open_source(simtel_file) as source:
        subarray = source.subarray
    drawings: dict[str, Callable[[Dataset, SubarrayDescription], Figure]] = {
        "event.png": brightest_event,
        "gallery.png": gallery,
        "parameters.png": parameter_distributions,
    }
    paths = []
    for index, (name, draw) in enumerate(drawings.items()):
        if progress is not None:
            progress("draw", index, len(drawings))
        figure = draw(dataset, subarray)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            figure.savefig(folder / name, dpi=110)
        paths.append(folder / name)
    if progress is not None:
        progress("draw", len(drawings), len(drawings))
    return paths


def _row(table: pl.LazyFrame, keys: dict[str, int]) -> dict[str, Any]:
    rows = table.filter(*(pl.col(name) == value for name, value in keys.items())).collect()
    return rows.to_dicts()[0]


def _draw_image(
    ax: Any, dataset: Dataset, subarray: SubarrayDescription, row: dict[str, Any], title: str
) -> None:
    keys = {name: row[name] for name in ("obs_id", "event_id", "tel_id")}
    image = _row(dataset.images(row["tel_type"]), keys)
    camera_image(
        subarray.telescopes[row["tel_id"]].geometry,
        np.array(image["image"]),
        ax,
        mask=np.array(image["image_mask"]),
        parameters=row,
        title=title,
    )


def brightest_event(dataset: Dataset, subarray: SubarrayDescription) -> Figure:
    """The event, a gamma if there is one, that most telescopes parametrised."""
    usable = dataset.parameters(truth=True).filter(pl.col("hillas_intensity").is_finite())
    best = (
        usable.group_by("obs_id", "event_id")
        .agg(
            gamma=pl.col("true_shower_primary_id").first() == 0,
            n=pl.len(),
            light=pl.col("hillas_intensity").sum(),
        )
        .sort("gamma", "n", "light", descending=True)
        .head(1)
    )
    rows = (
        usable.join(best, on=["obs_id", "event_id"])
        .sort("hillas_intensity", descending=True)
        .collect()
        .to_dicts()
    )
    figure = new_figure(12, 9.5)
    axes = figure.subplots(2, 2)
    keys = {name: rows[0][name] for name in ("obs_id", "event_id")}
    shower = _row(dataset.shower(), keys)
    trigger = _row(dataset.trigger(), keys)
    kind = PRIMARIES.get(shower["true_shower_primary_id"], "primary")
    array_view(
        subarray,
        axes[0, 0],
        triggered=trigger["tels_with_trigger"],
        core=(shower["true_core_x"], shower["true_core_y"]),
        title=f"event {keys['event_id']}: {kind} of {shower['true_energy']:.2g} TeV",
    )
    for ax, row in zip((axes[0, 1], axes[1, 0]), rows[:2], strict=False):
        title = f"telescope {row['tel_id']} ({row['tel_type']})"
        _draw_image(ax, dataset, subarray, row, title)
    first = rows[0]
    keys["tel_id"] = first["tel_id"]
    row = _row(dataset.waveforms(first["tel_type"]), keys)
    n_pixels = subarray.telescopes[first["tel_id"]].geometry.n_pixels
    waveform = np.array(row["waveform"], np.float32).reshape(n_pixels, -1)
    peak_time = np.array(_row(dataset.images(first["tel_type"]), keys)["peak_time"])
    brightest_waveforms(
        waveform,
        axes[1, 1],
        sampling_rate=float(subarray.telescopes[first["tel_id"]].readout.sampling_rate),
        peak_time=peak_time,
        title=f"telescope {first['tel_id']}: brightest pixels, peak times dotted",
    )
    return figure


def gallery(dataset: Dataset, subarray: SubarrayDescription) -> Figure:
    """Images near the median brightness of each primary, one row each."""
    rows = (
        dataset.parameters(truth=True)
        .filter(pl.col("hillas_intensity") > 150, pl.col("hillas_intensity").is_finite())
        .sort("hillas_intensity")
        .collect()
    )
    kinds = sorted(rows["true_shower_primary_id"].unique().to_list())
    figure = new_figure(13, 4.2 * max(len(kinds), 1))
    axes = figure.subplots(max(len(kinds), 1), 3, squeeze=False)
    for kind, line in zip(kinds, axes, strict=False):
        of_kind = rows.filter(pl.col("true_shower_primary_id") == kind)
        places = np.linspace(0.5, 0.95, 3) * (len(of_kind) - 1)
        for ax, place in zip(line, places.astype(int), strict=True):
            row = of_kind.row(int(place), named=True)
            name = PRIMARIES.get(kind, str(kind))
            title = f"{name}, {row['true_energy']:.2g} TeV, {row['true_impact_distance']:.0f} m"
            _draw_image(ax, dataset, subarray, row, title)
    return figure


def parameter_distributions(dataset: Dataset, subarray: SubarrayDescription) -> Figure:
    """Distributions of four image parameters by primary."""
    del subarray
    columns = {
        "hillas_intensity": ("intensity / p.e.", np.geomspace(30, 3e4, 40)),
        "hillas_width": ("width / deg", np.linspace(0, 0.4, 40)),
        "hillas_length": ("length / deg", np.linspace(0, 1, 40)),
        "timing_slope": ("time gradient / (ns/deg)", np.linspace(-40, 40, 40)),
    }
    rows = (
        dataset.parameters(truth=True)
        .filter(pl.col("hillas_intensity").is_finite(), pl.col("morphology_n_pixels") > 3)
        .select("true_shower_primary_id", *columns)
        .collect()
    )
    figure = new_figure(11, 8)
    for ax, (name, (label, bins)) in zip(figure.subplots(2, 2).flat, columns.items(), strict=True):
        samples = {
            PRIMARIES.get(kind[0], "other"): of_kind[name].drop_nulls().to_numpy()
            for kind, of_kind in sorted(rows.group_by("true_shower_primary_id"))
        }
        histogram(samples, ax, label=label, bins=bins)
        ax.legend(frameon=False)
    return figure
