"""``ctabatch stereo``: the geometry of showers again, from stored image parameters."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer


def command(
    dataset: Annotated[Path, typer.Argument(help="Dataset with image parameters.")],
    config_files: Annotated[
        list[Path] | None,
        typer.Option(
            "--config", help="YAML or TOML file; its section stereo is used. May be repeated."
        ),
    ] = None,
    quality: Annotated[
        list[str] | None,
        typer.Option(
            "--quality",
            help="SQL expression over the columns of dl1/parameters that an image must meet; "
            "repeat it for more. Replaces the default criteria.",
        ),
    ] = None,
    reconstructors: Annotated[
        str | None,
        typer.Option(
            help="HillasReconstructor, HillasIntersection, or both.  [HillasReconstructor]"
        ),
    ] = None,
    weighting: Annotated[
        str | None, typer.Option(help="Weights of HillasIntersection: Konrad or hess.  [Konrad]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Reconstruct the showers of a dataset again, from image parameters: images are not read.

    Replaces the tables dl2/geometry and dl2/impact of every part. Predictions made from the earlier
    geometry stay; make them again with ctabatch apply.

    Examples:
      ctabatch stereo dl1
      ctabatch stereo dl1 --quality "hillas_intensity > 80" --quality "leakage_pixels_width_2 < 0.2"
      ctabatch stereo dl1 --reconstructors HillasReconstructor,HillasIntersection
    """
    from ctabatch.cli.process import read_config

    options: dict[str, Any] = {}
    if quality is not None:
        options["quality"] = {sql: sql for sql in quality}
    if reconstructors is not None:
        options["reconstructors"] = [name.strip() for name in reconstructors.split(",")]
    if weighting is not None:
        options["weighting"] = weighting
    config = read_config(config_files or (), (), {"stereo": options} if options else {}).stereo
    begin = time.perf_counter()
    results = _recompute(dataset, config, quiet=as_json)
    seconds = time.perf_counter() - begin
    if as_json:
        typer.echo(json.dumps({"parts": results, "seconds": round(seconds, 3)}, indent=1))
    else:
        _report(results, seconds)


def _recompute(dataset: Path, config: Any, *, quiet: bool) -> dict[str, dict[str, Any]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from ctabatch.stereo import recompute

    console = Console(stderr=True)
    columns = ("stereo", BarColumn(), MofNCompleteColumn(), "array events", TimeRemainingColumn())
    show = console.is_terminal and not quiet
    with Progress(*columns, console=console, disable=not show, transient=True) as bar:
        task = bar.add_task("stereo", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return recompute(dataset, config, progress)


def _report(results: dict[str, dict[str, Any]], seconds: float) -> None:
    from rich.console import Console
    from rich.table import Table

    flow: dict[str, int] = {}
    valid: dict[str, int] = {}
    for result in results.values():
        for total, counts in ((flow, "quality_cut_flow"), (valid, "valid_events")):
            for name, n in result[counts].items():
                total[name] = total.get(name, 0) + n
    n_events = sum(result["array_events"] for result in results.values())
    table = Table("images that meet", "number", "of all", box=None, pad_edge=False)
    table.columns[1].justify = table.columns[2].justify = "right"
    for name, n in flow.items():
        table.add_row(name, f"{n:,}", f"{n / max(flow['all'], 1):.1%}")
    console = Console(soft_wrap=True, highlight=False)
    console.print(table)
    for name, n in valid.items():
        console.print(f"{name}: {n:,} of {n_events:,} array events have a valid axis")
    console.print(
        f"{len(results)} parts in {seconds:.1f} s, {n_events / seconds:,.0f} array events per "
        "second"
    )
