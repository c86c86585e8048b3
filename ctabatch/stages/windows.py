"""Where the integration window of each pixel lies: for looking at it, charges need no such table.

The batch kernels find the window and sum it in one pass; here it is found again for one event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.peak_lanes import LANES
from ctabatch.kernels.peak_window import neighbor_peaks
from ctabatch.kernels.window_peaks import global_peak, local_peaks

from .extractors.neighbor_peak import NeighborPeakWindowSum
from .extractors.window import WindowSum


@dataclass(frozen=True, eq=False)
class Windows:
    """Integration windows of the pixels of one telescope event.

    Attributes
    ----------
    begin, end : (n_pixels,) int64
        Samples ``begin`` to ``end - 1`` are summed.
    peak : (n_pixels,) int64
        Sample that the window was placed by; its first sample where no peak is sought.
    """

    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    peak: NDArray[np.int64]


def integration_windows(
    r1: NDArray[np.float32],
    geometry: CameraGeometry,
    extractor: object,
    blank: NDArray[np.bool_] | None = None,
) -> Windows | None:
    """Integration windows of one telescope event.

    Parameters
    ----------
    r1 : (n_pixels, n_samples) float32
        Photo-electrons per sample.
    geometry : CameraGeometry
    extractor : RawExtractor or TraceExtractor
    blank : (n_pixels,) bool, optional
        Invalid pixels and those without data: extraction takes them for zero.

    Returns
    -------
    Windows or None
        None for an extractor that does not sum one window of samples per pixel.
    """
    n_pixels, n_samples = r1.shape
    if not isinstance(extractor, WindowSum):
        return None
    if isinstance(extractor, NeighborPeakWindowSum) and extractor.local_weight:
        return None  # the peak is sought otherwise
    window = extractor.window(n_samples)
    width, shift = window.width, window.shift
    blank = np.zeros(n_pixels, np.bool_) if blank is None else blank
    # as in extraction: rows padded to whole lanes, one of zeros behind the last pixel
    rows = np.zeros((n_pixels + 1, -(-n_samples // LANES) * LANES), np.float32)
    rows[:-1, :n_samples] = np.where(blank[:, np.newaxis], np.float32(0), r1)
    peak = np.zeros(n_pixels, np.int64)
    match window.around:
        case "neighbors":
            neighbor_peaks(rows, n_samples, geometry.neighbor_table, peak)
        case "local":
            local_peaks(rows, n_samples, peak)
        case "global":
            peak[:] = global_peak(
                rows, n_samples, blank, window.fraction, np.empty(n_samples, np.float32)
            )
        case "fixed":
            peak[:] = window.peak_index
        case "sliding":
            width, shift = min(width, n_samples), 0
            peak = _fullest(rows[:-1, :n_samples], width)
    begin = np.clip(peak - shift, 0, n_samples)
    return Windows(begin, np.clip(peak - shift + width, begin, n_samples), peak)


def _fullest(r1: NDArray[np.float32], width: int) -> NDArray[np.int64]:
    """First sample of the window with most charge: as in extraction, from the running sum."""
    with np.errstate(invalid="ignore"):  # infinite samples
        running = np.cumsum(np.pad(r1, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
        sums = running[:, width:] - running[:, :-width]
    # nothing is larger than a first sum that is no number; others that are none are never larger
    first = np.where(np.isnan(sums), -np.inf, sums).argmax(axis=1)
    return np.where(np.isnan(sums[:, 0]), 0, first)


__all__ = ["Windows", "integration_windows"]
