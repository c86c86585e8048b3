"""The progress bar of long commands."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def bar(what: str, *, quiet: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on a terminal, as the function that moves it.

    Parameters
    ----------
    what : str
        Shown until the first move.
    quiet : bool
        Show nothing.

    Yields
    ------
    callable
        Takes what is being done, how much of it is done, and how much there is (0 if unknown).
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    console = Console(stderr=True)
    show = console.is_terminal and not quiet
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Elapsed())
    with Progress(*columns, console=console, disable=not show, transient=True) as shown:
        task = shown.add_task(what, total=None)

        def progress(text: str, done: int, total: int) -> None:
            shown.update(task, description=text, completed=done, total=total or None)

        yield progress


__all__ = ["bar"]
