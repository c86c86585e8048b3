"""Memory of arrays that is used again: new pages cost the kernel of the system time to clear."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

#: Smaller arrays come from numpy: those the system's allocator keeps by itself.
_LEAST = 1 << 16
#: Sizes are rounded up to this part of their leading power of two, so that sizes that are nearly
#: the same share memory.
_STEPS = 8
#: Memory looked at before new memory is taken: what was handed out first is free first.
_LOOKS = 4
#: Free memory that may lie idle, in bytes, when none of it fits.
_MOST_IDLE = 32 << 20


class RecycledArrays:
    """Hands out arrays; the memory of those that nothing refers to any more is handed out again.

    A view (also an Arrow buffer over one) refers to the memory it looks at, so there is nothing to
    give back: memory is free when only this object knows it. May be used by any thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._memory: dict[int, deque[NDArray[np.uint8]]] = {}
        self._if_free = _references(deque([np.empty(1, np.uint8)]))

    def empty(self, shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
        """Array with undefined content, as `numpy.empty` makes it."""
        kind = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        if size < _LEAST:
            return np.empty(shape, kind)
        with self._lock:
            return self._free(size)[:size].view(kind).reshape(shape)

    def _free(self, size: int) -> NDArray[np.uint8]:
        """Free memory of at least a size."""
        step = (1 << (size - 1).bit_length()) // (2 * _STEPS)
        size = -(-size // step) * step
        if size not in self._memory:
            self._forget_idle()
        own = self._memory.setdefault(size, deque())
        for _ in range(min(len(own), _LOOKS)):
            own.rotate(-1)
            if _references(own) == self._if_free:
                return own[-1]
        own.append(np.empty(size, np.uint8))
        return own[-1]

    def _forget_idle(self) -> None:
        """Let go of what is free if it is much.

        Sizes change with the camera and the part of the file: memory of the sizes of before would
        pile up.
        """
        free: dict[int, int] = {}
        for size, memory in self._memory.items():
            for _ in range(len(memory)):
                memory.rotate(-1)
                free[size] = free.get(size, 0) + (_references(memory) == self._if_free)
        if sum(size * n for size, n in free.items()) > _MOST_IDLE:
            for size in free:
                self._drop_free(size)

    def _drop_free(self, size: int) -> None:
        memory = self._memory[size]
        for _ in range(len(memory)):
            memory.rotate(-1)
            if _references(memory) == self._if_free:
                memory.pop()
        if not memory:
            del self._memory[size]

    def forget(self) -> None:
        """Let go of all free memory; what is in use stays until its users go."""
        with self._lock:
            self._memory.clear()


def _references(memory: deque[NDArray[np.uint8]]) -> int:
    """How many references there are to the last array, the one of `memory` included."""
    return sys.getrefcount(memory[-1])


__all__ = ["RecycledArrays"]
