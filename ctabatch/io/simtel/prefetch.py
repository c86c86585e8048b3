"""Reading ahead: an iterator runs in a thread of its own, a few items in front of its user."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")

#: Seconds between looks at whether the user has gone.
_PATIENCE = 0.1
#: Seconds to wait for the thread when the user goes; it may be stuck in a read of a slow stream.
_FAREWELL = 5.0


class _End:
    """Behind the last item; with what stopped the iterator, if it failed."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetched(items: Iterable[T], depth: int = 2) -> Iterator[T]:
    """Yield what `items` yields, computed ahead in a thread.

    Parameters
    ----------
    items : iterable
        Used by the thread alone until it is exhausted.
    depth : int
        At most so many items wait; one more may be under way.

    Raises
    ------
    Exception
        What `items` raises, after everything that came before it.
    """
    waiting: Queue[T | _End] = Queue(depth)
    gone = Event()

    def put(item: T | _End) -> bool:
        while not gone.is_set():
            with contextlib.suppress(Full):
                waiting.put(item, timeout=_PATIENCE)
                return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as error:  # noqa: BLE001 - handed to the user's thread
            put(_End(error))
        else:
            put(_End())

    thread = Thread(target=work, name="ctabatch-reader", daemon=True)
    thread.start()
    try:
        while True:
            item = waiting.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
            del item  # a block is large: do not keep it while waiting for the next
    finally:
        gone.set()
        with contextlib.suppress(Empty):
            while True:
                waiting.get_nowait()
        thread.join(_FAREWELL)
