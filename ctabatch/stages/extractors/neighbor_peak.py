"""Windows around the peak of the neighbouring pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.kernels.neighbor_traces import neighbor_trace_charges
from ctabatch.kernels.peak_window import neighbor_peak_charges
from ctabatch.stages.charges import Charges, RawTraces
from ctabatch.stages.component import option

from .traces import Traces
from .window import Window

#: Instead of the first sample of a baseline: there is none to subtract.
NO_BASELINE = -1


@dataclass(frozen=True)
class NeighborPeakWindowSum:
    """Sum of a window around the peak of the sum of the neighbours' traces.

    Notes
    -----
    From raw samples one fused kernel calibrates and extracts; with a local weight, or from
    calibrated samples, another gives the same numbers.
    """

    window_width: int = option(7, "Length of the window", unit="samples", ge=1)
    window_shift: int = option(3, "Part of the window before the peak", unit="samples", ge=0)
    local_weight: int = option(
        0, "How often the pixel itself counts among its neighbours when the peak is sought", ge=0
    )
    apply_integration_correction: bool = option(True, "Scale charges to the whole pulse")

    @property
    def takes_raw(self) -> bool:
        """Whether `extract_raw` may be used."""
        return self.local_weight == 0

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

    def extract(self, traces: Traces) -> Charges:
        """Charge and peak time of every pixel."""
        return _extract(self, traces, NO_BASELINE, NO_BASELINE)


@dataclass(frozen=True)
class BaselineSubtractedNeighborPeakWindowSum:
    """The same after subtracting the mean of the first samples of each trace.

    Notes
    -----
    The baseline is subtracted after calibration, on top of the pedestal.
    """

    window_width: int = option(7, "Length of the window", unit="samples", ge=1)
    window_shift: int = option(3, "Part of the window before the peak", unit="samples", ge=0)
    local_weight: int = option(
        0, "How often the pixel itself counts among its neighbours when the peak is sought", ge=0
    )
    apply_integration_correction: bool = option(True, "Scale charges to the whole pulse")
    baseline_start: int = option(0, "First sample of the baseline; negative from the end")
    baseline_end: int = option(10, "Sample after the baseline; negative from the end")

    def extract(self, traces: Traces) -> Charges:
        """Charge and peak time of every pixel."""
        begin, end, _ = slice(self.baseline_start, self.baseline_end).indices(traces.n_samples)
        return _extract(self, traces, begin, end)


def _extract(
    options: NeighborPeakWindowSum | BaselineSubtractedNeighborPeakWindowSum,
    traces: Traces,
    baseline_begin: int,
    baseline_end: int,
) -> Charges:
    if traces.n_samples == 1:
        return traces.sums()
    width, shift = options.window_width, options.window_shift
    image, peak_time = traces.new_images()
    neighbor_trace_charges(
        traces.samples, traces.rows, traces.broken, traces.gain,
        traces.correction(width, shift, options.apply_integration_correction),
        traces.sampling_rate, traces.geometry.neighbor_table, baseline_begin, baseline_end,
        options.local_weight, width, shift, image, peak_time,
    )  # fmt: skip
    return traces.charges(image, peak_time)


__all__ = ["BaselineSubtractedNeighborPeakWindowSum", "NeighborPeakWindowSum"]
