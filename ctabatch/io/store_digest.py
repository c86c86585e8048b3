"""SHA-256 of an object, taken from the bytes that are read of it anyway."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, ClassVar
from weakref import WeakValueDictionary

from ctabatch.errors import InputError

if TYPE_CHECKING:
    from .object_store import Version
    from .store_path import StorePath


class DigestTap:
    """Sees what is read of an object from now on, in order from its begin.

    What nobody has read when the digest is asked for is read then, so that an object is transferred
    once and not twice.

    Parameters
    ----------
    path : StorePath
    """

    _known: ClassVar[WeakValueDictionary[str, DigestTap]] = WeakValueDictionary()

    def __init__(self, path: StorePath) -> None:
        self._path = path
        self._digest = hashlib.sha256()
        self._position = 0
        self._version: Version | None = None
        self._lock = threading.Lock()
        self._known[str(path)] = self

    @classmethod
    def of(cls, path: StorePath) -> DigestTap | None:
        """The tap on an object, if somebody wants its digest."""
        return cls._known.get(str(path))

    def give(self, begin: int, data: bytes, version: Version) -> None:
        """Take bytes that were read, if they are the next."""
        with self._lock:
            if begin == self._position and self._version in (None, version):
                self._version = version
                self._digest.update(data)
                self._position += len(data)

    def result(self) -> tuple[str, int]:
        """Hexadecimal digest and size of the version that was read.

        Raises
        ------
        FileNotFoundError
            There is no such object.
        InputError
            The rest cannot be read, or the object was replaced.
        """
        from .store_file import StoreFile

        with StoreFile(self._path) as file:
            if self._version not in (None, file.version):
                raise InputError(f"{self._path}: the object was replaced while it was read")
            file.seek(self._position)
            buffer = memoryview(bytearray(1 << 20))
            while file.readinto(buffer):  # each block comes by here
                pass
            return self._digest.hexdigest(), file.size


__all__ = ["DigestTap"]
