"""Windows around the peak of the neighbouring pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.kernels.peak_window import neighbor_peak_charges
from ctabatch.stages.charges import Charges, RawTraces
from ctabatch.stages.component import option

from .window import Window


@dataclass(frozen=True)
class NeighborPeakWindowSum:
    """Sum of a window around the peak of the sum of the neighbours' traces."""

    window_width: int = option(7, "Length of the window", unit="samples", ge=1)
    window_shift: int = option(3, "Part of the window before the peak", unit="samples", ge=0)
    apply_integration_correction: bool = option(True, "Scale charges to the whole pulse")

    def window(self, n_samples: int) -> Window:
        """Where the window is, for traces of so many samples."""
        del n_samples
        return Window("neighbors", 0, self.window_width, self.window_shift)

    def correction(self, calibration: CameraCalibration) -> NDArray[np.float64]:
        """Factor for the charge outside the window, (n_telescopes, n_gains)."""
        if not self.apply_integration_correction:
            return np.ones(calibration.pedestal.shape[:2])
        return calibration.correction(self.window_width, self.window_shift)

    def extract_raw(self, traces: RawTraces, out: Charges) -> None:
        """Fill the arrays of `out`."""
        geometry = traces.geometry
        arguments: tuple[Any, ...] = (
            *traces.coefficients(self.correction(traces.calibration)), geometry.neighbor_table,
            *geometry.neighbors, traces.gain_threshold, self.window_width, self.window_shift,
            out.gain, out.image, out.peak_time,
        )  # fmt: skip
        neighbor_peak_charges(*arguments)


__all__ = ["NeighborPeakWindowSum"]
