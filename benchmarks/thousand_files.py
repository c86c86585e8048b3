"""A production in small: a thousand files, some broken, while workers are killed.

Files of simulated showers are made once. Of them some are broken in the named ways of
`stress_files.py`. All are processed in one process, undisturbed: what that takes, start-up aside,
is the sum of the single runs. Then in two worker processes undisturbed, and in two of which one is
killed again and again, at a random moment, until as many kills are done as asked for.

Looked for in each dataset: every input that the undisturbed run could use is there, with the same
rows of every table; every broken input is named, as failed or with its losses or notes; nothing
unfinished is left. Printed: wall and CPU seconds, the largest memory of a worker, the overhead (CPU
seconds over those of one process) and the gain of two workers (its wall seconds over theirs). For
comparison some files are processed by a command each, start-up included, in the same hour.

    python benchmarks/thousand_files.py --folder W
    python benchmarks/thousand_files.py --folder W --files 200 --showers 400 --kills 20
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))

from soak import descendants
from stress_files import BREAKS, break_file
from whole_commands import machine, say

from ctabatch.io.simtel_writer.writer import SimtelWriter
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.options import SimulationOptions
from ctabatch.simulate.run import run_content, simulate

_PROGRAM = (sys.executable, "-m", "ctabatch")
#: Where the summary of an input names what is wrong with it; notes tell of missing histograms, by
#: which alone a file that ends between two events can be told.
_TOLD = ("n_losses", "incomplete_events", "notes", "warnings")
#: Ways to break a file that cost no event and nothing else: such a file is a good one.
HARMLESS = frozenset({"unknown-object"})


def make_files(folder: Path, n_files: int, n_showers: int, broken: float) -> list[Path]:
    """Files, some of them broken; those that are there from an earlier run are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    array, made = load_array("lst4"), []
    ways = [way for way in BREAKS if way not in HARMLESS]
    every = max(round(1 / broken), 1)
    for k in range(n_files):
        path = folder / f"run{k:05d}.simtel.zst"
        bad = k % every == every // 2
        way = ways[k // every % len(ways)] if bad else ""
        target = folder / f"run{k:05d}-{way}.simtel" if bad else path
        made.append(target)
        if target.exists():
            continue
        say(f"making file {k + 1} of {n_files}")
        options = SimulationOptions(
            n_showers=n_showers, array=array, seed=k, obs_id=k + 1, max_core_distance=250.0,
            energy_range=(0.05, 10.0),
        )  # fmt: skip
        with SimtelWriter(path, run_content(options), overwrite=True) as writer:
            for events in simulate(options):
                writer.write(events)
        if bad:
            target.write_bytes(break_file(path, way, k))
            path.unlink()
    return made


class Killer(threading.Thread):
    """Kills workers of a process at random moments, once there are finished parts."""

    def __init__(self, pid: int, root: Path, kills: int, pause: float, seed: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.root, self.left, self.pause = pid, root, kills, pause
        self.random, self.done = random.Random(seed), 0

    def run(self) -> None:
        """Until all kills are done or the process has ended."""
        while self.left and Path(f"/proc/{self.pid}").exists():
            time.sleep(self.random.uniform(0.2, 1.8) * self.pause)
            workers = descendants(self.pid, leaves=True)
            if not workers or not any((self.root / "parts").glob("[!.]*.json")):
                continue
            try:
                os.kill(self.random.choice(workers), signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.left -= 1
            self.done += 1


def run(files: list[Path], output: Path, words: list[str], **kill: Any) -> dict[str, Any]:
    """One run of process; `kill` are arguments of `Killer` (kills, pause, seed)."""
    shutil.rmtree(output, ignore_errors=True)
    log = output.with_suffix(".log")
    log.unlink(missing_ok=True)
    listing = output.with_suffix(".txt")
    listing.write_text("".join(f"{path}\n" for path in files))
    command = [*_PROGRAM, "process", f"@{listing}", "-o", str(output), "--json", "--log", str(log)]
    begin = time.perf_counter()
    with output.with_suffix(".json").open("wb") as out:
        process = subprocess.Popen([*command, *words], stdout=out, stderr=subprocess.DEVNULL)
        killer = Killer(process.pid, output, **kill) if kill else None
        if killer:
            killer.start()
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return {
        "exit_code": process.returncode,
        "wall s": time.perf_counter() - begin,
        "CPU s": usage.ru_utime + usage.ru_stime,
        "largest worker, MiB": max((line.get("memory_bytes") or 0) for line in lines) / 2**20,
        "kills": killer.done if killer else 0,
        "told": json.loads(output.with_suffix(".json").read_text()),
    }


def contents(root: Path) -> dict[str, dict[str, int]]:
    """Input -> rows of each table, of all committed parts."""
    found: dict[str, dict[str, int]] = {}
    for path in (root / "parts").glob("[!.]*.json"):
        record = json.loads(path.read_text())
        rows = {
            name.rpartition("/")[0]: pq.read_metadata(root / name).num_rows
            for name in record["tables"]
        }
        if record["input"]["name"] in found:
            sys.exit(f"{root}: {record['input']['name']} is there twice")
        found[record["input"]["name"]] = rows
    return found


def check(root: Path, result: dict[str, Any], expected: dict[str, dict[str, int]]) -> list[str]:
    """Inputs that are named as failed or with losses; ends the program if something is missing."""
    if (found := contents(root)) != expected:
        different = {k for k in found.keys() | expected.keys() if found.get(k) != expected.get(k)}
        sys.exit(f"{root}: other content of {sorted(different)[:5]}")
    left = [path for path in root.rglob(".*") if path.suffix == ".wip"]
    if left:
        sys.exit(f"{root}: unfinished files are left: {left[:5]}")
    return sorted(
        Path(one["input"]).name
        for one in result["told"]["inputs"]
        if one["status"] == "failed" or any(one.get(words) for words in _TOLD)
    )


def main() -> None:
    """Make, process, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="for files and datasets; kept")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--showers", type=int, default=200, help="in each file")
    parser.add_argument("--broken", type=float, default=0.03, help="part of the files")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dask", action="store_true", help="the last once more, by --scheduler")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    files = make_files(options.folder / "in", options.files, options.showers, options.broken)
    broken = {path.name for path in files if path.suffix == ".simtel"}

    say("one process")
    runs = {"one process": run(files, options.folder / "single", ["--threads", "1"])}
    expected = contents(options.folder / "single")
    named = check(options.folder / "single", runs["one process"], expected)
    if wrong := broken ^ set(named):
        sys.exit(f"broken but not named, or named but not broken: {sorted(wrong)}")
    words = ["--jobs", "2", "--threads", "1", "--retries", "20"]
    say("two workers")
    runs["two workers"] = run(files, options.folder / "calm", words)
    say("two workers that are killed")
    pause = runs["two workers"]["wall s"] / max(options.kills, 1)
    runs["two workers, killed"] = run(
        files, options.folder / "stormy", words, kills=options.kills, pause=pause,
        seed=options.seed,
    )  # fmt: skip
    folders = {"two workers": "calm", "two workers, killed": "stormy"}
    if options.dask:
        say("two workers of Dask that are killed")
        folders["two workers of Dask, killed"] = "dask"
        runs["two workers of Dask, killed"] = run(
            files, options.folder / "dask", [*words, "--scheduler", "local"], kills=options.kills,
            pause=pause, seed=options.seed,
        )  # fmt: skip
    for name, folder in folders.items():
        if check(options.folder / folder, runs[name], expected) != named:
            sys.exit(f"{name}: other inputs are named than in one process")
    say("")

    first = runs["one process"]
    n_events = sum(one.get("telescope_events", 0) for one in first["told"]["inputs"])
    print(f"{len(files)} files, {len(broken)} broken and named, {n_events:,} telescope events")
    print("| run | wall s | CPU s | CPU, over one process | wall, gain | kills | largest worker |")
    print("|---|---|---|---|---|---|---|")
    for name, one in runs.items():
        print(
            f"| {name} | {one['wall s']:.1f} | {one['CPU s']:.1f} "
            f"| {one['CPU s'] / first['CPU s'] - 1:+.1%} | {first['wall s'] / one['wall s']:.2f} "
            f"| {one['kills']} | {one['largest worker, MiB']:.0f} MiB |"
        )
    alone = [run([path], options.folder / "alone", ["--threads", "1"]) for path in files[:20]]
    each = sum(one["CPU s"] for one in alone) / len(alone)
    print(f"a command for each file: {each:.2f} CPU s per file, {each * len(files):.0f} s for all")
    if options.json:
        kept = {name: {k: v for k, v in one.items() if k != "told"} for name, one in runs.items()}
        options.json.write_text(json.dumps({"machine": machine(), "runs": kept}, indent=1) + "\n")


if __name__ == "__main__":
    main()
