"""Readout of a camera: sampling, gain channels and the shape of a pulse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError

#: Longest pulse that is believed, in samples: no readout has as many.
MOST_SAMPLES = 1 << 16


@dataclass(frozen=True, eq=False)
class CameraReadout:
    """How the waveforms of a camera are sampled.

    Attributes
    ----------
    sampling_rate : float
        Samples per ns (GHz).
    reference_pulse : (n_channels, n) float64
        Shape of a pulse in each gain channel, arbitrary amplitude; n is 0 if the file has none.
    reference_pulse_sample_width : float
        Step of the reference pulse in ns.
    n_channels, n_pixels, n_samples : int
        Number of gain channels, of pixels and of samples of a waveform.
    """

    sampling_rate: float
    reference_pulse: NDArray[np.float64]
    reference_pulse_sample_width: float
    n_channels: int
    n_pixels: int
    n_samples: int

    def __post_init__(self) -> None:
        """Keep an own read-only copy with one row per channel."""
        if not (np.isfinite(self.sampling_rate) and self.sampling_rate > 0):
            raise InputError(f"readout with a sampling rate of {self.sampling_rate} GHz")
        pulse = np.atleast_2d(np.array(self.reference_pulse, dtype=np.float64))
        if len(pulse) == 1 and self.n_channels > 1:
            # one shape stands for all gains; ctapipe fails on low-gain pixels of such files
            pulse = np.repeat(pulse, self.n_channels, axis=0)
        if pulse.ndim != 2 or len(pulse) < self.n_channels:
            raise InputError(
                f"readout with {self.n_channels} channels, reference pulse of {pulse.shape}"
            )
        pulse = np.ascontiguousarray(pulse[: self.n_channels])
        pulse.setflags(write=False)
        object.__setattr__(self, "reference_pulse", pulse)

    @classmethod
    def from_simtel(
        cls, pixel_settings: Mapping[str, Any], camera_organization: Mapping[str, Any]
    ) -> CameraReadout:
        """Readout from the pixel settings and camera organization (EventIO 2004 and 2003).

        Pixel settings older than version 2 have no reference pulse; then nothing is corrected for.
        """
        time_slice = float(pixel_settings["time_slice"])
        if not time_slice > 0:
            raise InputError(f"pixel settings with a time slice of {time_slice} ns")
        return cls(
            sampling_rate=1.0 / time_slice,
            reference_pulse=pixel_settings.get("ref_shape", np.empty((1, 0))),
            reference_pulse_sample_width=float(pixel_settings.get("ref_step", 0.0)),
            n_channels=int(camera_organization["n_gains"]),
            n_pixels=int(camera_organization["n_pixels"]),
            n_samples=int(pixel_settings["sum_bins"]),
        )

    @property
    def reference_pulse_sample_time(self) -> NDArray[np.float64]:
        """Time of each step of the reference pulse, (n,) ns."""
        steps = np.arange(self.reference_pulse.shape[1], dtype=np.float64)
        return steps * np.float64(self.reference_pulse_sample_width)

    def integration_correction(self, window_width: int, window_shift: int) -> NDArray[np.float64]:
        """Factor that scales the charge in a window to the charge of the whole pulse.

        Parameters
        ----------
        window_width : int
            Samples in the window.
        window_shift : int
            Samples from the start of the window to the peak.

        Returns
        -------
        correction : (n_channels,) float64
            1 where the pulse is unknown or the window is empty. A window that would start before
            the pulse starts with it and keeps its width.

        Notes
        -----
        Source: ctapipe's definition. The pulse is rebinned to samples beginning at its first step;
        the correction is the total over the sum inside the window around the largest sample. The
        part of the pulse after the last whole sample is left out.
        """
        correction = np.ones(self.n_channels)
        time = self.reference_pulse_sample_time
        if not (len(time) and self.reference_pulse_sample_width > 0):
            return correction
        sample_width = 1 / self.sampling_rate
        if not len(time) * self.reference_pulse_sample_width / sample_width < MOST_SAMPLES:
            return correction  # no pulse is so long: the numbers are damaged
        edges = np.arange(0, len(time) * self.reference_pulse_sample_width, sample_width)
        if len(edges) < 2:
            return correction
        for channel, pulse in enumerate(self.reference_pulse):
            charge, _ = np.histogram(time, edges, weights=pulse)
            start = max(int(np.argmax(charge)) - window_shift, 0)
            inside = charge[start : start + window_width].sum() if window_width > 0 else 0.0
            if inside != 0:
                correction[channel] = charge.sum() / inside
        return correction

    def sliding_correction(self, window_width: int) -> NDArray[np.float64]:
        """Factor that scales the charge of the best window to the charge of the whole pulse.

        Parameters
        ----------
        window_width : int
            Samples in the window.

        Returns
        -------
        correction : (n_channels,) float64
            1 where the pulse is unknown.

        Notes
        -----
        Source: ctapipe: sum of the reference pulse over the largest sum of as many of its
        steps as the window is long, rounded.
        """
        correction = np.ones(self.n_channels)
        if not (self.reference_pulse.size and self.reference_pulse_sample_width > 0):
            return correction
        length = self.reference_pulse.shape[1]
        steps = window_width / self.sampling_rate / self.reference_pulse_sample_width
        n_steps = round(steps) if steps < length else length
        for channel, pulse in enumerate(self.reference_pulse):
            running = np.concatenate([[0.0], np.cumsum(pulse)])
            n_inside = min(max(n_steps, 1), len(pulse))
            largest = np.max(running[n_inside:] - running[:-n_inside])
            if largest != 0:
                correction[channel] = np.sum(pulse) / largest
        return correction
