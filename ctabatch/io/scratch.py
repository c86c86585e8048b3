"""Files on this machine that wait to be sent to an object store.

A Parquet file is sent when it is complete: until then nothing of it is in the store, so a process
that fails or is killed while it computes leaves nothing there.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from pathlib import Path
from typing import IO

_MAKING, _PREFIX, _LOCK = "ctabatch-making-", "ctabatch-upload-", "lock"


class Scratch:
    """A folder in ``TMPDIR`` that is held by a lock, which ends with the process.

    What dead processes left behind is removed when a new folder is made.
    """

    def __init__(self) -> None:
        self._lock: IO[bytes] | None = None
        self._folder: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder, made when it is first asked for."""
        if self._folder is None:
            _remove_abandoned()
            made = Path(tempfile.mkdtemp(prefix=_MAKING))
            self._lock = (made / _LOCK).open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            # looked for by others only from here on, when it is locked
            self._folder = made.rename(made.with_name(made.name.replace(_MAKING, _PREFIX)))
        return self._folder

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _remove_abandoned() -> None:
    """Remove folders whose lock nobody holds."""
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError), lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)


__all__ = ["Scratch"]
