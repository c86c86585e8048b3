"""``ctabatch train``: models of energy, gamma/hadron separation and direction from datasets."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctabatch.errors import InputError, OptionError, OutputError

from .lean_imports import collect_seldom, import_lightgbm_alone, import_numba_alone

if TYPE_CHECKING:
    from ctabatch.io.part_tables import PartTables
    from ctabatch.learn.options import TrainConfig
    from ctabatch.learn.train import Training

#: Exit code if something could not be trained.
WITH_GAPS = 1


def command(
    gammas: Annotated[
        str | None,
        typer.Argument(help="Dataset of simulated gamma rays; several are separated by commas."),
    ] = None,
    protons: Annotated[
        str | None,
        typer.Argument(help="Dataset of simulated background; without it, no classifier."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the models; made anew.")
    ] = None,
    config_file: Annotated[
        Path | None, typer.Option("--config", help="YAML file of options, see --show-config.")
    ] = None,
    prefix: Annotated[
        str | None, typer.Option(help="Begin of the names of the predictions.  [LightGBM]")
    ] = None,
    tasks: Annotated[
        str | None,
        typer.Option(help="What to train, comma-separated.  \\[energy,particle_type,disp]"),
    ] = None,
    max_rows: Annotated[
        int | None,
        typer.Option(help="Most rows per task and telescope type; a sample of events is taken."),
    ] = None,
    folds: Annotated[int | None, typer.Option(help="Folds of the cross-validation.  [2]")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same models.  [0]")] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Models trained side by side.  \\[cores]"),
    ] = None,
    figures: Annotated[bool, typer.Option(help="Draw the metrics.")] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the models.")] = False,
    show_config: Annotated[
        bool, typer.Option("--show-config", help="Print the options as YAML and stop.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Learn energy, gamma/hadron separation and direction from simulated events.

    Exit code 0: done. 1: trained, but not everything, which is listed. 2: unusable input or
    options.

    Examples:
      ctabatch train gammas protons -o models
      ctabatch train gammas -o models --tasks energy,disp --max-rows 1000000
      ctabatch train gammas1,gammas2 protons -o models --config train.yaml
      ctabatch train --show-config > train.yaml
    """
    changes = {"prefix": prefix, "tasks": tasks, "n_cross_validation": folds, "seed": seed}
    config = _config(config_file, changes, max_rows)
    if show_config:
        typer.echo(config.to_yaml(), nl=False)
        return
    if gammas is None or output is None:
        missing = "GAMMAS, a dataset of simulated gamma rays" if gammas is None else "--output"
        raise OptionError(f"name {missing}; see ctabatch train --help")
    begin = time.perf_counter()
    collect_seldom()
    import_numba_alone()
    parts = [_parts(gammas), _parts(protons)]
    _check_output(output, overwrite=overwrite)
    training = _train(parts, config, output, jobs, quiet=as_json)
    card = _write(output, training, overwrite=overwrite, figures=figures)
    seconds = time.perf_counter() - begin
    code = WITH_GAPS if training.skipped else 0
    if as_json:
        shown = {k: v for k, v in card.items() if k not in ("config", "software")}
        typer.echo(json.dumps({"exit_code": code, "models_folder": str(output), **shown,
                               "seconds": round(seconds, 3)}, indent=1))  # fmt: skip
    else:
        _report(card, output, seconds)
    raise typer.Exit(code)


def _config(file: Path | None, changes: dict[str, Any], max_rows: int | None) -> TrainConfig:
    """The options of the file, with those of the command line above them."""
    from ctabatch.io.streams import open_file
    from ctabatch.learn.options import TASKS, build_config, load_config, parse_tasks

    text = ""
    if file is not None:
        with open_file(file) as stream:
            try:
                text = stream.read().decode()
            except UnicodeDecodeError as error:
                raise OptionError(f"{file}: not a text file: {error}") from error
    config = load_config(text, str(file))
    content = config.model_dump()
    content |= {name: value for name, value in changes.items() if value is not None}
    if isinstance(content["tasks"], str):
        content["tasks"] = parse_tasks(content["tasks"])
    if max_rows is not None:
        for task in TASKS:
            content[task]["max_rows"] = max_rows
    return build_config(content, "options")


