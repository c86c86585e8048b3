"""Every input of a plan against the commit records: what is done, what is missing, and why.

Nothing is moved or changed: a dataset is complete when its parts are. So finalising can be
interrupted, repeated, or done twice at once.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ctabatch.errors import InputError
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.dataset_index import write_index
from ctabatch.io.location import Location, StorePath
from ctabatch.io.object_store import sizes_below
from ctabatch.io.parquet import write_text

from .failures import failures
from .plan import Plan, absolute

#: File of the summary, in a folder of the dataset where readers of parts do not look.
SUMMARY = "parts/summary/{name}.json"
_COUNTS = ("array_events", "telescope_events", "n_losses")


@dataclass
class Outcome:
    """What became of the inputs of a plan.

    Attributes
    ----------
    done : dict
        Input -> name of its part.
    failed : dict
        Input -> its record of failure.
    missing : list of str
        Inputs that were never begun, or whose process ended without a word.
    outdated : list of str
        Inputs whose part was made with other options than the plan has.
    damaged : dict
        Input -> what is wrong with the files of its part.
    with_losses : dict
        Input -> number of losses.
    totals : dict
        Array events, telescope events and losses of all parts of the plan.
    """

    n_inputs: int
    done: dict[str, str] = field(default_factory=dict)
    failed: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)
    with_losses: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))

    @property
    def exit_code(self) -> int:
        """0 complete, 1 with losses or without some inputs, 2 nothing usable."""
        if not self.done:
            return 2
        whole = len(self.done) == self.n_inputs and not self.with_losses
        return 0 if whole else 1

    def as_dict(self) -> dict[str, Any]:
        """All as JSON values."""
        return {
            "exit_code": self.exit_code,
            "inputs": self.n_inputs,
            "done": len(self.done),
            **self.totals,
            "missing": self.missing,
            "failed": {path: record["error"] for path, record in self.failed.items()},
            "outdated": self.outdated,
            "damaged": self.damaged,
            "with_losses": self.with_losses,
        }


def finalise(plan: Plan, name: str = "plan") -> Outcome:
    """Check the inputs of a plan and write the summary and the index of the dataset.

    Parameters
    ----------
    plan : Plan
    name : str
        Of the summary ``parts/summary/NAME.json``.

    Raises
    ------
    InputError
        There is no dataset.
    OutputError
        The dataset cannot be written.
    """
    folder = DatasetFolder(plan.output)
    folder.check()
    outcome = outcome_of(plan, folder)
    text = json.dumps(outcome.as_dict(), indent=1) + "\n"
    write_index(folder)
    write_text(folder.root / SUMMARY.format(name=name), text)
    return outcome


def outcome_of(plan: Plan, folder: DatasetFolder) -> Outcome:
    """What became of the inputs of a plan, from the records alone."""
    digest = plan.process_config().digest()
    by_path, by_content = _by_input(folder.records())
    failed = {absolute(record["input"]["path"]): record for record in failures(folder.root)}
    sizes = _sizes(folder.root)
    outcome = Outcome(len(plan.inputs))
    for path in plan.inputs:
        record = by_path.get(path) or by_content.get(_content(path))
        if record is None:
            if path in failed:
                outcome.failed[path] = failed[path]
            else:
                outcome.missing.append(path)
            continue
        if record.get("config_digest") != digest:
            outcome.outdated.append(path)
            continue
        wrong = _wrong_files(record, folder.root, sizes)
        if wrong:
            outcome.damaged[path] = wrong
            continue
        outcome.done[path] = record["part"]
        if record.get("n_losses"):
            outcome.with_losses[path] = record["n_losses"]
        for key in _COUNTS:
            outcome.totals[key] += record.get(key, 0)
    return outcome


def _by_input(
    records: Iterable[dict[str, Any]],
) -> tuple[dict[str, dict[str, Any]], dict[tuple[str, int], dict[str, Any]]]:
    """Commit records by the path of their input; those of relative paths by its name and size."""
    by_path, by_content = {}, {}
    for record in records:
        try:
            told = record["input"]
            path = str(told["path"])
            by_content[(str(told["name"]), int(told["size"]))] = record
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"part {record.get('part')}: no commit record ({error})") from error
        by_path[path] = record
    return by_path, by_content


def _content(path: str) -> tuple[str, int]:
    with contextlib.suppress(OSError):
        return Path(path).name, Path(path).stat().st_size
    return Path(path).name, -1


def _sizes(root: Location) -> Mapping[str, int]:
    """Bytes of every Parquet file of the dataset: one listing per folder, not one call per file."""
    if isinstance(root, StorePath):
        return sizes_below(root, ".parquet")
    return dict(_sizes_in(root, ""))


def _sizes_in(folder: Path, above: str) -> Iterator[tuple[str, int]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _sizes_in(folder / entry.name, f"{above}{entry.name}/")
            elif entry.name.endswith(".parquet"):
                yield f"{above}{entry.name}", entry.stat().st_size


def _wrong_files(record: Mapping[str, Any], root: Location, sizes: Mapping[str, int]) -> str:
    for name, facts in record.get("tables", {}).items():
        if name not in sizes:
            return f"{root / name}: this file is gone"
        if sizes[name] != facts["bytes"]:
            return f"{root / name}: {sizes[name]} bytes, not {facts['bytes']} as was recorded"
    return ""


__all__ = ["SUMMARY", "Outcome", "finalise", "outcome_of"]
