"""``ctabatch process``: sim_telarray files become a DL1 dataset."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctabatch.cli.compile_ahead import compile_ahead
from ctabatch.cli.lean_imports import collect_seldom, import_numba_alone
from ctabatch.errors import OptionError

if TYPE_CHECKING:
    from ctabatch.cli.display import Display
    from ctabatch.config import ProcessConfig
    from ctabatch.engine import Existing, PartResult
    from ctabatch.io.location import Location
    from ctabatch.io.stored_parts import Level

#: Exit code for work that was finished with losses.
WITH_LOSSES, UNUSABLE = 1, 2
#: Losses that are listed per input; all are in the commit record.
_LISTED = 10


def command(
    files: Annotated[
        list[str],
        typer.Argument(
            help="sim_telarray files (plain, .gz, .zst), example:NAME, or datasets to process; "
            "paths or URIs (s3://, gs://, file://)."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder or URI of the dataset; made if needed.")
    ],
    write: Annotated[
        str | None,
        typer.Option(
            help="What to write, comma-separated: r0, r1, r1_gains, dl0 (waveforms), images, "
            "parameters, muons (rings), geometry (of the showers).  \\[images,parameters,geometry]"
        ),
    ] = None,
    config_files: Annotated[
        list[Path] | None,
        typer.Option(
            "--config",
            help="YAML or TOML file with options; may be repeated, later ones override. See "
            "ctabatch config.",
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="One option, such as cleaning.picture_threshold_pe=8; may be repeated.",
        ),
    ] = None,
    max_events: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many array events of each file.")
    ] = None,
    allowed_tels: Annotated[
        str | None, typer.Option(help="Read only these telescopes, for example 1-4,7.")
    ] = None,
    focal_length: Annotated[
        str | None,
        typer.Option(
            help="effective (falls back to equivalent, with a warning, where a file has none) or "
            "equivalent.  \\[effective]"
        ),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="LEVEL",
            help="Level of a dataset to start from: r0, r1, dl0 or images.  "
            "\\[the lowest there is]",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Process inputs again that are in the dataset.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Skip inputs that are in the dataset with these options."),
    ] = False,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, help="Threads that compute; the output does not depend on it.  \\[all cores]"
        ),
    ] = None,
    memory: Annotated[
        int | None, typer.Option(help="MiB of memory that the process is held below.  [700]")
    ] = None,
    n_display: Annotated[
        int | None,
        typer.Option("--display", min=1, help="Draw the first N array events as it goes."),
    ] = None,
    display_folder: Annotated[
        Path | None,
        typer.Option("--display-to", help="Folder of these pictures.  \\[OUTPUT-display]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Turn sim_telarray files into a Parquet dataset: one part per file, no merge step.

    Written are images, image parameters and the geometry of the showers. A dataset can be processed
    again in place of the files: from raw data (--write r0), calibrated waveforms (r1) or images.

    Exit code 0: done. 1: finished, but something was lost, which is listed. 2: unusable input or
    options. 130: interrupted; finished parts stay, nothing half-written is visible.

    Examples:
      ctabatch process gammas.simtel.zst -o dl1
      ctabatch process run*.simtel.gz -o dl1 --resume
      ctabatch process example:sst1m -o dl1 --write r1,images --max-events 10
      ctabatch process gammas.simtel.zst -o dl1 --config process.yaml
      ctabatch process gammas.simtel.zst -o dl1 --set 'cleaning.picture_threshold_pe={"LST*": 8.5}'
      ctabatch process gammas.simtel.zst -o raw --write r0
      ctabatch process s3://bucket/run1.simtel.zst -o s3://bucket/dl1 --resume
      ctabatch process raw -o dl1 --config process.yaml
      ctabatch process dl1 -o cleaned --from images --set cleaning.picture_threshold_pe=8
    """
    collect_seldom()
    import_numba_alone()
    from ctabatch.cli.display import display_for
    from ctabatch.config import products
    from ctabatch.engine import Engine, check_inputs
    from ctabatch.io.stored_parts import LEVELS

    if overwrite and resume:
        raise OptionError("--overwrite and --resume exclude each other")
    options: dict[str, Any] = {}
    if write is not None:
        options["write"] = products(write)
        if not options["write"]:
            raise OptionError("--write names nothing to write")
    if focal_length is not None and focal_length not in ("effective", "equivalent"):
        raise OptionError.unknown_name("focal length", focal_length, ("effective", "equivalent"))
    if level is not None and level not in LEVELS:
        raise OptionError.unknown_name("level", level, LEVELS)
    source = {
        "focal_length": focal_length,
        "allowed_tels": None if allowed_tels is None else telescope_list(allowed_tels),
        "max_events": max_events,
        "level": level,
    }
    options["source"] = {key: value for key, value in source.items() if value is not None}
    config = read_config(config_files or (), assignments or (), options)
    paths = [path for text in files for path in input_paths(text, config.source.level)]
    check_inputs(paths)
    existing: Existing = "overwrite" if overwrite else "resume" if resume else "refuse"
    bound = {} if memory is None else {"memory": memory}
    engine = Engine(output, config, existing, threads=threads, **bound)
    display = display_for(n_display, display_folder, output, config)
    try:
        results = _run_all(engine, paths, display, quiet=as_json)
    except KeyboardInterrupt:  # typer ends the program without a word
        typer.echo("ctabatch: interrupted; run again with --resume to go on", err=True)
        raise
    code = exit_code(results)
    if as_json:
        typer.echo(json.dumps(_summary(results, config, code), indent=1))
    else:
        _report(results, engine.folder.root)
        if display is not None:
            typer.echo(display.report())
    raise typer.Exit(code)


