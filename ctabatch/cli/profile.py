"""The table of ``--profile``: CPU time by stage of the processing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctabatch.engine import PartResult

_WHAT = {
    "read": "read + decompress",
    "digest": "digest of the input",
    "decode": "decode",
    "extract": "calibrate + extract",
    "clean": "clean",
    "parametrise": "parametrise",
    "muons": "muons",
    "stereo": "stereo",
    "write": "tables + write",
}


def stage_table(results: list[PartResult]) -> dict[str, Any]:
    """CPU seconds of all inputs by stage, and microseconds per telescope event."""
    done = [result for result in results if result.status == "done"]
    n_events = sum(result.record.get("telescope_events", 0) for result in done)
    seconds = {
        stage: sum(result.stages.get(stage, 0.0) for result in done)
        for stage in _WHAT
        if any(stage in result.stages for result in done)
    }
    return {
        "telescope_events": n_events,
        "wall_seconds": round(sum(result.seconds for result in done), 3),
        "stages": {
            stage: {
                "cpu_seconds": round(spent, 6),
                "us_per_telescope_event": round(spent / n_events * 1e6, 3) if n_events else None,
            }
            for stage, spent in seconds.items()
        },
    }


def print_profile(results: list[PartResult]) -> None:
    """Print the table on stdout."""
    from rich.console import Console
    from rich.table import Table

    facts = stage_table(results)
    total = sum(stage["cpu_seconds"] for stage in facts["stages"].values())
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("stage")
    for name in ("CPU s", "share", "\N{MICRO SIGN}s per telescope event"):
        table.add_column(name, justify="right")
    for name, stage in facts["stages"].items():
        spent, per_event = stage["cpu_seconds"], stage["us_per_telescope_event"]
        share = f"{spent / total:.0%}" if total else ""
        each = "" if per_event is None else f"{per_event:,.1f}"
        table.add_row(_WHAT[name], f"{spent:.3f}", share, each)
    table.add_row("all stages", f"{total:.3f}", "", "")
    console = Console(soft_wrap=True, highlight=False)
    console.print(table)
    console.print(f"{facts['wall_seconds']:.3f} s on the clock, all inputs one after the other")


__all__ = ["print_profile", "stage_table"]
