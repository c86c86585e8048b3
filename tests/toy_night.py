"""Nights on disk: a dataset of observed events near the Crab, and tables of other pipelines."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ctabatch.dl3.observations import seconds, to_horizon
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.parquet import PartFiles
from ctabatch.schemas.reconstruction import response_events
from ctabatch.schemas.simulation import RUN
from ctabatch.schemas.trigger import POINTING, TRIGGER
from ctabatch.stages.columns import record_batch
from tests import toy_observations as toy

START = np.datetime64("2025-01-10T22:00:00", "ns")
SECOND = 1_000_000_000
DEAD = 5e-3


def night(n=3000, n_runs=2, rate=5.0, seed=0):
    """Columns of all triggered events, of which some are reconstructed; ra and dec are the truth.

    Two wobble pointings in turn; a fixed dead time after each trigger.
    """
    rng = np.random.default_rng(seed)
    runs = []
    for run in range(n_runs):
        begin = START + np.timedelta64(run * 1200 * SECOND, "ns")
        late = np.cumsum(DEAD + rng.exponential(1 / rate, n))
        time = begin + np.round(late * SECOND).astype("m8[ns]")
        dec_pnt = toy.CRAB[2] + (0.5 if run % 2 else -0.5)
        ra, dec = toy.CRAB[1] + rng.normal(0, 0.2, n), toy.CRAB[2] + rng.normal(0, 0.2, n)
        alt, az = to_horizon(ra, dec, seconds(time), toy.SITE)
        pointing_alt, pointing_az = to_horizon(toy.CRAB[1], dec_pnt, seconds(time), toy.SITE)
        runs.append({
            "obs_id": np.full(n, 10 + run), "event_id": np.arange(n), "time": time,
            "energy": rng.pareto(1.5, n) * 0.1 + 0.06, "alt": alt, "az": az,
            "pointing_alt": pointing_alt, "pointing_az": pointing_az,
            "gammaness": rng.random(n), "valid": rng.random(n) < 0.9, "ra": ra, "dec": dec,
            "event_type": rng.integers(0, 2, n),
        })  # fmt: skip
    return {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}


def write_dataset(folder, columns):
    """The night as a dataset with triggers, pointings and predictions."""
    dataset = DatasetFolder(folder)
    dataset.create()
    files = PartFiles(dataset.root, "night")
    keys = {"obs_id": columns["obs_id"], "event_id": columns["event_id"]}
    n = len(columns["time"])
    files.write("trigger", record_batch(TRIGGER, {
        **keys, "time": columns["time"], "event_type": np.full(n, 32, np.uint8),
        "tels_with_trigger": pa.array([[1, 2]] * n), "is_complete": np.ones(n, bool),
    }))  # fmt: skip
    files.write("pointing", record_batch(POINTING, {
        **keys, "tel_id": np.ones(n, np.int16),
        "telescope_pointing_azimuth": np.radians(columns["pointing_az"]).astype(np.float32),
        "telescope_pointing_altitude": np.radians(columns["pointing_alt"]).astype(np.float32),
    }))  # fmt: skip
    files.write("dl2/subarray/model=Toy", record_batch(response_events("Toy"), {
        **keys,
        "Toy_energy": columns["energy"], "Toy_energy_is_valid": columns["valid"],
        "Toy_prediction": columns["gammaness"], "Toy_prediction_is_valid": columns["valid"],
        "Toy_alt": columns["alt"], "Toy_az": columns["az"],
        "Toy_direction_is_valid": columns["valid"],
    }))  # fmt: skip
    numbers = np.unique(columns["obs_id"]).astype(np.int32)
    known = {
        "obs_id": numbers, "subarray_id": pa.array(["toy"] * len(numbers)),
        "header_index": np.zeros(len(numbers), np.int32),
        "is_last_header": np.ones(len(numbers), bool),
    }  # fmt: skip
    # it tracks a sky position, so there is no pointing of the array; nothing was simulated
    rest = {
        field.name: None if field.nullable else pa.array([0] * len(numbers)).cast(field.type)
        for field in RUN
        if field.name not in known
    }
    files.write("run", record_batch(RUN, {**known, **rest}))
    dataset.commit(files, {"part": "night", "array_events": n})
