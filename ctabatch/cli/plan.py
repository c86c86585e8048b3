"""``ctabatch plan``: the inputs and options of a production as a file for `run-part`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctabatch.cli import process_options as options

if TYPE_CHECKING:
    from ctabatch.io.dataset_folder import DatasetFolder


def command(
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
    retries: options.Retries = None,
    inputs_per_task: Annotated[
        int, typer.Option(min=1, help="Inputs that one task processes, one after the other.")
    ] = 1,
    plan_file: Annotated[
        Path | None,
        typer.Option("--plan", help="Where to write the plan.  \\[DATASET.plan.json]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write a plan: which inputs become parts of which dataset, with which options, in which tasks.

    ctabatch run-part PLAN K runs a task, on any machine that sees the inputs and the dataset, and
    ctabatch finalise PLAN checks that nothing is missing. The options are those of process.

    Exit code 0: written. 2: unusable input or options.

    Examples:
      ctabatch plan run*.simtel.zst -o dl1
      ctabatch plan @inputs.txt -o dl1 --inputs-per-task 50 --plan production.json
      ctabatch plan @inputs.txt -o dl1 --config process.yaml --threads 2
    """
    from ctabatch.io.dataset_folder import DatasetFolder
    from ctabatch.memory import USUAL, MemoryBound
    from ctabatch.production.plan import Plan, absolute, check_place, plan_path

    existing = options.existing_parts(overwrite, resume)
    config = options.configuration(
        write, config_files, assignments, max_events, allowed_tels, focal_length, level
    )
    memory = USUAL if memory is None else memory
    MemoryBound(memory)  # told now, not by every task
    plan = Plan(
        output=absolute(output),
        inputs=tuple(map(absolute, options.named_inputs(files, config.source.level))),
        config=config.model_dump(mode="json"),
        existing=existing,
        threads=threads or 0,
        memory=memory,
        inputs_per_task=inputs_per_task,
        retries=1 if retries is None else retries,
    )
    where = plan_path(output) if plan_file is None else plan_file
    check_place(where, plan.output)
    folder = DatasetFolder(output)
    folder.create()
    if existing == "refuse":
        _refuse_known(plan.inputs, folder)
    plan.write(where)
    if as_json:
        facts = {"plan": str(where), "tasks": plan.n_tasks, "inputs": len(plan.inputs)}
        typer.echo(json.dumps(facts, indent=1))
    else:
        typer.echo(
            f"{plan.n_tasks} tasks for {len(plan.inputs)} inputs: {where}\n"
            f"ctabatch run-part {where} K with K from 0 to {plan.n_tasks - 1}, "
            f"then ctabatch finalise {where}"
        )


def _refuse_known(inputs: tuple[str, ...], folder: DatasetFolder) -> None:
    from ctabatch.errors import OptionError
    from ctabatch.production.plan import absolute

    planned = set(inputs)
    known = [
        path
        for record in folder.records()
        if (path := absolute(record.get("input", {}).get("path", ""))) in planned
    ]
    if known:
        more = f" and {len(known) - 1} more" if len(known) > 1 else ""
        raise OptionError(
            f"{known[0]}{more}: already in {folder.root}; use --resume to skip what was processed "
            "with these options or --overwrite to process it again"
        )


__all__ = ["command"]
