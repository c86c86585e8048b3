"""What a file says once: run header, simulation, telescopes, monitoring, histograms.

A file may hold several runs (files concatenated one behind the other): each run header opens a new
`Run`. Monitoring is kept as it stands at the current place in the stream.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import DecodeError
from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.kernels import object_table as ot

from . import objects
from .blocks import Block
from .losses import Account, Loss


class Run:
    """State of one run while its objects go by.

    Attributes
    ----------
    obs_id : int
    header : dict
        Run header [2000].
    mc_run_headers : list of dict
        MC run headers [2001]; several where runs were merged.
    descriptions : dict
        tel_id -> name -> content of the blocks [2002] to [2008].
    shower_histogram : dict or None
        Simulated showers by distance and energy, known when the run is over.
    """

    def __init__(self, header: dict[str, Any], focal_length: Literal["effective", "equivalent"]):
        self.header = header
        self.obs_id = int(header["run"])
        self.focal_length = focal_length
        self.mc_run_headers: list[dict[str, Any]] = []
        self.descriptions: dict[int, dict[str, Any]] = defaultdict(dict)
        self.global_meta: dict[bytes, bytes] = {}
        self.telescope_meta: dict[int, dict[bytes, bytes]] = {}
        self.camera_monitoring: dict[int, dict[str, Any]] = defaultdict(dict)
        self.laser_calibration: dict[int, dict[str, Any]] = defaultdict(dict)
        self.pixel_monitoring: dict[int, dict[str, Any]] = defaultdict(dict)
        self.shower_histogram: dict[str, Any] | None = None
        self._subarray: SubarrayDescription | None = None
        self._calibrations: dict[tuple[str, int, int], CameraCalibration] = {}

    @property
    def subarray(self) -> SubarrayDescription:
        """The array; built at first use from the descriptions seen so far."""
        if self._subarray is None:
            height = self.mc_run_headers[-1]["obsheight"] if self.mc_run_headers else 0.0
            self._subarray = SubarrayDescription.from_simtel(
                self.header,
                self.descriptions,
                self.global_meta,
                self.telescope_meta,
                float(height),
                self.focal_length,
            )
        return self._subarray

    @property
    def started(self) -> bool:
        """Whether telescopes of this run went by, so that metadata now belong to the next one."""
        return bool(self.descriptions) or self._subarray is not None

    @property
    def array_pointing(self) -> tuple[float, float]:
        """Azimuth and altitude of the array, rad; NaN if the run tracked a sky position."""
        if int(self.header.get("tracking_mode", 0)) != 0:
            return float("nan"), float("nan")
        azimuth, altitude = (float(v) for v in self.header["direction"])
        return azimuth, clip_altitude(altitude)

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """By tel_id: position in the run header, a large number for those that are not in it."""
        positions = np.full(1 << 15, 1 << 30, np.int64)
        for i, tel_id in enumerate(self.header["tel_id"]):
            if 0 <= tel_id < len(positions):
                positions[int(tel_id)] = i
        return positions

    def take(self, kind: int, ident: int, content: Any) -> None:
        """Keep the content of one parsed object."""
        if kind in objects.DESCRIPTIONS:
            self.descriptions[ident][objects.DESCRIPTIONS[kind]] = content
            self._subarray = None
            self._calibrations.clear()
        elif kind == objects.MC_RUN_HEADER:
            self.mc_run_headers.append(content)
        elif kind == objects.HISTOGRAMS:
            self.shower_histogram = content or self.shower_histogram
        elif kind == objects.HISTORY_META:
            if ident == -1:
                self.global_meta = content
            else:
                self.telescope_meta[ident] = content
        else:
            state = {
                objects.CAMERA_MONITORING: self.camera_monitoring,
                objects.LASER_CALIBRATION: self.laser_calibration,
                objects.PIXEL_MONITORING: self.pixel_monitoring,
            }[kind]
            state[int(content.get("telescope_id", ident))].update(content)
            self._calibrations.clear()

    def calibration(self, tel_type: str, n_gains: int, n_pixels: int) -> CameraCalibration:
        """Calibration in force for telescopes of one type whose data have this shape.

        Telescopes without pedestals [2022] or photo-electron factors [2023] of that shape are left
        out. Without per-pixel times ([2023] before version 2) the time shift is 0.
        """
        key = (tel_type, n_gains, n_pixels)
        if key not in self._calibrations:
            self._calibrations[key] = self._snapshot(tel_type, (n_gains, n_pixels))
        return self._calibrations[key]

    def _snapshot(self, tel_type: str, shape: tuple[int, int]) -> CameraCalibration:
        rows: dict[str, list[Any]] = defaultdict(list)
        for tel_id in self.subarray.tel_types.get(tel_type, []):
            telescope = self.subarray.telescopes[tel_id]
            monitoring = self.camera_monitoring.get(tel_id, {})
            laser = self.laser_calibration.get(tel_id, {})
            pedestal, factor = monitoring.get("pedestal"), laser.get("calib")
            if pedestal is None or factor is None or monitoring["n_ped_slices"] < 1:
                continue
            if pedestal.shape != shape or factor.shape != shape:
                continue
            rows["tel_ids"].append(tel_id)
            rows["pedestal"].append((pedestal / monitoring["n_ped_slices"]).astype(np.float32))
            rows["dc_to_pe"].append(factor.astype(np.float32))
            shift = laser.get("tm_calib", np.zeros(shape, np.float32))
            rows["time_shift"].append(shift.astype(np.float32))
            rows["n_summed"].append(max(int(telescope.readout.n_samples), 1))
            rows["readouts"].append(telescope.readout)
            rows["invalid_pixels"].append(telescope.disabled_pixels)
        n = len(rows["tel_ids"])

        def stack(name: str, dtype: type, *tail: int) -> NDArray[Any]:
            return np.array(rows[name], dtype).reshape(n, *tail)

        return CameraCalibration(
            tel_ids=stack("tel_ids", np.int64),
            pedestal=stack("pedestal", np.float32, *shape),
            dc_to_pe=stack("dc_to_pe", np.float32, *shape),
            time_shift=stack("time_shift", np.float32, *shape),
            n_summed=stack("n_summed", np.int64),
            readouts=tuple(rows["readouts"]),
            invalid_pixels=stack("invalid_pixels", np.bool_, shape[1]),
        )


def clip_altitude(altitude: float) -> float:
    """Altitudes that exceed pi/2 only because pi/2 rounds up in single precision become pi/2."""
    return np.pi / 2 if np.pi / 2 < altitude < np.pi / 2 * (1 + 1e-6) else altitude


#: Object types that `RunReader` parses; all other top-level types belong to events or are skipped.
STATE_TYPES = frozenset(objects.DESCRIPTIONS) | {
    objects.HISTORY_META,
    objects.RUN_HEADER,
    objects.MC_RUN_HEADER,
    objects.HISTOGRAMS,
    objects.CAMERA_MONITORING,
    objects.LASER_CALIBRATION,
    objects.PIXEL_MONITORING,
}


class RunReader:
    """Turns state objects of the stream into runs.

    Attributes
    ----------
    current : Run or None
        The run in force.
    runs : list of Run
        All runs so far.
    """

    def __init__(self, focal_length: Literal["effective", "equivalent"], account: Account) -> None:
        self.focal_length = focal_length
        self.account = account
        self.current: Run | None = None
        self.runs: list[Run] = []
        self._early: list[tuple[int, int, Any]] = []  # metadata stand before their run header

    def take(self, block: Block, row: int) -> None:
        """Parse the state object in one row of a block; damaged ones are reported and left out."""
        kind, version, ident, *_ = (int(v) for v in block.table[row, :3])
        begin, size = int(block.table[row, ot.CONTENT]), int(block.table[row, ot.SIZE])
        place = block.offset + int(block.table[row, ot.START])
        if block.table[row, ot.STATE] != ot.INTACT:
            return  # reported when the block was cut
        try:
            content = objects.parse(
                kind, version, ident, block.data[begin : begin + size].tobytes(), place
            )
        except DecodeError as error:
            self.account.lose(Loss(error.what, place, size, kind, ident))
            return
        if kind == objects.RUN_HEADER:
            self.current = Run(content, self.focal_length)
            self.runs.append(self.current)
            for early in self._early:
                self.current.take(*early)
            self._early = []
        elif kind == objects.HISTORY_META and (self.current is None or self.current.started):
            self._early.append((kind, ident, content))
        elif self.current is not None:
            self.current.take(kind, ident, content)
        else:
            self.account.lose(Loss("stands before any run header", place, size, kind, ident))
