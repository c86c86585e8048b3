"""Array events of a dataset, for figures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ctabatch.config import ProcessConfig, validated
from ctabatch.dataset import KEYS, Dataset
from ctabatch.errors import CtabatchError, InputError
from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.location import parquet_source
from ctabatch.io.stored_parts import part_of
from ctabatch.scan import scan_files
from ctabatch.stages.extract import ExtractionOptions

from .event_data import ArrayEvent, TelescopeImage, Traces, Wanted
from .simtel_events import pixel_columns

IMAGES, WAVEFORMS, PARAMETERS = "dl1/images", "r1", "dl1/parameters"


def find_in_dataset(dataset: Dataset, wanted: Wanted) -> ArrayEvent:
    """The first array event of a dataset that has images and is meant.

    Raises
    ------
    InputError
        The dataset has no images.
    OptionError
        There is no such event; names the nearest and the first that are there.
    """
    if not has_table(dataset, IMAGES):
        raise InputError(
            f"{dataset.root}: this dataset has no images; process its input with --write "
            "images,parameters, or keep the raw data with --write r0"
        )
    return _event(dataset, *_key(dataset, wanted, IMAGES))


def find_without_images(dataset: Dataset, wanted: Wanted) -> ArrayEvent:
    """The same from image parameters alone, for the view of the array."""
    if has_table(dataset, IMAGES):
        return find_in_dataset(dataset, wanted)
    if not has_table(dataset, PARAMETERS):
        raise InputError(
            f"{dataset.root}: this dataset has neither images nor image parameters; process its "
            "input with --write images,parameters,geometry"
        )
    return _event(dataset, *_key(dataset, wanted, PARAMETERS))


def has_table(dataset: Dataset, table: str) -> bool:
    """Whether there is a table, of any telescope type."""
    return any(name.startswith(f"{table}/tel_type=") for name in dataset.tables)


def stored_config(dataset: Dataset, part: str | None = None) -> ProcessConfig:
    """Options that a part, by default the first, was processed with; defaults if not known."""
    folder = DatasetFolder(dataset.root)
    name = part or next(iter(dataset.parts), None)
    record = None if name is None else folder.record(name)
    try:
        return validated(ProcessConfig, dict((record or {}).get("config", {})), str(dataset.root))
    except CtabatchError:  # written by another command, which has options of its own
        return ProcessConfig()


def _key(dataset: Dataset, wanted: Wanted, table: str) -> tuple[int, int]:
    """Observation and event, in the order of the table trigger."""
    files = [f for name in _tables(dataset, table) for f in dataset.files(name)]
    keys = pl.concat(scan_files([file]).select(*KEYS, "tel_id") for file in files)
    there = keys.group_by(KEYS).agg("tel_id")
    order = dataset.trigger().select(KEYS).join(there, on=KEYS, how="inner", maintain_order="left")
    events: dict[tuple[int, int], Iterable[int]] = {}
    for obs_id, event_id, tel_ids in order.collect().iter_rows():
        if wanted.fits(obs_id, event_id, tel_ids):
            return obs_id, event_id
        events[obs_id, event_id] = tel_ids
    raise wanted.missing(events, str(dataset.root))


def _event(dataset: Dataset, obs_id: int, event_id: int) -> ArrayEvent:
    key = (pl.col("obs_id") == obs_id) & (pl.col("event_id") == event_id)
    subarray = dataset.subarray_description(obs_id)
    trigger = dataset.trigger().filter(key).collect().to_dicts()[0]
    showers = (
        dataset.shower().filter(key).collect().to_dicts() if "shower" in dataset.tables else []
    )
    config = stored_config(dataset, _part(dataset, obs_id, event_id))
    images = _images(dataset, subarray, obs_id, event_id, config)
    run = dataset.run().filter(pl.col("obs_id") == obs_id, pl.col("is_last_header")).collect()
    angles = [run[f"subarray_pointing_{name}"][0] for name in ("lat", "lon")]
    altitude, azimuth = (np.nan if angle is None else float(np.radians(angle)) for angle in angles)
    return ArrayEvent(
        obs_id=obs_id,
        event_id=event_id,
        subarray=subarray,
        triggered=trigger["tels_with_trigger"],
        images=sorted(images, key=lambda one: -one.brightness),
        shower=showers[0] if showers else None,
        array_pointing=(altitude, azimuth),
        stored_geometry=_geometry(dataset, key),
        quality=config.stereo.quality,
    )


def _part(dataset: Dataset, obs_id: int, event_id: int) -> str | None:
    """Name of the part that holds an event."""
    for file in dataset.files("trigger"):
        rows = scan_files([file]).filter(pl.col("obs_id") == obs_id, pl.col("event_id") == event_id)
        if rows.head(1).collect().height:
            return part_of(file)
    return None


def _geometry(dataset: Dataset, key: pl.Expr) -> dict[str, Any] | None:
    if "dl2/geometry" not in dataset.tables:
        return None
    rows = dataset.geometry().filter(key).collect().to_dicts()
    return rows[0] if rows else None


def _images(
    dataset: Dataset,
    subarray: SubarrayDescription,
    obs_id: int,
    event_id: int,
    config: ProcessConfig,
) -> list[TelescopeImage]:
    key = (obs_id, event_id)
    images, waveforms = (_rows(dataset, name, key) for name in (IMAGES, WAVEFORMS))
    parameters = {
        tel_id: table.slice(k, 1).to_pylist()[0]
        for tel_id, (table, k) in _rows(dataset, PARAMETERS, key).items()
        if "hillas_psi" in table.schema.names  # pictures are drawn in the telescope frame
    }
    pointing = {
        row["tel_id"]: (row["telescope_pointing_altitude"], row["telescope_pointing_azimuth"])
        for row in dataset.pointing()
        .filter(pl.col("obs_id") == obs_id, pl.col("event_id") == event_id)
        .collect()
        .to_dicts()
    }
    found = []
    for tel_id in sorted({*images, *parameters} & set(subarray.telescopes)):
        columns = pixel_columns(*images[tel_id]) if tel_id in images else {}
        traces = None
        if tel_id in waveforms and columns:
            tel_type = subarray.telescopes[tel_id].tel_type
            options = config.dl1_options(tel_type, tel_id).extraction
            traces = _traces(*waveforms[tel_id], columns, options)
        found.append(
            TelescopeImage(
                obs_id=obs_id,
                event_id=event_id,
                telescope=subarray.telescopes[tel_id],
                columns=columns,
                parameters=parameters.get(tel_id),
                pointing=pointing.get(tel_id, (np.nan, np.nan)),
                traces=traces,
            )
        )
    return found


def _rows(dataset: Dataset, table: str, key: tuple[int, int]) -> dict[int, tuple[pa.Table, int]]:
    """Telescope -> table and row in it, of one array event.

    Row groups whose keys cannot hold the event are not read.
    """
    found = {}
    filters = [("obs_id", "==", key[0]), ("event_id", "==", key[1])]
    for name in _tables(dataset, table):
        for file in dataset.files(name):
            rows = pq.read_table(parquet_source(file), partitioning=None, filters=filters)
            for k, tel_id in enumerate(rows["tel_id"].to_pylist()):
                found[tel_id] = (rows, k)
    return found


def _traces(
    table: pa.Table, row: int, columns: dict[str, Any], options: ExtractionOptions
) -> Traces | None:
    values = table["waveform"][row].as_py()
    r1 = np.asarray(values, np.float32)
    if r1.ndim != 2:
        width = table.schema.field("waveform").type.shape
        r1 = r1.reshape(width)
    if r1.shape[1] < 2:  # a sum
        return None
    read_out: NDArray[np.bool_] | None = columns.get("is_read_out")
    n_pixels = len(r1)
    return Traces(
        r1=r1,
        raw=None,
        gain=columns["selected_gain_channel"],
        time_shift=np.zeros(n_pixels, np.float32),  # not stored
        blank=np.zeros(n_pixels, np.bool_) if read_out is None else ~read_out,
        options=options,
    )


def _tables(dataset: Dataset, table: str) -> list[str]:
    return [name for name in dataset.tables if name.startswith(f"{table}/tel_type=")]


__all__ = ["find_in_dataset", "find_without_images", "has_table", "stored_config"]
