"""Array events of sim_telarray files, or of the raw data in a dataset, for figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.config import ProcessConfig
from ctabatch.errors import InputError
from ctabatch.io.location import Location
from ctabatch.io.simtel.batches import RawBatch, batch_plans
from ctabatch.io.simtel.events import Events
from ctabatch.io.simtel.losses import Account
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.io.simtel.tables import shower_batch, trigger_batch
from ctabatch.kernels import event_index as ei
from ctabatch.source import calibrated, calibrated_rows, telescope_events
from ctabatch.stages.dl1 import process
from ctabatch.stages.extract import ExtractionOptions

from .event_data import ArrayEvent, TelescopeImage, Traces, Wanted


class SimtelEvents:
    """Array events of one file; images are made as `ctabatch process` makes them.

    Parameters
    ----------
    path : Path
        What `ctabatch.open` takes.
    config : ProcessConfig
        How images are made, which telescopes are read, and how many events.
    """

    def __init__(self, path: Location, config: ProcessConfig) -> None:
        self._config = config
        self._reader = SimtelReader(path, **config.source.model_dump(exclude={"level"}))
        #: (obs_id, event_id) -> telescopes with data, of the events seen so far.
        self.seen: dict[tuple[int, int], list[int]] = {}

    @property
    def account(self) -> Account:
        """What could not be read so far."""
        return self._reader.account

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._reader.close()

    def matching(self, wanted: Wanted) -> Iterator[ArrayEvent]:
        """Events that are meant and have images; the others are not decoded."""
        for events in self._reader:
            obs_id = events.run.obs_id
            for place, event_id in enumerate(events.event_id.tolist()):
                rows = np.flatnonzero(events.telescopes[:, ei.EVENT] == place)
                tel_ids = events.telescopes[rows, ei.TEL_ID].tolist()
                if not tel_ids:
                    continue
                self.seen[obs_id, event_id] = tel_ids
                if wanted.fits(obs_id, event_id, tel_ids):
                    event = self._event(events, place, rows)
                    if event.images:
                        yield event

    def _event(self, events: Events, place: int, rows: NDArray[np.int64]) -> ArrayEvent:
        images = []
        for plan in batch_plans(events, self.account, kind_of=self._config.dl1_options):
            own = plan.rows[np.isin(plan.rows, rows)]
            if len(own):
                images += self._images(replace(plan, rows=own).decode())
        event_id = int(events.event_id[place])
        trigger = trigger_batch(events).slice(place, 1).to_pylist()[0]
        showers = {row["event_id"]: row for row in shower_batch(events).to_pylist()}
        azimuth, altitude = events.run.array_pointing
        return ArrayEvent(
            obs_id=events.run.obs_id,
            event_id=event_id,
            subarray=events.run.subarray,
            triggered=trigger["tels_with_trigger"],
            images=sorted(images, key=lambda one: -one.brightness),
            shower=showers.get(event_id),
            array_pointing=(altitude, azimuth),
            quality=self._config.stereo.quality,
        )

    def _images(self, raw: RawBatch) -> list[TelescopeImage]:
        raw = calibrated(raw, self.account)
        if not len(raw):
            return []
        options = self._config.dl1_options(raw.tel_type, int(raw.tel_id[0]))
        events = telescope_events(raw)
        if options.frame == "camera":  # pictures are drawn in the telescope frame
            options = replace(options, frame="both")
        images, parameters = process(events, options)
        traces = calibrated_rows(events, options)
        found = []
        for k, row in enumerate(parameters.to_pylist() if parameters is not None else []):
            columns = pixel_columns(images, k)
            tel_id = int(raw.tel_id[k])
            found.append(
                TelescopeImage(
                    obs_id=raw.obs_id,
                    event_id=int(raw.event_id[k]),
                    telescope=raw.subarray.telescopes[tel_id],
                    columns=columns,
                    parameters=row,
                    pointing=(float(events.pointing[k, 0]), float(events.pointing[k, 1])),
                    traces=None
                    if raw.is_sum
                    else self._traces(raw, k, traces, columns, options.extraction),
                )
            )
        return found

    def _traces(
        self,
        raw: RawBatch,
        k: int,
        rows: pa.RecordBatch,
        columns: dict[str, Any],
        options: ExtractionOptions,
    ) -> Traces:
        calibration, row = raw.calibration, raw.calibration_row[k]
        gain = columns["selected_gain_channel"]
        blank = calibration.invalid_pixels[row].copy()
        if raw.read_out is not None:
            blank |= ~raw.read_out[k]
        return Traces(
            r1=np.asarray(rows.column("waveform").to_numpy_ndarray()[k]),
            raw=raw.waveform[k],
            gain=gain,
            time_shift=calibration.time_shift[row][gain, np.arange(len(gain))],
            blank=blank,
            options=options,
        )


def find_in_simtel(
    paths: Sequence[Location], config: ProcessConfig, wanted: Wanted, account: Account
) -> ArrayEvent:
    """The first array event of some files that is meant.

    Parameters
    ----------
    paths : sequence of Path
    config : ProcessConfig
    wanted : Wanted
    account : Account
        Told what could not be read on the way.

    Raises
    ------
    OptionError
        There is no such event; names the nearest and the first that are there.
    """
    seen: dict[tuple[int, int], list[int]] = {}
    for path in paths:
        with SimtelEvents(path, config) as source:
            found = next(source.matching(wanted), None)
            seen |= source.seen
            for loss in source.account.losses:
                account.lose(loss)
        if found is not None:
            return found
    if not paths:
        raise InputError("no input")
    raise wanted.missing(seen, str(paths[0] if len(paths) == 1 else paths[0].parent))


def pixel_columns(table: pa.RecordBatch | pa.Table, row: int) -> dict[str, NDArray[Any] | None]:
    """Columns of one row that hold a value for each pixel."""
    columns: dict[str, NDArray[Any] | None] = {}
    for name in table.schema.names:
        kind = table.schema.field(name).type
        if isinstance(kind, pa.FixedShapeTensorType):
            value = table.column(name)[row].as_py()
            dtype = kind.value_type.to_pandas_dtype()
            columns[name] = None if value is None else np.asarray(value, dtype)
    return columns


__all__ = ["SimtelEvents", "find_in_simtel", "pixel_columns"]
