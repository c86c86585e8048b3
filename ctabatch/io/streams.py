"""Byte streams: a path or an open file, plain, gzip or zstd, as one sequence of bytes.

The format is decided by magic bytes, never by the name. Several gzip members or zstd frames
(``cat a.zst b.zst``, parallel compressors) are read as one stream. A stream that breaks ends where
it broke: everything before is delivered and `ByteStream.problem` says what happened.
"""

from __future__ import annotations

import errno
import os
from typing import BinaryIO, Protocol

import zstandard
from isal import isal_zlib

from ctabatch.errors import InputError

from .location import Location, StorePath, location
from .zstd_frames import ZstdFrames

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
#: Skippable zstd frames (pzstd writes one in front of each frame): 184D2A50 to 184D2A5F.
ZSTD_SKIPPABLE = b"\x2a\x4d\x18"
SYNC, SWAPPED_SYNC = b"\x37\x8a\x1f\xd4", b"\xd4\x1f\x8a\x37"

#: Largest piece asked of a decompressor at once. If a stream breaks, at most this is lost.
PIECE = 1 << 14
#: Read from a zstd file at once.
READ = 1 << 18


class _Decoder(Protocol):
    problem: str | None

    def readinto(self, view: memoryview) -> int: ...


class _Plain:
    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.problem: str | None = None

    def readinto(self, view: memoryview) -> int:
        filled = 0
        while filled < len(view) and (data := self.file.read(len(view) - filled)):
            view[filled : filled + len(data)] = data
            filled += len(data)
        return filled


class _Zstd:
    """Frames of a zstd file, one after the other: all bytes before the end of a cut one."""

    def __init__(self, file: BinaryIO) -> None:
        self._frames = ZstdFrames(file)
        self.problem: str | None = None
        self._stream = zstandard.ZstdDecompressor().stream_reader(
            self._frames,  # type: ignore[arg-type] # of a file it wants no more than reading
            read_size=READ,
            read_across_frames=True,
        )

    def readinto(self, view: memoryview) -> int:
        filled = 0
        while filled < len(view) and self.problem is None:
            try:
                n = self._stream.readinto(view[filled : filled + PIECE])
            except zstandard.ZstdError as error:
                self.problem = f"zstd: {error}"
                break
            if not n:
                if self._frames.inside:
                    self.problem = "zstd: the compressed stream ends inside a frame"
                break
            filled += n
        return filled


