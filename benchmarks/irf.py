"""All response functions of many events: this package and pyirf, each in its own process.

Makes datasets of simulated, reconstructed gammas and protons of the wanted size in a work folder
(a small one of each, repeated under fresh run numbers), then runs both sides on one thread:

    python benchmarks/irf.py --rows 2e7 --folder WORK
    python benchmarks/irf.py --rows 2e7 --folder WORK --groups

Both read truth, reconstruction and pointing of each event, compute the distances, apply the cuts
of a file, weight, and make effective area, energy dispersion, PSF and background. This package
does all that its command does with these options, cut flow included; pyirf works on astropy tables
and reads with pyarrow. With --groups both make the responses of twelve groups (four kinds of event,
three kinds of run): this package in one scan, pyirf group after group. Counts are compared.

    python benchmarks/irf.py --rows 1e8 --folder WORK --command

runs the whole command `ctabatch irf` with its defaults: audit, optimised cuts, benchmarks, figures.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from irf_by_pyirf import pyirf_responses
from repeat_sets import repeat_dataset

GAMMA_SHARE = 0.6
SETS = {
    "gamma": ("--showers", "1000000", "--viewcone", "3"),
    "proton": ("--showers", "6000000", "--viewcone", "5"),
}
BY = ("shower_id % 4", "obs_id % 3")
THREADS = ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def main() -> None:
    """Run both sides and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=float, default=2e6)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--only", choices=["ctabatch", "pyirf"])
    parser.add_argument("--groups", action="store_true")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--command", action="store_true", help="time the whole command instead")
    parser.add_argument("--side", choices=["ctabatch", "pyirf"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    roots = {kind: options.folder / f"{kind}-{int(options.rows)}" for kind in SETS}
    cuts = options.folder / "cuts"
    if options.side:
        run_side(options.side, roots, cuts, groups=options.groups)
        return
    make_sets(options.folder, roots, options.rows)
    if options.command:
        words = [sys.executable, "-m", "ctabatch", "irf", *map(str, roots.values()), "-o",
                 str(options.folder / "made"), "--overwrite"]  # fmt: skip
        begin = time.perf_counter()
        subprocess.run(words, check=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall, cpu = time.perf_counter() - begin, used.ru_utime + used.ru_stime
        print(f"wall {wall:.1f} s, CPU {cpu:.1f} s, peak {used.ru_maxrss / 2**20:.2f} GiB")
        return
    records = {}
    for side in [options.only] if options.only else ["ctabatch", "pyirf"]:
        rounds = [measure(side, options) for _ in range(options.rounds)]
        records[side] = sorted(rounds, key=lambda r: r["CPU s"])[len(rounds) // 2]
        shown = {k: v for k, v in records[side].items() if k != "counts"}
        print(side, json.dumps(shown), flush=True)
    if len(records) == 2:
        ours, theirs = records["ctabatch"], records["pyirf"]
        for figure in ("wall s", "CPU s", "peak GiB"):
            print(f"{figure}: pyirf / ctabatch = {theirs[figure] / ours[figure]:.1f}")
        print("the counts are the same:", ours["counts"] == theirs["counts"])


def make_sets(folder: Path, roots: dict[str, Path], rows: float) -> None:
    """The datasets, and cuts from the small ones that they repeat."""
    from ctabatch.cli.main import run
    from ctabatch.dataset import Dataset

    def call(*words: object) -> None:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            run([str(word) for word in words])

    folder.mkdir(parents=True, exist_ok=True)
    small = {kind: folder / f"{kind}-once" for kind in SETS}
    for number, (kind, words) in enumerate(SETS.items()):
        if not small[kind].exists():
            call("simulate", small[kind], "--level", "dl2", "--primary", kind, "--array",
                 "alpha-north", "--seed", number, *words)  # fmt: skip
        if not roots[kind].exists():
            own = rows * (GAMMA_SHARE if kind == "gamma" else 1 - GAMMA_SHARE)
            n = Dataset(small[kind]).shower().collect().height
            repeat_dataset(small[kind], roots[kind], max(round(own / n), 1))
    if not (folder / "cuts").exists():
        call("irf", *small.values(), "-o", folder / "cuts", "--no-figures")


def measure(side: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run one side in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--rows", str(options.rows)]
    command += ["--folder", str(options.folder), *(["--groups"] if options.groups else [])]
    environment = os.environ | dict.fromkeys(THREADS, "1")
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def run_side(side: str, roots: dict[str, Path], cuts: Path, *, groups: bool) -> None:
    """Time one side in this process; imports and compiled code are not counted."""
    small = {kind: root.with_name(f"{kind}-once") for kind, root in roots.items()}
    work = ctabatch_responses if side == "ctabatch" else pyirf_responses
    by = BY if groups else ()
    work(small, cuts, by)
    wall, cpu = time.perf_counter(), time.process_time()
    record: dict[str, Any] = {"counts": work(roots, cuts, by)}
    record["wall s"] = round(time.perf_counter() - wall, 2)
    record["CPU s"] = round(time.process_time() - cpu, 2)
    record["peak GiB"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    print(json.dumps(record))


def ctabatch_responses(roots: dict[str, Path], cuts: Path, by: tuple[str, ...]) -> list[Any]:
    """All responses by this package; the events in each group's effective area."""
    from ctabatch.irf.make import make_responses
    from ctabatch.irf.options import load_config
    from ctabatch.irf.primaries import open_primary

    changes = {
        "cuts": {"kind": "file", "file": str(cuts)}, "benchmarks": [], "by": list(by),
        "audit": False, "bins": {"offset": "0,3,6", "background_offset": "0,5,10"},
    }  # fmt: skip
    config = load_config("", "options", changes)
    primaries = [open_primary(kind, [str(root)]) for kind, root in roots.items()]
    made = make_responses(primaries, config)
    areas = [product for product in made.products if product.quantity == "aeff"]
    return sorted(int(product.n_events.sum()) for product in areas)


if __name__ == "__main__":
    main()
