"""From raw data to images: calibration, gain selection and charge extraction of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.calibration import KNOWN, calibrate_samples, calibrate_sums
from ctabatch.kernels.peak_window import replace_invalid

from .charges import Charges, RawExtractor, RawTraces, calibrating
from .extractors.neighbor_peak import NeighborPeakWindowSum
from .extractors.traces import TraceExtractor, Traces


@dataclass(frozen=True)
class ExtractionOptions:
    """How charges are extracted.

    Attributes
    ----------
    extractor : RawExtractor or TraceExtractor
    gain_threshold : int
        Highest raw high-gain sample, in ADC counts, for which the high gain is used.
    """

    extractor: RawExtractor | TraceExtractor = field(default_factory=NeighborPeakWindowSum)
    gain_threshold: int = 4000


def extract(
    waveform: NDArray[Any],
    rows: NDArray[np.int64],
    read_out: NDArray[np.bool_] | None,
    calibration: CameraCalibration,
    geometry: CameraGeometry,
    options: ExtractionOptions,
    empty: Callable[..., NDArray[Any]] = np.empty,
    *,
    tel_type: str = "",
    gain: NDArray[np.int8] | None = None,
    is_sum: bool = False,
) -> Charges:
    """Calibrate raw data (unless they are calibrated) and extract the charge of every pixel.

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
    tel_type : str
        Telescope type, for extractors whose options depend on it.
    gain : (n_events, n_pixels) int8, optional
        Selected gains of calibrated waveforms, which are float32 (n_events, 1, n_pixels,
        n_samples), photo-electrons.
    is_sum : bool
        Whether calibrated waveforms are sums.
    """
    extractor = options.extractor
    is_sum = is_sum or waveform.dtype == np.uint32
    if not is_sum and not isinstance(extractor, RawExtractor):
        samples, selected = calibrate(waveform, rows, calibration, options, gain)
        broken = calibration.invalid_pixels[rows]
        if read_out is not None:
            broken = broken | ~read_out
        return extractor.extract(
            Traces(samples, selected, broken, rows, calibration, geometry, tel_type)
        )
    n_events, _, n_pixels, _ = waveform.shape
    image = empty((n_events, n_pixels), np.float32)
    peak_time = empty((n_events, n_pixels), np.float32)
    peak_time[:] = 0
    charges = Charges(image, peak_time, empty((n_events, n_pixels), np.int8))
    threshold = options.gain_threshold
    if gain is not None:
        threshold, charges.gain[:] = KNOWN, gain
    if not is_sum and isinstance(extractor, RawExtractor):
        extractor.extract_raw(
            RawTraces(waveform, rows, read_out, calibration, geometry, threshold),
            charges,
        )
        return charges
    calibrate_sums(
        waveform, rows, *calibrating(calibration, known=threshold == KNOWN), calibration.n_summed,
        threshold, charges.gain, image,
    )  # fmt: skip
    if read_out is not None:
        image[~read_out] = 0
    indptr, indices = geometry.neighbors
    for k in np.flatnonzero(calibration.invalid_pixels[rows].any(axis=1)):
        replace_invalid(calibration.invalid_pixels[rows[k]], indptr, indices, image[k])
    return charges


def calibrate(
    waveform: NDArray[Any],
    rows: NDArray[np.int64],
    calibration: CameraCalibration,
    options: ExtractionOptions,
    known: NDArray[np.int8] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Calibrated waveforms (n_events, n_pixels, n_samples) in photo-electrons, and selected gains.

    Sums come back as waveforms of one sample. Those whose gains are known are calibrated already.
    """
    if known is not None:
        return waveform[:, 0], known
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


__all__ = ["Charges", "ExtractionOptions", "calibrate", "extract"]
