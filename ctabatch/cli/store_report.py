"""What ``ctabatch dl3`` says of the event lists that it has written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ctabatch.dl3.make import StoreAccount


def report(account: StoreAccount, output: Path, seconds: float, *, as_json: bool) -> None:
    """Print what was written, as lines or as one JSON object; warnings go to stderr."""
    facts: dict[str, Any] = {
        "observations": len(account.observations),
        "event_lists": len(account.written),
        "events": sum(w.n_events for w in account.written),
        "dropped_outside_intervals": sum(w.n_dropped for w in account.written),
        "ontime_hours": round(sum(o.ontime for o in account.observations) / 3600, 6),
        "livetime_hours": round(sum(o.livetime for o in account.observations) / 3600, 6),
        "empty": [w.obs_id for w in account.written if not w.n_events],
        "notes": list(account.notes),
        "cut_flow": {name: dict(flow) for name, flow in account.flows.items()},
    }
    if account.drawn:
        facts |= {
            "signal": sum(d.n_signal for d in account.drawn),
            "background": sum(d.n_background for d in account.drawn),
            "repeated_draws": account.n_repeated,
        }
    if as_json:
        facts = {"exit_code": 0, "output": str(output), **facts, "seconds": seconds}
        typer.echo(json.dumps(facts, indent=1))
        return
    for name, flow in facts["cut_flow"].items():
        steps = ", ".join(f"{n:,} {'read' if step == 'all' else step}" for step, n in flow.items())
        typer.echo(f"{name}: {steps}")
    drawn = ""
    if account.drawn:
        drawn = f" ({facts['signal']:,} of the source, {facts['background']:,} background)"
    typer.echo(
        f"{facts['observations']:,} observations, {facts['ontime_hours']:.3g} h, "
        f"{facts['events']:,} events{drawn} written to {output} in {seconds:.1f} s"
    )
    for text in _warnings(facts):
        typer.echo(f"ctabatch: warning: {text}", err=True)


def _warnings(facts: dict[str, Any]) -> list[str]:
    found = list(facts["notes"])
    if n := facts["dropped_outside_intervals"]:
        found.append(f"{n:,} events lay outside the good time intervals and were left out")
    if facts["empty"]:
        some = ", ".join(map(str, facts["empty"][:5]))
        found.append(f"{len(facts['empty'])} event lists are empty: {some}")
    found += [
        f"no {name} passes the cuts"
        for name, flow in facts["cut_flow"].items()
        if not list(flow.values())[-1]
    ]
    if n := facts.get("repeated_draws"):
        found.append(
            f"{n:,} of {facts['events']:,} events are simulated events drawn again; use more "
            "simulations for lists that fluctuate freely"
        )
    return found


__all__ = ["report"]
