"""What an extractor that works on calibrated waveforms is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.camera import CameraGeometry, Neighbors
from ctabatch.kernels.settled_traces import settle_traces
from ctabatch.stages.calibrate import GainThreshold, calibrate
from ctabatch.stages.charges import Charges


@dataclass(frozen=True, eq=False)
class Traces:
    """Calibrated waveforms of a batch of telescope events of one camera.

    Attributes
    ----------
    samples : (n_events, n_pixels, n_samples) float32
        Photo-electrons per sample, of the selected gain.
    gain : (n_events, n_pixels) int8
        Selected gain channel.
    broken : (n_events, n_pixels) bool
        Invalid pixels, and pixels that were not read out.
    rows : (n_events,) int64
        Row of each event's telescope in `calibration`.
    calibration : CameraCalibration
    geometry : CameraGeometry
    tel_type : str
        Telescope type, which begins with the size class.
    """

    samples: NDArray[np.float32]
    gain: NDArray[np.int8]
    broken: NDArray[np.bool_]
    rows: NDArray[np.int64]
    calibration: CameraCalibration
    geometry: CameraGeometry
    tel_type: str

    @classmethod
    def from_raw(
        cls,
        waveform: NDArray[Any],
        rows: NDArray[np.int64],
        read_out: NDArray[np.bool_] | None,
        calibration: CameraCalibration,
        geometry: CameraGeometry,
        tel_type: str,
        options: GainThreshold,
        gain: NDArray[np.int8] | None = None,
    ) -> Traces:
        """Calibrate raw data, given as to `extract`; of `options` only the gain selection counts.

        Parameters
        ----------
        waveform : (n_events, n_gains, n_pixels, n_samples) uint16, uint32 for sums
        rows : (n_events,) int64
        read_out : (n_events, n_pixels) bool or None
        calibration : CameraCalibration
        geometry : CameraGeometry
        tel_type : str
        options : GainThreshold
        gain : (n_events, n_pixels) int8, optional
            Selected gains of samples that are calibrated already.
        """
        samples, gain = calibrate(waveform, rows, calibration, options, gain)
        broken = calibration.invalid_pixels[rows]
        if read_out is not None:
            broken |= ~read_out
        return cls(samples, gain, broken, rows, calibration, geometry, tel_type)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def n_samples(self) -> int:
        """Samples of a waveform."""
        return int(self.samples.shape[2])

    @property
    def tel_id(self) -> NDArray[np.int64]:
        """Telescope of each event."""
        return self.calibration.tel_ids[self.rows]

    @property
    def neighbors(self) -> Neighbors:
        """Neighbours in the camera frame, as compressed rows."""
        return self.geometry.neighbors

    @property
    def sampling_rate(self) -> NDArray[np.float64]:
        """Sampling rate of each telescope of the calibration in GHz."""
        return self.calibration.sampling_rate

    def correction(self, width: int, shift: int, apply: bool = True) -> NDArray[np.float64]:
        """Factor for the charge outside a window, (n_telescopes, n_gains); 1 unless applied."""
        if not apply:
            return np.ones(self.calibration.pedestal.shape[:2])
        return self.calibration.correction(width, shift)

    def new_images(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Unwritten arrays for image and peak time."""
        shape = self.samples.shape[:2]
        return np.empty(shape, np.float32), np.empty(shape, np.float32)

    def charges(
        self,
        image: NDArray[np.float32],
        peak_time: NDArray[np.float32],
        is_valid: NDArray[np.bool_] | None = None,
    ) -> Charges:
        """Charges, once time shifts are subtracted and pixels without data are settled in place.

        Parameters
        ----------
        image : (n_events, n_pixels) float32, photo-electrons
        peak_time : (n_events, n_pixels) float32
            ns after the first sample.
        is_valid : (n_events,) bool or None
        """
        settle_traces(
            self.rows, self.broken, self.calibration.invalid_pixels, self.gain,
            self.calibration.time_shift, *self.neighbors, image, peak_time,
        )  # fmt: skip
        return Charges(image, peak_time, self.gain, is_valid)

    def sums(self) -> Charges:
        """Charges of waveforms of one sample, which is the charge: there is nothing to extract."""
        charges = self.charges(self.samples[..., 0].copy(), np.zeros_like(self.samples[..., 0]))
        charges.peak_time[:] = 0  # no time, so no shift of it
        return charges


@runtime_checkable
class TraceExtractor(Protocol):
    """An extractor that works on calibrated waveforms."""

    def extract(self, traces: Traces) -> Charges:
        """Charge and peak time of every pixel."""


__all__ = ["TraceExtractor", "Traces"]
