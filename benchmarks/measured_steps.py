"""Steps of a long comparison: each a measured command that is not repeated without need."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from whole_commands import FIGURES, measure


class MeasuredSteps:
    """Runs commands in a work folder and keeps what each needed.

    A step is skipped if it has been done with the same arguments after all steps it follows.
    Arguments name files relative to the work folder, so that the folder can be moved.

    Parameters
    ----------
    folder : path
        Work folder; records are in its subfolder ``steps``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        (self.folder / "steps").mkdir(parents=True, exist_ok=True)

    def run(
        self, name: str, command: Sequence[str], *, after: Sequence[str] = (), rounds: int = 0
    ) -> None:
        """Run a command unless its step is done.

        Parameters
        ----------
        name : str
            Of the step.
        command : sequence of str
            The program may move between calls; its arguments tell whether the step is the same.
        after : sequence of str
            Steps whose results the command reads.
        rounds : int
            Medians of so many runs are kept, after one that is not counted because it may compile
            machine code. 0: one run, counted.
        """
        arguments = list(command[1:])
        done = self._record(name)
        if done is not None and done["arguments"] == arguments:
            newest = max((self.figures(step)["finished"] for step in after), default=0.0)
            if newest <= done["finished"]:
                return
        print(f"running {name} ...", end=" ", file=sys.stderr, flush=True)
        samples = [measure(command, str(self.folder)) for _ in range(rounds + 1)]
        counted = samples[1:] or samples
        record: dict[str, Any] = {
            "arguments": arguments,
            "runs": len(counted),
            "finished": time.time(),
        }
        for i, figure in enumerate(FIGURES):
            record[figure] = statistics.median(sample[i] for sample in counted)
        self._path(name).write_text(json.dumps(record, indent=1) + "\n")
        print(f"{record['wall s']:.1f} s", file=sys.stderr)

    def figures(self, name: str) -> dict[str, Any]:
        """What a finished step needed: medians of wall s, CPU s, peak MiB."""
        record = self._record(name)
        if record is None:
            sys.exit(f"step {name!r} has not been run")
        return record

    def total(self, names: Sequence[str]) -> dict[str, float]:
        """Sums of times and the largest memory of several steps."""
        rows: list[Mapping[str, float]] = [self.figures(name) for name in names]
        total = {figure: sum(row[figure] for row in rows) for figure in FIGURES[:2]}
        return total | {FIGURES[2]: max(row[FIGURES[2]] for row in rows)}

    def forget(self, beginning: str) -> list[str]:
        """Forget the steps whose name begins so; they run again. Their names."""
        names = [n for n in self.names() if n.startswith(beginning)]
        for name in names:
            self._path(name).unlink()
        return names

    def names(self) -> list[str]:
        """Names of the finished steps."""
        return sorted(path.stem for path in (self.folder / "steps").glob("*.json"))

    def _path(self, name: str) -> Path:
        return self.folder / "steps" / f"{name}.json"

    def _record(self, name: str) -> dict[str, Any] | None:
        path = self._path(name)
        return json.loads(path.read_text()) if path.is_file() else None
