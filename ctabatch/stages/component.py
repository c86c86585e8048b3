"""Components: a frozen dataclass of options with one method that works on a batch."""

from __future__ import annotations

from dataclasses import MISSING, field
from typing import Any


def option(
    default: Any = MISSING,
    description: str = "",
    *,
    unit: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
) -> Any:
    """A field of a component: its default, what it means, and the values that are valid.

    Parameters
    ----------
    default
    description : str
        One line for the file that ``ctabatch config`` prints.
    unit : str
        Empty for numbers without one.
    ge, gt, le : float, optional
        Smallest value, largest value that is too small, largest value.
    """
    limits = {"ge": ge, "gt": gt, "le": le}
    known = {name: limit for name, limit in limits.items() if limit is not None}
    return field(
        default=default, metadata={"description": description, "unit": unit, "limits": known}
    )


__all__ = ["option"]
