"""Windows whose place depends on the pixel's own trace, the whole camera, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.kernels.charges import FIXED, GLOBAL, LOCAL, SLIDING, window_charges
from ctabatch.stages.charges import Charges, RawTraces
from ctabatch.stages.component import option


@dataclass(frozen=True)
class LocalPeakWindowSum:
    """Sum of a window around the pixel's own peak."""

    window_width: int = option(7, "Length of the window", unit="samples", ge=1)
    window_shift: int = option(3, "Part of the window before the peak", unit="samples", ge=0)
    apply_integration_correction: bool = option(True, "Scale charges to the whole pulse")

    def extract_raw(self, traces: RawTraces, out: Charges) -> None:
        """Fill the arrays of `out`."""
        correction = _correction(traces, self)
        _sum(traces, out, LOCAL, correction, 0, self.window_width, self.window_shift)


@dataclass(frozen=True)
class GlobalPeakWindowSum:
    """Sum of a window around the peak of the mean trace of all valid pixels."""

    window_width: int = option(7, "Length of the window", unit="samples", ge=1)
    window_shift: int = option(3, "Part of the window before the peak", unit="samples", ge=0)
    apply_integration_correction: bool = option(True, "Scale charges to the whole pulse")

    def extract_raw(self, traces: RawTraces, out: Charges) -> None:
        """Fill the arrays of `out`."""
        correction = _correction(traces, self)
        _sum(traces, out, GLOBAL, correction, 0, self.window_width, self.window_shift)


@dataclass(frozen=True)
class FixedWindowSum:
    """Sum of a window that is the same for all pixels and events."""

    peak_index: int = option(0, "Number of the sample that the window is placed around", ge=0)
    window_width: int = option(7, "Length of the window", unit="samples", ge=1)
    window_shift: int = option(0, "Part of the window before it", unit="samples", ge=0)
    apply_integration_correction: bool = option(True, "Scale charges to the whole pulse")

    def extract_raw(self, traces: RawTraces, out: Charges) -> None:
        """Fill the arrays of `out`."""
        correction = _correction(traces, self)
        _sum(traces, out, FIXED, correction, self.peak_index, self.window_width, self.window_shift)


@dataclass(frozen=True)
class SlidingWindowMaxSum:
    """Sum of the window of the pixel that holds most charge."""

    window_width: int = option(7, "Length of the window", unit="samples", ge=1)
    apply_integration_correction: bool = option(True, "Scale charges to the whole pulse")

    def extract_raw(self, traces: RawTraces, out: Charges) -> None:
        """Fill the arrays of `out`."""
        correction = (
            traces.calibration.sliding_correction(self.window_width)
            if self.apply_integration_correction
            else traces.no_correction()
        )
        _sum(traces, out, SLIDING, correction, 0, self.window_width, 3)


@dataclass(frozen=True)
class FullWaveformSum:
    """Sum of all samples."""

    def extract_raw(self, traces: RawTraces, out: Charges) -> None:
        """Fill the arrays of `out`."""
        _sum(traces, out, FIXED, traces.no_correction(), 0, traces.n_samples, 0)


def _correction(
    traces: RawTraces, options: LocalPeakWindowSum | GlobalPeakWindowSum | FixedWindowSum
) -> NDArray[np.float64]:
    """Factor for the charge outside the window, (n_telescopes, n_gains)."""
    if not options.apply_integration_correction:
        return traces.no_correction()
    return traces.calibration.correction(options.window_width, options.window_shift)


def _sum(
    traces: RawTraces,
    out: Charges,
    method: int,
    correction: NDArray[np.float64],
    peak_index: int,
    width: int,
    shift: int,
) -> None:
    arguments: tuple[Any, ...] = (
        *traces.coefficients(correction), *traces.geometry.neighbors, traces.gain_threshold,
        method, peak_index, width, shift, out.gain, out.image, out.peak_time,
    )  # fmt: skip
    window_charges(*arguments)


__all__ = [
    "FixedWindowSum",
    "FullWaveformSum",
    "GlobalPeakWindowSum",
    "LocalPeakWindowSum",
    "SlidingWindowMaxSum",
]