def read_config(
    files: Iterable[Path], words: Iterable[str], options: dict[str, Any]
) -> ProcessConfig:
    """Configuration of files, overridden by assignments, overridden by options.

    Raises
    ------
    OptionError
        A file is not readable, or something is not valid.
    """
    from ctabatch.config import ProcessConfig, validated
    from ctabatch.config.files import assignments, layers
    from ctabatch.config.strict import merged

    files = list(files)
    found = merged(merged(layers(files), assignments(words)), options)
    return validated(ProcessConfig, found, ", ".join(map(str, files)) or "options")


def input_paths(text: str, level: Level | None = None) -> list[Location]:
    """Paths of an input: a file, or what stands for the parts of a dataset.

    Raises
    ------
    InputError
        A part of the dataset does not hold the level, or none to start from.
    """
    from ctabatch.io.stored_parts import is_dataset, stored_inputs

    path = input_path(text)
    return stored_inputs(path, level) if is_dataset(path) else [path]


def input_path(text: str) -> Location:
    """Path or URI of an input; ``example:NAME`` is fetched if needed."""
    from ctabatch.io import examples
    from ctabatch.io.location import location

    if text.startswith(examples.PREFIX):
        from ctabatch.cli.examples import fetch_with_progress

        name = text.removeprefix(examples.PREFIX)
        examples.known(name)
        fetch_with_progress()
        return examples.path(name)
    return location(text)


def telescope_list(text: str) -> tuple[int, ...]:
    """Telescopes of a list like ``1-4,7``.

    Raises
    ------
    OptionError
        The text is no such list.
    """
    tels: set[int] = set()
    for item in text.split(","):
        first, dash, last = item.strip().partition("-")
        try:
            begin = int(first)
            end = int(last) if dash else begin
        except ValueError:
            raise OptionError(
                f"--allowed-tels {text!r}: {item.strip()!r} is no telescope; write 1-4,7"
            ) from None
        if not 0 < begin <= end < 1 << 15:
            raise OptionError(f"--allowed-tels {text!r}: {item.strip()!r} is no range; write 1-4,7")
        tels.update(range(begin, end + 1))
    return tuple(sorted(tels))


def exit_code(results: list[PartResult]) -> int:
    """0 done, 1 with losses, 2 if nothing could be used."""
    failed = [result for result in results if result.status == "failed"]
    if failed and len(failed) == len(results):
        return UNUSABLE
    lost = any(result.record.get("n_losses", 0) for result in results)
    return WITH_LOSSES if failed or lost else 0


