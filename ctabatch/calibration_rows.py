"""Rows of the table calibration: coefficients of calibrated waveforms, where they change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.schemas.calibration import calibration as schema_of
from ctabatch.sources.protocol import EventBlock
from ctabatch.stages.columns import record_batch

_COEFFICIENTS = ("pedestal", "dc_to_pe", "time_shift", "n_summed", "invalid_pixels")
_Values = tuple[NDArray[np.generic], ...]


@dataclass(frozen=True, eq=False)
class Calibrated:
    """The coefficients of the telescope events of a batch.

    Attributes
    ----------
    tel_type : str
    event : (n,) int64
        Row in its block of the array event of each telescope event.
    tel_id : (n,) int64
    calibration : CameraCalibration
    row : (n,) int64
        Row of each telescope event in `calibration`.
    """

    tel_type: str
    event: NDArray[np.int64]
    tel_id: NDArray[np.int64]
    calibration: CameraCalibration
    row: NDArray[np.int64]

    def values(self, k: int) -> _Values:
        """Coefficients of one telescope event."""
        return tuple(getattr(self.calibration, name)[self.row[k]] for name in _COEFFICIENTS)


class CalibrationRows:
    """Finds what has changed since the block before; blocks must come in order."""

    def __init__(self) -> None:
        self._last: dict[tuple[int, str, int], _Values] = {}

    def of_block(
        self, block: EventBlock, batches: Sequence[Calibrated]
    ) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Telescope type and row of every telescope whose coefficients are new."""
        first: dict[tuple[int, int, int], tuple[int, Calibrated]] = {}
        for batch in batches:
            _, at, use = np.unique(
                np.column_stack([batch.tel_id, batch.row]), axis=0,
                return_index=True, return_inverse=True,
            )  # fmt: skip
            event = np.full(len(at), len(block), np.int64)
            np.minimum.at(event, use.reshape(-1), batch.event)
            for k, place in zip(at.tolist(), event.tolist(), strict=True):
                key = (int(batch.tel_id[k]), id(batch.calibration), int(batch.row[k]))
                if key not in first or place < first[key][0]:
                    first[key] = (place, batch)
        order = sorted(first.items(), key=lambda item: (item[1][0], item[0][0]))
        for (tel_id, _, row), (place, batch) in order:
            k = int(np.flatnonzero((batch.tel_id == tel_id) & (batch.row == row))[0])
            values = batch.values(k)
            key_of_all = (block.obs_id, batch.tel_type, tel_id)
            if _same(values, self._last.get(key_of_all)):
                continue
            self._last[key_of_all] = values
            yield batch.tel_type, _row(block, place, tel_id, values)


def _same(values: _Values, last: _Values | None) -> bool:
    """Whether coefficients are equal to the last bit."""
    return last is not None and all(
        a is b or (a.shape == b.shape and a.tobytes() == b.tobytes())
        for a, b in zip(values, last, strict=True)
    )


def _row(block: EventBlock, place: int, tel_id: int, values: _Values) -> pa.RecordBatch:
    pedestal, dc_to_pe, time_shift, n_summed, invalid = values
    return record_batch(
        schema_of(*pedestal.shape),
        {
            "obs_id": np.array([block.obs_id], np.int32),
            "event_id": block.event_id[place : place + 1],
            "tel_id": np.array([tel_id], np.int16),
            "pedestal": np.ascontiguousarray(pedestal)[np.newaxis],
            "dc_to_pe": np.ascontiguousarray(dc_to_pe)[np.newaxis],
            "time_shift": np.ascontiguousarray(time_shift)[np.newaxis],
            "n_summed": np.array([n_summed], np.int32),
            "is_invalid": np.ascontiguousarray(invalid)[np.newaxis],
        },
    )


__all__ = ["Calibrated", "CalibrationRows"]
