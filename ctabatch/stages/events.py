"""A batch of telescope events of one camera: what the stages work on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.camera import CameraGeometry

from .charges import Charges
from .columns import Nullable


@dataclass(eq=False)
class TelescopeEvents:
    """What the DL1 stage needs to know of a batch of telescope events of one camera.

    Attributes
    ----------
    obs_id : int
    event_id, tel_id : (n,) int64
    waveform : (n, n_gains, n_pixels, n_samples) uint16, uint32 for sums
        Calibrated ones are float32 (n, 1, n_pixels, n_samples).
    read_out : (n, n_pixels) bool or None
        None if all pixels were read out.
    calibration_row : (n,) int64
    calibration : CameraCalibration
    geometry : CameraGeometry
    true_image : (n, n_pixels) int32 or None
        -1 in all pixels where there is none.
    true_image_sum : (n,) int64
        -1 where unknown.
    position : (n, 3) float64, m
        Of the telescopes.
    pointing : (n, 2) float64, rad
        Altitude and azimuth of the telescopes.
    array_pointing : (n, 2) float64, rad
        Altitude and azimuth of the array, NaN where unknown.
    axis : (n, 4) float64
        Simulated shower: altitude, azimuth (rad), core x, y (m); NaN where there is none.
    tel_type : str
    is_sum : bool
        Whether there are sums, of one sample.
    gain : (n, n_pixels) int8 or None
        Gain channels of calibrated waveforms; None if the waveforms are raw.
    charges : Charges or None
        Images, if they were extracted before; then there are no waveforms.
    """

    obs_id: int
    event_id: NDArray[np.int64]
    tel_id: NDArray[np.int64]
    waveform: NDArray[Any]
    read_out: NDArray[np.bool_] | None
    calibration_row: NDArray[np.int64]
    calibration: CameraCalibration
    geometry: CameraGeometry
    true_image: NDArray[np.int32] | None
    true_image_sum: NDArray[np.int64]
    position: NDArray[np.float64]
    pointing: NDArray[np.float64]
    array_pointing: NDArray[np.float64]
    axis: NDArray[np.float64]
    tel_type: str = ""
    is_sum: bool = False
    gain: NDArray[np.int8] | None = None
    charges: Charges | None = None

    def __len__(self) -> int:
        return len(self.event_id)

    def take(self, keep: NDArray[np.bool_]) -> TelescopeEvents:
        """The batch of some of its rows."""
        if keep.all():
            return self
        charges = None
        if self.charges is not None:
            valid = self.charges.is_valid
            charges = Charges(
                self.charges.image[keep], self.charges.peak_time[keep], self.charges.gain[keep],
                None if valid is None else valid[keep],
            )  # fmt: skip
        own = {name: getattr(self, name) for name in _PER_ROW}
        chosen: dict[str, Any] = {
            name: None if rows is None else rows[keep] for name, rows in own.items()
        }
        if self.charges is not None:
            chosen["waveform"] = self.waveform
        return replace(self, **chosen, charges=charges)

    def without_waveforms(self) -> TelescopeEvents:
        """The same with no samples, which take most of the memory."""
        nothing = np.empty((0, 0, 0, 0), np.uint16)
        return replace(
            self, waveform=nothing, read_out=None, true_image=None, gain=None, charges=None
        )

    def keys(self) -> dict[str, Any]:
        """Columns that identify the rows."""
        return {
            "obs_id": np.full(len(self), self.obs_id, np.int32),
            "event_id": self.event_id,
            "tel_id": self.tel_id.astype(np.int16),
        }

    def true_image_sums(self) -> Nullable:
        """Photo-electrons of each telescope event, null where unknown."""
        return Nullable(self.true_image_sum.astype(np.int32), self.true_image_sum < 0)


#: Fields with a row for each telescope event, or None.
_PER_ROW = (
    "event_id", "tel_id", "waveform", "read_out", "calibration_row", "true_image",
    "true_image_sum", "position", "pointing", "array_pointing", "axis", "gain",
)  # fmt: skip

__all__ = ["TelescopeEvents"]
