"""Small datasets of random rows in all tables, written without any reconstruction."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pyarrow as pa

from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.parquet import PartFiles, write_once
from ctabatch.schemas import (
    cut_flow,
    geometry,
    images,
    parameters,
    reconstruction,
    simulation,
    subarray,
    trigger,
)

SUBARRAY = "0123456789ab"
TYPES = {"LST_A_Cam": 7, "MST_B_Cam": 5}
TABLES = {
    "telescopes": subarray.TELESCOPES,
    "cameras": subarray.CAMERAS,
    "pixels": subarray.PIXELS,
    "optics": subarray.OPTICS,
    "readout": subarray.READOUT,
}


def write_dataset(root, n_parts=3, n_events=20, **options):
    """A dataset whose part K holds the events of observation K + 1."""
    folder = DatasetFolder(root)
    folder.create()
    for name, schema in TABLES.items():
        rows = random_rows(schema, 1, np.random.default_rng(0), {"subarray_id": [SUBARRAY]})
        write_once(root / "subarray" / name / f"{SUBARRAY}.parquet", rows)
    for k in range(n_parts):
        write_part(folder, k + 1, range(1, n_events + 1), **options)
    return root


def write_part(folder, obs_id, events, *, seed=0, predictions=("X",), thresholds=10.0, stem=None):
    """One part; the rows depend on the observation, the events and the seed alone."""
    folder = folder if isinstance(folder, DatasetFolder) else DatasetFolder(folder)
    rng = np.random.default_rng([seed, obs_id, len(events), *list(events)[:1]])
    digest = hashlib.sha256(repr((seed, obs_id, list(events))).encode()).hexdigest()
    stem = stem or f"run{obs_id}"
    name = f"{stem}-{digest[:8]}"
    config = {"cleaning": {"picture": thresholds}, "write": ["images", "parameters", "geometry"]}
    array = {"obs_id": np.full(len(events), obs_id), "event_id": np.array(list(events), np.int64)}
    files = PartFiles(folder.root, name, own_thread=False)
    telescope_rows, by_type = [], {}
    for k, (tel_type, n_pixels) in enumerate(TYPES.items()):
        keys = {
            "obs_id": np.repeat(array["obs_id"], 2),
            "event_id": np.repeat(array["event_id"], 2),
            "tel_id": np.tile([2 * k + 1, 2 * k + 2], len(events)),
        }
        telescope_rows.append(keys)
        by_type[tel_type] = len(keys["tel_id"])
        for table, schema in {
            "dl1/images": images.images(n_pixels),
            "dl1/parameters": parameters.PARAMETERS,
            "dl2/impact": geometry.IMPACT,
        }.items():
            write(files, f"{table}/tel_type={tel_type}", schema, rng, keys)
    every = {key: np.concatenate([k[key] for k in telescope_rows]) for key in telescope_rows[0]}
    write(files, "telescope_trigger", trigger.TELESCOPE_TRIGGER, rng, every)
    write(files, "pointing", trigger.POINTING, rng, every)
    write(files, "trigger", trigger.TRIGGER, rng, array)
    write(files, "shower", simulation.SHOWER, rng, array)
    write(files, "dl2/geometry", geometry.GEOMETRY, rng, array)
    one = {"obs_id": [obs_id], "subarray_id": [SUBARRAY], "is_last_header": [True]}
    write(files, "run", simulation.RUN, rng, one | {"header_index": [0]})
    histogram = {"obs_id": [obs_id], "hist_id": [6]}
    write(files, "shower_distribution", simulation.SHOWER_DISTRIBUTION, rng, histogram)
    counts = {
        "query": ["stereo", "stereo"],
        "step": [0, 1],
        "criterion": ["", "bright"],
        "expression": ["", "hillas_intensity > 50"],
        "n_images": [len(every["tel_id"]), len(events)],
    }
    write(files, "cut_flow", cut_flow.CUT_FLOW, rng, counts)
    record = {
        "part": name,
        "input": {"name": f"{stem}.simtel.zst", "path": f"{stem}.simtel.zst", "size": 1000,
                  "sha256": digest},
        "config_digest": hashlib.sha256(json.dumps(config).encode()).hexdigest()[:12],
        "config": config,
        "software": {"ctabatch": "0.1"},
        "obs_ids": [obs_id],
        "array_events": len(events),
        "telescope_events": sum(by_type.values()),
        "by_event_type": {"32": len(events)},
        "by_tel_type": by_type,
        "incomplete_events": [],
        "n_losses": 1,
        "losses": [{"what": f"lost of {name}"}],
        "notes": {"something": 2},
    }  # fmt: skip
    folder.commit(files, record)
    for prefix in predictions:
        write_predictions(folder, record, prefix, array, telescope_rows, rng)
    return name


def write_predictions(folder, record, prefix, array, telescope_rows, rng):
    files = PartFiles(folder.root, record["part"], own_thread=False)
    write(files, f"dl2/subarray/model={prefix}", reconstruction.event_predictions(prefix), rng,
          array)  # fmt: skip
    for tel_type, keys in zip(TYPES, telescope_rows, strict=True):
        name = f"dl2/telescope/model={prefix}/tel_type={tel_type}"
        write(files, name, reconstruction.telescope_predictions(prefix), rng, keys)
    rows = {n: t["rows"] for n, t in sorted(record["tables"].items()) if "dl1/param" in n}
    about = {
        "part": record["part"], "prefix": prefix, "models": {"folder": "m", "digest": "d1"},
        "combination": {"weighting": "w"}, "input_sha256": record["input"]["sha256"],
        "config_digest": record["config_digest"], "stereo": None, "rows": rows,
        "array_events": len(array["event_id"]), "telescope_events": 0,
        "predicted": {"energy": 3}, "telescope_types_without_model": {},
    }  # fmt: skip
    folder.commit_predictions(prefix, files, about)


def write(files, table, schema, rng, columns):
    n = len(next(iter(columns.values())))
    for batch in random_rows(schema, n, rng, columns).to_batches():
        files.write(table, batch)


def random_rows(schema, n, rng, columns):
    """Rows of a schema: the columns that are given, random numbers in the others."""
    arrays = []
    for field in schema:
        if field.name in columns:
            arrays.append(pa.array(columns[field.name], field.type))
        else:
            arrays.append(random_array(field.type, n, rng))
    return pa.Table.from_arrays(arrays, schema=schema)


def random_array(dtype, n, rng):
    if isinstance(dtype, pa.FixedShapeTensorType):
        storage = random_array(dtype.storage_type, n, rng)
        return pa.ExtensionArray.from_storage(dtype, storage)
    if pa.types.is_fixed_size_list(dtype):
        values = random_array(dtype.value_type, n * dtype.list_size, rng)
        return pa.FixedSizeListArray.from_arrays(values, type=dtype)
    if pa.types.is_list(dtype):
        offsets = np.concatenate([[0], np.cumsum(rng.integers(0, 4, n))]).astype(np.int32)
        values = random_array(dtype.value_type, int(offsets[-1]), rng)
        return pa.ListArray.from_arrays(pa.array(offsets), values, type=dtype)
    if pa.types.is_floating(dtype):
        values = rng.normal(size=n).astype(dtype.to_pandas_dtype())
        values[rng.random(n) < 0.05] = np.nan
        return pa.array(values, dtype, from_pandas=False)
    if pa.types.is_boolean(dtype):
        return pa.array(rng.random(n) < 0.5)
    if pa.types.is_string(dtype):
        return pa.array([f"text{k}" for k in rng.integers(0, 9, n)], dtype)
    if pa.types.is_timestamp(dtype):
        return pa.array(rng.integers(10**9, 2 * 10**9, n)).cast(dtype)
    return pa.array(rng.integers(0, 100, n)).cast(dtype)
