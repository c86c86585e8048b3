"""One compaction in place at a time: two that group parts differently would keep events twice.

In a folder it is `flock` on ``parts/.compact.lock``, which ends with its process, however that
ends; where the file system has no locks, nothing keeps two apart. In an object store it is an
object of that name that tells its writer and is written again, over its own version alone, before
every commit. A writer that is dead, or of another machine and silent for `SILENT` seconds, has lost
its claim to the next one.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from ctabatch.errors import CtabatchError, OutputError

from .location import Location, StorePath
from .part_lock import part_lock
from .writer_identity import at_work, is_at_work, writer_token

#: Its lock is that of a part of this name, which none can have.
PART = "compact"
_OTHER = "another ctabatch compact --in-place"
#: A claim is renewed at least so often while there is work, s.
RENEW = 60.0
#: The writer of a claim that is older than this is taken to be dead, s.
SILENT = 900.0
#: Called while there is work: with True before a commit, to be sure of the claim.
Keep = Callable[[bool], None]


@contextlib.contextmanager
def only_compaction(root: Location, *, now: bool = False) -> Iterator[Keep]:
    """A claim on the parts of a dataset, for as long as the ``with`` block lasts.

    Parameters
    ----------
    root : Path or StorePath
        Of the dataset.
    now : bool
        Nobody else works there: take the claim of a writer of whom this machine cannot tell
        whether it is alive.

    Yields
    ------
    keep : callable
        To be called while there is work; raises `OutputError` if the claim was lost.

    Raises
    ------
    OutputError
        Another compaction is at work.
    """
    if not isinstance(root, StorePath):
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(part_lock(root, PART, wait=False))
            except BlockingIOError:
                raise OutputError(f"{root}: {_OTHER} is at work there; wait for its end") from None
            yield lambda _: None
        return
    claim = _Claim(root, now)
    with at_work(claim.token):
        claim.take()
        try:
            yield claim.keep
        finally:
            claim.leave()


class _Claim:
    """The object that tells who compacts a dataset in a store."""

    def __init__(self, root: StorePath, now: bool) -> None:
        self.root, self.path, self.now = root, root / f"parts/.{PART}.lock", now
        self.token = writer_token()
        self._version: Any = None
        self._renewed = 0.0

    def take(self) -> None:
        from .object_store import read

        try:
            content, self._version = read(self.path, 0, 1 << 12)
        except FileNotFoundError:
            self._version = None
        else:
            self._refuse_living(content)
        self._write("has just begun there")

    def _refuse_living(self, content: bytes) -> None:
        try:
            writer = str(json.loads(content)["writer"])
        except (ValueError, RecursionError, TypeError, KeyError):
            writer = ""
        alive = is_at_work(writer)
        age = time.time() - self._version.modified
        if alive:
            raise OutputError(f"{self.root}: {_OTHER} is at work there; wait for its end")
        if alive is None and age < SILENT and not self.now:
            raise OutputError(
                f"{self.root}: a ctabatch compact --in-place of another machine was at work "
                f"there {max(age, 0):.0f} s ago; if it is dead, wait until that is {SILENT:.0f} s, "
                "or --now"
            )

    def _write(self, what: str) -> None:
        from .object_store import read
        from .store_record import write_over

        self._renewed = time.monotonic()
        content = json.dumps({"writer": self.token, "at": time.time_ns()}).encode()
        problem = write_over(self.path, content, self._version)
        there = b""
        if problem is None:
            with contextlib.suppress(FileNotFoundError):
                there, self._version = read(self.path, 0, 1 << 12)
        if there != content:
            why = f" ({problem})" if problem else ""
            raise OutputError(
                f"{self.root}: {_OTHER} {what}; run again when it has ended{why}"
            ) from problem

    def keep(self, commits: bool) -> None:
        if commits or time.monotonic() - self._renewed > RENEW:
            self._write("took over here")

    def leave(self) -> None:
        """Remove the claim, if it is ours still; one that stays is of a dead writer."""
        from .object_store import read, remove

        with contextlib.suppress(CtabatchError, OSError):
            if json.loads(read(self.path, 0, 1 << 12)[0])["writer"] == self.token:
                remove(self.path, patient=False)


__all__ = ["PART", "RENEW", "SILENT", "Keep", "only_compaction"]
