"""Whole figures of one array event: a grid of cameras, waveforms beside their camera, the array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ctabatch.errors import InputError, OptionError

from .array import array_view, ground_axis
from .camera import CONTOUR, PIXELS, camera_image
from .event_data import ArrayEvent, TelescopeImage, Traces
from .style import COLOURS, halo, new_figure
from .waveforms import GAINS, brightest_pixels, waveform

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Column of dl1/images -> label of its colour bar and colour map.
PIXEL_COLUMNS = {
    "image": ("charge / p.e.", "viridis"),
    "peak_time": ("peak time / ns", "cividis"),
    "true_image": ("true photo-electrons", "viridis"),
    "selected_gain_channel": ("gain channel (0 high, 1 low)", "cividis"),
}
PRIMARIES = {0: "gamma", 1: "electron", 2: "muon", 101: "proton", 402: "helium", 5626: "iron"}


def event_title(event: ArrayEvent) -> str:
    """Observation, event and, if it is simulated, its primary and energy."""
    name = f"observation {event.obs_id}, event {event.event_id}"
    if event.shower is None:
        return name
    number = event.shower["true_shower_primary_id"]
    kind = PRIMARIES.get(number, f"primary {number}")
    return f"{name}: {kind} of {event.shower['true_energy']:.3g} TeV"


def telescope_camera(
    event: ArrayEvent, image: TelescopeImage, ax: Axes | None = None, *, column: str = "image"
) -> Axes:
    """One camera of an event with cleaning contour, Hillas ellipse and true direction.

    Parameters
    ----------
    event : ArrayEvent
    image : TelescopeImage
    ax : Axes, optional
        Of a new figure by default.
    column : str
        Which column of dl1/images. Peak times are shown of cleaned pixels alone: in the others
        they are the time of some noise.

    Raises
    ------
    OptionError
        There is no such column, or no values in it.
    """
    if column not in PIXEL_COLUMNS:
        raise OptionError.unknown_name("column of pixels", column, PIXEL_COLUMNS)
    values = np.asarray(image.pixel_column(column), np.float64)
    mask, read_out = image.columns.get("image_mask"), image.columns.get("is_read_out")
    if column != "true_image" and read_out is not None:
        values = np.where(read_out, values, np.nan)
    if column == "peak_time" and mask is not None and mask.any():
        values = np.where(mask, values, np.nan)
    label, cmap = PIXEL_COLUMNS[column]
    return camera_image(
        image.geometry,
        values,
        ax,
        mask=mask,
        parameters=image.parameters,
        source=event.source_position(image),
        label=label,
        title=image.title,
        cmap=cmap,
    )


def camera_grid(
    event: ArrayEvent,
    images: list[TelescopeImage],
    *,
    column: str = "image",
    figure: Figure | None = None,
) -> Figure:
    """Cameras of one event side by side.

    Parameters
    ----------
    event : ArrayEvent
    images : list of TelescopeImage
        At least one.
    column : str
        See `telescope_camera`.
    figure : Figure, optional
        Drawn into instead of a new one.
    """
    n_columns = int(np.ceil(np.sqrt(len(images))))
    n_rows = -(-len(images) // n_columns)
    figure = new_figure(5.6 * n_columns + 0.6, 4.9 * n_rows + 0.9, figure)
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax, image in zip(axes, images, strict=False):
        telescope_camera(event, image, ax, column=column)
    for ax in axes[len(images) :]:
        ax.set_axis_off()
    figure.suptitle(event_title(event), fontsize="large")
    shared_legend(figure)
    return figure


def event_array(event: ArrayEvent, ax: Axes | None = None) -> Axes:
    """The array of an event from above, see `array_view`."""
    axes = {
        image.tel_id: direction
        for image in event.images
        if image.parameters is not None
        and (direction := ground_axis(image.parameters, image.pointing)) is not None
    }
    return array_view(
        event.subarray,
        ax,
        triggered=event.triggered or [image.tel_id for image in event.images],
        axes=axes,
        core=event.true_core,
        reconstructed=event.reconstructed_core,
        title=event_title(event),
    )


def array_figure(event: ArrayEvent, *, figure: Figure | None = None) -> Figure:
    """`event_array` with its legend below."""
    figure = new_figure(7.2, 7.6, figure)
    event_array(event, figure.subplots())
    shared_legend(figure, n_columns=3)
    return figure


def event_picture(
    event: ArrayEvent, *, n_cameras: int = 5, figure: Figure | None = None
) -> Figure:
    """An event at one glance: the array and its brightest cameras."""
    n = 1 + min(n_cameras, len(event.images))
    n_columns = min(3, n)
    n_rows = -(-n // n_columns)
    figure = new_figure(5.6 * n_columns + 0.6, 4.9 * n_rows + 0.9, figure)
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    event_array(event, axes[0]).set_title("")
    for ax, image in zip(axes[1:], event.images[:n_cameras], strict=False):
        telescope_camera(event, image, ax)
    for ax in axes[n:]:
        ax.set_axis_off()
    figure.suptitle(event_title(event), fontsize="large")
    shared_legend(figure)
    return figure


def integrator(
    event: ArrayEvent,
    image: TelescopeImage,
    pixel: int | None = None,
    *,
    raw: bool = False,
    figure: Figure | None = None,
) -> Figure:
    """The camera, and beside it the waveforms of a pixel and its neighbours with their windows.

    Parameters
    ----------
    event : ArrayEvent
    image : TelescopeImage
    pixel : int, optional
        The brightest by default.
    raw : bool
        ADC counts of all gains instead of photo-electrons of the selected one.
    figure : Figure, optional
        Drawn into instead of a new one.

    Raises
    ------
    InputError
        There are no waveforms, or no raw ones.
    OptionError
        The camera has no such pixel.
    """
    traces = _traces(image, raw)
    charges = image.pixel_column("image")
    if pixel is None:
        (pixel,) = brightest_pixels(charges)
    if not 0 <= pixel < image.geometry.n_pixels:
        raise OptionError(
            f"telescope {image.tel_id} has no pixel {pixel}: its pixels are 0 to "
            f"{image.geometry.n_pixels - 1}; the brightest are "
            f"{', '.join(map(str, brightest_pixels(charges, 5)))}"
        )
    indptr, indices = image.geometry.neighbors
    neighbours = [int(p) for p in indices[indptr[pixel] : indptr[pixel + 1]]]
    figure = new_figure(15.0, 7.4, figure)
    left, right = figure.subfigures(1, 2, width_ratios=[5.6, 9.4])
    ring = {p: "black" if p == pixel else COLOURS[1] for p in [*neighbours, pixel]}
    camera = camera_image(
        image.geometry, charges, left.subplots(), mask=image.columns.get("image_mask"),
        highlight=ring, title=image.title,
    )  # fmt: skip
    _zoom_mark(camera, image, pixel)
    n_columns = 3 if len(neighbours) > 4 else 2
    n_rows = -(-max(len(neighbours), 1) // n_columns)
    grid = right.add_gridspec(1 + n_rows, n_columns, height_ratios=[1.7, *[1.0] * n_rows])
    main = right.add_subplot(grid[0, :])
    _pixel_waveform(main, image, traces, pixel, raw=raw, what="pixel")
    unit = "ADC counts" if raw else "p.e. per sample"
    main.set(ylabel=unit)
    for k, neighbour in enumerate(neighbours):
        ax = right.add_subplot(grid[1 + k // n_columns, k % n_columns], sharex=main)
        _pixel_waveform(ax, image, traces, neighbour, raw=raw, what="neighbour")
        ax.set(ylabel=unit if k % n_columns == 0 else "")
        ax.tick_params(labelsize="small")
        if k + n_columns >= len(neighbours):
            ax.set_xlabel("time / ns")
    if not neighbours:
        main.set_xlabel("time / ns")
    extractor = f"{traces.options.extractor}, window of {traces.options.window_width} samples"
    figure.suptitle(f"{event_title(event)}; {extractor}", fontsize="large")
    shared_legend(right)
    return figure


def _traces(image: TelescopeImage, raw: bool) -> Traces:
    where = f"event {image.event_id}, telescope {image.tel_id}"
    if image.traces is None:
        raise InputError(
            f"{where}: there are no waveforms. Cameras that store sums have none; a dataset has "
            "them if it was written with --write r1,images or --write r0"
        )
    if raw and image.traces.raw is None:
        raise InputError(
            f"{where}: the dataset holds calibrated waveforms only; write it with --write r0, or "
            "name the sim_telarray file"
        )
    return image.traces


def _pixel_waveform(
    ax: Axes, image: TelescopeImage, traces: Traces, pixel: int, *, raw: bool, what: str
) -> None:
    windows = traces.windows(image.geometry)
    rate, shift = float(image.telescope.readout.sampling_rate), float(traces.time_shift[pixel])
    charge, peak_time = (image.pixel_column(name)[pixel] for name in ("image", "peak_time"))
    text = f"{what} {pixel}\n{charge:.1f} p.e., {peak_time:.1f} ns"
    if traces.blank[pixel]:
        text += "\nmean of its neighbours"
    style: dict[str, Any] = {"sampling_rate": rate, "start": -shift, "text": text}
    # what is taken for zero in extraction has no window of its own
    if windows is not None and not traces.blank[pixel]:
        style |= {
            "window": (int(windows.begin[pixel]), int(windows.end[pixel])),
            "peak": int(windows.peak[pixel]),
        }
    if not raw or traces.raw is None:
        waveform(traces.r1[pixel], ax, peak_time=float(peak_time), **style)
        ax.axhline(0, color="0.7", lw=0.7, zorder=0)
        return
    selected = int(traces.gain[pixel])
    for gain, samples in enumerate(traces.raw[:, pixel]):
        if gain != selected:
            time = -shift + np.arange(len(samples)) / rate
            ax.plot(time, samples, drawstyle="steps-mid", lw=1, color="0.6", zorder=1,
                    label=f"{GAINS[gain]}, not selected")  # fmt: skip
    name = f"{GAINS[selected]}, selected" if len(traces.raw) > 1 else ""
    waveform(traces.raw[selected, pixel], ax, peak_time=float(peak_time), label=name, **style)


def _zoom_mark(camera: Axes, image: TelescopeImage, pixel: int) -> None:
    """Point at the pixel: alone in a wide camera its ring is hard to find."""
    place = float(image.geometry.fov_lon[pixel]), float(image.geometry.fov_lat[pixel])
    text = camera.annotate(
        f"pixel {pixel}", place, (-np.sign(place[0] or 1) * 45, -np.sign(place[1] or 1) * 45),
        textcoords="offset points", ha="center", va="center", fontsize="small", zorder=9,
        bbox={"fc": "white", "ec": "0.3", "pad": 2.0},
        arrowprops={"arrowstyle": "-", "color": "white", "lw": 1.2, "shrinkB": 6},
    )  # fmt: skip
    text.set_in_layout(False)


def shared_legend(figure: Any, *, n_columns: int = 6) -> None:
    """One legend below all axes: over the data it would hide some."""
    found: dict[str, Any] = {}
    for ax in figure.axes:
        for handle, label in _labelled(ax):
            found.setdefault(label, handle)
    if found:
        figure.legend([*found.values()], [*found], loc="outside lower center",
                      ncols=min(n_columns, len(found)), frameon=False, fontsize="small")  # fmt: skip


def _labelled(ax: Axes) -> list[tuple[Any, str]]:
    from matplotlib.lines import Line2D

    found = []
    for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
        if label == CONTOUR:  # a legend leaves the dark rim of this white line away
            handle = Line2D([], [], color="white", lw=1.1, path_effects=halo(2.4, "black"))
        if label != PIXELS and not label.startswith("pixel "):
            found.append((handle, label))
    return found


__all__ = [
    "PIXEL_COLUMNS",
    "array_figure",
    "camera_grid",
    "event_array",
    "event_picture",
    "event_title",
    "integrator",
    "telescope_camera",
]
