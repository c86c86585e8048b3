"""The inputs of ``ctabatch process`` on a cluster of Dask, with a progress bar."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from ctabatch.cli.process_run import input_columns, prepare_kernels

if TYPE_CHECKING:
    from ctabatch.engine import PartResult
    from ctabatch.production.plan import Plan


def run_on_dask(
    plan: Plan,
    scheduler: str,
    jobs: int,
    *,
    quiet: bool,
    profile: bool = False,
    tell: Callable[[PartResult], None] | None = None,
) -> list[PartResult]:
    """Results of all inputs of a plan, in their order.

    Parameters
    ----------
    plan : Plan
    scheduler : str
        Address of a scheduler of Dask, or ``local``.
    jobs : int
        Workers, if it is ``local``.
    quiet : bool
        Without a bar.
    profile : bool
        Measure the CPU time of the stages.
    tell : callable, optional
        Given each result when it is there.
    """
    from rich.console import Console
    from rich.progress import Progress

    from ctabatch.engine import PartResult, available_cores
    from ctabatch.io.location import location
    from ctabatch.production.dask_cluster import LOCAL, cluster, renew_workers
    from ctabatch.production.dask_tasks import DaskPool
    from ctabatch.production.workers import local_plan

    console = Console(stderr=True)
    show = console.is_terminal and not quiet
    if scheduler == LOCAL:
        prepare_kernels(location(plan.inputs[0]), plan.config["write"], console if show else None)
        jobs = min(jobs, len(plan.inputs))
        plan = local_plan(plan, jobs, available_cores())

    def say(text: str) -> None:
        typer.echo(f"ctabatch: {text}", err=True)

    found: dict[int, PartResult] = {}
    n_events = 0
    with contextlib.ExitStack() as after, contextlib.ExitStack() as stack:
        client = stack.enter_context(cluster(scheduler, jobs))
        pool = DaskPool(plan, client, say, profile)
        if scheduler == LOCAL:
            pool.renew = functools.partial(renew_workers, client, jobs)
            after.callback(pool.tidy)
        bar = stack.enter_context(
            Progress(
                *input_columns("{task.fields[workers]} workers"),
                console=console,
                disable=not show,
                transient=True,
            )
        )
        task = bar.add_task("", total=len(plan.inputs), events=0, workers=0)
        for index, values in pool.run():
            found[index] = result = PartResult(**values)
            n_events += result.record.get("telescope_events", 0)
            bar.update(task, completed=len(found), events=n_events, workers=pool.n_workers)
            if tell is not None:
                tell(result)
    return [found[index] for index in range(len(plan.inputs))]


__all__ = ["run_on_dask"]
