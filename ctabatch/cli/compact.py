"""``ctabatch compact``: few large parts instead of many small ones."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ctabatch.errors import OptionError


def command(
    dataset: Annotated[Path, typer.Argument(help="Folder written by ctabatch process.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder of a new dataset.")
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Change the dataset itself.")
    ] = False,
    part_size: Annotated[
        int, typer.Option("--part-size", metavar="MIB", min=1, help="Size of a merged part.")
    ] = 1024,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Merge the many small parts of a dataset into a few, sorted by observation, event, telescope.

    Parts of the same configuration are merged, with their predictions. The commit record of a
    merged part lists those of its inputs, so process --resume still skips them. Parts with raw
    data (--write r0) stay as they are. Readers see each event exactly once at any time, also if
    compacting in place is interrupted: run it again, or ctabatch validate --repair.

    Examples:
      ctabatch compact dl1 -o dl1-compact
      ctabatch compact dl1 --in-place
      ctabatch compact dl1 --in-place --part-size 256
    """
    from ctabatch.cli.progress import bar
    from ctabatch.upkeep.compact import compact

    if (output is None) != in_place:
        raise OptionError("name a folder for the new dataset (-o DIR), or else --in-place")
    begin = time.perf_counter()
    with bar("compact", quiet=as_json) as tell:
        done = compact(dataset, output, part_bytes=part_size << 20, progress=tell)
    seconds = round(time.perf_counter() - begin, 3)
    if as_json:
        typer.echo(json.dumps({"dataset": str(output or dataset), **asdict(done),
                               "seconds": seconds}, indent=1))  # fmt: skip
        return
    for why in sorted(set(done.kept.values()) - {""}):
        names = [name for name, own in done.kept.items() if own == why]
        more = f" and {len(names) - 1} others" if len(names) > 1 else ""
        typer.echo(f"not merged: {names[0]}{more}: {why}")
    typer.echo(
        f"{output or dataset}: {done.parts_before:,} parts in {done.files_before:,} files became "
        f"{done.parts_after:,} in {done.files_after:,} in {seconds:.1f} s"
    )
