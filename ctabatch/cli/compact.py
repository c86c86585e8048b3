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
    dataset: Annotated[Path, typer.Argument(help="Folder or URI written by ctabatch process.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder or URI of a new dataset.")
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Change the dataset itself.")
    ] = False,
    part_size: Annotated[
        int, typer.Option("--part-size", metavar="MIB", min=1, help="Size of a merged part.")
    ] = 1024,
    now: Annotated[
        bool,
        typer.Option("--now", help="Nothing else writes there: remove what a killed run left, also "
                     "if it might be alive."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:  # fmt: skip
    """Merge the many small parts of a dataset into a few, sorted by observation, event, telescope.

    Parts of the same configuration are merged, with their predictions. The commit record of a
    merged part lists those of its inputs, so process --resume still skips them. Parts with raw
    data (--write r0) stay as they are. Readers see each event exactly once at any time, also if
    compacting in place is interrupted: run it again, or ctabatch validate --repair. A new dataset
    is one when it is whole. In object stores, too: s3:// and gs:// on either side.

    Examples:
      ctabatch compact dl1 -o dl1-compact
      ctabatch compact dl1 --in-place
      ctabatch compact dl1 --in-place --part-size 256
      ctabatch compact s3://bucket/dl1 -o s3://bucket/dl1-compact
    """
    from ctabatch.cli.progress import bar
    from ctabatch.io.location import location
    from ctabatch.upkeep.compact import compact

    if (output is None) != in_place:
        raise OptionError("name a folder or URI for the new dataset (-o NEW), or else --in-place")
    source, target = location(dataset), None if output is None else location(output)
    begin = time.perf_counter()
    with bar("compact", quiet=as_json) as tell:
        done = compact(source, target, part_bytes=part_size << 20, now=now, progress=tell)
    seconds = round(time.perf_counter() - begin, 3)
    if as_json:
        typer.echo(json.dumps({"dataset": str(target or source), **asdict(done),
                               "seconds": seconds}, indent=1))  # fmt: skip
        return
    for why in sorted(set(done.kept.values()) - {""}):
        names = [name for name, own in done.kept.items() if own == why]
        more = f" and {len(names) - 1} others" if len(names) > 1 else ""
        typer.echo(f"not merged: {names[0]}{more}: {why}")
    typer.echo(
        f"{target or source}: {done.parts_before:,} parts in {done.files_before:,} files became "
        f"{done.parts_after:,} in {done.files_after:,} in {seconds:.1f} s"
    )