class _Gzip:
    """Members of a gzip file: all bytes before the end of a cut one."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.problem: str | None = None
        self.pending = b""
        self.started = False
        self.decompressor = isal_zlib.decompressobj(wbits=31)

    def _input(self) -> bytes:
        pending = self.pending or self.file.read(PIECE)
        self.pending = b""
        return pending

    def readinto(self, view: memoryview) -> int:
        filled = 0
        while filled < len(view) and self.problem is None:
            source = self._input()
            if self.decompressor.eof:
                source = source.lstrip(b"\0")  # padding between and after members
                if not source:
                    if not (source := self.file.read(PIECE)):
                        break
                    self.pending = source
                    continue
                self.decompressor = isal_zlib.decompressobj(wbits=31)
            try:  # without input it still gives out what it holds back
                data = self.decompressor.decompress(source, min(len(view) - filled, PIECE))
            except isal_zlib.error as error:  # type: ignore[misc]
                self.problem = f"gzip: {error}"
                break
            if not source and not data and not self.decompressor.eof:
                self.problem = "gzip: the compressed stream ends before its end marker"
                break
            self.pending = self.decompressor.unconsumed_tail or self.decompressor.unused_data
            view[filled : filled + len(data)] = data
            filled += len(data)
        return filled


class ByteStream:
    """Decompressed bytes of a file.

    Parameters
    ----------
    source : path, URI or binary file object
        A file object need not be seekable and is not closed.

    Attributes
    ----------
    name : str
        The path, or the file object's name.
    problem : str or None
        Set when the stream broke: what the decompressor said.

    Raises
    ------
    InputError
        The file is missing, is a directory, may not be read, is empty, or does not start as an
        EventIO file does.
    """

    def __init__(self, source: str | os.PathLike[str] | StorePath | BinaryIO) -> None:
        self._owned: BinaryIO | None = None
        if isinstance(source, str | os.PathLike | StorePath):
            self.name = str(source)
            file = self._owned = open_file(location(source))
        else:
            self.name = str(getattr(source, "name", "<stream>"))
            file = source
        try:
            self._file = _Buffered(file)
            self._decoder = self._detect(self._file)
        except BaseException:
            self.close()
            raise

    def _detect(self, file: _Buffered) -> _Decoder:
        magic = file.peek(4)
        if not magic and file.problem:
            raise InputError(f"{self.name}: {file.problem}")
        if not magic:
            raise InputError(f"{self.name}: the file is empty")
        decoder: _Decoder
        if magic.startswith(GZIP):
            decoder = _Gzip(file)  # type: ignore[arg-type]
        elif magic == ZSTD or (magic[1:] == ZSTD_SKIPPABLE and magic[0] & 0xF0 == 0x50):
            decoder = _Zstd(file)  # type: ignore[arg-type]
        else:
            decoder = _Plain(file)  # type: ignore[arg-type]
        buffer = bytearray(4)
        first = self._first = bytes(buffer[: decoder.readinto(memoryview(buffer))])
        if first == SWAPPED_SYNC:
            raise InputError(
                f"{self.name}: written on a big-endian machine (byte-swapped EventIO), which is "
                "not supported; rewrite it with the eventio tools of sim_telarray"
            )
        if first != SYNC:
            why = f" ({decoder.problem})" if decoder.problem else ""
            raise InputError(
                f"{self.name}: not an EventIO file: it starts with {first.hex(' ') or 'nothing'}, "
                f"expected the sync marker {SYNC.hex(' ')}{why}"
            )
        return decoder

    @property
    def problem(self) -> str | None:
        return self._file.problem or self._decoder.problem

    @property
    def position(self) -> int:
        """Bytes of the file (compressed, if it is) read so far; 0 for a stream that cannot tell."""
        return self._owned.tell() if self._owned is not None else 0

    def readinto(self, view: memoryview) -> int:
        """Fill `view` as far as the stream goes; less than its length only at the end."""
        n_first = min(len(self._first), len(view))
        if n_first:
            view[:n_first] = self._first[:n_first]
            self._first = self._first[n_first:]
        return n_first + self._decoder.readinto(view[n_first:])

    def close(self) -> None:
        if self._owned is not None:
            self._owned.close()


class _Buffered:
    """Read-only file that can look at its first bytes without being seekable."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._head = b""
        self.problem: str | None = None

    def peek(self, n: int) -> bytes:
        while len(self._head) < n and (more := self._read(n - len(self._head))):
            self._head += more
        return self._head

    def read(self, n: int = -1) -> bytes:
        head, self._head = self._head, b""
        if not head:
            return self._read(n)
        return head if 0 <= n <= len(head) else head + self._read(n - len(head))

    def _read(self, n: int) -> bytes:
        """Bytes of the file; a failing disk ends it, so that what came before is not lost."""
        try:
            return b"" if self.problem else self._file.read(n) or b""
        except OSError as error:
            self.problem = f"reading failed: {error.strerror or error}"
            return b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def open_file(path: Location) -> BinaryIO:
    """Open a file for reading, unbuffered.

    Raises
    ------
    InputError
        It is missing, is a directory, or may not be read.
    """
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        reasons = {
            errno.ENOENT: "there is no such file",
            errno.EISDIR: "this is a directory: name the files in it",
            errno.EACCES: "no permission to read this file",
        }
        why = reasons.get(error.errno or 0, os.strerror(error.errno or 0))
        raise InputError(f"{path}: {why}") from error
