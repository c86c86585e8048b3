"""`ctabatch process` beside ctapipe-process, eventio's reader and plain decompression.

Inputs are made from the public example files, whose events are repeated under fresh ids. Whole
processes run in turn on the same file, several times; the operating system's accounting of each
gives wall time, CPU time and peak memory, start-up included. Printed are medians, ratios, figures
per telescope event, and a table of stages beside the limit of each.

    python benchmarks/process.py                     all of docs/performance.md
    python benchmarks/process.py --case sst1m --scale 0.1 --rounds 1 --json result.json
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from repeat_events import repeat_events
from stages import stage_table
from whole_commands import FIGURES, in_turn, machine, measure, say

from ctabatch.io import examples

#: Reads every waveform and keeps none.
EVENTIO_READER = """
import sys, warnings
from eventio import SimTelFile
warnings.simplefilter("ignore")
for event in SimTelFile(sys.argv[1]):
    len(event["telescope_events"])
"""
#: Decompresses and keeps nothing.
DECOMPRESSION = """
import sys
from pathlib import Path
from ctabatch.io.streams import ByteStream
stream, buffer = ByteStream(Path(sys.argv[1])), memoryview(bytearray(1 << 20))
while stream.readinto(buffer):
    pass
"""
OURS, OURS_ALONE = "ctabatch process, 2 threads", "ctabatch process, 1 thread"
STORED = "ctabatch process, 2 threads, from stored raw data"
CTAPIPE, EVENTIO, PLAIN = "ctapipe-process", "eventio's reader", "decompression alone"


@dataclass(frozen=True)
class Case:
    """An input that is made by repeating the events of an example.

    Attributes
    ----------
    example : str
    what : str
        Cameras in it.
    times : int
        Repeats of the file that everything is measured on.
    sizes : tuple of float
        Other sizes, as factors, on which the cheaper commands are measured, in one round.
    equivalent : bool
        The file has no effective focal length.
    cut : bool
        The example ends inside an object.
    """

    example: str
    what: str
    times: int
    sizes: tuple[float, ...] = ()
    equivalent: bool = False
    cut: bool = False

    def make(self, folder: Path, times: int) -> Path:
        """Write the file."""
        target = folder / f"{self.example}-{times}.simtel.zst"
        say(f"making {target.name}")
        repeat_events(examples.path(self.example), target, times, cut=self.cut)
        return target


CASES = {
    "sst1m": Case("sst1m", "SST-1M: 1 gain, 1296 pixels, 50 samples", 160, (0.1, 10.0)),
    "prod6": Case("prod6", "LST and NectarCam: 2 gains, 1855 pixels, 40 and 60 samples", 500),
    "sct": Case("gamma-test", "SCT (11328 pixels, 32 samples), CHEC, NectarCam, LST: 1 gain", 60,
                equivalent=True, cut=True),
}  # fmt: skip


@dataclass
class Found:
    """Everything measured on one case."""

    case: Case
    n_events: int = 0
    size: int = 0
    commands: dict[str, dict[str, Any]] = field(default_factory=dict)
    sizes: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    stages: dict[str, Any] = field(default_factory=dict)


def commands(source: Path, scratch: Path, case: Case, names: Iterable[str]) -> dict[str, list[str]]:
    """What is compared: name -> command. Each writes into `scratch`."""
    python = sys.executable
    ctapipe = shutil.which("ctapipe-process", path=Path(python).parent) or "ctapipe-process"
    choice = ["--EventSource.focal_length_choice", "EQUIVALENT"] if case.equivalent else []
    process = [python, "-m", "ctabatch", "process"]
    all_of_them = {
        OURS: [*process, str(source), "-o", str(scratch / "two"), "--overwrite", "--threads", "2"],
        OURS_ALONE: [*process, str(source), "-o", str(scratch / "one"), "--overwrite",
                     "--threads", "1"],
        STORED: [*process, str(scratch / "raw"), "-o", str(scratch / "two"), "--overwrite",
                 "--threads", "2"],
        PLAIN: [python, "-c", DECOMPRESSION, str(source)],
        EVENTIO: [python, "-c", EVENTIO_READER, str(source)],
        CTAPIPE: [ctapipe, "--input", str(source), "--output", str(scratch / "out.h5"),
                  "--overwrite", "--quiet", "--write-images", "--write-showers", *choice],
    }  # fmt: skip
    return {name: all_of_them[name] for name in names}


def telescope_events(dataset: Path) -> int:
    """Telescope events of the only part of a dataset."""
    (record,) = (dataset / "parts").glob("*.json")
    return int(json.loads(record.read_text())["telescope_events"])


def measure_case(case: Case, rounds: int, scale: float, peers: bool) -> Found:
    """Make the inputs of a case, measure everything on them, print it as it is found."""
    found = Found(case)
    with tempfile.TemporaryDirectory(prefix="ctabatch-bench-") as name:
        folder = Path(name)
        source = case.make(folder, max(int(case.times * scale), 1))
        found.size = source.stat().st_size
        # once without counting: fills the caches of files and of machine code
        in_turn(commands(source, folder, case, [OURS]), 1)
        found.n_events = telescope_events(folder / "two")
        raw = [sys.executable, "-m", "ctabatch", "process", str(source), "-o", str(folder / "raw"),
               "--write", "r0"]  # fmt: skip
        in_turn({"storing raw data": raw}, 1)
        names = [OURS, OURS_ALONE, STORED, PLAIN, *([EVENTIO, CTAPIPE] if peers else [])]
        found.commands = in_turn(commands(source, folder, case, names), rounds)
        found.stages = stages_of(source, folder, max(rounds, 3))
        source.unlink()
        shutil.rmtree(folder / "raw")
        print(f"\n{report(found)}", flush=True)
        for factor in case.sizes:
            for written in ("one", "two"):
                shutil.rmtree(folder / written)
            source = case.make(folder, max(int(case.times * scale * factor), 1))
            names = [OURS, OURS_ALONE, *([CTAPIPE] if peers and factor < 1 else [])]
            size = in_turn(commands(source, folder, case, names), rounds if factor < 1 else 1)
            found.sizes[str(telescope_events(folder / "two"))] = size
            source.unlink()
        if found.sizes:
            print("\n" + "\n".join(size_table(found)), flush=True)
    return found


def stages_of(source: Path, folder: Path, rounds: int) -> dict[str, Any]:
    """Stages, measured in a process of its own: the memory of this one would count for those."""
    target = folder / "stages.json"
    script = str(Path(__file__).with_name("stages.py"))
    words = [script, str(source), "--rounds", str(rounds), "--json", str(target)]
    say(f"stages of {source.name}")
    measure([sys.executable, *words], str(folder))
    return dict(json.loads(target.read_text()))


def command_table(found: Found) -> list[str]:
    """Medians of whole processes and their ratios, as Markdown."""
    lines = [
        "| command | wall s | CPU s | peak MiB | CPU us per event | wall ratio | CPU ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    wall, cpu = found.commands[OURS]["wall s"], found.commands[OURS_ALONE]["CPU s"]
    for name, row in found.commands.items():
        values = [row[figure] for figure in FIGURES]
        lines.append(
            f"| {name} | {values[0]:.2f} | {values[1]:.2f} | {values[2]:.0f} | "
            f"{values[1] / found.n_events * 1e6:.0f} | {values[0] / wall:.2f} | "
            f"{values[1] / cpu:.2f} |"
        )
    return lines


def size_table(found: Found) -> list[str]:
    """The same commands on files of different sizes, as Markdown."""
    rows = {**found.sizes, str(found.n_events): found.commands}
    lines = [
        "| telescope events | command | wall s | CPU s | CPU us per event | peak MiB |",
        "|---|---|---|---|---|---|",
    ]
    for n in sorted(rows, key=int):
        for name in (OURS, OURS_ALONE, CTAPIPE):
            if row := rows[n].get(name):
                lines.append(
                    f"| {int(n):,} | {name} | {row['wall s']:.2f} | {row['CPU s']:.2f} | "
                    f"{row['CPU s'] / int(n) * 1e6:.0f} | {row['peak MiB']:.0f} |"
                )
    return lines


def report(found: Found) -> str:
    """All tables of a case, as Markdown."""
    about = f"{found.n_events:,} telescope events, {found.size / 1e6:.0f} MB."
    ratios = "Ratios: wall to ours on two threads, CPU to ours on one thread."
    parts = [f"### {found.case.what}", f"{about} {ratios}", "\n".join(command_table(found))]
    parts.append(stage_table(found.stages))
    return "\n\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the inputs, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--case", action="append", choices=CASES, help="all unless named")
    parser.add_argument("--rounds", type=int, default=3, help="counted runs of each command")
    parser.add_argument("--scale", type=float, default=1.0, help="smaller files for a quick look")
    parser.add_argument("--no-peers", action="store_true", help="only ours and decompression")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    about = machine()
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    result: dict[str, Any] = {"machine": about, "rounds": options.rounds, "cases": {}}
    for name in options.case or CASES:
        found = measure_case(CASES[name], options.rounds, options.scale, not options.no_peers)
        result["cases"][name] = {
            "telescope_events": found.n_events, "bytes": found.size, "commands": found.commands,
            "sizes": found.sizes, "stages": found.stages,
        }  # fmt: skip
        if options.json is not None:
            options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
