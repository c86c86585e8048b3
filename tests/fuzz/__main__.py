"""``python -m tests.fuzz``: fuzz the entrances for foreign data, or repeat a finding."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Exit code 0: nothing found. 1: findings, each in a file."""
    parser = argparse.ArgumentParser(prog="nox -s fuzz --", description=__doc__)
    parser.add_argument("targets", nargs="*", help="eventio, parquet, records, ...; all if none")
    parser.add_argument("--seconds", type=float, default=60, help="for each target [60]")
    parser.add_argument("--seed", type=int, default=0, help="the same seed, the same inputs [0]")
    parser.add_argument("--memory", type=int, default=1500, help="MiB that inputs may take [1500]")
    parser.add_argument("--slowest", type=float, default=60, help="seconds for one input [60]")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="folder")
    parser.add_argument("--repeat", type=Path, help="use the input in this file and stop")
    given = parser.parse_args()
    if given.repeat is not None:
        from tests.fuzz.child import use

        (name,) = given.targets
        use(name, given.repeat.read_bytes())
        print(f"{given.repeat}: done, or refused with an error of the package")
        return 0
    from tests.fuzz.targets import TARGETS

    unknown = sorted(set(given.targets) - set(TARGETS))
    if unknown:
        parser.error(f"no target {unknown[0]}; there are {', '.join(TARGETS)}")
    found = [path for name in given.targets or TARGETS for path in fuzz(name, given)]
    for path in found:
        name = path.parent.name
        print(f"finding: {path}\n  repeat: python -m tests.fuzz {name} --repeat {path}")
    return 1 if found else 0


def fuzz(name: str, given: argparse.Namespace) -> list[Path]:
    """Fuzz one target, in new processes while they die; the files of findings."""
    folder = given.findings / name
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Path] = []
    begin, n, rounds = time.monotonic(), 0, 0
    while (left := given.seconds - (time.monotonic() - begin)) > 0:
        with tempfile.TemporaryDirectory() as work:
            # seeds of a process that follows another one must be others
            words = [name, left, given.seed + 1_000_000 * rounds, given.memory, given.slowest, work]
            command = [sys.executable, "-m", "tests.fuzz.child", *map(str, words)]
            limit = left + given.slowest + 120
            try:
                done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True,
                                      timeout=limit, check=False)  # fmt: skip
                code, out, err = done.returncode, done.stdout, done.stderr
            except subprocess.TimeoutExpired as late:
                code, out, err = -1, "", str(late)
            for path in sorted(Path(work).iterdir()):
                if path.name != "current" and path.suffix != ".txt":
                    found.append(shutil.copy(path, folder / path.name))
                    shutil.copy(path.with_name(f"{path.name}.txt"), folder)
            if code == 0:
                n += json.loads(out.splitlines()[-1])["inputs"]
            else:  # it died: of what stands in the file
                mark = folder / f"died-{code}-{given.seed + rounds}"
                current = Path(work) / "current"
                mark.write_bytes(current.read_bytes() if current.exists() else b"")
                (folder / f"{mark.name}.txt").write_text(err)
                found.append(mark)
        rounds += 1
    seconds = time.monotonic() - begin
    print(f"{name}: {n:,} inputs in {seconds:.0f} s, {len(found)} findings", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
