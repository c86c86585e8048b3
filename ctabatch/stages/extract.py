"""From raw data to images: calibration, gain selection and charge extraction of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.calibration import calibrate_samples, calibrate_sums
from ctabatch.kernels.charges import FIXED, GLOBAL, LOCAL, SLIDING, window_charges
from ctabatch.kernels.peak_window import neighbor_peak_charges, replace_invalid

#: Extractors, by the names of ctapipe's classes.
Extractor = Literal[
    "NeighborPeakWindowSum",
    "LocalPeakWindowSum",
    "GlobalPeakWindowSum",
    "FixedWindowSum",
    "SlidingWindowMaxSum",
    "FullWaveformSum",
]
_METHODS = {
    "LocalPeakWindowSum": LOCAL,
    "GlobalPeakWindowSum": GLOBAL,
    "FixedWindowSum": FIXED,
    "FullWaveformSum": FIXED,
    "SlidingWindowMaxSum": SLIDING,
}


@dataclass(frozen=True)
class ExtractionOptions:
    """How charges are extracted.

    Attributes
    ----------
    extractor : str
        Name of the algorithm, as of ctapipe's class.
    gain_threshold : int
        Highest raw high-gain sample, in ADC counts, for which the high gain is used.
    window_width, window_shift : int
        Integration window in samples: from ``peak - window_shift``, `window_width` long. Neither
        matters for FullWaveformSum, the shift not for SlidingWindowMaxSum. Without a shift: 3, and
        0 for FixedWindowSum.
    peak_index : int
        Sample of the peak for FixedWindowSum.
    apply_integration_correction : bool
        Scale charges to the whole pulse.
    """

    extractor: Extractor = "NeighborPeakWindowSum"
    gain_threshold: int = 4000
    window_width: int = 7
    window_shift: int | None = None
    peak_index: int = 0
    apply_integration_correction: bool = True

    @property
    def shift(self) -> int:
        """The shift that is used."""
        if self.window_shift is not None:
            return self.window_shift
        return 0 if self.extractor == "FixedWindowSum" else 3


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
        Whether the extractor did all its steps; None if it did for all events.
    """

    image: NDArray[np.float32]
    peak_time: NDArray[np.float32]
    gain: NDArray[np.int8]
    is_valid: NDArray[np.bool_] | None = None


def extract(
    waveform: NDArray[Any],
    rows: NDArray[np.int64],
    read_out: NDArray[np.bool_] | None,
    calibration: CameraCalibration,
    geometry: CameraGeometry,
    options: ExtractionOptions,
    empty: Callable[..., NDArray[Any]] = np.empty,
) -> Charges:
    """Calibrate raw data and extract the charge of every pixel.

    Parameters
    ----------
    waveform : (n_events, n_gains, n_pixels, n_samples) uint16
        Raw samples; a batch of sums (uint32) has one sample, which is the charge.
    rows : (n_events,) int64
        Row of each event's telescope in `calibration`; none may be -1.
    read_out : (n_events, n_pixels) bool or None
        Pixels with data; None if all have. Others get charge 0.
    empty : callable
        Makes the arrays of the result, as `numpy.empty` does.
    """
    n_events, _, n_pixels, _ = waveform.shape
    image = empty((n_events, n_pixels), np.float32)
    peak_time = empty((n_events, n_pixels), np.float32)
    peak_time[:] = 0
    gain = empty((n_events, n_pixels), np.int8)
    indptr, indices = geometry.neighbors
    if waveform.dtype == np.uint32:
        calibrate_sums(
            waveform, rows, calibration.pedestal, calibration.dc_to_pe, calibration.n_summed,
            options.gain_threshold, gain, image,
        )  # fmt: skip
        if read_out is not None:
            image[~read_out] = 0
        for k in np.flatnonzero(calibration.invalid_pixels[rows].any(axis=1)):
            replace_invalid(calibration.invalid_pixels[rows[k]], indptr, indices, image[k])
        return Charges(image, peak_time, gain)
    coefficients = (
        waveform,
        rows,
        np.empty((0, n_pixels), np.bool_) if read_out is None else read_out,
        calibration.pedestal,
        calibration.dc_to_pe,
        calibration.time_shift,
        _correction(calibration, options),
        calibration.sampling_rate,
        calibration.invalid_pixels,
    )
    out = (gain, image, peak_time)
    if options.extractor == "NeighborPeakWindowSum":
        neighbor_peak_charges(
            *coefficients, geometry.neighbor_table, indptr, indices, options.gain_threshold,
            options.window_width, options.shift, *out,
        )  # fmt: skip
        return Charges(image, peak_time, gain)
    full = options.extractor == "FullWaveformSum"
    window_charges(
        *coefficients, indptr, indices, options.gain_threshold, _METHODS[options.extractor],
        0 if full else options.peak_index, waveform.shape[3] if full else options.window_width,
        0 if full else options.shift, *out,
    )  # fmt: skip
    return Charges(image, peak_time, gain)


def _correction(calibration: CameraCalibration, options: ExtractionOptions) -> NDArray[np.float64]:
    """Factor for the charge outside the window, (n_telescopes, n_gains)."""
    if not options.apply_integration_correction or options.extractor == "FullWaveformSum":
        return np.ones(calibration.pedestal.shape[:2])
    if options.extractor == "SlidingWindowMaxSum":
        return calibration.sliding_correction(options.window_width)
    return calibration.correction(options.window_width, options.shift)


def calibrate(
    waveform: NDArray[Any],
    rows: NDArray[np.int64],
    calibration: CameraCalibration,
    options: ExtractionOptions,
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Calibrated waveforms (n_events, n_pixels, n_samples) in photo-electrons, and selected gains.

    Sums come back as waveforms of one sample.
    """
    n_events, _, n_pixels, n_samples = waveform.shape
    r1 = np.empty((n_events, n_pixels, n_samples), np.float32)
    gain = np.empty((n_events, n_pixels), np.int8)
    if waveform.dtype == np.uint32:
        calibrate_sums(
            waveform, rows, calibration.pedestal, calibration.dc_to_pe, calibration.n_summed,
            options.gain_threshold, gain, r1[..., 0],
        )  # fmt: skip
    else:
        calibrate_samples(
            waveform, rows, calibration.pedestal, calibration.dc_to_pe,
            options.gain_threshold, gain, r1,
        )  # fmt: skip
    return r1, gain
