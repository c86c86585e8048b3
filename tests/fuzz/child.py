"""The process that is fuzzed: bounded memory, one input after the other until the time is over.

Each input stands in a file before it is used, so that it is known if the process dies of it.
"""

from __future__ import annotations

import faulthandler
import json
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis.errors import NoSuchExample

from ctabatch.errors import CtabatchError
from tests.fuzz.targets import TARGETS

del find, NoSuchExample
#: Inputs between two looks at the clock.
ROUND = 50


def use(name: str, data: bytes) -> None:
    """One input; what is not allowed is raised."""
    folder = Path(tempfile.mkdtemp(prefix="ctabatch-fuzz-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            TARGETS[name].use(data, folder)
    except CtabatchError:
        pass
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(name: str, seconds: float, first: int, memory: int, slowest: float, work: Path) -> None:
    """Fuzz one target; the findings of this process are files in `work`."""
    target = TARGETS[name]
    inputs = target.inputs()
    use(name, b"")  # what is compiled and imported does not count
    _bound(memory)
    current = (work / "current").open("wb", buffering=0)
    begin, rounds, n = time.monotonic(), 0, 0
    while time.monotonic() - begin < seconds:

        @seed(first + rounds)
        @settings(
            max_examples=ROUND, database=None, deadline=None, phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
        )  # fmt: skip
        @given(inputs)
        def fuzz(data: bytes) -> None:
            nonlocal n
            n += 1
            current.seek(0)
            current.truncate()
            current.write(data)
            faulthandler.dump_traceback_later(slowest, exit=True)
            try:
                use(name, data)
            finally:
                faulthandler.cancel_dump_traceback_later()

        try:
            fuzz()
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            frames = traceback.extract_tb(error.__traceback__)
            told = "".join(traceback.format_exception(error))
            own = [
                f for f in frames if "/fuzz/" not in f.filename and "hypothesis" not in f.filename
            ]
            place = own[-1] if own else frames[-1]
            mark = f"{type(error).__name__}-{Path(place.filename).stem}-{place.lineno}"
            if not (work / mark).exists():
                (work / mark).write_bytes((work / "current").read_bytes())
                (work / f"{mark}.txt").write_text(f"seed {first + rounds}\n{told}")
        rounds += 1
    print(json.dumps({"inputs": n, "seconds": time.monotonic() - begin}))


def _bound(memory: int) -> None:
    """At most so many MiB of addresses more than there are now."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = used + (memory << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    faulthandler.enable()
    name, seconds, first, memory, slowest, work = sys.argv[1:]
    main(name, float(seconds), int(first), int(memory), float(slowest), Path(work))
