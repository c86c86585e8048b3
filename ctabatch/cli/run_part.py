"""``ctabatch run-part``: one task of a plan in this process."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ctabatch.cli.lean_imports import collect_seldom, import_numba_alone
from ctabatch.cli.process_options import LogFile, Profile
from ctabatch.cli.process_report import WITH_LOSSES, exit_code, report, summary
from ctabatch.cli.profile import print_profile, stage_table


def command(
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN", help="File of ctabatch plan.")],
    k: Annotated[int, typer.Argument(metavar="K", help="Number of the task, from 0.")],
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads that compute.  \\[as in the plan]")
    ] = None,
    log: LogFile = None,
    profile: Profile = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run one task of a plan; what is in the dataset already with the same options is skipped.

    Tasks may run at the same time, on several machines, and more than once.

    Exit code 0: done. 1: finished, but something was lost or an input cannot be used: the dataset
    tells it, and running the task again changes nothing. 2: unusable plan, no such task, or the
    dataset cannot be written. 130: interrupted; nothing half-written is visible.

    Examples:
      ctabatch run-part dl1.plan.json 0
      ctabatch run-part dl1.plan.json "$SLURM_ARRAY_TASK_ID"
    """
    collect_seldom()
    import_numba_alone()
    from ctabatch.cli.process_run import prepare_kernels
    from ctabatch.engine import PartResult
    from ctabatch.production.plan import Plan
    from ctabatch.production.task import run_task
    from ctabatch.production.task_log import TaskLog

    plan = Plan.read(plan_file)
    if threads is not None:
        plan = replace(plan, threads=threads)
    inputs = plan.task(k)
    config = plan.process_config()
    prepare_kernels(Path(inputs[0]), config.write, None)
    with TaskLog(log, task=k) as lines:
        results = [PartResult(**v) for v in run_task(plan, k, tell=lines.add, profile=profile)]
    code = min(exit_code(results), WITH_LOSSES)
    if as_json:
        more = {"profile": stage_table(results)} if profile else {}
        typer.echo(json.dumps({"task": k, **summary(results, config, code), **more}, indent=1))
    else:
        report(results, Path(plan.output))
        if profile:
            print_profile(results)
    raise typer.Exit(code)


__all__ = ["command"]
