"""What the files of all batch systems say: what to run, how often, and with what."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ctabatch.errors import OptionError

#: Exit codes of a task that is done: 0, and 1 if something was lost, which its part tells.
LAST_GOOD_CODE = 1


@dataclass(frozen=True)
class BatchJob:
    """The tasks of a plan as a batch system sees them.

    Attributes
    ----------
    program : tuple of str
        Words that start ctabatch on the machines of the batch system.
    plan : str
        Absolute path of the plan, the same on all machines.
    name : str
        Name of the job: letters, digits, dots, dashes and underscores.
    n_tasks : int
        Tasks are counted from 0.
    cores : int
        Cores of each task.
    memory : int
        MiB asked for each task.
    retries : int
        How often a task whose process was killed is run again.
    logs : str
        Absolute path of the folder for what tasks print.

    Raises
    ------
    OptionError
        A text holds a character that no batch system can take, or a number is out of range.
    """

    program: tuple[str, ...]
    plan: str
    name: str
    n_tasks: int
    cores: int
    memory: int
    retries: int
    logs: str

    def __post_init__(self) -> None:
        if not self.program or not all(self.program):
            raise OptionError("--program names nothing to run, or has an empty word")
        for what, text in [
            *(("--program", word) for word in self.program),
            ("the path of the plan", self.plan),
            ("--log-dir", self.logs),
        ]:
            check_text(what, text)
        check_word("the name of the job", self.name)
        for number, least in {"n_tasks": 1, "cores": 1, "memory": 1, "retries": 0}.items():
            if getattr(self, number) < least:
                raise OptionError(f"{number} is {getattr(self, number)}: at least {least}")

    @property
    def part(self) -> tuple[str, ...]:
        """Words that run a task; its number follows."""
        return (*self.program, "run-part", self.plan, *self.more)

    @property
    def more(self) -> tuple[str, ...]:
        """Options of run-part: no more threads than cores were asked for."""
        return ("--threads", str(self.cores))

    @property
    def finalise(self) -> tuple[str, ...]:
        """Words that finalise the dataset."""
        return (*self.program, "finalise", self.plan)


def check_text(what: str, text: str) -> str:
    """Refuse characters that end a line or cannot be written.

    Raises
    ------
    OptionError
    """
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise OptionError(f"{what} {text!r}: line ends and control characters cannot be written")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise OptionError(f"{what} {text!r}: this is not valid UTF-8") from None
    return text


def check_word(what: str, text: str, *, more: str = "") -> str:
    """Refuse everything but letters, digits, dots, dashes, underscores and `more`.

    Names of jobs, partitions and accounts, and times, consist of these; whatever else stands there
    would be read as another option.

    Raises
    ------
    OptionError
    """
    if not re.fullmatch(rf"[A-Za-z0-9_][A-Za-z0-9_.{re.escape(more)}-]*", text):
        letters = "letters, digits, dots, dashes and underscores" + (f" and {more}" if more else "")
        raise OptionError(f"{what} {text!r}: only {letters}")
    return text


def job_name(plan: str) -> str:
    """Name of a job after the file of its plan."""
    stem = plan.rstrip("/").rpartition("/")[2].removesuffix(".json").removesuffix(".plan")
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-.")[:60] or "ctabatch"


__all__ = ["LAST_GOOD_CODE", "BatchJob", "check_text", "check_word", "job_name"]
