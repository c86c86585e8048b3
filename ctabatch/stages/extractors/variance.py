"""Variance of the waveforms, for pixels that watch stars or the night sky."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctabatch.kernels.trace_variance import trace_variance
from ctabatch.stages.charges import Charges

from .traces import Traces


@dataclass(frozen=True)
class VarianceExtractor:
    """Variance of the samples of every pixel in squared photo-electrons; there is no peak time.

    Notes
    -----
    Source: ctapipe's definition.
    """

    def extract(self, traces: Traces) -> Charges:
        """Variance as image, NaN as peak time; waveforms of one sample keep it as their charge."""
        if traces.n_samples == 1:
            return traces.sums()
        image, peak_time = traces.new_images()
        trace_variance(traces.samples, image)
        charges = traces.charges(image, peak_time)
        peak_time[:] = np.nan
        return charges


__all__ = ["VarianceExtractor"]
