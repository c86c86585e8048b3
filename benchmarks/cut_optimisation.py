"""Optimisation of cuts: this package and pyirf, each in its own process on one thread.

    python benchmarks/cut_optimisation.py --events 5e5

Gammas and background of the given number each are drawn directly, not simulated, and held in
memory when the clock starts: 9 multiplicities, 8 gammaness and 8 theta efficiencies in 20 energy
bins. The cuts of both are compared bin by bin, and the sensitivities that they reach. Kernels are
compiled before the first round.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

RING = (0.0, 5.0)
MAX_THETA, ALPHA = 0.5, 0.2


def main() -> None:
    """Run both sides and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=float, default=5e5, help="of each class")
    parser.add_argument("--rounds", type=int, default=3, help="of this package; pyirf has one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["ctabatch", "pyirf"])
    parser.add_argument("--side", choices=["ctabatch", "pyirf"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(run_side(options.side, int(options.events), options)))
        return
    found = {}
    for side in [options.only] if options.only else ["ctabatch", "pyirf"]:
        found[side] = measure(side)
        print(side, {k: v for k, v in found[side].items() if k != "cuts"}, flush=True)
    if len(found) == 2:
        compare(found["ctabatch"], found["pyirf"])


def measure(side: str) -> dict[str, Any]:
    """The figures of one side, run in a process of its own."""
    one = ("OMP", "OPENBLAS", "MKL", "NUMBA")
    environment = {**os.environ, **{f"{name}_NUM_THREADS": "1" for name in one}}
    environment["POLARS_MAX_THREADS"] = "1"
    command = [sys.executable, __file__, *sys.argv[1:], "--side", side]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    record: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return record


def run_side(side: str, n_events: int, options: argparse.Namespace) -> dict[str, Any]:
    """Times of all rounds, the cuts and the memory."""
    run = run_ctabatch if side == "ctabatch" else run_pyirf
    gammas, hadrons = events(n_events, options.seed)
    if side == "ctabatch":
        run(*events(1000, options.seed))
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rounds = []
    for _ in range(options.rounds if side == "ctabatch" else 1):
        wall, cpu = time.perf_counter(), time.process_time()
        cuts = run(gammas, hadrons)
        rounds.append((time.process_time() - cpu, time.perf_counter() - wall))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu, wall = sorted(rounds)[len(rounds) // 2]
    return {
        "CPU s": round(cpu, 3),
        "wall s": round(wall, 3),
        "MiB more": (peak - base) // 1024,
        "cuts": [[None if np.isnan(x) else float(x) for x in column] for column in cuts],
    }


def events(n: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Toy gammas and background that overlap, more telescopes at higher energies."""
    rng = np.random.default_rng(seed)
    frames = []
    for signal in (True, False):
        energy = 0.012 * (1 - rng.random(n)) ** (-1.0 if signal else -0.8)
        many = np.log10(energy / 0.01)
        multiplicity = 2 + rng.poisson((1.8 if signal else 1.2) * many)
        shape = (1 + multiplicity, 2.0) if signal else (2.0, 1.5)
        columns = {
            "reco_energy": energy,
            "gammaness": rng.beta(*shape, n),
            "multiplicity": multiplicity.astype(np.int64),
            "weight": (100 if signal else 1e5) * energy ** (-0.6 if signal else -0.7) * 3e4 / n,
        }
        if signal:
            columns["theta"] = rng.rayleigh(0.15 * energy**-0.2 / np.sqrt(multiplicity))
        else:
            columns["reco_offset"] = 6 * np.sqrt(rng.random(n))
        frames.append(pl.DataFrame(columns))
    return frames[0], frames[1]


def run_ctabatch(gammas: pl.DataFrame, hadrons: pl.DataFrame) -> list[Any]:
    """Cuts and sensitivities by this package."""
    from ctabatch.irf.axes import energy_axis
    from ctabatch.irf.cut_search import Conditions
    from ctabatch.irf.optimise import optimise_cuts

    found = optimise_cuts(
        gammas.lazy(), hadrons.lazy(), energy_axis(0.015, 150, 5), max_theta=MAX_THETA,
        conditions=Conditions(alpha=ALPHA, background_offset=RING),
    )  # fmt: skip
    cuts = found.cuts
    assert cuts.multiplicity is not None
    assert cuts.theta is not None
    return [cuts.gammaness, cuts.theta, cuts.multiplicity, found.sensitivity.relative]


def run_pyirf(gammas: pl.DataFrame, hadrons: pl.DataFrame) -> list[Any]:
    """Cuts and sensitivities by pyirf."""
    import astropy.units as u
    from astropy.table import QTable
    from pyirf.cut_optimization import optimize_cuts

    from ctabatch.irf.axes import energy_axis
    from ctabatch.irf.optimise import EFFICIENCIES, MULTIPLICITIES

    logging.getLogger("pyirf.sensitivity").setLevel(logging.ERROR)
    names = {"gammaness": "gh_score", "reco_offset": "reco_source_fov_offset"}
    units = {"reco_energy": u.TeV, "theta": u.deg, "reco_offset": u.deg}
    tables = [
        QTable({names.get(n, n): f[n].to_numpy() * units.get(n, 1) for n in f.columns})
        for f in (gammas, hadrons)
    ]
    table, multiplicity, theta, gammaness = optimize_cuts(
        *tables, energy_axis(0.015, 150, 5).edges * u.TeV, np.array(MULTIPLICITIES),
        np.array(EFFICIENCIES), np.array(EFFICIENCIES), fov_offset_min=RING[0] * u.deg,
        fov_offset_max=RING[1] * u.deg, alpha=ALPHA, theta_min_value=0 * u.deg,
        theta_max_value=MAX_THETA * u.deg, progress=False,
    )  # fmt: skip
    return [
        gammaness["cut"], theta["cut"].to_value(u.deg), multiplicity["cut"],
        table["relative_sensitivity"],
    ]  # fmt: skip


def compare(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Ratios, and how many bins have the same cuts."""
    for figure in ("CPU s", "wall s", "MiB more"):
        print(f"{figure}: pyirf / ctabatch = {theirs[figure] / ours[figure]:.1f}")
    a, b = (np.array(side["cuts"], dtype=float) for side in (ours, theirs))
    there = np.isfinite(b[3])
    same = (a[:3] == b[:3]).all(axis=0)
    apart = np.abs(np.divide(a[3], b[3], out=np.ones_like(b[3]), where=there) - 1)
    print(
        f"bins with cuts: {int(np.isfinite(a[0]).sum())} here, {int(there.sum())} in pyirf; "
        f"the same cuts in {int((same & there).sum())}; sensitivities differ by at most "
        f"{apart[there].max():.1e}, where cuts differ by {apart[there & ~same].max(initial=0):.1e}"
    )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
