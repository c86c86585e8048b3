"""Where the frames of a zstd stream begin and end, without decompressing it.

A decompressor that goes on over the ends of frames does not tell whether a file ended at one.
"""

from __future__ import annotations

from typing import BinaryIO

_MAGIC = b"\x28\xb5\x2f\xfd"
#: Of a frame header: its first byte tells the size of the rest, by two of its bits.
_DICTIONARY_ID, _CONTENT_SIZE = (0, 1, 2, 4), (0, 2, 4, 8)
_RLE = 1


class ZstdFrames:
    """A file of zstd frames that follows what is read from it.

    Parameters
    ----------
    file : binary file object

    Attributes
    ----------
    inside : bool
        Whether what was read ends inside a frame.

    Notes
    -----
    Source: RFC 8878, section 3.1. What is no frame at all is left to the decompressor to find; the
    rest counts as inside of one.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._rest = b""
        self._skip = 0  # bytes without meaning before the next header
        self._in_blocks = self._checksum = self._lost = False

    @property
    def inside(self) -> bool:
        return bool(self._rest or self._skip or self._in_blocks or self._lost)

    def read(self, n: int) -> bytes:
        data = self._file.read(n)
        self._follow(data)
        return data

    def _follow(self, data: bytes) -> None:
        if self._rest:
            data, self._rest = self._rest + data, b""
        at = 0
        while at < len(data) and not self._lost:
            if self._skip:
                step = min(self._skip, len(data) - at)
                at, self._skip = at + step, self._skip - step
                continue
            size = self._block(data, at) if self._in_blocks else self._header(data, at)
            if not size:  # the header goes on in what comes next
                self._rest = data[at:]
                return
            at += size

    def _block(self, data: bytes, at: int) -> int:
        """Size of the header of a block, 0 if it is not all there."""
        if len(data) - at < 3:
            return 0
        header = int.from_bytes(data[at : at + 3], "little")
        kind = header >> 1 & 3
        self._skip = 1 if kind == _RLE else header >> 3
        if header & 1:  # the last one
            self._in_blocks = False
            self._skip += 4 * self._checksum
        return 3

    def _header(self, data: bytes, at: int) -> int:
        """Size of the header of a frame, 0 if it is not all there."""
        head = data[at : at + 18]
        if head[:4] != _MAGIC[: len(head)]:
            if len(head) < 8:
                return 0
            self._lost = head[1:4] != b"\x2a\x4d\x18" or head[0] & 0xF0 != 0x50
            self._skip = int.from_bytes(head[4:8], "little")
            return 8
        if len(head) < 5:
            return 0
        first = head[4]
        single = first >> 5 & 1
        size = 5 + (not single) + _DICTIONARY_ID[first & 3]
        size += _CONTENT_SIZE[first >> 6] or single
        if len(head) < size:
            return 0
        self._in_blocks, self._checksum = True, bool(first & 4)
        return size


__all__ = ["ZstdFrames"]
