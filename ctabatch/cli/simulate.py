"""``ctabatch simulate``: toy showers as real sim_telarray files."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctabatch.errors import OptionError

if TYPE_CHECKING:
    from ctabatch.simulate.files import SimulationSummary
    from ctabatch.simulate.options import SimulationOptions


LEVELS = ("simtel", "images", "dl2")


def command(
    output: Annotated[
        Path,
        typer.Argument(help="File to write (.simtel.zst, .simtel.gz, .simtel), or a dataset."),
    ],
    primary: Annotated[str, typer.Option(help="gamma, proton, electron or muon.")] = "gamma",
    showers: Annotated[int, typer.Option(help="How many showers.")] = 100,
    reuse: Annotated[int, typer.Option(help="Uses of each shower, each with its own core.")] = 1,
    energy_range: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", help="Energies in TeV.  \\[by primary]")
    ] = None,
    index: Annotated[float, typer.Option(help="Index of the power law.")] = -2.0,
    zenith: Annotated[float, typer.Option(help="Zenith angle of the pointing in deg.")] = 20.0,
    azimuth: Annotated[float, typer.Option(help="Azimuth in deg, from north over east.")] = 0.0,
    viewcone: Annotated[
        float | None, typer.Option(help="Radius in deg; 0 is a point source.  \\[by primary]")
    ] = None,
    source_offset: Annotated[
        float, typer.Option(help="From the pointing to the source in deg.")
    ] = 0.0,
    max_core_distance: Annotated[
        float | None, typer.Option(help="Radius of the disc of cores in m.  \\[by primary]")
    ] = None,
    array: Annotated[
        str, typer.Option(help="lst4, mst9, alpha-north, alpha-south, or a JSON file.")
    ] = "lst4",
    min_telescopes: Annotated[
        int | None, typer.Option(help="Telescopes needed for an array trigger.  [2, muons 1]")
    ] = None,
    nsb_scale: Annotated[float, typer.Option(help="Night sky relative to a dark night.")] = 1.0,
    level: Annotated[
        str,
        typer.Option(help="simtel: a file; images: a DL1 dataset; dl2: reconstructed events."),
    ] = "simtel",
    obs_id: Annotated[int, typer.Option(help="Run number.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Simulate showers with a parametrised toy model and write a genuine sim_telarray file.

    The file opens in any program that reads sim_telarray files. The shower model is for tests,
    teaching and demonstrations, not for physics results.

    Examples:
      ctabatch simulate gammas.simtel.zst --showers 200
      ctabatch simulate protons.simtel.zst --primary proton --showers 2000 --array mst9
      ctabatch simulate muons.simtel.gz --primary muon --showers 50
      ctabatch simulate dl1 --level images --showers 10000
      ctabatch simulate dl2 --level dl2 --showers 10000000
    """
    from ctabatch.simulate.arrays import load_array
    from ctabatch.simulate.options import SimulationOptions

    options = SimulationOptions(
        primary=primary,
        n_showers=showers,
        reuse=reuse,
        energy_range=None if energy_range is None else number_pair("--energy-range", energy_range),
        index=index,
        zenith=zenith,
        azimuth=azimuth,
        viewcone=viewcone,
        source_offset=source_offset,
        max_core_distance=max_core_distance,
        array=load_array(array),
        min_telescopes=min_telescopes,
        nsb_scale=nsb_scale,
        obs_id=obs_id,
        seed=seed,
    )
    if level not in LEVELS:
        raise OptionError.unknown_name("level", level, LEVELS)
    begin = time.perf_counter()
    if level != "simtel":
        _simulate_dataset(options, output, level, as_json=as_json)
        return
    summary = simulate_with_progress(options, output, overwrite=overwrite, quiet=as_json)
    seconds = time.perf_counter() - begin
    if as_json:
        facts = {"file": str(output), **asdict(summary), "seconds": round(seconds, 3)}
        typer.echo(json.dumps({**facts, "bytes": output.stat().st_size}, indent=1))
        return
    typer.echo(
        f"{output}: {summary.n_showers:,} showers, {summary.n_events:,} uses, "
        f"{summary.n_triggered:,} array events, {summary.n_telescope_events:,} telescope events, "
        f"{output.stat().st_size / 1e6:,.1f} MB in {seconds:.1f} s "
        f"({summary.n_telescope_events / seconds:,.0f} telescope events per second)"
    )


def number_pair(option: str, text: str) -> tuple[float, float]:
    """Two numbers from ``LOW,HIGH``.

    Raises
    ------
    OptionError
        The text is no such pair.
    """
    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError:
        raise OptionError(f"{option} {text!r}: write two numbers, for example 0.05,10") from None
    return low, high


def _simulate_dataset(
    options: SimulationOptions, output: Path, level: str, *, as_json: bool
) -> None:
    from ctabatch.simulate.datasets import simulate_images, simulate_reconstructed

    begin = time.perf_counter()
    work = simulate_images if level == "images" else simulate_reconstructed
    with _bar(options, "rows", quiet=as_json) as progress:
        record = work(options, output, progress)
    seconds = time.perf_counter() - begin
    if as_json:
        typer.echo(json.dumps({**record, "seconds": round(seconds, 3)}, indent=1))
        return
    n = record["telescope_events"] or record["array_events"]
    what = "telescope events" if level == "images" else "events"
    typer.echo(
        f"{output}: part {record['part']}: {options.n_showers:,} showers, "
        f"{record['array_events']:,} array events, {record['telescope_events']:,} telescope events "
        f"in {seconds:.1f} s ({n / seconds:,.0f} {what} per second)"
    )


def simulate_with_progress(
    options: SimulationOptions, target: Path, *, overwrite: bool, quiet: bool = False
) -> SimulationSummary:
    """Simulate a file; the bar is on stderr, and only on a terminal."""
    from ctabatch.simulate.files import simulate_file

    with _bar(options, "telescope events", quiet=quiet) as progress:
        return simulate_file(options, target, overwrite=overwrite, progress=progress)


@contextlib.contextmanager
def _bar(
    options: SimulationOptions, unit: str, *, quiet: bool
) -> Iterator[Callable[[int, int], None]]:
    """A progress bar over showers, as the function that moves it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[n]:,} " + unit),
        Remaining(),
    )
    console = Console(stderr=True)
    show = console.is_terminal and not quiet
    with Progress(*columns, console=console, disable=not show, transient=True) as bar:
        task = bar.add_task(f"{options.primary} showers", total=options.n_showers, n=0)

        def progress(n_showers: int, n: int) -> None:
            bar.update(task, completed=n_showers, n=n)

        yield progress
