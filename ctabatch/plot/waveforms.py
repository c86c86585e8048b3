"""Waveforms of one telescope event with the integration window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def brightest_waveforms(
    ax: Axes,
    waveform: NDArray[np.float32],
    *,
    sampling_rate: float,
    peak_time: NDArray[np.float32] | None = None,
    n_pixels: int = 4,
    title: str = "",
) -> Axes:
    """Draw the calibrated waveforms of the brightest pixels.

    Parameters
    ----------
    ax : Axes
    waveform : (n_pixels, n_samples) float32
        Photo-electrons per sample.
    sampling_rate : float, GHz
    peak_time : (n_pixels,) float32, ns, optional
        Marked in the colour of its pixel.
    n_pixels : int
        How many pixels.
    """
    time = np.arange(waveform.shape[1]) / sampling_rate
    brightest = np.argsort(waveform.max(axis=1))[::-1][:n_pixels]
    for pixel in brightest:
        label = f"pixel {pixel}"
        (line,) = ax.plot(time, waveform[pixel], drawstyle="steps-mid", lw=1, label=label)
        if peak_time is not None:
            ax.axvline(peak_time[pixel], color=line.get_color(), ls=":", lw=1)
    ax.set(xlabel="time / ns", ylabel="p.e. per sample", title=title)
    ax.legend(frameon=False, fontsize="small")
    return ax
