"""Coefficients of the telescopes of a part, from its table calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.subarray import SubarrayDescription

from .stored_rows import KeyedFile, Rows

COLUMNS = ("pedestal", "dc_to_pe", "time_shift", "n_summed", "is_invalid")


class StoredCalibration:
    """Which coefficients are in force for the events of a part, telescope by telescope.

    There are few rows, as a rule one per telescope and run, so all of them are read.

    Parameters
    ----------
    file : KeyedFile
        Of the table calibration.

    Attributes
    ----------
    n_gains, n_pixels : int
    """

    def __init__(self, file: KeyedFile) -> None:
        self.path = file.file.path
        rows = file.take(0, len(file.n_before) - 1)
        n = len(rows)
        self._place, self._tel_id = rows.event, rows.numbers("tel_id").astype(np.int64)
        self.n_gains, self.n_pixels = self._shape(rows)
        every = np.arange(n)
        self._arrays: dict[str, NDArray[Any]] = {
            name: np.empty((n, self.n_gains, self.n_pixels), np.float32)
            for name in ("pedestal", "dc_to_pe", "time_shift")
        }
        self._arrays["is_invalid"] = np.empty((n, self.n_pixels), np.bool_)
        for name, out in self._arrays.items():
            rows.tensors(name, every, out)
        self._n_summed = rows.numbers("n_summed").astype(np.int64)
        # by telescope, then by the event from which on the row is valid
        self._order = np.lexsort([self._place, self._tel_id])
        self._known: dict[int, CameraCalibration] = {}

    def _shape(self, rows: Rows) -> tuple[int, int]:
        dtype = rows.file.schema.field("pedestal").type
        shape = tuple(getattr(dtype, "shape", ()))
        if len(shape) != 2 or min(shape) < 1:
            raise InputError(f"{self.path}: column pedestal holds {dtype}, no (gain, pixel)")
        return int(shape[0]), int(shape[1])

    def rows(self, place: NDArray[np.int64], tel_id: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row in force for each telescope event, -1 where there is none.

        Parameters
        ----------
        place : (n,) int64
            Array event, counted from the first of the part.
        tel_id : (n,) int64
        """
        known = (self._tel_id[self._order] << 40) + self._place[self._order]
        at = np.searchsorted(known, (tel_id << 40) + place, side="right") - 1
        row = self._order[at] if len(known) else np.full(len(place), -1, np.int64)
        fits = (at >= 0) & (self._tel_id[row] == tel_id) if len(known) else row >= 0
        return np.where(fits, row, -1)

    def calibration(self, subarray: SubarrayDescription) -> CameraCalibration:
        """All rows as coefficients, with the readout of the telescopes of an array."""
        if id(subarray) not in self._known:
            telescopes = subarray.telescopes
            some = next(iter(telescopes.values())).readout
            readouts = (
                telescopes[tel_id].readout if tel_id in telescopes else some
                for tel_id in self._tel_id.tolist()
            )  # fmt: skip
            self._known[id(subarray)] = CameraCalibration(
                tel_ids=self._tel_id,
                pedestal=self._arrays["pedestal"],
                dc_to_pe=self._arrays["dc_to_pe"],
                time_shift=self._arrays["time_shift"],
                n_summed=self._n_summed,
                readouts=tuple(readouts),
                invalid_pixels=self._arrays["is_invalid"],
            )
        return self._known[id(subarray)]


__all__ = ["COLUMNS", "StoredCalibration"]
