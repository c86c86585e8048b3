"""`ctabatch.open`: one file as batches of columns, or as plain events."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO, Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.errors import OptionError
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.io.examples import resolve
from ctabatch.io.location import StorePath
from ctabatch.io.simtel.batches import BATCH_SIZE, RawBatch, raw_batches
from ctabatch.io.simtel.events import Events
from ctabatch.io.simtel.losses import Account, Loss
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.io.simtel.tables import run_batch, shower_batch, trigger_batch
from ctabatch.kernels import event_index as ei
from ctabatch.schemas.waveforms import (
    calibrated_waveforms,
    calibrated_waveforms_of_all_gains,
    raw_waveforms,
)
from ctabatch.stages.calibrate import calibrate
from ctabatch.stages.columns import record_batch
from ctabatch.stages.dl1 import Dl1Options, process
from ctabatch.stages.events import TelescopeEvents
from ctabatch.stages.gain_selection import calibrate_both_gains

Level = Literal["r0", "r1", "images", "parameters"]
LEVELS = ("r0", "r1", "images", "parameters")


@dataclass(frozen=True, eq=False)
class Batch:
    """Telescope events of one type at one data level: a record batch and what it belongs to.

    Every column is also an attribute that gives a numpy array: ``batch.waveform`` is a view of
    shape (n_events, n_pixels, n_samples), not a copy.

    Attributes
    ----------
    level : str
    tel_type : str
    geometry : CameraGeometry
    subarray : SubarrayDescription
    record_batch : pyarrow.RecordBatch
    """

    level: Level
    tel_type: str
    geometry: CameraGeometry
    subarray: SubarrayDescription
    record_batch: pa.RecordBatch

    def __len__(self) -> int:
        return int(self.record_batch.num_rows)

    def __getattr__(self, name: str) -> NDArray[Any]:
        if name.startswith("_") or name not in self.record_batch.schema.names:
            raise AttributeError(
                f"no column {name!r}; there are: {', '.join(self.record_batch.schema.names)}"
            )
        column = self.record_batch.column(name)
        if isinstance(column.type, pa.FixedShapeTensorType):
            if column.null_count or pa.types.is_boolean(column.type.value_type):
                filled = column.storage.flatten().to_numpy(zero_copy_only=False)
                if column.null_count:
                    raise ValueError(
                        f"column {name!r} has no value in {column.null_count} rows; "
                        f"use batch.record_batch.column({name!r})"
                    )
                return np.asarray(filled).reshape(len(column), *column.type.shape)
            return np.asarray(column.to_numpy_ndarray())
        return np.asarray(column.to_numpy(zero_copy_only=False))


class Source:
    """One sim_telarray file, read once from front to end.

    Obtained from `ctabatch.open`. Use it either as batches or as events.

    Attributes
    ----------
    subarray : SubarrayDescription
        The array of the first run in the file.
    simulation : dict
        The simulation configuration of the first run, by the column names of the table ``run``.
    losses : list of Loss
        What could not be read so far.
    """

    def __init__(self, reader: SimtelReader) -> None:
        self._reader = reader

    @property
    def subarray(self) -> SubarrayDescription:
        return self._reader.runs[0].subarray

    @cached_property
    def simulation(self) -> dict[str, Any]:
        rows: list[dict[str, Any]] = run_batch(self._reader.runs[0]).to_pylist()
        return rows[-1]

    @property
    def losses(self) -> list[Loss]:
        return self._reader.account.losses

    def batches(
        self,
        level: Level = "r1",
        *,
        options: Dl1Options | Callable[[str, int], Dl1Options] | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> Iterator[Batch]:
        """Batches of telescope events, each of one telescope type and shape.

        Parameters
        ----------
        level : {"r0", "r1", "images", "parameters"}
            Raw waveforms (all gains), calibrated waveforms, images with cleaning masks, or image
            parameters.
        options : Dl1Options or callable, optional
            For all telescopes, or by telescope type and id, such as `ProcessConfig.dl1_options`.
        batch_size : int
            At most so many telescope events in a batch.
        """
        if level not in LEVELS:
            raise OptionError.unknown_name("level", level, LEVELS)
        if batch_size < 1:
            raise OptionError(f"batch_size must be at least 1, not {batch_size}")
        of = options if callable(options) else None
        fixed = options if isinstance(options, Dl1Options) else Dl1Options()
        for events in self._reader:
            for raw in raw_batches(events, self._reader.account, batch_size, of):
                own = fixed if of is None else of(raw.tel_type, int(raw.tel_id[0]))
                rows = _rows(raw, level, own, self._reader.account)
                if rows is not None and rows.num_rows:
                    yield Batch(level, raw.tel_type, raw.geometry, raw.subarray, rows)

    def __iter__(self) -> Iterator[Event]:
        """Array events one by one: light views on batches, for a first look at a file."""
        for events in self._reader:
            yield from _events(events, self._reader.account)

    def close(self) -> None:
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_source(
    source: str | os.PathLike[str] | StorePath | BinaryIO,
    *,
    focal_length: Literal["effective", "equivalent"] = "effective",
    allowed_tels: Iterable[int] | None = None,
    max_events: int | None = None,
) -> Source:
    """Open a sim_telarray file, or the raw data in a dataset.

    Parameters
    ----------
    source : path, URI (s3://, gs://, file://), "example:NAME" or binary file object
        Plain, gzip or zstd, whatever its name. Of a dataset written with ``--write r0`` the
        folder, or ``DATASET/r0_stream/PART.parquet`` if it has several parts.
    focal_length : {"effective", "equivalent"}
        Which focal length turns camera positions into angles.
    allowed_tels : iterable of int, optional
        Read only these telescopes.
    max_events : int, optional
        Stop after so many array events.

    Returns
    -------
    Source

    Raises
    ------
    InputError
        The file is missing, unreadable or no sim_telarray file.
    """
    if isinstance(source, str):
        source = resolve(source) or source
    allowed = None if allowed_tels is None else frozenset(allowed_tels)
    return Source(
        SimtelReader(source, focal_length=focal_length, allowed_tels=allowed, max_events=max_events)
    )


def telescope_events(raw: RawBatch) -> TelescopeEvents:
    """The part of a raw batch that the DL1 stage works on; all rows must have a calibration."""
    run, events = raw.events.run, raw.events
    telescopes = raw.subarray.telescopes
    azimuth, altitude = run.array_pointing
    axis = np.full((len(raw), 4), np.nan)
    mc = events.mc[raw.event]
    simulated = mc >= 0
    columns = [ei.ALT, ei.AZ, ei.CORE_X, ei.CORE_Y]
    axis[simulated] = events.mc_floats[mc[simulated]][:, columns]
    pointing = [events.altitude[raw.telescope], events.azimuth[raw.telescope]]
    return TelescopeEvents(
        obs_id=raw.obs_id,
        event_id=raw.event_id,
        tel_id=raw.tel_id,
        waveform=raw.waveform,
        read_out=raw.read_out,
        calibration_row=raw.calibration_row,
        calibration=raw.calibration,
        geometry=raw.geometry,
        true_image=raw.true_image,
        true_image_sum=raw.true_image_sum,
        position=np.array([telescopes[int(tel_id)].position for tel_id in raw.tel_id]),
        pointing=np.column_stack(pointing).astype(np.float64),
        array_pointing=np.tile([altitude, azimuth], (len(raw), 1)),
        axis=axis,
        tel_type=raw.tel_type,
        is_sum=raw.is_sum,
    )


def calibrated(raw: RawBatch, account: Account) -> RawBatch:
    """The rows of a batch whose telescopes have a calibration; the others are reported."""
    known = raw.calibration_row >= 0
    for k in np.flatnonzero(~known):
        account.lose(
            Loss(
                "no pedestals [2022] or photo-electron factors [2023] of this shape: no image",
                raw.events.block.offset,
                event_id=int(raw.event_id[k]),
                tel_id=int(raw.tel_id[k]),
            )
        )
    return raw.take(known)


def raw_rows(raw: RawBatch) -> pa.RecordBatch:
    """Decoded raw waveforms."""
    dtype = pa.uint32() if raw.is_sum else pa.uint16()
    _, n_gains, n_pixels, n_samples = raw.waveform.shape
    return record_batch(
        raw_waveforms(n_gains, n_pixels, n_samples, dtype),
        {**_keys(raw), "waveform": raw.waveform, "is_read_out": raw.read_out},
    )


def calibrated_rows(events: TelescopeEvents, options: Dl1Options) -> pa.RecordBatch:
    """Rows of the table r1."""
    r1, gain = calibrate(
        events.waveform,
        events.calibration_row,
        events.calibration,
        options.extraction,
        events.gain,
    )
    return record_batch(
        calibrated_waveforms(*r1.shape[1:]),
        {
            **events.keys(),
            "waveform": r1,
            "selected_gain_channel": gain,
            "is_sum": np.full(len(events), events.is_sum),
            "is_read_out": events.read_out,
        },
    )


def rows_of_all_gains(events: TelescopeEvents) -> pa.RecordBatch:
    """Rows of the table r1_gains, from raw data."""
    waveform = calibrate_both_gains(events.waveform, events.calibration_row, events.calibration)
    return record_batch(
        calibrated_waveforms_of_all_gains(*waveform.shape[1:]),
        {**events.keys(), "waveform": waveform, "is_read_out": events.read_out},
    )


def _keys(raw: RawBatch) -> dict[str, NDArray[Any]]:
    return {
        "obs_id": np.full(len(raw), raw.obs_id, np.int32),
        "event_id": raw.event_id,
        "tel_id": raw.tel_id.astype(np.int16),
    }


def _rows(
    raw: RawBatch, level: Level, options: Dl1Options, account: Account
) -> pa.RecordBatch | None:
    if level == "r0":
        return raw_rows(raw)
    raw = calibrated(raw, account)
    if len(raw) == 0:
        return None
    events = telescope_events(raw)
    if level == "r1":
        return calibrated_rows(events, options)
    images, parameters = process(events, options, with_parameters=level == "parameters")
    return images if level == "images" else parameters


@dataclass(frozen=True)
class Trigger:
    """Trigger of an array event: columns of the table ``trigger``."""

    time: np.datetime64
    event_type: int
    tels_with_trigger: list[int]


@dataclass(frozen=True, eq=False)
class TelescopeEvent:
    """Data of one telescope: views of one row of a batch.

    Attributes
    ----------
    waveform : (n_gains, n_pixels, n_samples) ADC counts
    true_image : (n_pixels,) int32 or None
    """

    waveform: NDArray[Any]
    true_image: NDArray[np.int32] | None


@dataclass(frozen=True, eq=False)
class Event:
    """One array event.

    Attributes
    ----------
    obs_id, event_id : int
    trigger : Trigger
    shower : dict or None
        Simulated shower, by the column names of the table ``shower``.
    tel : dict
        Telescope -> TelescopeEvent.
    """

    obs_id: int
    event_id: int
    trigger: Trigger
    shower: dict[str, Any] | None
    tel: dict[int, TelescopeEvent]


def _events(events: Events, account: Account) -> Iterator[Event]:
    tels: list[dict[int, TelescopeEvent]] = [{} for _ in range(len(events))]
    for raw in raw_batches(events, account):
        for k in range(len(raw)):
            truth = raw.true_image[k] if raw.true_image is not None else None
            if truth is not None and truth[0] < 0:
                truth = None
            tels[raw.event[k]][int(raw.tel_id[k])] = TelescopeEvent(raw.waveform[k], truth)
    showers = {row["event_id"]: row for row in shower_batch(events).to_pylist()}
    triggers = trigger_batch(events)
    times = triggers.column("time").to_numpy(zero_copy_only=False)
    lists = triggers.column("tels_with_trigger").to_pylist()
    for k, event_id in enumerate(events.event_id.tolist()):
        trigger = Trigger(times[k], int(events.event_type[k]), lists[k])
        tel = dict(sorted(tels[k].items()))
        yield Event(events.run.obs_id, event_id, trigger, showers.get(event_id), tel)


__all__ = ["Batch", "Event", "Source", "open_source"]
