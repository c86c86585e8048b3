"""The plan of a production: which inputs, with which options, into which dataset. Data only."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctabatch.errors import InputError, OptionError
from ctabatch.io.location import Location, StorePath, location
from ctabatch.io.parquet import write_text

if TYPE_CHECKING:
    from ctabatch.config import ProcessConfig

FORMAT, FORMAT_VERSION = "ctabatch plan", 1
#: What may be asked for inputs whose part is in the dataset already, as of the engine.
EXISTING = ("refuse", "resume", "overwrite")


@dataclass(frozen=True)
class Plan:
    """Inputs in tasks, with all that a machine needs to run any of them.

    Attributes
    ----------
    output : str
        Absolute path or URI of the dataset.
    inputs : tuple of str
        Absolute paths or URIs.
    config : dict
        A `ProcessConfig` as JSON values.
    existing : {"refuse", "resume", "overwrite"}
    threads : int
        Of each process; 0: what the machine has.
    memory : int
        MiB that each process is held below.
    inputs_per_task : int
    retries : int
        How often an input that killed its worker is tried again.
    """

    output: str
    inputs: tuple[str, ...]
    config: dict[str, Any] = field(default_factory=dict)
    existing: str = "refuse"
    threads: int = 0
    memory: int = 700
    inputs_per_task: int = 1
    retries: int = 1

    def __post_init__(self) -> None:
        if not self.inputs:
            raise OptionError("a plan needs at least one input")
        if self.existing not in EXISTING:
            raise OptionError.unknown_name("value of existing", self.existing, EXISTING)
        for name, least in {"threads": 0, "memory": 1, "inputs_per_task": 1, "retries": 0}.items():
            if getattr(self, name) < least:
                raise OptionError(f"{name} of a plan is {getattr(self, name)}: at least {least}")

    @property
    def n_tasks(self) -> int:
        """Number of tasks; they are counted from 0."""
        return math.ceil(len(self.inputs) / self.inputs_per_task)

    def task(self, k: int) -> tuple[str, ...]:
        """Inputs of a task.

        Raises
        ------
        OptionError
            There is no such task.
        """
        if not 0 <= k < self.n_tasks:
            raise OptionError(
                f"there is no task {k}: this plan has {self.n_tasks} tasks, 0 to {self.n_tasks - 1}"
            )
        return self.inputs[k * self.inputs_per_task : (k + 1) * self.inputs_per_task]

    def process_config(self) -> ProcessConfig:
        """The configuration as a model, checked again.

        Raises
        ------
        OptionError
            It is not valid.
        """
        from ctabatch.config import ProcessConfig, validated

        return validated(ProcessConfig, self.config, "the configuration of the plan")

    def write(self, path: str | Path) -> None:
        """Write it as JSON; a file that is there is replaced in one step."""
        write_text(Path(path), json.dumps(self.values(), indent=1, allow_nan=False) + "\n")

    def values(self) -> dict[str, Any]:
        """The content of its file."""
        return {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(self)}

    @classmethod
    def read(cls, path: str | Path) -> Plan:
        """Read a file that `write` made.

        Raises
        ------
        InputError
            The file is not readable, no plan, or of another version.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}") from error
        except ValueError as error:
            raise InputError(f"{path}: no plan: this is not JSON ({error})") from error
        try:
            return cls.from_values(values)
        except (InputError, OptionError) as error:
            raise InputError(f"{path}: {error}") from error

    @classmethod
    def from_values(cls, values: Any) -> Plan:
        """The plan that `values` gave.

        Raises
        ------
        InputError
            They are no plan, of another version, or not as they should be.
        """
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise InputError("no plan of ctabatch; ctabatch plan writes one")
        version = values.get("format_version")
        if version != FORMAT_VERSION:
            raise InputError(
                f"a plan of version {version!r}; this version of ctabatch reads {FORMAT_VERSION}"
            )
        values = {k: v for k, v in values.items() if k not in ("format", "format_version")}
        types = {one.name: type(one.default) for one in fields(cls)}
        types |= {"output": str, "inputs": list, "config": dict}
        unknown, missing = sorted(set(values) - set(types)), sorted(set(types) - set(values))
        if unknown or missing:
            what = [f"unknown: {', '.join(unknown)}"] if unknown else []
            what += [f"missing: {', '.join(missing)}"] if missing else []
            raise InputError(f"the keys of this plan are wrong ({'; '.join(what)})")
        for name, kind in types.items():
            if type(values[name]) is not kind:
                raise InputError(f"{name} of this plan must be {_NAMES[kind]}")
        if not all(isinstance(text, str) and text for text in values["inputs"]):
            raise InputError("inputs of this plan must be a list of paths")
        return cls(**{**values, "inputs": tuple(values["inputs"])})


_NAMES = {str: "a text", list: "a list", dict: "an object", int: "a whole number"}


def absolute(text: str | Location) -> str:
    """A path from the root of the file system, links as they are; a URI as it is."""
    place = location(text)
    if isinstance(place, StorePath):
        return str(place)
    return os.path.abspath(place)  # noqa: PTH100 - not resolved


def plan_path(output: str | Path) -> Path:
    """Where the plan of a dataset is written if nothing else is asked for: beside its folder."""
    place = location(output)
    if isinstance(place, StorePath):
        return Path(f"{place.name or place.bucket}.plan.json")
    path = Path(absolute(output))
    return path.with_name(f"{path.name}.plan.json")


def check_place(path: Path, output: str) -> None:
    """Refuse a place for the plan that is in the dataset, whose files are its tables alone.

    Raises
    ------
    OptionError
    """
    place = location(output)
    if isinstance(place, Path) and Path(absolute(path)).is_relative_to(absolute(place)):
        raise OptionError(f"--plan {path}: this is in the dataset; write the plan beside it")


def listed(words: Iterable[str]) -> list[str]:
    """Inputs as they were named, with ``@LIST.txt`` replaced by the lines of that file.

    Empty lines and lines that begin with # are left out. Relative names in a list are relative to
    the working folder, as if they had been typed.

    Raises
    ------
    InputError
        A list cannot be read or is empty.
    """
    found: list[str] = []
    for word in words:
        if not word.startswith("@"):
            found.append(word)
            continue
        try:
            lines = Path(word[1:]).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{word[1:]}: this list of inputs is not readable: {error}") from error
        names = [line.strip() for line in lines]
        names = [name for name in names if name and not name.startswith("#")]
        if not names:
            raise InputError(f"{word[1:]}: no input in this list")
        found += names
    return found


__all__ = ["EXISTING", "Plan", "absolute", "check_place", "listed", "plan_path"]
