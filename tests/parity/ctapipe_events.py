"""Datasets of reconstructed events in the HDF5 layout that ctapipe's tools read."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import polars as pl
from astropy.table import QTable, Table
from ctapipe.instrument import SubarrayDescription
from ctapipe.io import EventSource, write_table

from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.files import simulate_file
from ctabatch.simulate.options import SimulationOptions

KEYS = ["obs_id", "event_id"]
#: Group of ctapipe -> columns of our predictions, with their units; names are the same.
PREDICTIONS = {
    "energy": {"Toy_energy": u.TeV, "Toy_energy_is_valid": None},
    "classification": {"Toy_prediction": None, "Toy_prediction_is_valid": None},
    "geometry": {"Toy_alt": u.deg, "Toy_az": u.deg, "Toy_direction_is_valid": None},
}
RUN = {"energy_range_min": u.TeV, "energy_range_max": u.TeV, "max_scatter_range": u.m,
       "min_scatter_range": u.m, "max_viewcone_radius": u.deg, "min_viewcone_radius": u.deg,
       "spectral_index": None, "n_showers": None, "shower_reuse": None}  # fmt: skip


POINTING = ("subarray_pointing_lat", "subarray_pointing_lon")


def any_array(folder: Path) -> SubarrayDescription:
    """Some telescopes: the tools ask for an array but make no use of it."""
    path = folder / "array.simtel.zst"
    simulate_file(SimulationOptions(primary="gamma", n_showers=1, array=load_array("lst4")), path)
    with EventSource(path, focal_length_choice="EQUIVALENT") as source:
        return source.subarray


def write_events(root: Path, path: Path, array: SubarrayDescription) -> Path:
    """Write truth and predictions of a dataset in ctapipe's layout."""
    shower = pl.read_parquet(root / "shower/*.parquet").sort(KEYS)
    predicted = pl.read_parquet(root / "dl2/subarray/model=Toy/*.parquet").sort(KEYS)
    assert shower.select(KEYS).equals(predicted.select(KEYS))
    runs = pl.read_parquet(root / "run/*.parquet").sort("obs_id")
    array.to_hdf(path)
    keys = _keys(shower)

    def write(table: Table, place: str) -> None:
        write_table(table, path, place, mode="a")

    write(Table({**keys, "event_type": np.full(len(shower), 32, np.int64)}),
          "/dl1/event/subarray/trigger")  # fmt: skip
    units = {"true_energy": u.TeV, "true_alt": u.deg, "true_az": u.deg}
    truth = {name: _values(shower, name, unit) for name, unit in units.items()}
    write(QTable({**keys, **truth}), "/simulation/event/subarray/shower")
    for group, columns in PREDICTIONS.items():
        found = {name: _values(predicted, name, unit) for name, unit in columns.items()}
        write(QTable({**keys, **found}), f"/dl2/event/subarray/{group}/Toy")
    numbers = {name: _values(runs, name, unit) for name, unit in RUN.items()}
    obs_id = {"obs_id": runs["obs_id"].to_numpy()}
    write(QTable({**obs_id, **numbers}), "/configuration/simulation/run")
    entries = {"n_entries": (runs["n_showers"] * runs["shower_reuse"]).to_numpy()}
    write(Table({**obs_id, **entries}), "/simulation/service/shower_distribution")
    pointing = {name: _values(runs, name, u.deg) for name in POINTING}
    pointing["subarray_pointing_frame"] = np.zeros(len(runs), np.int64)
    write(QTable({**obs_id, **pointing}), "/configuration/observation/observation_block")
    return path


def _values(frame: pl.DataFrame, name: str, unit: u.Unit | None) -> np.ndarray:
    """A column, angles and energies in double precision as astropy computes with them."""
    values = frame[name].to_numpy()
    return values if unit is None else values.astype(np.float64) * unit


def _keys(frame: pl.DataFrame) -> dict[str, np.ndarray]:
    return {name: frame[name].to_numpy().astype(np.uint64) for name in KEYS}
