"""The inputs of ``ctabatch process`` in worker processes, with a progress bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ctabatch.cli.process_run import input_columns, prepare_kernels

if TYPE_CHECKING:
    from ctabatch.engine import PartResult
    from ctabatch.production.plan import Plan
    from ctabatch.production.worker_process import WorkerOrigin


def run_jobs(
    plan: Plan,
    jobs: int,
    *,
    quiet: bool,
    profile: bool = False,
    origin: WorkerOrigin | None = None,
    tell: Callable[[PartResult], None] | None = None,
) -> list[PartResult]:
    """Results of all inputs of a plan, in their order.

    Parameters
    ----------
    plan : Plan
    jobs : int
        Worker processes.
    quiet : bool
        Without a bar.
    profile : bool
        Measure the CPU time of the stages.
    origin : WorkerOrigin, optional
        Starts the workers.
    tell : callable, optional
        Given each result when it is there.
    """
    from rich.console import Console
    from rich.progress import Progress

    from ctabatch.engine import PartResult, available_cores
    from ctabatch.io.location import location
    from ctabatch.production.worker_process import WorkerOrigin
    from ctabatch.production.workers import WorkerPool, local_plan

    console = Console(stderr=True)
    show = console.is_terminal and not quiet
    prepare_kernels(location(plan.inputs[0]), plan.config["write"], console if show else None)
    jobs = min(jobs, len(plan.inputs))
    found: dict[int, PartResult] = {}
    under_way: dict[int, tuple[float, int]] = {}
    with Progress(*input_columns(), console=console, disable=not show, transient=True) as bar:
        task = bar.add_task(f"{jobs} workers", total=len(plan.inputs), events=0)

        def draw() -> None:
            done = len(found) + sum(share for share, _ in under_way.values())
            n_events = sum(r.record.get("telescope_events", 0) for r in found.values())
            n_events += sum(n for _, n in under_way.values())
            bar.update(task, completed=done, events=n_events)

        def progress(index: int, done: int, size: int, n: int) -> None:
            under_way[index] = (done / max(size, 1), n)
            if show:
                draw()

        own = local_plan(plan, jobs, available_cores())
        with WorkerPool(own, jobs, progress, profile, origin or WorkerOrigin()) as pool:
            for index, values in pool.run():
                under_way.pop(index, None)
                found[index] = PartResult(**values)
                if tell is not None:
                    tell(found[index])
                if show:
                    draw()
    return [found[index] for index in range(len(plan.inputs))]
