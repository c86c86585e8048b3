"""Extraction for FlashCam: deconvolved, upsampled traces and leading-edge times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.readout import CameraReadout
from ctabatch.kernels.flashcam_charges import PARAMETERS, flashcam_charges
from ctabatch.stages.charges import Charges
from ctabatch.stages.component import option

from .pole_zero import pole_zero_parameters
from .traces import Traces


@dataclass(frozen=True)
class FlashCamExtractor:
    """Window around the peak of the neighbours in traces that are deconvolved and upsampled.

    Notes
    -----
    Source: ctapipe's definition; A. Gadola et al., JINST 10 (2015) C01014. Windows are in upsampled
    samples; parameters of the first gain serve all gains.
    """

    upsampling: int = option(4, "samples made of each sample", ge=1)
    window_width: int = option(7, "width of the window", unit="upsampled samples", ge=1)
    window_shift: int = option(3, "part of the window before the peak", unit="upsampled samples")
    local_weight: int = option(
        0, "how often the pixel itself counts among its neighbours when the peak is sought"
    )
    effective_time_profile_std: float = option(
        2.0, "spread of the arrival times of a pulse assumed for the gain", unit="ns", ge=0
    )
    neighbour_sum_clipping: float = option(
        5.0, "level of soft clipping in sums of neighbours; 0 or inf: none", unit="p.e.", ge=0
    )
    leading_edge_timing: bool = option(True, "times of the leading edge, not of the peak")
    leading_edge_rel_descend_limit: float = option(
        0.05, "fraction of the peak down to which samples count in leading-edge times", ge=0, le=1
    )

    def extract(self, traces: Traces) -> Charges:
        """Charge and peak time of every pixel."""
        if traces.n_samples == 1:
            return traces.sums()
        image, peak_time = traces.new_images()
        flashcam_charges(
            traces.samples, traces.rows, traces.broken, traces.geometry.neighbor_table,
            self._parameters(traces.calibration, traces.rows), traces.sampling_rate,
            self.upsampling, self.window_width, self.window_shift, self.local_weight,
            self.neighbour_sum_clipping, self.leading_edge_timing,
            self.leading_edge_rel_descend_limit, image, peak_time,
        )  # fmt: skip
        return traces.charges(image, peak_time)

    def _parameters(
        self, calibration: CameraCalibration, rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Parameters of the telescopes that have events, (n_telescopes, 4)."""
        found = np.full((len(calibration.readouts), len(PARAMETERS)), np.nan)
        known: dict[int, NDArray[np.float64]] = {}  # telescopes of a kind share their readout
        for row in np.unique(rows).tolist():
            readout = calibration.readouts[row]
            if id(readout) not in known:
                known[id(readout)] = self._parameters_of(readout)
            found[row] = known[id(readout)]
        return found

    def _parameters_of(self, readout: CameraReadout) -> NDArray[np.float64]:
        return pole_zero_parameters(
            readout,
            upsampling=self.upsampling,
            window_width=self.window_width,
            window_shift=self.window_shift,
            profile_std=self.effective_time_profile_std,
            descend_limit=(
                self.leading_edge_rel_descend_limit if self.leading_edge_timing else None
            ),
        )


__all__ = ["FlashCamExtractor"]
