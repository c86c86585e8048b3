"""``ctabatch demo``: the whole chain on simulated showers."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ctabatch.errors import OutputError


def command(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for files, dataset and figures.")
    ] = Path("ctabatch-demo"),
    gammas: Annotated[int, typer.Option(min=1, help="Gamma showers.")] = 200,
    protons: Annotated[int, typer.Option(min=1, help="Proton showers.")] = 400,
    muons: Annotated[int, typer.Option(min=1, help="Muons.")] = 20,
    training: Annotated[
        int, typer.Option(min=500, help="Gamma showers to train models with, and to test them.")
    ] = 3000,
    array: Annotated[str, typer.Option(help="Array, as in ctabatch simulate.")] = "alpha-north",
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 1,
    events: Annotated[
        int,
        typer.Option(
            min=1000, help="Showers simulated as reconstructed events, for the Crab Nebula."
        ),
    ] = 1_000_000,
    exposure: Annotated[
        float, typer.Option(min=0.5, max=50, help="Hours on the Crab Nebula.")
    ] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """The whole chain on simulated showers: from sim_telarray files to the spectrum of a source.

    Needs no network and no input. Writes genuine sim_telarray files, datasets of Parquet files,
    models of energy, gammaness and direction, their predictions, cuts, instrument responses and
    event lists; measures the spectrum of the simulated Crab Nebula with gammapy, if that is
    installed; and shows it all on one page, index.html. The first run compiles the kernels, which
    takes some seconds more.

    Examples:
      ctabatch demo
      ctabatch demo -o quick --gammas 50 --protons 50 --training 1000 --array lst4
    """
    from ctabatch.demo import CONTENT, DemoOptions, run_demo

    if output.exists() and not output.is_dir():
        raise OutputError(f"{output}: this is a file; name a folder for the demonstration")
    if output.is_dir() and (others := {path.name for path in output.iterdir()} - CONTENT):
        raise OutputError(
            f"{output}: this folder holds something else ({sorted(others)[0]}, ...); name a new one"
        )
    begin = time.perf_counter()
    options = DemoOptions(gammas, protons, muons, training, array, seed, events, exposure)
    result = _run(output, options, quiet=as_json, run_demo=run_demo)
    result["seconds"] = round(time.perf_counter() - begin, 1)
    if as_json:
        typer.echo(json.dumps(result, indent=1))
    else:
        _print(result, output)


def _run(output: Path, options: Any, *, quiet: bool, run_demo: Any) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        done: dict[str, Any] = run_demo(output, options, progress)
        return done


def _print(result: dict[str, Any], output: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in result["counts"][0]:
        justify: Any = "left" if name == "primary" else "right"
        table.add_column(name.replace("_", " "), justify=justify)
    for row in result["counts"]:
        table.add_row(*(f"{v:,}" if isinstance(v, int | float) else str(v) for v in row.values()))
    console.print(table)
    console.print(f"\nsim_telarray files  {output / 'simtel'}")
    console.print(f"DL1 dataset         {result['dataset']}")
    console.print(f"models              {result['models']}")
    console.print(f"responses           {result['responses']['folder']}")
    console.print(f"event lists         {result['crab']['store']}")
    numbers = result["performance"]
    console.print(
        f"\ntest events: energy resolution {numbers['energy_resolution']:.1%}, angular resolution "
        f"{numbers['angular_resolution_deg']} deg, area under the ROC curve {numbers['auc']}"
    )
    _print_spectrum(console, result["crab"])
    console.print(
        f"\n{len(result['figures'])} figures and all numbers on one page: {result['page']} "
        f"({result['seconds']} s)"
    )


def _print_spectrum(console: Any, crab: dict[str, Any]) -> None:
    if "needs" in crab:
        console.print(crab["needs"], markup=False)
        return
    amplitude, error, true = (
        1e11 * crab[name] for name in ("amplitude", "amplitude_error", "true_amplitude")
    )
    console.print(
        f"Crab Nebula, {crab['hours']:g} h: {amplitude:.2f} ± {error:.2f} e-11 /TeV/s/cm2 at 1 TeV "
        f"({true:.2f} put in), index {crab['index']:.2f} ± {crab['index_error']:.2f} "
        f"({crab['true_index']:.2f} put in)"
    )
