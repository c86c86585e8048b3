"""Places that records tell of: where something was when it was read, by the words that named it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ctabatch.errors import CtabatchError
from ctabatch.io.location import Location, location

#: Folders above a dataset that a relative path may begin from: of where the work ran nobody knows.
_ABOVE = 3


def hinted_places(root: Location, hints: Iterable[str]) -> tuple[str, ...]:
    """Where the inputs of a dataset may be.

    Parameters
    ----------
    root : Path or StorePath
        Folder of the dataset.
    hints : iterable of str
        Paths and URIs from its records.
    """
    found: list[str] = []
    for hint in hints:
        place = hinted(hint)
        if place is None:
            continue
        found.append(str(place))
        if isinstance(place, Path) and isinstance(root, Path) and not place.is_absolute():
            found += [str(above / place) for above in list(root.absolute().parents)[:_ABOVE]]
    return tuple(dict.fromkeys(found))


def hinted(hint: str) -> Location | None:
    """The place that a text of a record stands for; None if it is none."""
    try:
        return location(hint)
    except (CtabatchError, ValueError):  # written by anybody
        return None


__all__ = ["hinted", "hinted_places"]
