"""Waveforms of one telescope event with the integration window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .style import BLACK, COLOURS, ORANGE, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GAINS = ("high gain", "low gain")


def waveform(
    samples: NDArray[Any],
    ax: Axes | None = None,
    *,
    sampling_rate: float,
    start: float = 0.0,
    window: tuple[int, int] | None = None,
    peak: int | None = None,
    peak_time: float | None = None,
    title: str = "",
    colour: str = COLOURS[0],
    label: str = "",
) -> Axes:
    """Draw the waveform of one pixel.

    Parameters
    ----------
    samples : (n_samples,) array
    ax : Axes, optional
        Of a new figure by default.
    sampling_rate : float, GHz
    start : float, ns
        Time of the first sample.
    window : tuple of int, optional
        First sample of the integration window and the one behind its last: shaded.
    peak : int, optional
        Sample by which the window was placed: a triangle at the bottom.
    peak_time : float, ns, optional
        A dashed line.
    title, colour, label : str

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, (7.0, 4.0))
    time = start + np.arange(len(samples)) / sampling_rate
    step = 1 / sampling_rate
    if window is not None and window[1] > window[0]:
        # a sample stands for the time half a step before and after it, as its step is drawn
        edges = start + (np.asarray(window) - 0.5) * step
        ax.axvspan(*edges, color=ORANGE, alpha=0.3, lw=0, label="integration window", zorder=0)
    ax.plot(time, samples, drawstyle="steps-mid", lw=1.3, color=colour, label=label or None)
    if peak_time is not None and np.isfinite(peak_time):
        ax.axvline(peak_time, color=BLACK, ls=(0, (4, 2)), lw=1.1, label="peak time")
    if peak is not None:
        marks: dict[str, Any] = {"marker": "^", "color": BLACK, "ms": 6, "ls": "", "clip_on": False}
        ax.plot([start + peak * step], [0.0], transform=ax.get_xaxis_transform(),
                label="peak sample", **marks)  # fmt: skip
    ax.set_xlim(time[0] - 0.5 * step, time[-1] + 0.5 * step)
    ax.margins(y=0.12)
    ax.set_title(title, loc="left", fontsize="small")
    return ax


def brightest_pixels(image: NDArray[Any], n: int = 1) -> list[int]:
    """Pixels of the largest charges, brightest first; those without a value are the last."""
    order = np.argsort(-np.nan_to_num(np.asarray(image, np.float64), nan=-np.inf), kind="stable")
    return [int(pixel) for pixel in order[:n]]


def brightest_waveforms(
    samples: NDArray[np.float32],
    ax: Axes | None = None,
    *,
    sampling_rate: float,
    peak_time: NDArray[np.float32] | None = None,
    pixels: Sequence[int] | None = None,
    n_pixels: int = 4,
    title: str = "",
) -> Axes:
    """Draw the calibrated waveforms of the brightest pixels on top of each other.

    Parameters
    ----------
    samples : (n_pixels, n_samples) float32
        Photo-electrons per sample.
    ax : Axes, optional
        Of a new figure by default.
    sampling_rate : float, GHz
    peak_time : (n_pixels,) float32, ns, optional
        Marked in the colour of its pixel.
    pixels : sequence of int, optional
        Which pixels; by default those of the highest samples.
    n_pixels : int
        How many pixels.
    title : str

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, (7.0, 4.5))
    chosen = brightest_pixels(samples.max(axis=1), n_pixels) if pixels is None else pixels
    time = np.arange(samples.shape[1]) / sampling_rate
    for k, pixel in enumerate(chosen):
        colour = COLOURS[k % len(COLOURS)]
        ax.plot(time, samples[pixel], drawstyle="steps-mid", lw=1, color=colour,
                label=f"pixel {pixel}")  # fmt: skip
        if peak_time is not None:
            ax.axvline(peak_time[pixel], color=colour, ls=":", lw=1)
    ax.set(xlabel="time / ns", ylabel="p.e. per sample", title=title)
    ax.legend(frameon=False, fontsize="small")
    return ax


__all__ = ["brightest_pixels", "brightest_waveforms", "waveform"]
