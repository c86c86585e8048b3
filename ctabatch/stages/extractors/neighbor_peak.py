"""Windows around the peak of the neighbours."""

from __future__ import annotations

from dataclasses import dataclass

from ctabatch.kernels.neighbor_traces import neighbor_trace_charges
from ctabatch.stages.component import option
from ctabatch.stages.extract import Charges

from .traces import Traces

#: Instead of the first sample of a baseline: there is none to subtract.
NO_BASELINE = -1


@dataclass(frozen=True)
class NeighborPeakWindowSum:
    """Sum of a window around the peak of the summed traces of the neighbours.

    Notes
    -----
    Source: PARITY section 3. With local_weight 0 the fused kernel of `ctabatch.stages.extract`
    gives the same numbers from raw data.
    """

    window_width: int = option(7, "width of the integration window", unit="samples", ge=1)
    window_shift: int = option(3, "samples of the window before the peak", unit="samples")
    local_weight: int = option(
        0, "how often the pixel itself counts among its neighbours when the peak is sought", ge=0
    )
    apply_integration_correction: bool = option(True, "scale charges to the whole pulse")

    def extract(self, traces: Traces) -> Charges:
        """Charge and peak time of every pixel."""
        return _extract(self, traces, NO_BASELINE, NO_BASELINE)


@dataclass(frozen=True)
class BaselineSubtractedNeighborPeakWindowSum:
    """The same after subtracting the mean of the first samples of each trace.

    Notes
    -----
    Source: PARITY section 3. The baseline is subtracted after calibration, on top of the pedestal.
    """

    window_width: int = option(7, "width of the integration window", unit="samples", ge=1)
    window_shift: int = option(3, "samples of the window before the peak", unit="samples")
    local_weight: int = option(
        0, "how often the pixel itself counts among its neighbours when the peak is sought", ge=0
    )
    apply_integration_correction: bool = option(True, "scale charges to the whole pulse")
    baseline_start: int = option(0, "first sample of the baseline; negative from the end")
    baseline_end: int = option(10, "sample after the baseline; negative from the end")

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
