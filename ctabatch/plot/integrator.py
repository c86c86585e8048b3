"""The integrator's figure: a camera beside the waveforms of a pixel and its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ctabatch.errors import InputError, OptionError

from .camera import camera_image
from .event_data import ArrayEvent, TelescopeImage, Traces
from .pictures import event_title, shared_legend
from .style import COLOURS, new_figure
from .waveforms import GAINS, brightest_pixels, waveform

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
    left, right = figure.subfigures(1, 2, width_ratios=[6.4, 8.6], squeeze=False)[0]
    ring = {p: "black" if p == pixel else COLOURS[1] for p in [*neighbours, pixel]}
    camera = camera_image(
        image.geometry, charges, left.subplots(), highlight=ring, title=image.title
    )
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
    extractor = type(traces.options.extractor).__name__
    if width := getattr(traces.options.extractor, "window_width", 0):
        extractor += f", window of {width} samples"
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
    title = f"{what} {pixel}: {charge:.1f} p.e., {peak_time:.1f} ns"
    if traces.blank[pixel]:
        title += "\nno signal of its own"
    style: dict[str, Any] = {"sampling_rate": rate, "start": -shift, "title": title}
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
                    label="other gain")  # fmt: skip
    name = "selected gain" if len(traces.raw) > 1 else ""
    if name:
        style["title"] += f"\n{GAINS[selected]}"
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


__all__ = ["integrator"]
