"""``ctabatch examples``: fetch and list the public example files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ctabatch.io import examples


def command(
    get: Annotated[
        bool, typer.Option("--get", help="Fetch the files now (87 MB, once per user).")
    ] = False,
    path: Annotated[
        str | None,
        typer.Option(
            "--path", metavar="NAME", help="Print only the path of one file, fetched at need."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the public example files, and fetch them.

    Every command that reads a file also takes example:NAME and fetches it at need.

    Examples:
      ctabatch examples
      ctabatch examples --get
      ctabatch info "$(ctabatch examples --path sst1m)"
    """
    if path is not None:
        examples.known(path)  # a wrong name is told before anything is fetched
    if get or path is not None:
        fetch_with_progress()
    if path is not None:
        where = examples.path(path)
        typer.echo(json.dumps({"name": path, "path": str(where)}) if as_json else str(where))
        return
    folder = examples.fetched_folder()
    if as_json:
        typer.echo(json.dumps(_summary(folder), indent=2))
    else:
        _print_table(folder)


def fetch_with_progress() -> Path:
    """Fetch the examples if they are absent; the bar is on stderr, and only on a terminal."""
    folder = examples.fetched_folder()
    if folder is not None:
        return folder
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("examples", total=None)

        def progress(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        return examples.fetch(progress)


def _summary(folder: Path | None) -> dict[str, object]:
    return {
        "folder": None if folder is None else str(folder),
        "examples": [
            {
                "name": name,
                "file": example.file,
                "kind": example.kind,
                "size": example.size,
                "sha256": example.sha256,
                "holds": example.holds,
            }
            for name, example in examples.EXAMPLES.items()
        ],
    }


def _print_table(folder: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("name", no_wrap=True, style="cyan")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("what it holds, and its file", overflow="fold")
    for name, example in examples.EXAMPLES.items():
        holds = f"{example.holds}\n[dim]{example.file}[/dim]"
        table.add_row(name, f"{example.size / 1e3:,.0f} kB", holds)
    console = Console()
    console.print(table)
    if folder is None:
        console.print("\nNot fetched yet: ctabatch examples --get", highlight=False)
    else:
        console.print(f"\nIn {folder}", highlight=False, soft_wrap=True)
