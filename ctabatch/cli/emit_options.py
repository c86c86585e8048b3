"""Options that the commands of ``ctabatch emit`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="File of ctabatch plan.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="File to write.  \\[beside the plan, named after it]"),
]
Cores = Annotated[
    int | None,
    typer.Option(
        min=1, help="Cores of a task, and threads it computes with.  \\[those of the plan, or 1]"
    ),
]
Memory = Annotated[
    int | None,
    typer.Option(
        min=1, help="MiB asked for a task.  \\[300 more than the plan holds the process below]"
    ),
]
Program = Annotated[
    str | None,
    typer.Option(
        help="Words that start ctabatch on the machines, for example 'apptainer exec ctabatch.sif "
        "ctabatch'.  \\[this Python]"
    ),
]
Variables = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="NAME=VALUE",
        help="Variable of the environment of the tasks; may be repeated. It stands readable in "
        "the file.",
    ),
]
LogFolder = Annotated[
    Path | None,
    typer.Option("--log-dir", help="Folder for what tasks print; made.  \\[PLAN-logs]"),
]
Name = Annotated[str | None, typer.Option(help="Name of the job.  \\[after the plan]")]
Retries = Annotated[
    int | None,
    typer.Option(min=0, help="How often a task that failed is run again.  \\[as in the plan]"),
]
Partition = Annotated[str, typer.Option(help="Partition of Slurm.")]
Account = Annotated[str, typer.Option(help="Account that is charged.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")]