def _parts(datasets: str | None) -> list[PartTables]:
    from ctabatch.io.location import location
    from ctabatch.io.part_tables import part_tables

    names = [name.strip() for name in (datasets or "").split(",") if name.strip()]
    if datasets is not None and not names:
        raise InputError(f"{datasets!r} names no dataset")
    return [part for name in names for part in part_tables(location(name))]


def _check_output(output: Path, *, overwrite: bool) -> None:
    """Refuse a folder that cannot be written in the end, before any work is done."""
    from ctabatch.io.location import refuse_store

    refuse_store(output)
    if output.is_file():
        raise OutputError(f"{output}: this is a file; name a folder for the models")
    if not output.is_dir() or not any(output.iterdir()):
        return
    if not (output / "models.json").exists():
        raise OutputError(f"{output}: this folder holds something else than models; name a new one")
    if not overwrite:
        raise OutputError(f"{output}: there are models already; --overwrite replaces them")


def _train(
    parts: list[list[PartTables]],
    config: TrainConfig,
    output: Path,
    jobs: int | None,
    *,
    quiet: bool,
) -> Training:
    import pyarrow as pa

    from ctabatch.io.spool import SpoolFolder
    from ctabatch.learn.train import train

    import_lightgbm_alone()
    # Arrow's own pool keeps a hundred MB for row groups that may come
    pa.set_memory_pool(pa.system_memory_pool())
    with _bar(quiet=quiet) as progress, SpoolFolder(output.absolute().parent) as spools:
        return train(parts[0], parts[1], config, spools, jobs=jobs, progress=progress)


@contextlib.contextmanager
def _bar(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on a terminal, as the function that moves it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    console = Console(stderr=True)
    show = console.is_terminal and not quiet
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Elapsed())
    with Progress(*columns, console=console, disable=not show, transient=True) as bar:
        task = bar.add_task("train", total=None)

        def progress(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield progress


def _write(output: Path, training: Training, *, overwrite: bool, figures: bool) -> dict[str, Any]:
    """Write models and figures; the card as written."""
    from ctabatch.io.model_files import write_models
    from ctabatch.learn.provenance import written_with

    card = write_models(
        output, training.card, training.trees, training.tables, overwrite=overwrite,
        **written_with(training),
    )  # fmt: skip
    if figures:
        from ctabatch.plot.training import draw_training

        areas = {m["tel_type"]: m["metrics"] for m in training.card["models"]
                 if m["task"] == "particle_type"}  # fmt: skip
        areas["events"] = training.card["metrics"].get("particle_type", {})
        draw_training(training.tables, areas, output / "figures")
    return card


#: Metric of a task -> column of the report, and how it is shown.
_SHOWN = {
    "energy": (("resolution", "{:.1%}"), ("bias", "{:+.1%}")),
    "particle_type": (("auc", "AUC {:.4f}"),),
    "disp_norm": (("angular_resolution", "{:.3f} deg"), ("sign_accuracy", "sign {:.1%}")),
    "disp": (("angular_resolution", "{:.3f} deg"),
             ("angular_resolution_plain_mean", "plain mean {:.3f} deg")),
}  # fmt: skip


def _report(card: dict[str, Any], output: Path, seconds: float) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("model", no_wrap=True)
    for name in ("rows", "trees"):
        table.add_column(name, justify="right")
    table.add_column("cross-validation")
    for model in card["models"]:
        rows = f"{model['rows']['gammas'] + model['rows']['protons']:,}"
        n_trees = f"{model['trees']['n_trees']:,}"
        metrics = _shown(model["task"], model["metrics"])
        table.add_row(escape(model["name"]), rows, n_trees, metrics)
    for task, numbers in card["metrics"].items():
        n = numbers.get("n", numbers.get("n_signal", 0) + numbers.get("n_background", 0))
        table.add_row(f"{task}, whole events", f"{n:,}", "", _shown(task, numbers))
    out.print(table)
    for text in card["skipped"]:
        err.print(f"[yellow]not trained[/yellow] {escape(text)}", highlight=False)
    n = len(card["models"])
    out.print(f"{n} models written to {output} in {seconds:.1f} s")


def _shown(task: str, numbers: dict[str, Any]) -> str:
    shown = _SHOWN.get(task, ())
    return ", ".join(form.format(numbers[name]) for name, form in shown if name in numbers)


__all__ = ["command"]
