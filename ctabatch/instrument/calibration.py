"""Calibration coefficients of the telescopes of one type, at one place in the stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .readout import CameraReadout


@dataclass(frozen=True, eq=False)
class CameraCalibration:
    """Coefficients of several telescopes with cameras of one shape.

    Attributes
    ----------
    tel_ids : (n_telescopes,) int64
        Row of every other array.
    pedestal : (n_telescopes, n_gains, n_pixels) float32
        Pedestal of one sample in ADC counts.
    dc_to_pe : (n_telescopes, n_gains, n_pixels) float32
        Photo-electrons per ADC count, flat-fielding included.
    time_shift : (n_telescopes, n_gains, n_pixels) float32
        Subtracted from peak times, ns.
    n_summed : (n_telescopes,) int64
        Samples in a sum, for telescopes that store sums only.
    readouts : tuple of CameraReadout
        Sampling of each telescope.
    invalid_pixels : (n_telescopes, n_pixels) bool
        Pixels whose signal is replaced by that of their neighbours.
    """

    tel_ids: NDArray[np.int64]
    pedestal: NDArray[np.float32]
    dc_to_pe: NDArray[np.float32]
    time_shift: NDArray[np.float32]
    n_summed: NDArray[np.int64]
    readouts: tuple[CameraReadout, ...]
    invalid_pixels: NDArray[np.bool_]
    _corrections: dict[tuple[int, int | None], NDArray[np.float64]] = field(default_factory=dict)

    @cached_property
    def sampling_rate(self) -> NDArray[np.float64]:
        """Sampling rate of each telescope in GHz, (n_telescopes,)."""
        return np.array([readout.sampling_rate for readout in self.readouts], np.float64)

    def correction(self, width: int, shift: int) -> NDArray[np.float64]:
        """Factor for the charge outside an integration window, (n_telescopes, n_gains).

        See `CameraReadout.integration_correction`; a single reference pulse serves both gains.
        """
        return self._for_all((width, shift), lambda r: r.integration_correction(width, shift))

    def sliding_correction(self, width: int) -> NDArray[np.float64]:
        """Factor for the charge outside the window that holds most, (n_telescopes, n_gains).

        See `CameraReadout.sliding_correction`.
        """
        return self._for_all((width, None), lambda r: r.sliding_correction(width))

    def _for_all(
        self,
        key: tuple[int, int | None],
        correction: Callable[[CameraReadout], NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        if key not in self._corrections:
            n_gains = self.pedestal.shape[1]
            rows = [np.resize(correction(readout), n_gains) for readout in self.readouts]
            self._corrections[key] = np.array(rows, np.float64).reshape(len(rows), n_gains)
        return self._corrections[key]

    def rows(self, tel_id: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row of each telescope of a batch; -1 where it has no calibration."""
        order = np.argsort(self.tel_ids)
        if len(order) == 0:
            return np.full(len(tel_id), -1)
        place = np.searchsorted(self.tel_ids, tel_id, sorter=order).clip(max=len(order) - 1)
        rows = order[place]
        return np.where(self.tel_ids[rows] == tel_id, rows, -1)
