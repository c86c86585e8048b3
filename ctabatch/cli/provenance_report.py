"""What ``ctabatch info --provenance`` prints: a chain as a tree, or as one JSON object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctabatch.io.location import Location
    from ctabatch.provenance.chain import Link

#: Inputs of one product that are printed; JSON has all.
SHOWN = 8


def report(path: Location, search: list[Location], *, verify: bool, as_json: bool) -> None:
    """Print where a product came from; exit code 0 whatever was found on the way."""
    from ctabatch.provenance.chain import trace

    chain = trace(path, search, verify=verify)
    missing = chain.missing()
    if as_json:
        facts = {
            "provenance": chain.as_dict(),
            "n_missing": len(missing),
            **({"unreachable": dict(chain.unreachable)} if chain.unreachable else {}),
        }
        typer.echo(json.dumps(facts, indent=1, default=str))
        return
    for line in lines(chain):
        typer.echo(line)
    if missing:
        typer.echo(
            f"{len(missing)} not found here; they are named by digest or activity. "
            "--search FOLDER looks for them there."
        )
    for store, why in chain.unreachable.items():
        typer.echo(f"{store} was not asked: {_printable(why)}", err=True)


def lines(
    link: Link, before: str = "", own: str = "", seen: set[tuple[str, str]] | None = None
) -> Iterator[str]:
    """The tree as lines; what was shown with its inputs is not taken apart again."""
    seen = set() if seen is None else seen
    if link.inputs and link.key[1] and link.key in seen:
        yield f"{before}{own}{_text(link)}, see above"
        return
    seen.add(link.key)
    yield f"{before}{own}{_text(link)}"
    below = before + {"": "", "├─ ": "│  ", "└─ ": "   "}[own]
    shown = link.inputs[:SHOWN]
    rest = len(link.inputs) - len(shown)
    for n, one in enumerate(shown, start=1):
        last = n == len(shown) and not rest
        yield from lines(one, below, "└─ " if last else "├─ ", seen)
    if rest:
        yield f"{below}└─ and {rest:,} more (all with --json)"


def _text(link: Link) -> str:
    role = f"{link.role}: " if link.role else ""
    words = [f"{role}{_printable(link.name)}"]
    activity = link.activity
    if activity.get("name"):
        software = activity.get("software")
        version = software.get("ctabatch", "") if isinstance(software, dict) else ""
        words.append(f"by {activity['name']}{version and ' '}{version}")
    if activity.get("id"):
        words.append(f"activity {activity['id']}")
    if activity.get("start"):
        words.append(str(activity["start"]))
    if link.kind in ("file", "list", "models") and link.sha256:
        words.append(f"sha256 {link.sha256[:16]}")
    if link.kind == "file" and link.size is not None:
        words.append(f"{link.size:,} bytes")
    if link.kind == "list":
        words.append("listed in the record beside the product")
    elif link.path is None:
        words.append("not found here")
    elif not activity and link.kind != "dataset":
        words.append("an input" if link.kind == "file" else "no activity recorded")
    return _printable(", ".join(words))


def _printable(text: str) -> str:
    """A text without what could move the cursor of a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


__all__ = ["lines", "report"]
