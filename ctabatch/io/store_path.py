"""`StorePath`: a place in an object store, used as pathlib's paths are.

It has the operations of `pathlib.Path` that datasets and inputs need, with the same errors where a
file is missing. What else can fail on the way to a store is told as an `InputError` or
`OutputError` that names the object, the operation and what to do.

A store has no folders: there is one if an object's name begins with its. Nor can anything be
renamed: an object appears when all of it has arrived.
"""

from __future__ import annotations

import errno
import fnmatch
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from ctabatch.errors import OptionError

if TYPE_CHECKING:
    from .object_store import Version

#: Schemes of the stores that are known.
SCHEMES = ("s3", "gs")


@dataclass(frozen=True)
class StoreStat:
    """What is known of an object, by the names of `os.stat_result`."""

    st_size: int
    st_mtime: float = 0.0


@dataclass(frozen=True, order=True)
class StorePath:
    """A place in a bucket.

    Attributes
    ----------
    scheme : {"s3", "gs"}
    bucket : str
    key : str
        Name in the bucket, without slashes at its ends; empty for the bucket itself.
    """

    scheme: str
    bucket: str
    key: str = ""

    @classmethod
    def of(cls, uri: str) -> StorePath:
        """The place that a URI names.

        Raises
        ------
        OptionError
            It names no bucket, or goes up in the tree.
        """
        scheme, _, rest = uri.partition(":")
        bucket, *names = rest.lstrip("/").split("/")
        names = [name for name in names if name not in ("", ".")]
        if scheme not in SCHEMES or not bucket:
            raise OptionError(f"{uri}: no place in an object store; write {scheme}://BUCKET/NAME")
        if ".." in names:
            raise OptionError(f"{uri}: '..' has no meaning in an object store")
        return cls(scheme, bucket, "/".join(names))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}{'/' if self.key else ''}{self.key}"

    def __truediv__(self, name: str | PurePosixPath) -> StorePath:
        return StorePath.of(f"{self}/{name}")

    # -- names, as of pathlib

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> StorePath:
        return StorePath(self.scheme, self.bucket, self.key.rpartition("/")[0])

    @property
    def parents(self) -> tuple[StorePath, ...]:
        """The folders above, the nearest first."""
        found, at = [], self
        while at.key:
            at = at.parent
            found.append(at)
        return tuple(found)

    def with_name(self, name: str) -> StorePath:
        return self.parent / name

    def as_posix(self) -> str:
        return str(self)

    def resolve(self) -> StorePath:
        return self

    def absolute(self) -> StorePath:
        return self

    def is_relative_to(self, other: object) -> bool:
        return self == other or other in self.parents

    def relative_to(self, other: StorePath) -> PurePosixPath:
        if not self.is_relative_to(other):
            raise ValueError(f"{self} is not in {other}")
        return PurePosixPath(self.key[len(other.key) :].lstrip("/"))

    # -- what there is

    def stat(self) -> StoreStat:
        found = self.version()
        return StoreStat(found.size, found.modified)

    def version(self) -> Version:
        """Size and version of the object.

        Raises
        ------
        FileNotFoundError
            There is none.
        """
        from .object_store import head

        found = head(self)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self))
        return found

    def is_file(self) -> bool:
        from .object_store import head

        return bool(self.key) and head(self) is not None

    def is_dir(self) -> bool:
        from .object_store import is_any_below

        return is_any_below(self)

    def exists(self) -> bool:
        return self.is_file() or self.is_dir()

    def iterdir(self) -> Iterator[StorePath]:
        from .object_store import children

        folders, files = children(self)
        return (self / name for name in (*folders, *files))

    def glob(self, pattern: str) -> Iterator[StorePath]:
        """Objects, or folders if the pattern ends with a slash, right below this one."""
        from .object_store import children, names_with

        if "/" in pattern.rstrip("/"):
            raise NotImplementedError(f"{pattern}: patterns of one level only")
        begin = pattern[: min((pattern.index(c) for c in "*?[" if c in pattern), default=0)]
        if begin and not pattern.endswith("/"):
            found = names_with(self, begin)
            return (self / name for name in found if fnmatch.fnmatchcase(name, pattern))
        folders, files = children(self)
        known = folders if pattern.endswith("/") else files
        wanted = pattern.rstrip("/")
        return (self / name for name in known if fnmatch.fnmatchcase(name, wanted))

    # -- contents

    def open(self, mode: str = "rb", buffering: int = -1) -> BinaryIO:  # noqa: ARG002 - as of Path
        """Open the object for reading: seekable, with what follows fetched ahead."""
        from .store_file import StoreFile

        if mode != "rb":
            raise NotImplementedError(f"mode {mode}: objects are opened for reading")
        return StoreFile(self)  # type: ignore[return-value]

    def read_bytes(self) -> bytes:
        from .object_store import read

        return read(self)[0]

    def read_text(self, encoding: str = "utf-8") -> str:
        return self.read_bytes().decode(encoding)

    def write_bytes(self, content: bytes) -> None:
        """Write the object, in the place of an earlier one."""
        from .object_store import write

        write(self, content)

    def unlink(self, missing_ok: bool = False) -> None:  # noqa: ARG002 - as of Path
        """Remove the object; a store does not tell whether it was there."""
        from .object_store import remove

        remove(self)

    def mkdir(self, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: folders come with what is in them."""


__all__ = ["SCHEMES", "StorePath", "StoreStat"]
