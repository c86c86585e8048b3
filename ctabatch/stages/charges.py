"""What extractors are given of raw data, and what they make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.calibration import KNOWN


@dataclass(frozen=True, eq=False)
class Charges:
    """Images of a batch.

    Attributes
    ----------
    image : (n_events, n_pixels) float32
        Photo-electrons.
    peak_time : (n_events, n_pixels) float32
        ns after the start of the readout.
    gain : (n_events, n_pixels) int8
        Selected gain channel.
    is_valid : (n_events,) bool or None
        Whether the extractor could work as it is meant to; None if it always can.
    """

    image: NDArray[np.float32]
    peak_time: NDArray[np.float32]
    gain: NDArray[np.int8]
    is_valid: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class RawTraces:
    """Raw samples of a batch and what calibrates them.

    Attributes
    ----------
    waveform : (n_events, n_gains, n_pixels, n_samples) uint16
        Of calibrated samples float32 (n_events, 1, n_pixels, n_samples); then `gain_threshold` is
        `ctabatch.kernels.calibration.KNOWN` and the gains stand in the result already.
    rows : (n_events,) int64
        Row of each event's telescope in `calibration`.
    read_out : (n_events, n_pixels) bool or None
        Pixels with data; None if all have.
    calibration : CameraCalibration
    geometry : CameraGeometry
    gain_threshold : int
        Highest raw high-gain sample for which the high gain is used.
    """

    waveform: NDArray[Any]
    rows: NDArray[np.int64]
    read_out: NDArray[np.bool_] | None
    calibration: CameraCalibration
    geometry: CameraGeometry
    gain_threshold: int

    @property
    def n_samples(self) -> int:
        """Samples of a trace."""
        return int(self.waveform.shape[3])

    def coefficients(self, correction: NDArray[np.float64]) -> tuple[Any, ...]:
        """The arguments that all kernels begin with."""
        n_pixels, calibration = self.waveform.shape[2], self.calibration
        pedestal, factor = calibrating(calibration, known=self.gain_threshold == KNOWN)
        return (
            self.waveform,
            self.rows,
            np.empty((0, n_pixels), np.bool_) if self.read_out is None else self.read_out,
            pedestal,
            factor,
            calibration.time_shift,
            correction,
            calibration.sampling_rate,
            calibration.invalid_pixels,
        )


def calibrating(
    calibration: CameraCalibration, *, known: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pedestals and factors; those that change nothing if samples are calibrated already."""
    if not known:
        return calibration.pedestal, calibration.dc_to_pe
    return np.zeros_like(calibration.pedestal), np.ones_like(calibration.dc_to_pe)


@runtime_checkable
class RawExtractor(Protocol):
    """Extracts charges from raw samples, which it calibrates on the way."""

    @property
    def takes_raw(self) -> bool:
        """Whether it can do so with its options."""

    def extract_raw(self, traces: RawTraces, out: Charges) -> None:
        """Fill the arrays of `out`."""


__all__ = ["Charges", "RawExtractor", "RawTraces", "calibrating"]
