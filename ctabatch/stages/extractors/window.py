"""What describes the window of samples that an extractor sums."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration


class Window(NamedTuple):
    """A window of samples.

    Attributes
    ----------
    around : str
        The peak that it is placed around, a fixed sample, or where it holds most charge.
    peak_index : int
        The sample of fixed windows.
    width, shift : int
        Samples in the window, and those of them before the peak.
    fraction : float
        Part of the pixels, the brightest, whose mean trace has the global peak.
    """

    around: Literal["neighbors", "local", "global", "fixed", "sliding"]
    peak_index: int
    width: int
    shift: int
    fraction: float = 1.0


@runtime_checkable
class WindowSum(Protocol):
    """An extractor that sums one window of each trace."""

    def window(self, n_samples: int) -> Window:
        """Where the window is, for traces of so many samples."""

    def correction(self, calibration: CameraCalibration) -> NDArray[np.float64]:
        """Factor for the charge outside the window, (n_telescopes, n_gains)."""


__all__ = ["Window", "WindowSum"]
