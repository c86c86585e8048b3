"""``ctabatch process``: sim_telarray files become a DL1 dataset."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctabatch.cli import process_options as options
from ctabatch.cli.lean_imports import (
    collect_seldom,
    import_numba_alone,
    without_plugins_of_pydantic,
)
from ctabatch.cli.process_options import input_path, read_config
from ctabatch.cli.process_report import WITH_LOSSES, exit_code, report, summary
from ctabatch.cli.process_run import run_all

if TYPE_CHECKING:
    from ctabatch.production.worker_process import WorkerOrigin

#: Inputs from which on the dataset gets an index at the end.
_MANY = 50


def command(
    context: typer.Context,
    files: options.Files,
    output: options.Output,
    write: options.Write = None,
    config_files: options.ConfigFiles = None,
    assignments: options.Assignments = None,
    max_events: options.MaxEvents = None,
    allowed_tels: options.AllowedTels = None,
    focal_length: options.FocalLength = None,
    level: options.FromLevel = None,
    overwrite: options.Overwrite = False,
    resume: options.Resume = False,
    threads: options.Threads = None,
    memory: options.Memory = None,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            help="Worker processes, which share the cores; if one dies its input is tried again.",
        ),
    ] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Scheduler of Dask to send the inputs to, tcp://HOST:PORT; or local, for --jobs "
            "workers of Dask on this machine.",
        ),
    ] = None,
    retries: options.Retries = None,
    n_display: Annotated[
        int | None,
        typer.Option("--display", min=1, help="Draw the first N array events as it goes."),
    ] = None,
    display_folder: Annotated[
        Path | None,
        typer.Option("--display-to", help="Folder of these pictures.  \\[OUTPUT-display]"),
    ] = None,
    log: options.LogFile = None,
    profile: options.Profile = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Turn sim_telarray files into a Parquet dataset: one part per file, no merge step.

    Written are images, image parameters and the geometry of the showers. A dataset can be processed
    again in place of the files: from raw data (--write r0), calibrated waveforms (r1) or images.

    Exit code 0: done. 1: finished, but something was lost, which is listed. 2: unusable input or
    options. 130: interrupted; finished parts stay, nothing half-written is visible.

    Examples:
      ctabatch process gammas.simtel.zst -o dl1
      ctabatch process run*.simtel.gz -o dl1 --resume
      ctabatch process @inputs.txt -o dl1 --jobs 8
      ctabatch process @inputs.txt -o dl1 --scheduler tcp://head-node:8786
      ctabatch process example:sst1m -o dl1 --write r1,images --max-events 10
      ctabatch process gammas.simtel.zst -o dl1 --config process.yaml
      ctabatch process gammas.simtel.zst -o dl1 --set 'cleaning.picture_threshold_pe={"LST*": 8.5}'
      ctabatch process gammas.simtel.zst -o raw --write r0
      ctabatch process raw -o dl1 --config process.yaml
      ctabatch process dl1 -o cleaned --from images --set cleaning.picture_threshold_pe=8
    """
    collect_seldom()
    without_plugins_of_pydantic()
    origin = None
    if jobs > 1 and scheduler is None:
        origin = _workers_ahead()
        context.call_on_close(origin.close)
    import_numba_alone()
    from ctabatch.cli.display import display_for
    from ctabatch.engine import Engine
    from ctabatch.io.location import location
    from ctabatch.memory import MIB
    from ctabatch.production.plan import Plan, absolute
    from ctabatch.production.task_log import TaskLog

    if scheduler is not None:
        from ctabatch.production.dask_cluster import check_scheduler

        check_scheduler(scheduler, jobs)
    existing = options.existing_parts(overwrite, resume)
    config = options.configuration(
        write, config_files, assignments, max_events, allowed_tels, focal_length, level
    )
    paths = options.named_inputs(files, config.source.level)
    bound = {} if memory is None else {"memory": memory}
    engine = Engine(output, config, existing, threads=threads, profile=profile, **bound)
    display = display_for(n_display, display_folder, output, config)
    plan = Plan(
        output=absolute(output),
        inputs=tuple(map(str, paths)),
        config=config.model_dump(mode="json"),
        existing=existing,
        threads=threads or 0,
        memory=engine.memory.limit // MIB,
        retries=1 if retries is None else retries,
    )
    at_once = jobs > 1 or scheduler is not None
    begin = time.perf_counter()
    try:
        with TaskLog(log) as lines:
            if not at_once:
                results = run_all(engine, paths, display, quiet=as_json, tell=lines.add)
            else:
                if display is not None:
                    for path in paths:
                        display.show(path)
                more: Any = {"quiet": as_json, "profile": profile, "tell": lines.add}
                if scheduler is None:
                    from ctabatch.cli.process_jobs import run_jobs

                    results = run_jobs(plan, jobs, origin=origin, **more)
                else:
                    from ctabatch.cli.process_dask import run_on_dask

                    results = run_on_dask(plan, scheduler, jobs, **more)
    except KeyboardInterrupt:  # typer ends the program without a word
        typer.echo("ctabatch: interrupted; run again with --resume to go on", err=True)
        raise
    if len(results) >= _MANY:
        from ctabatch.io.dataset_index import write_index

        write_index(engine.folder)
    if profile:
        from ctabatch.cli.profile import print_profile, stage_table
    code = exit_code(results)
    if as_json:
        more = {"profile": stage_table(results)} if profile else {}
        typer.echo(json.dumps({**summary(results, config, code), **more}, indent=1))
    else:
        report(results, location(output), time.perf_counter() - begin if at_once else None)
        if profile:
            print_profile(results)
        if display is not None:
            typer.echo(display.report())
    raise typer.Exit(code)


def _workers_ahead() -> WorkerOrigin:
    """What workers come from, begun: it starts while this process does."""
    from ctabatch.production.worker_process import WorkerOrigin

    origin = WorkerOrigin()
    origin.begin()
    return origin


__all__ = ["WITH_LOSSES", "command", "input_path", "read_config"]
