"""Windows around the peak of the neighbouring pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ctabatch.kernels.peak_window import neighbor_peak_charges
from ctabatch.stages.charges import Charges, RawTraces
from ctabatch.stages.component import option


@dataclass(frozen=True)
class NeighborPeakWindowSum:
    """Sum of a window around the peak of the sum of the neighbours' traces."""

    window_width: int = option(7, "Length of the window", unit="samples", ge=1)
    window_shift: int = option(3, "Part of the window before the peak", unit="samples", ge=0)
    apply_integration_correction: bool = option(True, "Scale charges to the whole pulse")

    def extract_raw(self, traces: RawTraces, out: Charges) -> None:
        """Fill the arrays of `out`."""
        correction = (
            traces.calibration.correction(self.window_width, self.window_shift)
            if self.apply_integration_correction
            else traces.no_correction()
        )
        geometry = traces.geometry
        arguments: tuple[Any, ...] = (
            *traces.coefficients(correction), geometry.neighbor_table, *geometry.neighbors,
            traces.gain_threshold, self.window_width, self.window_shift,
            out.gain, out.image, out.peak_time,
        )  # fmt: skip
        neighbor_peak_charges(*arguments)


__all__ = ["NeighborPeakWindowSum"]
