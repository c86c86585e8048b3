"""Record batches of events and runs: trigger, telescope_trigger, pointing, shower, run, r0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.kernels import event_index as ei
from ctabatch.kernels import object_table as ot
from ctabatch.schemas import simulation, trigger
from ctabatch.schemas.waveforms import RAW_DATA

from .batches import RawBatch
from .events import Events, shower_altitude, trigger_event_type
from .run import Run

#: Column of the run table -> word of the MC run header [2001], or word and index.
_RUN_WORDS: dict[str, str | tuple[str, int]] = {
    "corsika_version": "shower_prog_vers",
    "simtel_version": "detector_prog_vers",
    "energy_range_min": ("E_range", 0),
    "energy_range_max": ("E_range", 1),
    "prod_site_B_total": "B_total",
    "prod_site_B_declination": "B_declination",
    "prod_site_B_inclination": "B_inclination",
    "prod_site_alt": "obsheight",
    "shower_reuse": "n_use",
    "max_alt": ("alt_range", 1),
    "min_alt": ("alt_range", 0),
    "max_az": ("az_range", 1),
    "min_az": ("az_range", 0),
    "max_viewcone_radius": ("viewcone", 1),
    "min_viewcone_radius": ("viewcone", 0),
    "max_scatter_range": ("core_range", 1),
    "min_scatter_range": ("core_range", 0),
}


def trigger_batch(events: Events) -> pa.RecordBatch:
    """Rows of the table ``trigger``: one per array event."""
    tels = pa.ListArray.from_arrays(
        pa.array(events.trigger_starts.astype(np.int32)),
        pa.array(events.trigger_tel_id),
        type=trigger.TRIGGER.field("tels_with_trigger").type,
    )
    return pa.RecordBatch.from_arrays(
        [
            _constant(events.run.obs_id, len(events)),
            pa.array(events.event_id),
            pa.array(_nanoseconds(events), trigger.TIME),
            pa.array(events.event_type.astype(np.uint8)),
            tels,
            pa.array(events.whole),
        ],
        schema=trigger.TRIGGER,
    )


def raw_data_batch(raw: RawBatch) -> pa.RecordBatch:
    """Rows of the table ``r0``: where in the stream the raw data of telescope events stand."""
    events, n = raw.events, len(raw)
    rows = events.telescopes[raw.telescope, ei.ADC_ROW]
    start, content, size = events.objects(rows, ot.START, ot.CONTENT, ot.SIZE)
    _, n_gains, n_pixels, n_samples = raw.waveform.shape
    return pa.RecordBatch.from_arrays(
        [
            _constant(raw.obs_id, n),
            pa.array(raw.event_id),
            pa.array(raw.tel_id.astype(np.int16)),
            pa.array(np.full(n, n_gains, np.int8)),
            pa.array(np.full(n, n_pixels, np.int32)),
            pa.array(np.full(n, n_samples, np.int32)),
            pa.array(np.full(n, raw.is_sum)),
            pa.array(events.block.offset + start),
            pa.array((content - start + size).astype(np.int32)),
        ],
        schema=RAW_DATA,
    )


def telescope_trigger_batch(events: Events) -> pa.RecordBatch:
    """Rows of the table ``telescope_trigger``: one per telescope that triggered."""
    event = np.repeat(np.arange(len(events)), np.diff(events.trigger_starts))
    tel_id = events.trigger_tel_id
    offset = np.nan_to_num(events.trigger_time.astype(np.float64))
    offset = np.where(np.abs(offset) < 1e15, offset, 0.0)  # damaged floats must not overflow
    n_pixels = np.full(len(event), -1, np.int32)
    keys = event << 16 | tel_id.astype(np.int64)
    data = events.telescopes[:, ei.EVENT] << 16 | events.telescopes[:, ei.TEL_ID]
    order = np.argsort(keys, kind="stable")
    n_pixels[order[np.searchsorted(keys, data, sorter=order)]] = events.n_trigger_pixels
    return pa.RecordBatch.from_arrays(
        [
            _constant(events.run.obs_id, len(event)),
            pa.array(events.event_id[event]),
            pa.array(tel_id),
            pa.array(_nanoseconds(events)[event] + np.rint(offset).astype(np.int64), trigger.TIME),
            pa.array(events.trigger_time),
            pa.array(trigger_event_type(events.trigger_mask)),
            pa.array(n_pixels),
        ],
        schema=trigger.TELESCOPE_TRIGGER,
    )


def pointing_batch(events: Events) -> pa.RecordBatch:
    """Rows of the table ``pointing``: one per telescope event."""
    event = events.telescopes[:, ei.EVENT]
    return pa.RecordBatch.from_arrays(
        [
            _constant(events.run.obs_id, len(event)),
            pa.array(events.event_id[event]),
            pa.array(events.telescopes[:, ei.TEL_ID].astype(np.int16)),
            pa.array(events.azimuth),
            pa.array(shower_altitude(events.altitude).astype(np.float32)),
        ],
        schema=trigger.POINTING,
    )


def shower_batch(events: Events) -> pa.RecordBatch:
    """Rows of the table ``shower``: one per array event that is not calibration."""
    simulated = events.mc >= 0
    rows = events.mc[simulated]
    floats, integers = events.mc_floats[rows], events.mc_integers[rows]
    values = [
        floats[:, ei.ENERGY],
        np.degrees(shower_altitude(floats[:, ei.ALT])),
        np.degrees(floats[:, ei.AZ]),
        floats[:, ei.CORE_X],
        floats[:, ei.CORE_Y],
        floats[:, ei.H_FIRST_INT],
        floats[:, ei.X_MAX],
        floats[:, ei.STARTING_GRAMMAGE],
        integers[:, ei.MC_PRIMARY].astype(np.int32),
        integers[:, ei.MC_SHOWER_ID].astype(np.int32),
    ]
    return pa.RecordBatch.from_arrays(
        [
            _constant(events.run.obs_id, len(rows)),
            pa.array(events.event_id[simulated]),
            *map(pa.array, values),
        ],
        schema=simulation.SHOWER,
    )


def run_batch(run: Run) -> pa.RecordBatch:
    """Rows of the table ``run``: one per MC run header, one without simulation if there is none."""
    azimuth, altitude = np.degrees(run.array_pointing)
    rows = []
    headers: list[dict[str, Any] | None] = [*run.mc_run_headers] or [None]
    for index, header in enumerate(headers):
        row: dict[str, Any] = {
            "obs_id": run.obs_id,
            "subarray_id": run.subarray.digest,
            "header_index": index,
            "is_last_header": index == len(headers) - 1,
            "start_time": int(run.header["time"]),
            "subarray_pointing_lat": None if np.isnan(altitude) else altitude,
            "subarray_pointing_lon": None if np.isnan(azimuth) else azimuth,
            "run_number": run.obs_id,
        }
        if header is not None:
            fields = [field for field in simulation.RUN if field.name not in row]
            row |= {field.name: _run_value(header, field) for field in fields}
        rows.append(row)
    return pa.RecordBatch.from_pylist(rows, schema=simulation.RUN)


def _run_value(header: dict[str, Any], field: pa.Field) -> Any:
    word = _RUN_WORDS.get(field.name, field.name)
    value = header[word] if isinstance(word, str) else header[word[0]][word[1]]
    if field.name in ("min_alt", "max_alt"):
        return float(shower_altitude(np.array([value]))[0])
    return float(value) if pa.types.is_floating(field.type) else int(value)


def shower_distribution_batch(run: Run) -> pa.RecordBatch | None:
    """Row of the table ``shower_distribution``; None if the file ended without histograms."""
    hist = run.shower_histogram
    if hist is None:
        return None
    n_energies, n_distances = hist["data"].shape
    return pa.RecordBatch.from_pylist(
        [
            {
                "obs_id": run.obs_id,
                "hist_id": 6,
                "n_entries": hist["entries"],
                "bins_energy": 10 ** np.linspace(hist["lower_y"], hist["upper_y"], n_energies + 1),
                "bins_core_dist": np.linspace(hist["lower_x"], hist["upper_x"], n_distances + 1),
                "histogram": list(hist["data"]),
            }
        ],
        schema=simulation.SHOWER_DISTRIBUTION,
    )


def _constant(obs_id: int, n: int) -> pa.Array:
    return pa.array(np.full(n, obs_id, np.int32))


def _nanoseconds(events: Events) -> NDArray[np.int64]:
    return events.seconds * 1_000_000_000 + events.nanoseconds
