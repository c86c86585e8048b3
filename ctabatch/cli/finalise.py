"""``ctabatch finalise``: what became of all inputs of a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ctabatch.production.finalise import Outcome

#: Inputs that are listed of each kind; all are in the summary.
_LISTED = 20


def command(
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN", help="File of ctabatch plan.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check every input of a plan against the dataset, and write the summary and the index.

    Nothing of the parts is changed: it can be interrupted, repeated and run twice at once. Inputs
    that are missing are made by running their tasks again.

    Exit code 0: complete. 1: some inputs are missing or failed, or there were losses. 2: nothing
    is usable, or the plan is not.

    Examples:
      ctabatch finalise dl1.plan.json
      ctabatch finalise dl1.plan.json --json | jq .missing
    """
    from ctabatch.production.finalise import finalise
    from ctabatch.production.plan import Plan

    plan = Plan.read(plan_file)
    outcome = finalise(plan, plan_file.name.removesuffix(".json").removesuffix(".plan"))
    again = set(_again(outcome))
    tasks = sorted(
        {at // plan.inputs_per_task for at, path in enumerate(plan.inputs) if path in again}
    )
    if as_json:
        typer.echo(json.dumps({**outcome.as_dict(), "tasks_to_run": tasks}, indent=1))
    else:
        _report(outcome, plan.output, tasks)
    raise typer.Exit(outcome.exit_code)


def _again(outcome: Outcome) -> list[str]:
    """Inputs for which running the task again may help."""
    return [*outcome.missing, *outcome.failed, *outcome.outdated, *outcome.damaged]


def _report(outcome: Outcome, output: str, tasks: list[int]) -> None:
    kinds = {
        "not used": {path: record["error"] for path, record in outcome.failed.items()},
        "missing": {path: f"{path}: no part, and no word why" for path in outcome.missing},
        "outdated": {path: f"{path}: made with other options" for path in outcome.outdated},
        "damaged": outcome.damaged,
        "lost": {path: f"{path}: {n:,} losses" for path, n in outcome.with_losses.items()},
    }
    for kind, found in kinds.items():
        for text in list(found.values())[:_LISTED]:
            typer.echo(f"{kind}: {text}", err=True)
        if len(found) > _LISTED:
            typer.echo(f"{kind}: {len(found) - _LISTED:,} more, see --json", err=True)
    typer.echo(
        f"{len(outcome.done):,} of {outcome.n_inputs:,} inputs are in {output}: "
        f"{outcome.totals['array_events']:,} array events, "
        f"{outcome.totals['telescope_events']:,} telescope events"
    )
    if tasks:
        shown = ",".join(map(str, tasks[:_LISTED])) + (",..." if len(tasks) > _LISTED else "")
        typer.echo(f"tasks to run again: {shown}")


__all__ = ["command"]
