"""Inputs of a plan on a cluster of Dask: one future each, one at a time on every worker.

Every future is bound to a worker that has nothing else of ours to do. So if a worker dies it is
known which input it had, and no input is blamed that was waiting behind another; and no more is on
its way than there are workers. What Dask itself would do with futures of a dead worker does not
matter: they are given up, and the input is submitted again.
"""

from __future__ import annotations

import contextlib
import itertools
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, fields
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from ctabatch.errors import CtabatchError, OutputError

from .dask_members import Members
from .dask_worker import process_input
from .failures import ERROR, KILLED
from .plan import Plan, absolute
from .task import set_aside

if TYPE_CHECKING:
    from distributed import Client, Future

#: Seconds between two looks at what workers there are.
_LOOK = 1.0
#: Seconds to wait for the result of a future that has ended; its worker may be gone.
_FETCH = 10.0


@dataclass
class _Job:
    """An input that is to be processed."""

    index: int
    path: str
    failures: int = 0
    attempts: int = 0


@dataclass(frozen=True)
class _UnderWay:
    """An input that a worker has."""

    job: _Job
    worker: str
    future: Future


@dataclass
class DaskPool:
    """Processes the inputs of a plan on the workers of a cluster.

    Parameters
    ----------
    plan : Plan
        ``inputs_per_task`` has no meaning here.
    client : distributed.Client
    tell : callable, optional
        Given sentences about what the user may want to know: no workers, or unusable ones.
    profile : bool
        Measure the CPU time of the stages.
    renew : callable, optional
        Called now and then: sees to it that there are workers.
    """

    plan: Plan
    client: Client
    tell: Callable[[str], None] = lambda _: None
    profile: bool = False
    renew: Callable[[], None] = lambda: None
    _waiting: deque[_Job] = field(default_factory=deque, init=False)
    _under_way: dict[str, _UnderWay] = field(default_factory=dict, init=False)
    _events: SimpleQueue[tuple[str, Any]] = field(default_factory=SimpleQueue, init=False)
    _next_look: float = field(default=0.0, init=False)
    _numbers: Iterator[int] = field(default_factory=itertools.count, init=False)
    _token: str = field(default_factory=lambda: uuid.uuid4().hex[:8], init=False)

    def __post_init__(self) -> None:
        self._members = Members(self.client, Path(self.plan.output), self.tell)

    @property
    def n_workers(self) -> int:
        """Workers that can be used now."""
        return len(self._members.facts)

    def run(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Index of each input and its result, as of `run_task`, in the order in which they end.

        However it ends, what is on its way is cancelled. Workers finish the input they are at; the
        part is committed or, if the cluster is closed, nothing of it is visible.

        Raises
        ------
        OutputError
            The dataset cannot be written.
        CtabatchError
            The scheduler is gone, it cannot be used, or no worker can be.
        """
        self._members.check_scheduler()
        self._waiting.extend(_Job(index, path) for index, path in enumerate(self.plan.inputs))
        self.client.subscribe_topic("all", self._hear)
        try:
            while self._waiting or self._under_way:
                self._look()
                self._assign()
                yield from self._wait()
        finally:
            self.client.unsubscribe_topic("all")
            for key in list(self._under_way):
                self._give_up(key)

    def _hear(self, event: tuple[float, Any]) -> None:
        """Take an event of the scheduler, in the client's own thread."""
        message = event[1]
        if isinstance(message, dict) and message.get("action") == "remove-worker":
            self._events.put(("gone", message))

    def tidy(self) -> None:
        """Remove what workers of this machine left unfinished, after all of them have ended."""
        for worker in list(self._members.facts):
            self._members.forget(worker)

    def _look(self) -> None:
        """Find workers that came, and those that went without a word."""
        if time.monotonic() < self._next_look:
            return
        self.renew()
        for worker in self._members.look({one.worker for one in self._under_way.values()}):
            keys = [key for key, one in self._under_way.items() if one.worker == worker]
            self._events.put(("gone", {"worker": worker, "processing-tasks": keys}))
        self._next_look = time.monotonic() + _LOOK

    def _assign(self) -> None:
        """Give every idle worker an input."""
        busy = {one.worker for one in self._under_way.values()}
        for worker in [name for name in self._members.facts if name not in busy]:
            if not self._waiting:
                return
            job = self._waiting.popleft()
            key = f"ctabatch-{self._token}-{next(self._numbers)}"
            again = job.attempts > 0
            job.attempts += 1
            words = (self._values(job), again, self.profile)
            future = self.client.submit(
                process_input, *words, key=key, workers=[worker], pure=False
            )
            self._under_way[key] = _UnderWay(job, worker, future)
            future.add_done_callback(self._ended)

    def _values(self, job: _Job) -> dict[str, Any]:
        """The plan of one input alone: all others need not travel with it."""
        values = {one.name: getattr(self.plan, one.name) for one in fields(self.plan)}
        return {**values, "inputs": (absolute(job.path),), "inputs_per_task": 1}

    def _ended(self, future: Future) -> None:
        self._events.put(("ended", future.key))

    def _wait(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Handle the next event, if there is one before the next look."""
        try:
            kind, what = self._events.get(timeout=max(self._next_look - time.monotonic(), 0.01))
        except Empty:
            return
        if kind == "gone":
            yield from self._gone(what)
        elif what in self._under_way:
            yield from self._result(what)

    def _gone(self, event: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
        """What follows from the end of a worker: one that was asked to leave blames no input."""
        worker = event["worker"]
        self._members.forget(worker)
        for key in [key for key, one in self._under_way.items() if one.worker == worker]:
            one = self._under_way[key]
            self._give_up(key)
            if key in event["processing-tasks"] and not event.get("expected", False):
                yield from self._again(one.job, f"its worker {worker} died", KILLED)
            else:
                self._waiting.appendleft(one.job)

    def _result(self, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """What became of an input whose future has ended."""
        from distributed import KilledWorker

        one = self._under_way[key]
        if one.future.status not in ("finished", "error"):  # lost again: its worker is gone
            return
        job = one.job
        try:
            answer = one.future.result(timeout=_FETCH)
        except KilledWorker:
            self._members.forget(one.worker)
            self._give_up(key)
            yield from self._again(job, f"its worker {one.worker} died", KILLED)
            return
        except (TimeoutError, CancelledError):  # the worker is gone, and the result with it
            self._give_up(key)
            self._waiting.appendleft(job)
            return
        except Exception as error:  # noqa: BLE001 - whatever libraries of Dask raise
            self._give_up(key)
            self._tried(job, error)
            return
        self._give_up(key)
        if "result" in answer:
            yield job.index, self._told(answer["result"], job)
        elif answer["kind"] == "OutputError":
            raise OutputError(answer["error"])
        elif answer["kind"]:
            raise CtabatchError(f"{job.path}: {answer['error']}")
        else:
            why = f"an error of ctabatch itself, please report it: {answer['error']}"
            yield from self._again(job, why, ERROR)

    def _tried(self, job: _Job, error: Exception) -> None:
        """Send an input again that Dask could not bring to a worker; it is not to blame."""
        job.failures += 1
        if job.failures > self.plan.retries:
            raise CtabatchError(
                f"Dask failed with {job.path}: {type(error).__name__}: {error}; scheduler and "
                "workers need the same packages as this program"
            ) from error
        self._repeat(job, f"Dask failed ({type(error).__name__}: {error})")
        self._waiting.appendleft(job)

    def _told(self, result: dict[str, Any], job: _Job) -> dict[str, Any]:
        """A result in the words of the plan, for this run as a whole."""
        result = {**result, "input": job.path, "attempts": job.failures + 1}
        # a part that an earlier attempt committed, whose answer was lost with its worker
        ours = job.attempts > 1 and self.plan.existing != "resume"
        if ours and result["status"] == "skipped":
            result["status"] = "done"
        return result

    def _again(self, job: _Job, why: str, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Try an input again that was lost with its worker, or set it aside."""
        job.failures += 1
        if job.failures <= self.plan.retries:
            self._repeat(job, why)
            self._waiting.append(job)
        else:
            yield job.index, vars(set_aside(self.plan, job.path, why, kind, job.failures))

    def _repeat(self, job: _Job, why: str) -> None:
        """Tell why an input is begun again: it may succeed, and nothing else would say it."""
        self.tell(f"{job.path}: {why}; it is tried again")

    def _give_up(self, key: str) -> None:
        """Forget a future, wherever it is."""
        one = self._under_way.pop(key)
        if not one.future.done():
            with contextlib.suppress(OSError):
                self.client.cancel([one.future], force=True)
        one.future.release()


__all__ = ["DaskPool"]
