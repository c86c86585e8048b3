"""``ctabatch apply``: predictions of trained models as tables of datasets."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctabatch.errors import OptionError

from .lean_imports import collect_seldom, import_numba_alone

if TYPE_CHECKING:
    from ctabatch.learn.apply import ApplyOptions
    from ctabatch.learn.model_set import ModelSet

#: Exit code for work that was finished with losses.
WITH_LOSSES = 1


def command(
    datasets: Annotated[list[Path], typer.Argument(help="Datasets with parameters and geometry.")],
    models: Annotated[
        Path, typer.Option("--models", "-m", help="Folder that ctabatch train has written.")
    ],
    prefix: Annotated[
        str | None,
        typer.Option(
            help="Begin of the columns and name of these predictions in the dataset.  "
            "\\[that of the training]"
        ),
    ] = None,
    weights: Annotated[
        str,
        typer.Option(
            help="Weight of a telescope in the mean of its event: none, intensity, "
            "aspect-weighted-intensity or containment-weighted-intensity."
        ),
    ] = "aspect-weighted-intensity",
    direction: Annotated[
        str,
        typer.Option(
            help="disp-signs: telescopes agree on the head-tail signs of their images; mean: each "
            "trusts its own."
        ),
    ] = "disp-signs",
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip parts whose predictions are up to date.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace predictions of the same prefix.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Telescope types predicted at a time.  \\[cores]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Predict energy, gammaness and direction of every event of datasets.

    Adds the tables dl2/telescope/model=PREFIX and dl2/subarray/model=PREFIX part by part and
    changes no others, so predictions of several models stand side by side.

    Exit code 0: done. 1: finished, but telescope types have no model or parts were not usable,
    which are listed. 2: unusable models, datasets or options.

    Examples:
      ctabatch apply dl1 --models models
      ctabatch apply gammas protons --models models --resume
      ctabatch apply dl1 --models models --prefix Mean --direction mean --weights none
    """
    import os

    collect_seldom()
    import_numba_alone()
    import pyarrow as pa

    from ctabatch.learn.apply import ApplyOptions
    from ctabatch.learn.model_set import ModelSet
    from ctabatch.stages.combine import required_parameters

    # Arrow's own pool keeps memory for row groups that may come
    pa.set_memory_pool(pa.system_memory_pool())
    if overwrite and resume:
        raise OptionError("--overwrite and --resume exclude each other")
    if direction not in ("disp-signs", "mean"):
        raise OptionError.unknown_name("direction", direction, ("disp-signs", "mean"))
    required_parameters(weights)
    model_set = ModelSet.read(models)
    name = prefix or model_set.config.prefix
    if not name.isidentifier():
        raise OptionError(f"--prefix {name!r}: letters, digits and underscores, a letter first")
    options = ApplyOptions(name, weights, direction, jobs or os.cpu_count() or 1)  # type: ignore[arg-type]
    begin = time.perf_counter()
    parts = _apply(datasets, model_set, options, resume=resume, overwrite=overwrite, quiet=as_json)
    seconds = time.perf_counter() - begin
    bad = any(part["status"] == "failed" or part.get("telescope_types_without_model")
              for part in parts)  # fmt: skip
    code = WITH_LOSSES if bad else 0
    if parts and all(part["status"] == "failed" for part in parts):
        code = 2
    if as_json:
        facts = {"exit_code": code, "prefix": name, "models": model_set.digest}
        typer.echo(json.dumps({**facts, "parts": parts, "seconds": round(seconds, 3)}, indent=1))
    else:
        _report(parts, name, seconds)
    raise typer.Exit(code)


def _apply(
    datasets: list[Path],
    models: ModelSet,
    options: ApplyOptions,
    *,
    resume: bool,
    overwrite: bool,
    quiet: bool,
) -> list[dict[str, Any]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from ctabatch.io.dataset_folder import DatasetFolder
    from ctabatch.io.part_tables import part_tables
    from ctabatch.learn.apply import apply_models, is_up_to_date

    parts = [part for dataset in datasets for part in part_tables(dataset)]
    todo, results = [], []
    for part in parts:
        earlier = DatasetFolder(part.root).prediction_record(options.prefix, part.name)
        if earlier is not None and not overwrite:
            if not resume:
                raise OptionError(
                    f"{part.root}: part {part.name} has predictions of prefix {options.prefix}; "
                    "use --resume to skip those up to date, --overwrite to replace them, or "
                    "another --prefix"
                )
            if is_up_to_date(earlier, part, models, options):
                results.append({"dataset": str(part.root), "status": "skipped", **earlier})
                continue
        todo.append(part)
    console = Console(stderr=True)
    columns = ("apply", BarColumn(), MofNCompleteColumn(), "telescope events",
               TimeRemainingColumn())  # fmt: skip
    show = console.is_terminal and not quiet
    total = sum(part.n_rows(name) for part in todo for name in part.tables
                if name.startswith("dl1/parameters/"))  # fmt: skip
    with Progress(*columns, console=console, disable=not show, transient=True) as bar:
        task = bar.add_task("apply", total=total)

        def tell(n: int) -> None:
            bar.advance(task, n)

        for part in todo:
            results.append(_one(part, models, options, tell, apply_models))
    return results


def _one(part: Any, models: Any, options: Any, tell: Any, apply_models: Any) -> dict[str, Any]:
    """Predictions of one part; what concerns only this part is part of the result."""
    from ctabatch.errors import InputError

    begin = time.perf_counter()
    try:
        record = apply_models(part, models, options, tell)
    except InputError as error:
        return {"dataset": str(part.root), "part": part.name, "status": "failed",
                "error": str(error)}  # fmt: skip
    seconds = round(time.perf_counter() - begin, 3)
    return {"dataset": str(part.root), "status": "done", "seconds": seconds, **record}


def _report(parts: list[dict[str, Any]], prefix: str, seconds: float) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("part", overflow="fold")
    for name in ("array events", "telescope events", "energy", "gammaness", "direction"):
        table.add_column(name, justify="right")
    done = 0
    for part in parts:
        if part["status"] == "failed":
            err.print(f"[red]not used[/red] {escape(part['error'])}", highlight=False)
            continue
        for tel_type, n in part["telescope_types_without_model"].items():
            err.print(
                f"[yellow]no model[/yellow] {escape(part['part'])}: {tel_type}: {n:,} telescope "
                "events not predicted",
                highlight=False,
            )
        counts = [part["predicted"].get(task) for task in ("energy", "particle_type", "disp")]
        texts = ["-" if n is None else f"{n:,}" for n in counts]
        if part["status"] == "skipped":
            texts = ["up to date", "", ""]
        else:
            done += part["telescope_events"]
        table.add_row(
            part["part"], f"{part['array_events']:,}", f"{part['telescope_events']:,}", *texts
        )
    out.print(table)
    rate = f", {done / seconds:,.0f} per second" if done else ""
    out.print(f"predictions {prefix}: {done:,} telescope events in {seconds:.1f} s{rate}")
