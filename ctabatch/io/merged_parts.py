"""Parts that were merged into one: their commit records live on inside that of the new part.

The record of a merged part is the switch: as soon as it exists, the parts it was made of count for
nothing, whether their own records are still there or not. So readers find each event exactly once
at any instant, also when merging was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
#: Names of merged parts begin so: only their records are read to learn which parts are replaced.
MERGED = "compact-"
#: Entry of a merged part's record: the commit records of the parts it was made of.
INPUTS = "inputs"
#: What all parts that are merged have in common, and is kept once.
COMMON: tuple[str, ...] = ("config", "config_digest")
_Read = Callable[[str], "dict[str, Any] | None"]


def inner_records(record: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Records of the parts that a part was made of, with what they have in common; often none."""
    known = record or {}
    found = known.get(INPUTS)
    if not isinstance(found, list):
        return []
    common = {name: known[name] for name in COMMON if name in known}
    return [{**common, **one} for one in found if isinstance(one, dict) and "part" in one]


def merged_names(names: Iterable[str]) -> list[str]:
    """Those of some parts that may be merged ones."""
    return [name for name in names if name.startswith(MERGED)]


def replaced_by(names: Iterable[str], read: _Read) -> dict[str, str]:
    """Part that was merged -> the part it was merged into.

    Parameters
    ----------
    names : iterable of str
        Parts that have a record.
    read : callable
        Gives the record of a part, None if it is gone.
    """
    return {
        inner["part"]: name for name in merged_names(names) for inner in inner_records(read(name))
    }


def listed(names: Callable[[], list[T]], attempts: int = 20) -> list[T]:
    """A list of names, or of what goes with them, that was the same twice.

    A folder that changes while it is listed may show neither an entry that is new nor one that is
    gone: the second look shows the new one.
    """
    found = names()
    for _ in range(attempts):
        again = names()
        if again == found:
            break
        found = again
    return found


__all__ = ["COMMON", "INPUTS", "MERGED", "inner_records", "listed", "merged_names", "replaced_by"]
