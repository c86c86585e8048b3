"""Kill productions at random instants until they are done; the result is that of a calm run.

Each round starts one of: `process` in one process, `process --jobs 2`, two `run-part` of the same
task at once, or `finalise`; after a random time its processes, or one worker of it, get SIGKILL.
After every round each committed part must have its files with the rows that were recorded. A
dataset that is complete is compared with that of an uninterrupted run, row for row, and a new one
is begun.

With `--forked` the tasks run in forks of this program, which has all modules loaded: only the
work itself is under fire, by one or two processes at the same task, and a round takes a second.

    python benchmarks/soak.py --kills 200
    python benchmarks/soak.py --kills 200 --forked
    python benchmarks/soak.py --kills 20 --inputs 6 --seed 3 --scratch FOLDER
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ctabatch.io.writer_identity import unfinished, writer_is_alive
from ctabatch.production.failures import failures
from ctabatch.production.plan import Plan
from ctabatch.production.task import run_task

_PROGRAM = [sys.executable, "-m", "ctabatch"]
#: Seconds after which a round that does not end is a failure.
_PATIENCE = 600


def make_inputs(folder: Path, n_inputs: int, n_showers: int = 30) -> list[Path]:
    """Small simulated files, one run each."""
    from ctabatch.simulate.files import simulate_file
    from ctabatch.simulate.options import SimulationOptions

    paths = [folder / f"run{index}.simtel.zst" for index in range(1, n_inputs + 1)]
    for index, path in enumerate(paths, 1):
        if not path.exists():
            simulate_file(SimulationOptions(n_showers=n_showers, seed=index, obs_id=index), path)
    return paths


def check(root: Path) -> int:
    """Number of committed parts, after each was found with its files and rows."""
    n_parts = 0
    for path in (root / "parts").glob("[!.]*.json"):
        record = json.loads(path.read_text())
        for name, facts in record["tables"].items():
            found = pq.ParquetFile(root / name).metadata.num_rows
            if found != facts["rows"]:
                raise AssertionError(f"{root / name}: {found} rows, recorded are {facts['rows']}")
        n_parts += 1
    return n_parts


def contents(root: Path) -> dict[str, bytes]:
    """Table of each committed part -> all its rows as bytes."""
    found = {}
    for path in (root / "parts").glob("[!.]*.json"):
        for name in json.loads(path.read_text())["tables"]:
            table = pq.read_table(root / name, partitioning=None).combine_chunks()
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema.remove_metadata()) as stream:
                stream.write_table(table.replace_schema_metadata(None))
            found[name] = sink.getvalue().to_pybytes()
    return found


def descendants(pid: int, *, leaves: bool = False) -> list[int]:
    """Processes that a process has started, or those that it has started, and so on.

    Parameters
    ----------
    pid : int
    leaves : bool
        Only those that have started none themselves: not what workers are copies of.
    """
    of_parent: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if stat[0] != "Z":
            of_parent.setdefault(int(stat[1]), []).append(int(folder.name))
    found, new = [], [pid]
    while new:
        new = [child for parent in new for child in of_parent.get(parent, [])]
        found += new
    return [one for one in found if not (leaves and one in of_parent)]


def wait_for(condition, seconds: float = _PATIENCE) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen")
        time.sleep(0.02)


def _collect(pids: list[int], ended: dict[int, int]) -> dict[int, int]:
    """Add the exit codes of forks that have ended."""
    for pid in pids:
        if pid not in ended:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                ended[pid] = os.waitstatus_to_exitcode(status)
    return ended


class Soak:
    """One dataset after the other, under fire.

    Attributes
    ----------
    done : Counter
        What was killed, how often, and how many datasets became complete.
    """

    def __init__(self, folder: Path, inputs: list[Path], seed: int) -> None:
        self.folder, self.inputs = folder, inputs
        self.random = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.calm = folder / "calm"
        if not self.calm.exists():
            words = [*_PROGRAM, "process", *map(str, inputs), "-o", str(self.calm)]
            subprocess.run(words, check=True, capture_output=True, timeout=_PATIENCE)
        self.expected = contents(self.calm)
        self._begin()

    def _begin(self) -> None:
        self.root = self.folder / f"stormy-{self.done['datasets']}"
        shutil.rmtree(self.root, ignore_errors=True)
        self.plan = self.folder / "soak.plan.json"
        words = [*_PROGRAM, "plan", *map(str, self.inputs), "-o", str(self.root), "--threads", "1"]
        words += ["--plan", str(self.plan), "--inputs-per-task", "3"]
        subprocess.run(words, check=True, capture_output=True, timeout=_PATIENCE)

    def _commands(self) -> tuple[str, list[list[str]]]:
        kind = self.random.choice(["process", "jobs", "jobs", "run-part twice", "finalise"])
        names = list(map(str, self.inputs))
        process = [*_PROGRAM, "process", *names, "-o", str(self.root), "--resume"]
        process += ["--threads", "1"]
        task = self.random.randrange(Plan.read(self.plan).n_tasks)
        return kind, {
            "process": [process],
            "jobs": [[*process, "--jobs", "2", "--retries", "50"]],
            "run-part twice": [[*_PROGRAM, "run-part", str(self.plan), str(task)]] * 2,
            "finalise": [[*_PROGRAM, "finalise", str(self.plan)]],
        }[kind]

    def round(self) -> None:
        """Start something, kill it or a part of it, and look at what is there."""
        kind, commands = self._commands()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        running = [subprocess.Popen(words, **quiet) for words in commands]
        workers: list[int] = []
        try:
            self._wait_a_while(running, kind)
            workers = [pid for one in running for pid in descendants(one.pid)]
            victims = [one.pid for one in running if one.poll() is None]
            if workers and self.random.random() < 0.5:
                victims = [self.random.choice(workers)]
                kind += ": one worker"
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
                self.done[f"kills of {kind}"] += 1
                self.done["kills"] += 1
            if kind.endswith("one worker") and self.random.random() < 0.7:
                running[0].wait(_PATIENCE)  # it goes on with another worker
        finally:
            for one in running:
                one.kill()
                one.wait()
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 20)
        if check(self.root) == len(self.inputs):
            self.compare()

    def forked_round(self) -> None:
        """Run a task in one or two forks and kill them."""
        plan = Plan.read(self.plan)
        task = self.random.randrange(plan.n_tasks)
        before = set(unfinished(self.root))
        running = []
        for _ in range(self.random.choice([1, 2])):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    run_task(plan, task)
                    code = 0
                finally:
                    os._exit(code)
            running.append(pid)
        kind = "forks" if len(running) == 1 else "two forks at the same task"
        ended: dict[int, int] = {}
        try:
            wait_for(
                lambda: (
                    set(unfinished(self.root)) - before
                    or len(_collect(running, ended)) == len(running)
                )
            )
            time.sleep(self.random.uniform(0, 0.5))
        finally:
            for pid in running:
                if pid not in _collect(running, ended):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    ended[pid] = 0
                    self.done[f"kills of {kind}"] += 1
                    self.done["kills"] += 1
        if any(ended.values()):
            raise AssertionError(f"a task that was not killed ended with {ended}")
        if check(self.root) == len(self.inputs):
            self.compare()

    def _wait_a_while(self, running: list[subprocess.Popen], kind: str) -> None:
        """Until it has begun to write, and a random time more; or any time from its start."""
        if kind != "finalise" and self.random.random() < 0.8:
            before = set(unfinished(self.root))
            wait_for(
                lambda: (
                    set(unfinished(self.root)) - before
                    or all(one.poll() is not None for one in running)
                )
            )
            time.sleep(self.random.uniform(0, 0.6))
        else:
            time.sleep(self.random.uniform(0, 2.0))

    def compare(self) -> None:
        """Finalise a complete dataset and compare it; then begin another."""
        words = [*_PROGRAM, "finalise", str(self.plan)]
        code = subprocess.run(words, capture_output=True, timeout=_PATIENCE, check=False).returncode
        found = contents(self.root)
        if code != 0 or found != self.expected:
            differing = [n for n in self.expected if found.get(n) != self.expected[n]]
            raise AssertionError(f"{self.root}: exit code {code}, differing: {differing}")
        if list(failures(self.root)):
            raise AssertionError(f"{self.root}: records of failures are left")
        left = [path for path in unfinished(self.root) if writer_is_alive(path.name) is not False]
        if left:
            raise AssertionError(f"{left}: these leftovers cannot be told from files in use")
        self.done["leftovers told"] += len(list(unfinished(self.root)))
        shutil.rmtree(self.root)
        self.done["datasets"] += 1
        self._begin()

    def finish(self) -> None:
        """Resume what is there without a fault."""
        names = list(map(str, self.inputs))
        words = [*_PROGRAM, "process", *names, "-o", str(self.root), "--resume"]
        subprocess.run(words, check=True, capture_output=True, timeout=_PATIENCE)
        check(self.root)
        self.compare()


def main() -> None:
    """Run the soak and print what was done."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--inputs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--forked", action="store_true", help="tasks in forks of this program")
    parser.add_argument("--minutes", type=float, default=1e9, help="end earlier than that")
    parser.add_argument("--scratch", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.scratch) as name:
        folder = Path(name)
        soak = Soak(folder, make_inputs(folder, options.inputs), options.seed)
        if options.forked:
            importlib.import_module("ctabatch.engine")
        begin = time.monotonic()
        end = begin + 60 * options.minutes
        while soak.done["kills"] < options.kills and time.monotonic() < end:
            soak.forked_round() if options.forked else soak.round()
            print(dict(soak.done), file=sys.stderr, flush=True)
        soak.finish()
        print(json.dumps({**soak.done, "seconds": round(time.monotonic() - begin)}, indent=1))


if __name__ == "__main__":
    main()
