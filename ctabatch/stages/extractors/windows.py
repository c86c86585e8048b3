"""Windows whose place depends on the pixel's own trace, the whole camera, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.kernels.charges import FIXED, GLOBAL, LOCAL, SLIDING, window_charges
from ctabatch.stages.charges import Charges, RawTraces
from ctabatch.stages.component import option

from .window import Window


@dataclass(frozen=True)
class LocalPeakWindowSum:
    """Sum of a window around the pixel's own peak."""

    window_width: int = option(7, "Length of the window", unit="samples", ge=1)
    window_shift: int = option(3, "Part of the window before the peak", unit="samples", ge=0)
    apply_integration_correction: bool = option(True, "Scale charges to the whole pulse")

    def window(self, n_samples: int) -> Window:
        """Where the window is, for traces of so many samples."""
        del n_samples
        return Window("local", 0, self.window_width, self.window_shift)

    def correction(self, calibration: CameraCalibration) -> NDArray[np.float64]:
        """Factor for the charge outside the window, (n_telescopes, n_gains)."""
        return _correction(self, calibration)

    @property
    def takes_raw(self) -> bool:
        """Whether `extract_raw` may be used."""
        return True

    def extract_raw(self, traces: RawTraces, out: Charges) -> None:
        """Fill the arrays of `out`."""
        _sum(self, traces, out)


@dataclass(frozen=True)
class GlobalPeakWindowSum(LocalPeakWindowSum):
    """Sum of a window around the peak of the mean trace of all valid or the brightest pixels."""

    pixel_fraction: float = option(
        1.0, "Part of the pixels, the brightest, whose mean trace is used", gt=0, le=1
    )

    def window(self, n_samples: int) -> Window:
        """Where the window is, for traces of so many samples."""
        del n_samples
        return Window("global", 0, self.window_width, self.window_shift, self.pixel_fraction)


@dataclass(frozen=True)
class FixedWindowSum:
    """Sum of a window that is the same for all pixels and events."""

    peak_index: int = option(
        0, "Number of the sample that the window is placed around", ge=0, le=1 << 20
    )
    window_width: int = option(7, "Length of the window", unit="samples", ge=1)
    window_shift: int = option(0, "Part of the window before it", unit="samples", ge=0)
    apply_integration_correction: bool = option(True, "Scale charges to the whole pulse")

    def window(self, n_samples: int) -> Window:
        """Where the window is, for traces of so many samples."""
        del n_samples
        return Window("fixed", self.peak_index, self.window_width, self.window_shift)

    def correction(self, calibration: CameraCalibration) -> NDArray[np.float64]:
        """Factor for the charge outside the window, (n_telescopes, n_gains)."""
        return _correction(self, calibration)

    @property
    def takes_raw(self) -> bool:
        """Whether `extract_raw` may be used."""
        return True

    def extract_raw(self, traces: RawTraces, out: Charges) -> None:
        """Fill the arrays of `out`."""
        _sum(self, traces, out)


@dataclass(frozen=True)
class SlidingWindowMaxSum:
    """Sum of the window of the pixel that holds most charge."""

    window_width: int = option(7, "Length of the window", unit="samples", ge=1)
    apply_integration_correction: bool = option(True, "Scale charges to the whole pulse")

    def window(self, n_samples: int) -> Window:
        """Where the window is, for traces of so many samples."""
        del n_samples
        return Window("sliding", 0, self.window_width, 3)

    def correction(self, calibration: CameraCalibration) -> NDArray[np.float64]:
        """Factor for the charge outside the window, (n_telescopes, n_gains)."""
        if not self.apply_integration_correction:
            return np.ones(calibration.pedestal.shape[:2])
        return calibration.sliding_correction(self.window_width)

    @property
    def takes_raw(self) -> bool:
        """Whether `extract_raw` may be used."""
        return True

    def extract_raw(self, traces: RawTraces, out: Charges) -> None:
        """Fill the arrays of `out`."""
        _sum(self, traces, out)


@dataclass(frozen=True)
class FullWaveformSum:
    """Sum of all samples."""

    def window(self, n_samples: int) -> Window:
        """Where the window is, for traces of so many samples."""
        return Window("fixed", 0, n_samples, 0)

    def correction(self, calibration: CameraCalibration) -> NDArray[np.float64]:
        """Factors of one: no charge is outside."""
        return np.ones(calibration.pedestal.shape[:2])

    @property
    def takes_raw(self) -> bool:
        """Whether `extract_raw` may be used."""
        return True

    def extract_raw(self, traces: RawTraces, out: Charges) -> None:
        """Fill the arrays of `out`."""
        _sum(self, traces, out)


_METHODS = {"local": LOCAL, "global": GLOBAL, "fixed": FIXED, "sliding": SLIDING}
_Extractor = LocalPeakWindowSum | FixedWindowSum | SlidingWindowMaxSum | FullWaveformSum


def _correction(
    options: LocalPeakWindowSum | FixedWindowSum, calibration: CameraCalibration
) -> NDArray[np.float64]:
    if not options.apply_integration_correction:
        return np.ones(calibration.pedestal.shape[:2])
    return calibration.correction(options.window_width, options.window_shift)


def _sum(extractor: _Extractor, traces: RawTraces, out: Charges) -> None:
    window = extractor.window(traces.n_samples)
    arguments: tuple[Any, ...] = (
        *traces.coefficients(extractor.correction(traces.calibration)),
        *traces.geometry.neighbors, traces.gain_threshold, _METHODS[window.around],
        window.peak_index, window.width, window.shift, window.fraction, out.gain, out.image,
        out.peak_time,
    )  # fmt: skip
    window_charges(*arguments)


__all__ = [
    "FixedWindowSum",
    "FullWaveformSum",
    "GlobalPeakWindowSum",
    "LocalPeakWindowSum",
    "SlidingWindowMaxSum",
]
