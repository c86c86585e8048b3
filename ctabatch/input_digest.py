"""SHA-256 of an input, taken beside the work on it."""

from __future__ import annotations

import hashlib
from threading import Event, Thread
from typing import TYPE_CHECKING

from ctabatch.errors import InputError
from ctabatch.io.location import Location, StorePath
from ctabatch.io.stored_parts import is_stored, part_record
from ctabatch.io.streams import open_file
from ctabatch.stage_times import Timed, untimed

if TYPE_CHECKING:
    from ctabatch.io.store_digest import DigestTap

_CHUNK = 1 << 20


class InputDigest:
    """Digest of a file, computed in a thread from now on.

    Of a stored part it is the digest of what that was made from, which is known. Of an object in a
    store it is taken from what the work reads: it is transferred once.

    Parameters
    ----------
    path : Path
    timed : callable
        Given "digest": the block of this work.
    """

    def __init__(self, path: Location, timed: Timed = untimed) -> None:
        self._path, self._timed = path, timed
        self._tap: DigestTap | None = None
        self._unwanted = Event()
        self._found: tuple[str, int] | BaseException | None = None
        self._thread = Thread(target=self._work, name="ctabatch-digest", daemon=True)
        if isinstance(path, StorePath) and not is_stored(path):
            from ctabatch.io.store_digest import DigestTap

            self._tap = DigestTap(path)
        else:
            self._thread.start()

    def result(self) -> tuple[str, int]:
        """Hexadecimal digest and size; waits until they are known.

        Raises
        ------
        InputError
            The file cannot be read.
        """
        if self._tap is not None:
            return self._of_object(self._tap)
        self._thread.join()
        if isinstance(self._found, BaseException):
            raise self._found
        if self._found is None:
            raise RuntimeError("the digest was cancelled")
        return self._found

    def cancel(self) -> None:
        """Stop if it is not done yet."""
        self._unwanted.set()
        if self._tap is None:
            self._thread.join()

    def _of_object(self, tap: DigestTap) -> tuple[str, int]:
        try:
            return tap.result()
        except OSError as error:
            raise InputError(f"{self._path}: {error.strerror or error}") from error

    def _work(self) -> None:
        try:
            with self._timed("digest"):
                self._found = self._digest()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that asks
            self._found = error

    def _digest(self) -> tuple[str, int] | None:
        path = self._path
        if is_stored(path):
            return str(part_record(path)["input"]["sha256"]), input_size(path)
        digest, size, buffer = hashlib.sha256(), 0, memoryview(bytearray(_CHUNK))
        with open_file(path) as file:
            try:
                while n := file.readinto(buffer):  # type: ignore[attr-defined]
                    digest.update(buffer[:n])
                    size += n
                    if self._unwanted.is_set():
                        return None
            except OSError as error:
                raise InputError(f"{path}: {error.strerror or error}") from error
        return digest.hexdigest(), size


def input_size(path: Location) -> int:
    """Size of a file.

    Raises
    ------
    InputError
        It is gone.
    """
    try:
        return path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error


__all__ = ["InputDigest", "input_size"]
