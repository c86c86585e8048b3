"""The inputs of ``ctabatch process`` one after the other in this process, with a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from ctabatch.cli.compile_ahead import compile_ahead

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import ProgressColumn

    from ctabatch.cli.display import Display
    from ctabatch.engine import PartResult
    from ctabatch.io.location import Location


def prepare_kernels(first: Location, write: Collection[str], console: Console | None) -> None:
    """Compile the kernels of this version if that has not been done, and say so on a console."""
    from ctabatch.engine import available_cores, kernels_are_compiled, kernels_can_be_kept

    if not kernels_are_compiled():
        if console is not None:
            console.print("Compiling the kernels of this version, once: this takes some seconds.")
        if kernels_can_be_kept():
            compile_ahead(first, available_cores())
    with_muons = "muons" in write
    if console is not None and with_muons and not kernels_are_compiled("muon_fits.fit_muons"):
        console.print("Compiling the kernels for muons, once: this takes half a minute.")


def input_columns(
    label: str = "{task.description}", *, in_bytes: bool = False
) -> list[ProgressColumn]:
    """Columns of a progress bar over inputs, or over the bytes of a single one."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    return [
        TextColumn(label),
        BarColumn(),
        DownloadColumn() if in_bytes else MofNCompleteColumn(),
        TextColumn("{task.fields[events]:,} telescope events"),
        TimeRemainingColumn(),
    ]


def run_all(
    engine: Any,
    paths: list[Location],
    display: Display | None,
    *,
    quiet: bool,
    tell: Callable[[PartResult], None] | None = None,
) -> list[PartResult]:
    """Results of all inputs, in order."""
    from rich.console import Console
    from rich.progress import Progress

    from ctabatch.production.task import run_input

    console = Console(stderr=True)
    results = []
    columns = input_columns(in_bytes=len(paths) == 1)
    show = console.is_terminal and not quiet
    prepare_kernels(paths[0], engine.config.write, console if show else None)
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
            result = run_input(engine, path, progress)
            n_before += result.record.get("telescope_events", 0)
            results.append(result)
            if tell is not None:
                tell(result)
    return results


__all__ = ["input_columns", "prepare_kernels", "run_all"]
