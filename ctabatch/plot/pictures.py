"""Whole figures of one array event: cameras side by side, and the array from above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ctabatch.errors import OptionError

from .array import array_view, ground_axis
from .camera import camera_image
from .event_data import ArrayEvent, TelescopeImage
from .style import new_figure

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


def event_picture(event: ArrayEvent, *, n_cameras: int = 5, figure: Figure | None = None) -> Figure:
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


def shared_legend(figure: Any, *, n_columns: int = 6) -> None:
    """One legend below all axes: over the data it would hide some."""
    found: dict[str, Any] = {}
    for ax in figure.axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if found:
        n_columns = min(n_columns, len(found))
        figure.legend([*found.values()], [*found], loc="outside lower center", ncols=n_columns,
                      frameon=False, fontsize="small")  # fmt: skip


__all__ = [
    "PIXEL_COLUMNS",
    "array_figure",
    "camera_grid",
    "event_array",
    "event_picture",
    "event_title",
    "shared_legend",
    "telescope_camera",
]
