"""What extractors that work on calibrated waveforms are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.stages.charges import Charges


@dataclass(frozen=True, eq=False)
class Traces:
    """Calibrated waveforms of a batch."""

    samples: NDArray[np.float32]
    gain: NDArray[np.int8]
    broken: NDArray[np.bool_]
    rows: NDArray[np.int64]
    calibration: CameraCalibration
    geometry: CameraGeometry
    tel_type: str


@runtime_checkable
class TraceExtractor(Protocol):
    """Extracts charges from calibrated waveforms."""

    def extract(self, traces: Traces) -> Charges:
        """Charges of all pixels."""
