"""Reading an object: seekable, block by block, with the next blocks under way."""

from __future__ import annotations

import io
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from .object_store import read
from .store_digest import DigestTap

if TYPE_CHECKING:
    from .store_path import StorePath

#: Bytes asked for at once: large enough that the time to the first byte is small beside that of
#: the rest, small enough that little is asked for again after a cut.
BLOCK = 4 << 20
#: Blocks fetched before they are wanted, once two in a row were read; blocks kept.
AHEAD, KEPT = 3, 8


class StoreFile(io.RawIOBase):
    """An object opened for reading.

    All blocks are of one version of the object.

    Parameters
    ----------
    path : StorePath

    Attributes
    ----------
    version : Version
        The version that is read.

    Raises
    ------
    FileNotFoundError
        There is no such object.
    InputError
        The store cannot be read, or the object was replaced (from any method).
    """

    def __init__(self, path: StorePath) -> None:
        super().__init__()
        self.name = str(path)
        self._path = path
        self._blocks: OrderedDict[int, Future[bytes]] = OrderedDict()
        self._pool = ThreadPoolExecutor(AHEAD, "ctabatch-read-ahead")
        self.version = path.version()  # if this fails, `close` has what it needs
        self._tap = DigestTap.of(path)
        self._position = 0
        self._last = -1

    @property
    def size(self) -> int:
        return self.version.size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the object goes."""
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and self._position < self.size:
            number, begin = divmod(self._position, BLOCK)
            piece = memoryview(self._block(number))[begin : begin + len(view) - filled]
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
            self._position += len(piece)
        return filled

    def close(self) -> None:
        if not self.closed:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._blocks.clear()
        super().close()

    def _block(self, number: int) -> bytes:
        if number == self._last and number in self._blocks:
            return self._blocks[number].result()
        follows, self._last = number == self._last + 1, number
        n_blocks = -(-self.size // BLOCK)
        last = min(number + (AHEAD if follows else 0), n_blocks - 1)
        for wanted in range(number, last + 1):
            if wanted not in self._blocks:
                self._blocks[wanted] = self._pool.submit(self._fetch, wanted)
        self._blocks.move_to_end(number)
        data = self._blocks[number].result()
        while len(self._blocks) > KEPT:
            self._blocks.popitem(last=False)
        if self._tap is not None:
            self._tap.give(number * BLOCK, data, self.version)
        return data

    def _fetch(self, number: int) -> bytes:
        begin = number * BLOCK
        data, _ = read(self._path, begin, min(begin + BLOCK, self.size), self.version)
        return data


__all__ = ["StoreFile"]
