"""Files of a part on their way to an object store."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from ctabatch.errors import OutputError

from .object_store import AT_ONCE, at_once, remove, write
from .scratch import Scratch
from .store_path import StorePath


class Upload:
    """Collects complete files and sends them side by side, all or none.

    Raises
    ------
    OutputError
        A file cannot be sent; those that were are removed again, as far as the store answers.
    """

    def __init__(self) -> None:
        self._scratch = Scratch()
        self._n_files = 0
        self._files: list[tuple[Path, StorePath]] = []
        self._sizes: dict[StorePath, int] = {}
        self._sent: list[StorePath] = []
        self._failed = threading.Event()

    def new_file(self, name: str) -> Path:
        """Where to make a file on this machine."""
        self._n_files += 1
        return self._scratch.folder / f"{self._n_files}{name}"

    def add(self, file: Path, path: StorePath) -> int:
        """Say that a file is complete, and what it is called in the store; gives its bytes.

        A file may be added again: it is sent once.
        """
        if path not in self._sizes:
            self._files.append((file, path))
            self._sizes[path] = file.stat().st_size
        return self._sizes[path]

    def send(self) -> None:
        """Send all files; afterwards there is nothing of them on this machine."""
        try:
            at_once(self._send, self._files, AT_ONCE)
            self._sent += [path for _, path in self._files]
            self._files = []
        except BaseException:
            self._failed.set()
            with contextlib.suppress(OutputError):  # nobody sees them: no record names them
                at_once(_give_up, [path for _, path in self._files], AT_ONCE)
            raise

    def _send(self, one: tuple[Path, StorePath]) -> None:
        file, path = one
        if self._failed.is_set():
            return
        try:
            with file.open("rb") as content:
                write(path, content)
        except BaseException:
            self._failed.set()
            raise
        file.unlink()

    def keep(self) -> None:
        """Say that a record may name what was sent: `take_back` leaves it alone."""
        self._sent = []

    def take_back(self) -> None:
        """Remove what was sent, as far as the store answers; no record may name it."""
        sent, self._sent = self._sent, []
        with contextlib.suppress(OutputError):
            at_once(_give_up, sent, AT_ONCE)

    def close(self) -> None:
        """Remove what is on this machine."""
        self._scratch.remove()


def _give_up(path: StorePath) -> None:
    remove(path, patient=False)


__all__ = ["Upload"]
