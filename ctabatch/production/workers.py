"""Worker processes that may die: an input under way is lost with its worker and tried again.

An input that has killed its worker more often than it may be tried again is set aside with a
record of failure; the rest goes on. Workers end with this process, however it ends: their standard
input is a pipe from it.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ctabatch.errors import CtabatchError, OutputError
from ctabatch.io.writer_identity import remove_unfinished_of

from .failures import ERROR, KILLED
from .plan import Plan
from .task import set_aside
from .worker_process import WorkerOrigin, WorkerProcess, last_line

#: Seconds in which workers that are stopped tidy up before they are killed.
GRACE = 0.7
#: Processes in a row that end before they or their copies take an input: all have the same fault.
_MAX_STILLBORN = 3
#: Told (index of the input, bytes read, bytes in all, telescope events so far).
Progress = Callable[[int, int, int, int], None]


@dataclass
class _Job:
    """An input that is to be processed."""

    index: int
    path: str
    deaths: int = 0


@dataclass(eq=False)
class _Worker:
    """One worker and what it is doing."""

    process: WorkerProcess
    job: _Job | None = None
    is_ready: bool = False
    started: bool = False
    rest: bytes = b""


@dataclass
class WorkerPool:
    """Processes the inputs of a plan in worker processes of this machine.

    Parameters
    ----------
    plan : Plan
    jobs : int
        Number of workers.
    progress : callable, optional
    profile : bool
        Measure the CPU time of the stages.
    origin : WorkerOrigin
        Starts the workers.
    """

    plan: Plan
    jobs: int
    progress: Progress | None = None
    profile: bool = False
    origin: WorkerOrigin = field(default_factory=WorkerOrigin)
    _workers: list[_Worker] = field(default_factory=list, init=False)
    _waiting: deque[_Job] = field(default_factory=deque, init=False)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector, init=False)
    _stillborn: set[int] = field(default_factory=set, init=False)

    def run(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Index of each input and its result, as of `run_task`, in the order in which they end.

        Raises
        ------
        OutputError
            The dataset cannot be written; all workers are stopped.
        CtabatchError
            Workers end before they do anything.
        """
        self._waiting.extend(_Job(index, path) for index, path in enumerate(self.plan.inputs))
        while self._waiting or any(worker.job for worker in self._workers):
            self._assign()
            for key, _ in self._selector.select(timeout=1.0):
                yield from self._hear(key.data)

    def _assign(self) -> None:
        """Give waiting inputs to idle workers, and start workers for the rest."""
        for worker in self._workers:
            if worker.is_ready and worker.job is None and self._waiting:
                worker.job, worker.started = self._waiting.popleft(), False
                worker.process.send({"input": worker.job.path, "again": worker.job.deaths > 0})
        n_starting = sum(not worker.is_ready for worker in self._workers)
        while len(self._workers) < self.jobs and n_starting < len(self._waiting):
            self._start()
            n_starting += 1

    def _start(self) -> None:
        worker = _Worker(self.origin.start())
        self._workers.append(worker)
        self._selector.register(worker.process.replies, selectors.EVENT_READ, worker)
        worker.process.send({"plan": self.plan.values(), "profile": self.profile})

    def _hear(self, worker: _Worker) -> Iterator[tuple[int, dict[str, Any]]]:
        data = worker.process.replies.read(1 << 16)
        if not data:
            yield from self._buried(worker)
            return
        *lines, worker.rest = (worker.rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            job = worker.job
            if "ready" in message:
                worker.is_ready = True
                self._stillborn.clear()
                worker.process.pid = message["ready"]
            elif "output_error" in message:
                raise OutputError(message["output_error"])
            elif job is None:
                continue
            elif "started" in message:
                worker.started = True
            elif "progress" in message and self.progress is not None:
                self.progress(job.index, *message["progress"])
            elif "result" in message:
                worker.job = None
                yield job.index, {**message["result"], "attempts": job.deaths + 1}
            elif "broken" in message:
                worker.job = None
                why = f"an error of ctabatch itself, please report it: {message['broken']}"
                yield from self._again(job, why, ERROR)

    def _buried(self, worker: _Worker) -> Iterator[tuple[int, dict[str, Any]]]:
        """What follows from the end of a worker."""
        process = worker.process
        self._selector.unregister(process.replies)
        self._workers.remove(worker)
        code = process.bury()
        if process.pid is not None:
            remove_unfinished_of(Path(self.plan.output), process.pid)
        words = last_line(process.errors) or self.origin.last_words()
        process.errors.close()
        if not worker.is_ready:
            self._stillborn.add(process.origin)
            if len(self._stillborn) >= _MAX_STILLBORN:
                raise CtabatchError(f"worker processes do not start: {words or _cause(code)}")
        if worker.job is None:
            return
        if not worker.started:
            self._waiting.appendleft(worker.job)
            return
        why = f"its worker process died, {_cause(code)}"
        yield from self._again(worker.job, why, KILLED)

    def _again(self, job: _Job, why: str, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Try an input again that was lost with its worker, or set it aside."""
        job.deaths += 1
        if job.deaths <= self.plan.retries:
            self._waiting.append(job)
        else:
            yield job.index, vars(set_aside(self.plan, job.path, why, kind, job.deaths))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all workers; those that work tidy up for a moment, then they are killed."""
        before = _ignore_interrupts()
        try:
            processes = [worker.process for worker in self._workers]
            for process in processes:
                process.dismiss()
            deadline = time.monotonic() + GRACE + 0.1
            for process in processes:
                if not process.has_ended(max(deadline - time.monotonic(), 0.01)):
                    process.kill()
                process.bury()
                process.errors.close()
            self.origin.close()
            for worker in self._workers:
                if worker.job is not None and worker.process.pid is not None:
                    remove_unfinished_of(Path(self.plan.output), worker.process.pid)
            self._selector.close()
        finally:
            _restore_interrupts(before)


def local_plan(plan: Plan, jobs: int, cores: int) -> Plan:
    """The plan with the threads of one of several workers of a machine."""
    return plan if plan.threads else replace(plan, threads=max(cores // jobs, 1))


def _cause(code: int | None) -> str:
    if code is None:
        return "nobody knows why"
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
        memory = " (often because memory was used up)" if name == "SIGKILL" else ""
        return f"signal {name}{memory}"
    return f"signal {-code}"


def _ignore_interrupts() -> Any:
    try:
        return signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not in the main thread, which alone gets them
        return None


def _restore_interrupts(before: Any) -> None:
    if before is not None:
        signal.signal(signal.SIGINT, before)


__all__ = ["Progress", "WorkerPool", "local_plan"]
