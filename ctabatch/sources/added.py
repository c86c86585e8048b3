"""Sources of other packages: what they must offer, and how they are found.

A package adds a source with an entry point in the group ``ctabatch.sources``, whose name is the
name of the source and whose object is a class that can be made without arguments. It is asked about
inputs that are no sim_telarray files.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol, Self

from ctabatch.errors import CtabatchError, InputError, OptionError
from ctabatch.io.simtel.losses import Account

from .protocol import EventSource, SourceOptions, SourceRun

GROUP = "ctabatch.sources"


class AddedSource(Protocol):
    """Opens files of one format."""

    def recognises(self, path: Path) -> bool:
        """Whether a file is of this format: a quick look at its name or first bytes."""

    def open(self, path: Path, options: SourceOptions) -> EventSource:
        """The events of a file; see `SourceBase` for what most of them have in common."""


class SourceBase:
    """What a source has in common with most others; `__iter__` is left.

    Attributes
    ----------
    account : Account
        Losses (`Account.lose`) and notes (`Account.note`).
    levels : set of str
        ``{"r1"}`` if the batches have waveforms.
    about : dict
        More for the entry ``input`` of the commit record.
    runs : list of SourceRun
        To be filled when the first events of a run are given.
    stopped : bool
        To be set if reading stops at `SourceOptions.max_events`.
    position, size : int
        Bytes read so far, and in all.
    """

    def __init__(self, size: int = 1) -> None:
        self.account = Account()
        self.levels: frozenset[str] = frozenset({"r1"})
        self.about: dict[str, Any] = {}
        self.runs: list[SourceRun] = []
        self.stopped = False
        self.position, self.size = 0, size

    def stored_entry(self) -> dict[str, Any]:
        """Nothing: there is no stream to store."""
        return {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing to close."""


def names() -> list[str]:
    """Names of the sources that are installed."""
    return sorted(point.name for point in entry_points(group=GROUP))


def open_added(path: Path, options: SourceOptions) -> EventSource | None:
    """Events of a file of which an added source says that it is its own; None without one.

    Raises
    ------
    OptionError
        An added source is broken.
    InputError
        It cannot open the file.
    """
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        source = _made(point)
        try:
            if not source.recognises(path):
                continue
            opened = source.open(path, options)
        except CtabatchError:
            raise
        except Exception as error:
            raise InputError(
                f"{path}: {_told(point)} cannot open it: {type(error).__name__}: {error}"
            ) from error
        opened.about = {"source": point.name, **_package(point), **opened.about}
        return opened
    return None


def _made(point: EntryPoint) -> AddedSource:
    try:
        source: AddedSource = point.load()()
    except Exception as error:
        raise OptionError(f"{_told(point)} cannot be imported: {error}") from error
    missing = [name for name in ("recognises", "open") if not callable(getattr(source, name, None))]
    if missing:
        raise OptionError(f"{_told(point)} has no method {missing[0]}: it cannot be used")
    return source


def _told(point: EntryPoint) -> str:
    package = point.dist.name if point.dist else "unknown"
    return f"source {point.name} ({point.value} of the package {package})"


def _package(point: EntryPoint) -> dict[str, str]:
    """Package and version, which shape the numbers."""
    return {"source_package": f"{point.dist.name} {point.dist.version}"} if point.dist else {}


__all__ = ["GROUP", "AddedSource", "SourceBase", "names", "open_added"]
