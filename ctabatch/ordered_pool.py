"""A pool of threads that hands results back in the order in which their tasks were given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class OrderedPool(Generic[Item, Result]):
    """Runs the tasks of items in threads; items come back in order with the results of theirs.

    Whatever the number of threads, the results and their order are the same. Tasks begin in order,
    and none begins after one before it has failed.

    Parameters
    ----------
    n_threads : int
        1 runs every task at once in the thread that gives it.
    depth : int
        Items that may be under way; one more is handed back before another is taken.
    """

    def __init__(self, n_threads: int, depth: int) -> None:
        self.depth = max(depth, 1)
        self._threads: ThreadPoolExecutor | None = None
        if n_threads > 1:
            self._threads = ThreadPoolExecutor(n_threads, thread_name_prefix="ctabatch-worker")
        self._under_way: deque[tuple[Item, list[Future[Result]]]] = deque()
        self._lock = Lock()
        self._n_given = 0
        self._failed: int | None = None  # the first task that failed, by its number

    def give(
        self, item: Item, tasks: Sequence[Callable[[], Result]]
    ) -> Iterator[tuple[Item, list[Result]]]:
        """Take an item with its tasks; yields earlier ones that are done, and those beyond `depth`.

        Raises
        ------
        Exception
            What the first failing task raised, in the order of the items.
        """
        if self._threads is None:
            yield item, [task() for task in tasks]
            return
        futures = []
        for task in tasks:
            futures.append(self._threads.submit(self._run, self._n_given, task))
            self._n_given += 1
        self._under_way.append((item, futures))
        while self._under_way and (
            len(self._under_way) > self.depth or self._first_is_done() or self._failed is not None
        ):
            yield self._next()

    def rest(self) -> Iterator[tuple[Item, list[Result]]]:
        """The items that are still under way."""
        while self._under_way:
            yield self._next()

    def _run(self, number: int, task: Callable[[], Result]) -> Result:
        # One before this: nobody sees this. A later one may fail while this is about to begin.
        if self._failed is not None and self._failed < number:
            raise RuntimeError("not begun after a failure")
        try:
            return task()
        except BaseException:
            with self._lock:
                self._failed = number if self._failed is None else min(self._failed, number)
            raise

    def _first_is_done(self) -> bool:
        return all(future.done() for future in self._under_way[0][1])

    def _next(self) -> tuple[Item, list[Result]]:
        item, futures = self._under_way.popleft()
        return item, [future.result() for future in futures]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop: tasks that have not begun are dropped, those that run are waited for."""
        self._under_way.clear()
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)


__all__ = ["OrderedPool"]
