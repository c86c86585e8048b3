"""What ``ctabatch irf`` prints at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctabatch.irf.make import Responses


def report(made: Responses, output: Path, seconds: float) -> None:
    """Print the cut flow, what is to be known, and what could not be computed."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("events", no_wrap=True)
    names = list(made.cut_flow)
    for name in names:
        table.add_column(name, justify="right")
    steps = list(dict.fromkeys(step for flow in made.cut_flow.values() for step in flow))
    for step in steps:
        counts = [made.cut_flow[name].get(step) for name in names]
        table.add_row(escape(step), *("" if n is None else f"{n:,}" for n in counts))
    out.print(table)
    for text in made.notes:
        out.print(escape(text))
    for text in made.gaps:
        err.print(f"[yellow]not computed[/yellow] {escape(text)}", highlight=False)
    groups = f" in {len(made.groups)} groups" if len(made.groups) > 1 else ""
    quantities = dict.fromkeys(product.quantity for product in made.products)
    out.print(f"{len(quantities)} quantities{groups} written to {output} in {seconds:.1f} s")


__all__ = ["report"]
