"""Simulated events straight into a dataset, at the level of images or of reconstructed events.

Tests of the later stages need more events than waveforms can be made for in the time. The tables
are those that processing a file would write; the part is named by the options.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import ctabatch
from ctabatch.config import StereoConfig
from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.parquet import PartFiles
from ctabatch.io.simtel.objects import shower_histogram
from ctabatch.io.simtel.run import Run
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.io.simtel.tables import run_batch, shower_distribution_batch
from ctabatch.io.simtel_writer.content import SimulatedEvents
from ctabatch.io.simtel_writer.histograms import ShowerHistograms
from ctabatch.io.simtel_writer.writer import SimtelWriter
from ctabatch.schemas.reconstruction import response_events
from ctabatch.schemas.simulation import SHOWER
from ctabatch.schemas.trigger import POINTING, TELESCOPE_TRIGGER, TRIGGER
from ctabatch.stages.columns import record_batch
from ctabatch.stages.dl1 import Dl1Options, image_rows, parameter_rows
from ctabatch.stages.events import TelescopeEvents
from ctabatch.stages.extract import Charges
from ctabatch.stereo import recompute

from .options import SimulationOptions
from .primaries import draw_primaries
from .response import dl2_events
from .run import TelescopeImages, image_events, run_content

#: Told (showers done, rows so far).
Progress = Callable[[int, int], None]

#: Event type of every simulated event (CTAO: subarray trigger).
SUBARRAY = 32
_PREFIX = "Toy"


def simulate_images(
    options: SimulationOptions, output: str | Path, progress: Progress | None = None
) -> dict[str, Any]:
    """Simulate a run as DL1 images, parameters and geometry, without waveforms.

    Returns
    -------
    dict
        The commit record of the part.

    Raises
    ------
    OutputError
        The folder holds something else or may not be written.
    """
    run, histograms = _run(options)
    part = _Part(options, output, "images")
    types: Counter[str] = Counter()
    n_array_events = n_showers = 0
    try:
        for events, images in image_events(options):
            histograms.fill(events, slice(0, len(events.event_id)))
            _write_events(part.files, options, events, images)
            for batch in images.values():
                tel_type = _write_images(part.files, options, run, events, batch)
                types[tel_type] += len(batch.event)
            n_array_events += int(events.triggered.sum())
            n_showers += len(events.shower_id)
            if progress is not None:
                progress(n_showers, sum(types.values()))
        record = part.commit(run, histograms, n_array_events, types)
    except BaseException:
        part.files.discard()
        raise
    recompute(output, StereoConfig(), only=part.files.part)
    return record


def simulate_reconstructed(
    options: SimulationOptions, output: str | Path, progress: Progress | None = None
) -> dict[str, Any]:
    """Simulate a run as reconstructed events of a simple response model: millions per second.

    Writes ``shower`` and ``dl2/subarray/model=Toy``; columns of showers that the model lacks are
    NaN.
    """
    run, histograms = _run(options)
    part = _Part(options, output, "dl2")
    schema = response_events(_PREFIX)
    n_rows = 0
    try:
        for table in dl2_events(options, prefix=_PREFIX):
            missing = np.full(len(table["event_id"]), np.nan)
            shower = {
                **{name: table.get(name, missing) for name in SHOWER.names},
                "true_shower_primary_id": np.full(len(missing), options.primary_id, np.int32),
                "shower_id": (table["event_id"] // 100).astype(np.int32),
            }
            part.files.write("shower", record_batch(SHOWER, shower))
            part.files.write(f"dl2/subarray/model={_PREFIX}", record_batch(schema, table))
            n_rows += len(missing)
            if progress is not None and len(missing):
                progress(int(table["event_id"][-1]) // 100, n_rows)
        _fill_all(histograms, options)
        return part.commit(run, histograms, n_rows, Counter())
    except BaseException:
        part.files.discard()
        raise


def _run(options: SimulationOptions) -> tuple[Run, ShowerHistograms]:
    """The run as readers of a file would see it, and its empty histograms."""
    content = run_content(options)
    header = io.BytesIO()
    SimtelWriter(header, content).close()
    header.seek(0)
    with SimtelReader(header) as reader:
        for _ in reader:
            pass
        return reader.runs[0], ShowerHistograms(content)


def _fill_all(histograms: ShowerHistograms, options: SimulationOptions) -> None:
    """Count every use of every shower, also those that no telescope saw."""
    step = 1 << 18
    for first in range(1, options.n_showers + 1, step):
        primaries = draw_primaries(options, first, min(step, options.n_showers + 1 - first))
        n, nothing = len(primaries.core), np.zeros(len(primaries.showers))
        events = SimulatedEvents(
            shower_id=primaries.shower_id,
            primary_id=np.full(len(nothing), options.primary_id),
            energy=primaries.showers[:, 0],
            azimuth=primaries.showers[:, 2],
            altitude=primaries.showers[:, 1],
            starting_grammage=nothing,
            x_max=nothing,
            h_first_int=nothing,
            h_max=nothing,
            shower=primaries.shower,
            event_id=primaries.event_id,
            core_x=primaries.core[:, 0],
            core_y=primaries.core[:, 1],
            seconds=np.zeros(n, np.int64),
            nanoseconds=np.zeros(n, np.int64),
            triggered=np.zeros(n, bool),
        )
        histograms.fill(events, slice(0, n))


class _Part:
    """The part of a dataset that a simulated run becomes."""

    def __init__(self, options: SimulationOptions, output: str | Path, level: str) -> None:
        self.folder = DatasetFolder(output)
        self.folder.create()
        self.options, self.level = options, level
        self.digest = hashlib.sha256(repr((level, options)).encode()).hexdigest()
        name = f"{options.primary}-{level}-run{options.obs_id}-{self.digest[:8]}"
        self.files = PartFiles(self.folder.root, name)

    def commit(
        self, run: Run, histograms: ShowerHistograms, n_array_events: int, types: Counter[str]
    ) -> dict[str, Any]:
        """Write what is known only at the end, and publish."""
        content = b"".join(histograms.object()[1:])
        run.shower_histogram = shower_histogram(content)
        self.folder.add_subarray(run.subarray)
        self.files.write("run", run_batch(run))
        self.files.write("shower_distribution", shower_distribution_batch(run))
        record = {
            "part": self.files.part,
            "input": {"name": f"simulated {self.options.primary}", "sha256": self.digest},
            "config_digest": self.digest[:12],
            "config": {"level": self.level, "options": repr(self.options)},
            "software": {"ctabatch": str(ctabatch.__version__)},
            "obs_ids": [self.options.obs_id],
            "array_events": n_array_events,
            "telescope_events": sum(types.values()),
            "by_event_type": {str(SUBARRAY): n_array_events},
            "by_tel_type": dict(sorted(types.items())),
            "n_losses": 0,
            "losses": [],
        }
        self.folder.commit(self.files, record)
        return record


def _write_events(
    files: PartFiles,
    options: SimulationOptions,
    events: SimulatedEvents,
    images: dict[str, TelescopeImages],
) -> None:
    """Rows of trigger, telescope_trigger, pointing and shower."""
    keep = np.flatnonzero(events.triggered)
    event = np.concatenate([np.empty(0, np.int64), *(i.event for i in images.values())])
    tel_id = np.concatenate([np.empty(0, np.int64), *(i.tel_id for i in images.values())])
    offset = np.concatenate([np.empty(0), *(i.trigger_time for i in images.values())])
    order = np.lexsort((tel_id, event))
    event, tel_id, offset = event[order], tel_id[order], offset[order].astype(np.float32)
    time = events.seconds * 1_000_000_000 + events.nanoseconds
    starts = np.searchsorted(event, np.append(keep, len(events.event_id))).astype(np.int32)
    lists = pa.ListArray.from_arrays(
        pa.array(starts),
        pa.array(tel_id.astype(np.int16)),
        type=TRIGGER.field("tels_with_trigger").type,
    )
    obs_id = np.full(max(len(keep), len(event)), options.obs_id, np.int32)
    files.write(
        "trigger",
        record_batch(
            TRIGGER,
            {
                "obs_id": obs_id[: len(keep)],
                "event_id": events.event_id[keep],
                "time": time[keep],
                "event_type": np.full(len(keep), SUBARRAY, np.uint8),
                "tels_with_trigger": lists,
                "is_complete": np.ones(len(keep), bool),
            },
        ),
    )
    keys = {
        "obs_id": obs_id[: len(event)],
        "event_id": events.event_id[event],
        "tel_id": tel_id.astype(np.int16),
    }
    files.write(
        "telescope_trigger",
        record_batch(
            TELESCOPE_TRIGGER,
            {
                **keys,
                "time": time[event] + np.rint(offset).astype(np.int64),
                "relative_trigger_time": offset,
                "event_type": np.full(len(event), SUBARRAY, np.uint8),
                "n_trigger_pixels": np.full(len(event), -1, np.int32),
            },
        ),
    )
    altitude, azimuth = options.pointing
    pointing = {
        "telescope_pointing_azimuth": np.full(len(event), azimuth, np.float32),
        "telescope_pointing_altitude": np.full(len(event), altitude, np.float32),
    }
    files.write("pointing", record_batch(POINTING, {**keys, **pointing}))
    files.write("shower", _shower_rows(options, events, keep))


def _shower_rows(
    options: SimulationOptions, events: SimulatedEvents, keep: NDArray[np.int64]
) -> pa.RecordBatch:
    shower = events.shower[keep]
    columns = {
        "obs_id": np.full(len(keep), options.obs_id, np.int32),
        "event_id": events.event_id[keep],
        "true_energy": events.energy[shower],
        "true_alt": np.degrees(events.altitude[shower]),
        "true_az": np.degrees(events.azimuth[shower]),
        "true_core_x": events.core_x[keep],
        "true_core_y": events.core_y[keep],
        "true_h_first_int": events.h_first_int[shower],
        "true_x_max": events.x_max[shower],
        "true_starting_grammage": events.starting_grammage[shower],
        "true_shower_primary_id": events.primary_id[shower].astype(np.int32),
        "shower_id": events.shower_id[shower].astype(np.int32),
    }
    return record_batch(SHOWER, columns)


def _write_images(
    files: PartFiles,
    options: SimulationOptions,
    run: Run,
    events: SimulatedEvents,
    batch: TelescopeImages,
) -> str:
    """Rows of dl1/images and dl1/parameters; returns the telescope type."""
    subarray: SubarrayDescription = run.subarray
    telescope = subarray.telescopes[int(batch.tel_id[0])]
    n = len(batch.event)
    shower = events.shower[batch.event]
    axis = [
        events.altitude[shower],
        events.azimuth[shower],
        events.core_x[batch.event],
        events.core_y[batch.event],
    ]
    pointing = np.tile(options.pointing, (n, 1))
    rows = TelescopeEvents(
        obs_id=options.obs_id,
        event_id=events.event_id[batch.event],
        tel_id=batch.tel_id,
        waveform=np.empty((n, 0)),
        read_out=None,
        calibration_row=np.zeros(n, np.int64),
        calibration=run.calibration(telescope.tel_type, 1, telescope.geometry.n_pixels),
        geometry=telescope.geometry,
        true_image=batch.true_image,
        true_image_sum=batch.true_image.sum(axis=1, dtype=np.int64),
        position=np.array([subarray.telescopes[int(t)].position for t in batch.tel_id]),
        pointing=pointing,
        array_pointing=pointing,
        axis=np.column_stack(axis),
    )
    gain = np.zeros(batch.image.shape, np.int8)
    charges = Charges(batch.image, batch.peak_time, gain)
    mask = Dl1Options().cleaner.clean(batch.image, batch.peak_time, telescope.geometry)
    folder = f"tel_type={telescope.tel_type}"
    files.write(f"dl1/images/{folder}", image_rows(rows, charges, mask))
    files.write(f"dl1/parameters/{folder}", parameter_rows(rows, charges, mask))
    return telescope.tel_type
