"""Components: a frozen dataclass of options with one method that works on a batch."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import MISSING, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ctabatch.errors import ComponentError

Result = TypeVar("Result")


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


def guarded(component: Any, work: Callable[[], Result]) -> Result:
    """What `work`, a method of a component, gives; errors of other packages say whose they are.

    Raises
    ------
    ComponentError
        The component is not of this package, and raised something.
    """
    if _is_ours(component):
        return work()
    try:
        return work()
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise ComponentError(
            f"{_name(component)} raised {type(error).__name__}: {error} "
            f"({frame.filename}, line {frame.lineno})"
        ) from error


def as_shaped(
    component: Any, what: str, values: Any, shape: tuple[int, ...], dtype: DTypeLike
) -> NDArray[Any]:
    """An array that a component made, in the type that the tables have.

    Raises
    ------
    ComponentError
        It has another shape.
    """
    array = np.asarray(values)
    if array.shape != shape:
        raise ComponentError(
            f"{_name(component)}: its {what} has the shape {array.shape}, not {shape}"
        )
    return np.ascontiguousarray(array, dtype)


def _is_ours(component: Any) -> bool:
    return type(component).__module__.startswith("ctabatch.")


def _name(component: Any) -> str:
    return f"component {type(component).__name__} of {type(component).__module__.split('.')[0]}"


__all__ = ["as_shaped", "guarded", "option"]
