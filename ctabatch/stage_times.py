"""CPU time by stage of the processing, for who asks; else nothing is measured."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock, local
from typing import TypeVar

Item = TypeVar("Item")
#: Given the name of a stage: the block of its work.
Timed = Callable[[str], AbstractContextManager[None]]
#: Stages in the order of the work.
STAGES = ("read", "digest", "decode", "extract", "clean", "parametrise", "muons", "stereo", "write")

_NOTHING: AbstractContextManager[None] = nullcontext()


def untimed(_stage: str) -> AbstractContextManager[None]:
    """Measure nothing."""
    return _NOTHING


class StageTimes:
    """CPU seconds of the threads by stage; a block within a block counts for itself alone.

    Attributes
    ----------
    seconds : dict
        Stage -> seconds.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._lock = Lock()
        self._thread = local()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        outer = self._change(stage)
        try:
            yield
        finally:
            self._change(outer)

    def _change(self, stage: str | None) -> str | None:
        """Begin a stage; the time so far is for the one before, which is given back."""
        now = time.thread_time()
        before: str | None = getattr(self._thread, "stage", None)
        if before is not None:
            with self._lock:
                self.seconds[before] += now - self._thread.begin
        self._thread.stage, self._thread.begin = stage, now
        return before

    def items(self, stage: str, items: Iterator[Item]) -> Iterator[Item]:
        """Items of an iterator, whose own work counts for a stage."""
        while True:
            with self(stage):
                item = next(items, None)
            if item is None:
                return
            yield item

    def rounded(self) -> dict[str, float]:
        """Seconds in the order of the work."""
        return {name: round(self.seconds[name], 6) for name in STAGES if name in self.seconds}


__all__ = ["STAGES", "StageTimes", "Timed", "untimed"]
