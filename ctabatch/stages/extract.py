"""From raw data to images: calibration, gain selection and charge extraction of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.calibration import KNOWN, calibrate_sums
from ctabatch.kernels.peak_window import replace_invalid

from .calibrate import calibrate
from .charges import Charges, RawExtractor, RawTraces, calibrating
from .component import as_shaped, guarded
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
    takes_raw = isinstance(extractor, RawExtractor) and extractor.takes_raw
    if not is_sum and not takes_raw and isinstance(extractor, TraceExtractor):
        given = Traces.from_raw(
            waveform, rows, read_out, calibration, geometry, tel_type, options, gain
        )
        made = guarded(extractor, lambda: extractor.extract(given))
        return _checked(extractor, made, given.gain)
    n_events, _, n_pixels, _ = waveform.shape
    image = empty((n_events, n_pixels), np.float32)
    peak_time = empty((n_events, n_pixels), np.float32)
    peak_time[:] = 0
    charges = Charges(image, peak_time, empty((n_events, n_pixels), np.int8))
    threshold = options.gain_threshold
    if gain is not None:
        threshold, charges.gain[:] = KNOWN, gain
    if not is_sum and isinstance(extractor, RawExtractor):
        raw = RawTraces(waveform, rows, read_out, calibration, geometry, threshold)
        guarded(extractor, lambda: extractor.extract_raw(raw, charges))
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


def _checked(extractor: TraceExtractor, made: Charges, gain: NDArray[np.int8]) -> Charges:
    """What an extractor made, in the shapes and types of the tables."""
    return Charges(
        as_shaped(extractor, "image", made.image, gain.shape, np.float32),
        as_shaped(extractor, "peak_time", made.peak_time, gain.shape, np.float32),
        gain,
        None
        if made.is_valid is None
        else as_shaped(extractor, "is_valid", made.is_valid, gain.shape[:1], np.bool_),
    )


__all__ = ["Charges", "ExtractionOptions", "calibrate", "extract"]
