"""Resolutions and their errors in bins of energy and offset: this package and pyirf.

Each side runs in a process of its own on one thread, reading included, and the values are compared:

    python benchmarks/resolutions.py --rows 2e7 --folder WORK

The events are those of `irf.py`. --times 5 reads the same file five times over (this package only):
what grows with the rows is seen without writing them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from irf import CUT, make_table

SMALL = 1000  # rows that compile


def main() -> None:
    """Run both sides and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=float, default=2e6)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--side", choices=["ctabatch", "pyirf"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    table = options.folder / f"events_{int(options.rows)}.parquet"
    if options.side:
        print(json.dumps(run_side(options.side, table, options.times)))
        return
    if not table.exists():
        make_table(table, int(options.rows))
    one = ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = os.environ | dict.fromkeys(one, "1")
    values = []
    for side in ["ctabatch", "pyirf"] if options.times == 1 else ["ctabatch"]:
        command = [sys.executable, __file__, "--side", side, *sys.argv[1:]]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        record = json.loads(done.stdout)
        values.append(np.array(record.pop("values"), dtype=np.float64))
        print(side, json.dumps(record), flush=True)
    if len(values) == 2:
        print("largest relative difference:", np.nanmax(np.abs(values[0] / values[1] - 1)))


def run_side(side: str, path: Path, times: int) -> dict[str, Any]:
    """Time one side in this process; compiled code and imports are not counted."""
    measure = with_ctabatch if side == "ctabatch" else with_pyirf
    measure(path, 1, SMALL)
    wall, cpu = time.perf_counter(), time.process_time()
    values = measure(path, times, None)
    return {
        "wall s": round(time.perf_counter() - wall, 2),
        "CPU s": round(time.process_time() - cpu, 2),
        "peak GiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "values": values.tolist(),
    }


def with_ctabatch(path: Path, times: int, rows: int | None) -> np.ndarray:
    """Resolution of the energy and radii of 68 % and 95 %, (3, n_energy, n_offset)."""
    import polars as pl

    from ctabatch.irf.histograms import IrfAxes
    from ctabatch.irf.performance import resolutions

    axes = IrfAxes.default()
    events = pl.scan_parquet([path] * times, n_rows=rows)
    events = events.with_columns(passes=pl.col("gammaness") >= CUT)
    found = resolutions(events, axes.true_energy, axes.offset, gammaness="passes")
    by_name = {product.quantity: product.value for product in found}
    return np.stack([by_name[name] for name in ("energy_resolution", "theta_68", "theta_95")])


def with_pyirf(path: Path, times: int, rows: int | None) -> np.ndarray:
    """The same, and what else the other side has: bias by mean and median, 25 % and 50 %."""
    import astropy.units as u
    import pyarrow.parquet as pq
    from astropy.table import QTable
    from pyirf.benchmarks import angular_resolution, energy_bias_resolution
    from pyirf.binning import calculate_bin_indices

    from ctabatch.irf.histograms import IrfAxes

    del times
    axes = IrfAxes.default()
    energy, offset = axes.true_energy.edges * u.TeV, axes.offset.edges * u.deg
    units = {"true_energy": u.TeV, "reco_energy": u.TeV, "theta": u.deg, "true_offset": u.deg}
    columns = [*units, "gammaness"]
    table = pq.read_table(path, columns=columns, use_threads=False)[: rows or None]
    chosen = table["gammaness"].to_numpy() >= CUT
    events = QTable(
        {name: table[name].to_numpy()[chosen].astype(np.float64) * units[name] for name in units}
    )
    del table
    place, _ = calculate_bin_indices(events["true_offset"], offset)
    found = []
    for k in range(len(offset) - 1):
        own = events[place == k]
        median = energy_bias_resolution(own, energy)
        energy_bias_resolution(own, energy, bias_function=np.mean)
        theta = angular_resolution(own, energy, quantile=[0.25, 0.5, 0.68, 0.95])
        names = ("angular_resolution_68", "angular_resolution_95")
        found.append([median["resolution"], *(u.Quantity(theta[name]).value for name in names)])
    return np.moveaxis(np.array(found), 0, -1)


if __name__ == "__main__":
    main()
