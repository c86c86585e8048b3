"""The stream behind a writer: plain, gzip or zstd by the file's ending, renamed when whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

import pyarrow as pa
from isal import igzip

from ctabatch.errors import OutputError
from ctabatch.io.location import local_path

#: The fastest level that still compresses; samples hardly gain from more.
GZIP_LEVEL = 2


class _Stream(Protocol):
    def write(self, data: bytes, /) -> object: ...

    def close(self) -> None: ...


class OutputFile:
    """Bytes to a file that appears under its name only when it is complete.

    Parameters
    ----------
    target : path or binary file object
        ``.zst`` and ``.gz`` are compressed; a file object gets plain bytes and is not closed.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        The file exists or cannot be opened; later: it cannot be written.
    """

    def __init__(self, target: str | os.PathLike[str] | BinaryIO, overwrite: bool) -> None:
        self.path: Path | None = None
        if not isinstance(target, str | os.PathLike):
            self.name = str(getattr(target, "name", "<stream>"))
            self._stream: _Stream = target
            self._closers: list[Callable[[], None]] = [target.flush]
            return
        self.path = local_path(target, "a sim_telarray file that is written")
        self.name, self.overwrite = os.fspath(target), overwrite
        self._refuse_existing()
        self._wip = self.path.with_name(f".{self.path.name}.{os.getpid()}.wip")
        try:
            file = self._wip.open("wb")
        except OSError as error:
            raise self._error(error) from error
        self._stream, self._closers = file, [file.close]
        if self.path.suffix == ".zst":
            sink = pa.PythonFile(file, mode="w")
            self._stream = pa.CompressedOutputStream(sink, "zstd")
        elif self.path.suffix == ".gz":
            # no name and no time in the header: the same content gives the same bytes
            self._stream = igzip.IGzipFile("", "wb", GZIP_LEVEL, file, 0)  # type: ignore[no-untyped-call]
        if self._stream is not file:
            self._closers.insert(0, self._stream.close)

    def write(self, data: bytes) -> None:
        """Append bytes."""
        try:
            self._stream.write(data)
        except OSError as error:
            raise self._error(error) from error

    def publish(self) -> None:
        """Write out what is buffered and give the file its name."""
        try:
            for close in self._closers:
                close()
            self._refuse_existing()
            if self.path is not None:
                self._wip.replace(self.path)
        except OSError as error:
            raise self._error(error) from error

    def discard(self) -> None:
        """Close everything and leave no file behind."""
        if self.path is None:
            return
        for close in self._closers:
            try:
                close()
            except OSError:  # what cannot be written any more is thrown away anyway
                continue
        self._wip.unlink(missing_ok=True)

    def _refuse_existing(self) -> None:
        if self.path is None or not self.path.exists():
            return
        if self.path.is_dir() or not self.overwrite:
            raise OutputError(f"{self.path} exists already: remove it or ask to overwrite it")

    def _error(self, error: OSError) -> OutputError:
        if isinstance(error, OutputError):
            return error
        why = os.strerror(error.errno) if error.errno else str(error)
        return OutputError(f"{self.name}: cannot be written: {why}")
