"""A source of another package: waveforms of one telescope type in a file of numpy's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.instrument.optics import OpticsDescription
from ctabatch.instrument.readout import CameraReadout
from ctabatch.instrument.subarray import SubarrayDescription, TelescopeDescription
from ctabatch.schemas.simulation import RUN
from ctabatch.schemas.trigger import POINTING, TRIGGER
from ctabatch.sources.added import SourceBase
from ctabatch.sources.protocol import EventBlock, LoadedBatch, SourceOptions
from ctabatch.stages.columns import record_batch
from ctabatch.stages.dl1 import TelescopeEvents

TEL_TYPE = "LST_X_XCam"


class NpzFormat:
    """What the entry point names."""

    def recognises(self, path: Path) -> bool:
        return path.suffix == ".npz"

    def open(self, path: Path, options: SourceOptions) -> NpzSource:
        return NpzSource(path, options)


class NpzSource(SourceBase):
    """All events of a file as one block."""

    def __init__(self, path: Path, options: SourceOptions) -> None:
        super().__init__(path.stat().st_size)
        with np.load(path) as file:
            self._data = dict(file)
        self._n = len(self._data["waveform"])
        if options.max_events is not None and options.max_events <= self._n:
            self._n, self.stopped = options.max_events, True

    def __iter__(self) -> Iterator[EventBlock]:
        data, n = self._data, self._n
        subarray = _array(data)
        self.runs.append(SimpleNamespace(
            obs_id=7, subarray=subarray, rows=lambda: _run(subarray, data["array"]),
            shower_distribution=lambda: None,
        ))  # fmt: skip
        keys = {"obs_id": np.full(n, 7, np.int32), "event_id": np.arange(n)}
        pointing = data["pointing"][:n].astype(np.float32)
        tables = {
            "trigger": record_batch(TRIGGER, {
                **keys, "time": pa.array(np.arange(n), TRIGGER.field("time").type),
                "event_type": np.full(n, 32, np.uint8),
                "tels_with_trigger": pa.array([[1]] * n, TRIGGER.field("tels_with_trigger").type),
                "is_complete": np.ones(n, bool),
            }),
            "pointing": record_batch(POINTING, {
                **keys, "tel_id": np.ones(n, np.int16),
                "telescope_pointing_altitude": np.ascontiguousarray(pointing[:, 0]),
                "telescope_pointing_azimuth": np.ascontiguousarray(pointing[:, 1]),
            }),
        }  # fmt: skip
        yield EventBlock(
            obs_id=7, event_id=keys["event_id"], event_type=np.full(n, 32), whole=np.ones(n, bool),
            subarray=subarray, array_pointing=(float(data["array"][1]), float(data["array"][0])),
            tables=tables, plans=lambda kind_of: [Plan(data, subarray, n)],
        )  # fmt: skip
        self.position = self.size


@dataclass
class Plan:
    """All telescope events."""

    data: dict[str, Any]
    subarray: SubarrayDescription
    n: int

    def load(self, empty: Any) -> LoadedBatch:
        data, n, telescope = self.data, self.n, self.subarray.telescopes[1]
        events = TelescopeEvents(
            obs_id=7, event_id=np.arange(n), tel_id=np.ones(n, np.int64),
            waveform=data["waveform"][:n], read_out=None, calibration_row=np.zeros(n, np.int64),
            calibration=CameraCalibration(
                tel_ids=np.ones(1, np.int64), pedestal=data["pedestal"], dc_to_pe=data["dc_to_pe"],
                time_shift=data["time_shift"], n_summed=np.ones(1, np.int64),
                readouts=(telescope.readout,), invalid_pixels=data["invalid"],
            ),
            geometry=telescope.geometry, true_image=None, true_image_sum=np.full(n, -1),
            position=np.zeros((n, 3)), pointing=data["pointing"][:n].astype(np.float64),
            array_pointing=np.tile(data["array"], (n, 1)), axis=np.full((n, 4), np.nan),
            tel_type=TEL_TYPE, gain=data["gain"][:n] if "gain" in data else None,
        )  # fmt: skip
        return LoadedBatch(TEL_TYPE, events, np.arange(n))


def _array(data: dict[str, Any]) -> SubarrayDescription:
    n_gains, n_pixels = data["pedestal"].shape[1:]
    geometry = CameraGeometry(
        "XCam", data["pixel_x"], data["pixel_y"], data["pixel_area"], "hexagon", 0.0, 0.0,
        float(data["focal_length"]),
    )  # fmt: skip
    readout = CameraReadout(
        float(data["sampling_rate"]), data["pulse"], float(data["pulse_step"]), n_gains, n_pixels,
        data["waveform"].shape[-1],
    )  # fmt: skip
    optics = OpticsDescription(
        "X", "LST", "PARABOLIC", 100.0, 1, 1, float(data["focal_length"]), None
    )
    telescope = TelescopeDescription(
        1, "X", "LST", TEL_TYPE, optics, geometry, readout, np.zeros(3), data["invalid"][0],
        "equivalent",
    )  # fmt: skip
    return SubarrayDescription("one telescope", {1: telescope}, (0.0, 0.0, 2000.0))


def _run(subarray: SubarrayDescription, pointing: Any) -> pa.RecordBatch:
    altitude, azimuth = np.degrees(pointing).tolist()
    row = {
        "obs_id": 7,
        "subarray_id": subarray.digest,
        "header_index": 0,
        "is_last_header": True,
        "start_time": 0,
        "subarray_pointing_lat": altitude,
        "subarray_pointing_lon": azimuth,
    }
    return pa.RecordBatch.from_pylist([row], schema=RUN)
