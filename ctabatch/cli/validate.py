"""``ctabatch validate``: whether a dataset is consistent."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ctabatch.upkeep.findings import Report

FINDINGS = 1
#: Findings of one kind that are shown on the terminal; --json has all.
SHOWN = 20


def command(
    dataset: Annotated[Path, typer.Argument(help="Folder or URI written by ctabatch process.")],
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every byte: checksums, pages and values.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Remove leftovers; nothing that is committed.")
    ] = False,
    now: Annotated[
        bool,
        typer.Option("--now", help="With --repair: leftovers of writers that may be alive too, "
                     "because nothing writes to the dataset."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:  # fmt: skip
    """Check commit records, files, schemas, keys and leftovers of a dataset.

    Looks at every commit record, at the rows, bytes and schema of every file it names, at the keys
    of all rows (unique, and present in the tables they join), and for files that belong to nothing.

    Exit code 0 if the dataset is consistent, 1 with findings, 2 if there is no dataset.

    Examples:
      ctabatch validate dl1
      ctabatch validate dl1 --deep --json
      ctabatch validate dl1 --repair
    """
    from ctabatch.cli.progress import bar
    from ctabatch.io.location import location
    from ctabatch.upkeep.validate import remove_leftovers, validate

    root = location(dataset)  # a path would write a URI with one slash
    with bar("check", quiet=as_json) as tell:
        report, removable = validate(root, deep=deep, now=now, progress=tell)
    if not as_json:
        _print(report)
    if repair:
        if not as_json:
            for name in removable:
                typer.echo(f"removing {name}")
        remove_leftovers(root, removable, report)
    left = [one for one in report.problems if one.file not in set(report.removed)]
    if as_json:
        typer.echo(json.dumps({
            "dataset": str(root),
            "consistent": not left,
            "checked": dict(report.checked),
            "findings": [asdict(one) for one in report.findings],
            "removed": report.removed,
        }, indent=1))  # fmt: skip
    else:
        checked = ", ".join(f"{n:,} {what}" for what, n in report.checked.items() if n)
        typer.echo(f"{root}: {checked or 'nothing to check'}")
        typer.echo("consistent" if not left else f"{len(left):,} findings")
    raise typer.Exit(FINDINGS if left else 0)


def _print(report: Report) -> None:
    shown: dict[str, int] = {}
    for one in report.findings:
        shown[one.kind] = shown.get(one.kind, 0) + 1
        if shown[one.kind] <= SHOWN:
            typer.echo(f"{one.kind}: {one}")
    for kind, n in shown.items():
        if n > SHOWN:
            typer.echo(f"{kind}: {n - SHOWN:,} more, all are in --json")