def _run_all(
    engine: Any, paths: list[Location], display: Display | None, *, quiet: bool
) -> list[PartResult]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from ctabatch.engine import available_cores, kernels_are_compiled, kernels_can_be_kept

    console = Console(stderr=True)
    results = []
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn() if len(paths) > 1 else DownloadColumn(),
        TextColumn("{task.fields[events]:,} telescope events"),
        TimeRemainingColumn(),
    )
    show = console.is_terminal and not quiet
    if not kernels_are_compiled():
        if show:
            console.print("Compiling the kernels of this version, once: this takes some seconds.")
        if kernels_can_be_kept():
            compile_ahead(paths[0], available_cores())
    with_muons = "muons" in engine.config.write
    if show and with_muons and not kernels_are_compiled("muon_fits.fit_muons"):
        console.print("Compiling the kernels for muons, once: this takes half a minute.")
    with Progress(*columns, console=console, disable=not show, transient=True) as bar:
        total = len(paths) if len(paths) > 1 else paths[0].stat().st_size
        task = bar.add_task("process", total=total, events=0)
        n_before = 0
        for index, path in enumerate(paths):

            def progress(done: int, size: int, n: int, base: int = index) -> None:
                part = done / max(size, 1)  # of a dataset other bytes count than those of the path
                completed = base + part if len(paths) > 1 else part * total
                bar.update(task, completed=completed, events=n_before + n)  # noqa: B023

            bar.update(task, description=path.name[:40])
            if display is not None:
                display.show(path)
            result = engine.run(path, progress)
            n_before += result.record.get("telescope_events", 0)
            results.append(result)
    return results


def _summary(results: list[PartResult], config: ProcessConfig, code: int) -> dict[str, Any]:
    return {
        "exit_code": code,
        "config_digest": config.digest(),
        "inputs": [
            {
                "input": result.input,
                "part": result.part,
                "status": result.status,
                "error": result.error,
                "seconds": round(result.seconds, 3),
                **{
                    key: result.record[key]
                    for key in (
                        "obs_ids",
                        "array_events",
                        "telescope_events",
                        "by_event_type",
                        "by_tel_type",
                        "incomplete_events",
                        "n_losses",
                        "losses",
                        "notes",
                        "warnings",
                    )
                    if key in result.record
                },
            }
            for result in results
        ],
    }


def _report(results: list[PartResult], output: Location) -> None:
    from rich.console import Console
    from rich.table import Table

    out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True)
    for result in results:
        _report_problems(result, err)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("input", overflow="fold")
    for name in ("array events", "telescope events", "losses", "seconds"):
        table.add_column(name, justify="right")
    for result in results:
        record = result.record
        counts = [f"{record.get(key, 0):,}" for key in ("array_events", "telescope_events")]
        losses = {"failed": "not used", "skipped": "skipped"}.get(
            result.status, f"{record.get('n_losses', 0):,}"
        )
        table.add_row(Path(result.input).name, *counts, losses, f"{result.seconds:.2f}")
    out.print(table)
    done = [result for result in results if result.status == "done"]
    types: dict[str, int] = {}
    for result in done:
        for tel_type, n in result.record["by_tel_type"].items():
            types[tel_type] = types.get(tel_type, 0) + n
    if types:
        out.print(", ".join(f"{name}: {n:,}" for name, n in sorted(types.items())))
    n_events, seconds = sum(types.values()), sum(result.seconds for result in done)
    rate = f", {n_events / seconds:,.0f} telescope events per second" if n_events else ""
    out.print(
        f"{len(done)} of {len(results)} inputs written to {output}: {n_events:,} telescope events "
        f"in {seconds:.1f} s{rate}"
    )


def _report_problems(result: PartResult, console: Any) -> None:
    """Say on stderr what went wrong with one input."""
    from rich.markup import escape

    from ctabatch.io.simtel.losses import Loss

    name = Path(result.input).name
    if result.status == "failed":
        console.print(f"[red]not used[/red] {escape(result.error)}", highlight=False)
        return
    record = result.record
    for message in record.get("warnings", ()):
        console.print(f"[yellow]warning[/yellow] {escape(f'{name}: {message}')}", highlight=False)
    losses = record.get("losses", [])
    for loss in losses[:_LISTED]:
        text = escape(f"{name}: {Loss(**loss)}")
        console.print(f"[red]lost[/red] {text}", highlight=False)
    if (more := record.get("n_losses", 0) - _LISTED) > 0:
        console.print(f"[red]lost[/red] {name}: {more:,} more, see the commit record of the part")
    for what, n in record.get("notes", {}).items():
        console.print(f"[dim]note {escape(f'{name}: {what}: {n:,}')}[/dim]", highlight=False)
    if record.get("array_events") == 0 and result.status == "done":
        console.print(
            f"[yellow]warning[/yellow] {escape(name)}: no events with telescope data in this file",
            highlight=False,
        )
    if record.get("incomplete_events"):
        events = ", ".join(map(str, record["incomplete_events"][:_LISTED]))
        console.print(
            f"[yellow]warning[/yellow] {escape(name)}: telescopes may be missing in event {events}",
            highlight=False,
        )


__all__ = ["command", "exit_code", "input_path", "telescope_list"]
