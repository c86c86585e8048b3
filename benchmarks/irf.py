"""All response functions from a table of events: this package and pyirf, each in its own process.

Makes a table of events in the work folder if there is none of that size, then runs both sides on
one thread, reading included, and compares the counts:

    python benchmarks/irf.py --rows 2e7 --check --folder WORK

The events are drawn directly, not simulated: only their number and spread matter here. pyirf reads
the table with pyarrow into an astropy QTable. With --groups each side also makes the responses of
12 groups (4 event types times 3 zenith bins): this package in one scan, pyirf group after group.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = ("true_energy", "reco_energy", "true_offset", "reco_offset", "theta", "gammaness")
CUT = 0.5
BLOCK = 1_000_000


def main() -> None:
    """Run both sides and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=float, default=2e6)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--only", choices=["ctabatch", "pyirf"])
    parser.add_argument("--groups", action="store_true")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="pyirf once more, to compare counts")
    parser.add_argument("--side", choices=["ctabatch", "pyirf"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    table = options.folder / f"events_{int(options.rows)}.parquet"
    if options.side:
        run_side(options.side, table, groups=options.groups, check=options.check)
        return
    if not table.exists():
        make_table(table, int(options.rows))
    records = {}
    for side in [options.only] if options.only else ["ctabatch", "pyirf"]:
        rounds = [measure(side, options, check=False) for _ in range(options.rounds)]
        records[side] = sorted(rounds, key=lambda r: r["wall s"])[len(rounds) // 2]
        shown = {k: v for k, v in records[side].items() if k != "counts"}
        print(side, json.dumps(shown), flush=True)
    if len(records) == 2:
        ours, theirs = records["ctabatch"], records["pyirf"]
        for figure in ("wall s", "CPU s", "peak GiB"):
            print(f"{figure}: pyirf / ctabatch = {theirs[figure] / ours[figure]:.1f}")
    if options.check and "ctabatch" in records:
        expected = measure("pyirf", options, check=True)["counts"]
        print("the counts are the same:", records["ctabatch"]["counts"] == expected)


def make_table(path: Path, n_rows: int) -> None:
    """Events with a power law of energy, written in blocks."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(1)
    writer = None
    temporary = path.with_suffix(".part")
    for start in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - start)
        energy = 1 / (100 - rng.random(n) * (100 - 1 / 300))
        offset = 6 * np.sqrt(rng.random(n))
        block = {
            "true_energy": energy,
            "reco_energy": energy * np.exp(rng.normal(0, 0.25, n)),
            "true_offset": offset,
            "reco_offset": np.abs(offset + rng.normal(0, 0.1, n)),
            "theta": np.abs(rng.normal(0, 0.12, n)) * energy**-0.2,
            "gammaness": rng.beta(4, 2, n),
            "zenith": rng.choice([20.0, 40.0, 60.0], n),
        }
        arrow = pa.table({name: values.astype(np.float32) for name, values in block.items()})
        kinds = pa.array(rng.integers(0, 4, n).astype(np.int8))
        arrow = arrow.append_column("event_type", kinds)
        if writer is None:
            writer = pq.ParquetWriter(temporary, arrow.schema, compression="zstd")
        writer.write_table(arrow, row_group_size=250_000)
    if writer is not None:
        writer.close()
    temporary.rename(path)


def measure(side: str, options: argparse.Namespace, *, check: bool) -> dict[str, Any]:
    """Run one side in a process of its own; checking is not part of a timed run."""
    command = [sys.executable, __file__, "--side", side, "--rows", str(options.rows)]
    command += ["--folder", str(options.folder), *(["--groups"] if options.groups else [])]
    command += ["--check"] if check else []
    one = ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = os.environ | dict.fromkeys(one, "1")
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def run_side(side: str, table: Path, *, groups: bool, check: bool) -> None:
    """Time one side in this process; compiled code and imports are not counted."""
    prepare(side)
    record: dict[str, Any] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    if side == "ctabatch":
        record["counts"] = run_ctabatch(table, groups)
    else:
        record["counts"] = run_pyirf(table, groups, check)
    record["wall s"] = round(time.perf_counter() - wall, 2)
    record["CPU s"] = round(time.process_time() - cpu, 2)
    record["peak GiB"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    print(json.dumps(record))


def prepare(side: str) -> None:
    """Import and compile what a side needs."""
    if side == "pyirf":
        importlib.import_module("pyirf.irf")
        return
    import polars as pl

    from ctabatch.irf.fill import fill
    from ctabatch.irf.histograms import IrfAxes

    frame = pl.DataFrame({name: [1.0] for name in (*COLUMNS, "kind", "weight")})
    quantities = ["aeff", "edisp", "psf", "background"]
    fill(frame.lazy(), IrfAxes.default(), quantities, weight="weight", by=["kind"])


class Showers:
    """Simulated showers, E^-2 within 6 deg."""

    n_showers, energy_min, energy_max = 10**9, 0.01, 300.0
    max_impact, viewcone_min, viewcone_max = 1000.0, 0.0, 6.0

    def expected_in(self, low: Any, high: Any) -> Any:
        low, high = (np.clip(e, self.energy_min, self.energy_max) for e in (low, high))
        norm = 1 / self.energy_min - 1 / self.energy_max
        return self.n_showers * (1 / low - 1 / high) / norm


def run_ctabatch(path: Path, groups: bool) -> list[Any]:
    """All responses by this package; the sum of the squared counts of each."""
    import polars as pl

    from ctabatch.irf.fill import fill
    from ctabatch.irf.histograms import IrfAxes
    from ctabatch.irf.products import make_products

    events = pl.scan_parquet(path).with_columns(
        passes=pl.col("gammaness") >= CUT, weight=pl.col("true_energy").cast(pl.Float64) ** -0.62
    )
    filled = fill(
        events, IrfAxes.default(), ["aeff", "edisp", "psf", "background"], gammaness="passes",
        weight="weight", by=["event_type", "zenith"] if groups else [],
    )  # fmt: skip
    products = make_products(filled, Showers(), 180_000.0)
    quantities = ("aeff", "edisp", "psf")
    counts = {(p.group, p.quantity): int((p.n_events**2).sum()) for p in products}
    return [[group, [counts[group, q] for q in quantities]] for group in sorted(filled.groups)]


def run_pyirf(path: Path, groups: bool, check: bool) -> list[Any]:
    """All responses by pyirf."""
    import astropy.units as u
    import pyarrow.parquet as pq
    from astropy.table import QTable
    from pyirf import irf
    from pyirf.simulations import SimulatedEventsInfo

    from ctabatch.irf.histograms import IrfAxes

    axes = IrfAxes.default()
    info = SimulatedEventsInfo(
        n_showers=10**9, energy_min=0.01 * u.TeV, energy_max=300 * u.TeV, max_impact=1000 * u.m,
        spectral_index=-2, viewcone_min=0 * u.deg, viewcone_max=6 * u.deg,
    )  # fmt: skip
    wanted = [*COLUMNS, *(["event_type", "zenith"] if groups else [])]
    table = pq.read_table(path, columns=wanted, use_threads=False)
    names = {"true_offset": "true_source_fov_offset", "reco_offset": "reco_source_fov_offset"}
    units = {"true_energy": u.TeV, "reco_energy": u.TeV, "gammaness": u.one}
    whole = QTable()
    for name in COLUMNS:
        values = table[name].to_numpy().astype(np.float64)
        whole[names.get(name, name)] = values * units.get(name, u.deg)
    kinds = {name: table[name].to_numpy() for name in wanted[len(COLUMNS) :]}
    del table
    passes = whole["gammaness"].value >= CUT
    selections = {"": passes}
    if groups:
        selections = {
            f"event_type={k}, zenith={z:.1f}": passes
            & (kinds["event_type"] == k)
            & (kinds["zenith"] == z)
            for k in range(4)
            for z in (20, 40, 60)
        }
    energy, reco = axes.true_energy.edges * u.TeV, axes.reco_energy.edges * u.TeV
    offset, rad = axes.offset.edges * u.deg, axes.rad.edges * u.deg
    counts = []
    for label, chosen in sorted(selections.items()):
        events = whole[chosen]
        events["weight"] = events["true_energy"].value ** -0.62
        area = irf.effective_area_per_energy_and_fov(events, info, energy, offset)
        edisp = irf.energy_dispersion(events, energy, offset, axes.migra.edges)
        psf = irf.psf_table(events, energy, rad, offset)
        irf.background_2d(events, reco, offset, 50 * u.h)
        if check:
            counts.append(
                [label, _counts(area, edisp, psf, info, energy, offset, rad, axes, events)]
            )
    return counts


def _counts(area: Any, edisp: Any, psf: Any, info: Any, energy: Any, offset: Any, rad: Any,
            axes: Any, events: Any) -> list[int]:  # fmt: skip
    """Sums of squared counts, got back from normalised products."""
    import astropy.units as u
    from pyirf.utils import cone_solid_angle

    simulated = info.calculate_n_showers_per_energy_and_fov(energy, offset)
    n = (area / (np.pi * info.max_impact**2)).to_value(u.one) * simulated
    total = np.rint(n)
    migra = events["reco_energy"] / events["true_energy"]
    inside = (migra >= axes.migra.edges[0]) & (migra <= axes.migra.edges[-1])
    close = events["theta"] <= rad[-1]
    found = [int((total**2).sum())]
    for values, chosen, width in (
        (np.moveaxis(edisp, 1, 2), inside, axes.migra.width),
        (psf.to_value(1 / u.sr), close, np.diff(cone_solid_angle(rad)).to_value(u.sr)),
    ):
        true = events["true_energy"][chosen].to_value(u.TeV)
        true_offset = events["true_source_fov_offset"][chosen].to_value(u.deg)
        norm = np.histogram2d(true, true_offset, [energy.value, offset.value])[0]
        found.append(int((np.rint(values * width * norm[..., None]) ** 2).sum()))
    return found


if __name__ == "__main__":
    main()
