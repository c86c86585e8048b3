"""What ``ctabatch process`` and its parts tell at the end: tables, problems, JSON, exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctabatch.config import ProcessConfig
    from ctabatch.engine import PartResult
    from ctabatch.io.location import Location

#: Exit code for work that was finished with losses.
WITH_LOSSES, UNUSABLE = 1, 2
#: Losses that are listed per input; all are in the commit record.
_LISTED = 10


def exit_code(results: list[PartResult]) -> int:
    """0 done, 1 with losses, 2 if nothing could be used."""
    failed = [result for result in results if result.status == "failed"]
    if failed and len(failed) == len(results):
        return UNUSABLE
    lost = any(result.record.get("n_losses", 0) for result in results)
    return WITH_LOSSES if failed or lost else 0


def summary(results: list[PartResult], config: ProcessConfig, code: int) -> dict[str, Any]:
    """All results as one JSON object."""
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


def report(results: list[PartResult], output: Location, seconds: float | None = None) -> None:
    """Print what was done on stdout, and what went wrong on stderr.

    Parameters
    ----------
    results : list of PartResult
    output : Path
        The dataset.
    seconds : float, optional
        How long all took; the sum over the inputs if they came one after the other.
    """
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
    n_events = sum(types.values())
    seconds = sum(result.seconds for result in done) if seconds is None else seconds
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


__all__ = ["UNUSABLE", "WITH_LOSSES", "exit_code", "report", "summary"]
