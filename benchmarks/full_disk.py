"""Processing onto a disk that fills: what is committed is whole, and resuming makes the rest.

A small file system, which must not be that of the inputs, is filled up but for a random amount
before each run of `process` (in one process, or with two workers), `run-part`, `finalise` or
`compact`. Each must end with exit code 2 and a message that names the disk, or well; then every
committed part must have its files with the rows that were recorded, and no unfinished file may be
left. When the filling is gone the dataset is completed and compared with that of a calm run.

    mount -t tmpfs -o size=64m tmpfs /mnt/small
    python benchmarks/full_disk.py /mnt/small --rounds 60
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from soak import check, contents, make_inputs

from ctabatch.io.writer_identity import unfinished

_PROGRAM = [sys.executable, "-m", "ctabatch"]
#: Exit code of a run whose output cannot be written.
_FULL = 2


def run(*words: str) -> tuple[int, str]:
    """Exit code of a command, and what it said."""
    done = subprocess.run([*_PROGRAM, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.strip()


def fill(folder: Path, room: int) -> Path:
    """A file that leaves about so many bytes free."""
    path = folder / "filling"
    facts = os.statvfs(folder)
    size = max(facts.f_bavail * facts.f_frsize - room, 0)
    with path.open("wb") as out:
        os.posix_fallocate(out.fileno(), 0, size) if size else None
    return path


def main() -> None:
    """Fill, run, look, complete, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="on the small file system")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--inputs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance, done = random.Random(options.seed), Counter[str]()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        elsewhere = Path(name)
        inputs = [str(path) for path in make_inputs(elsewhere, options.inputs)]
        calm, plan = elsewhere / "calm", elsewhere / "plan.json"
        root, merged = options.folder / "dl1", options.folder / "merged"
        for path in (root, merged):
            shutil.rmtree(path, ignore_errors=True)
        process = ["process", *inputs, "-o", str(root), "--resume", "--threads", "1"]
        code, said = run("process", *inputs, "-o", str(calm), "--threads", "1")
        if code != 0:
            sys.exit(said)
        size = sum(path.stat().st_size for path in calm.rglob("*") if path.is_file())
        code, said = run("plan", *inputs, "-o", str(root), "--plan", str(plan))
        if code != 0:
            sys.exit(said)
        commands = {
            "process": process,
            "process --jobs 2": [*process, "--jobs", "2"],
            "run-part": ["run-part", str(plan), "0"],
            "finalise": ["finalise", str(plan)],
            "compact": ["compact", str(root), "-o", str(merged)],
            "compact --in-place": ["compact", str(root), "--in-place"],
        }
        # bytes that are about enough
        needs = dict.fromkeys(commands, size)
        needs |= {"run-part": size // options.inputs, "finalise": 40_000}
        expected = contents(calm)
        for k in range(options.rounds):
            kind = list(commands)[k % len(commands)]
            if kind == "finalise" or kind.startswith("compact"):
                code, said = run(*process)
                if code != 0:
                    sys.exit(f"{said}\n{kind}: the dataset cannot be completed")
            filling = fill(options.folder, chance.randrange(int(1.2 * needs[kind])))
            code, said = run(*commands[kind])
            is_full = code == _FULL and "full" in said
            done[f"{kind}: {'full' if is_full else 'enough room'}"] += 1
            if not is_full and code != 0:
                sys.exit(f"{kind}: exit code {code}: {said}")
            check(root) if root.exists() else None
            left = [*unfinished(root), *unfinished(merged)]
            if left:
                sys.exit(f"{kind}: unfinished files are left: {left[:5]}")
            filling.unlink()
            if kind.startswith("compact"):
                code, said = run("diff", str(root), str(calm))
                if code != 0:
                    sys.exit(f"{kind}: exit code {code} of diff: {said}")
            else:
                code, said = run(*process)
                if code != 0 or contents(root) != expected:
                    sys.exit(f"{kind}: exit code {code}, other rows than of a calm run: {said}")
            for path in (root, merged):
                shutil.rmtree(path, ignore_errors=True)
            print(dict(done), file=sys.stderr, flush=True)
    for kind, n in sorted(done.items()):
        print(f"{kind}: {n}")
    print(f"seconds: {time.monotonic() - begin:.0f}")


if __name__ == "__main__":
    main()
