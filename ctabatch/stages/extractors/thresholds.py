"""Options that differ between telescopes: the last entry that fits a telescope counts."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import OptionError

#: ("type", pattern of telescope types, value) or ("id", telescope, value).
TelescopeValues = tuple[tuple[str, str | int, float], ...]


def values_per_event(
    name: str, values: TelescopeValues | float, tel_type: str, tel_id: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Value of an option for each event of a batch.

    Parameters
    ----------
    name : str
        Name of the option, for messages.
    values : tuple of entries, or float for all telescopes
    tel_type : str
    tel_id : (n_events,) int64

    Returns
    -------
    (n_events,) float64

    Raises
    ------
    OptionError
        An entry is of no known kind, or a telescope has none.
    """
    if isinstance(values, int | float):
        return np.full(len(tel_id), float(values))
    found = np.full(len(tel_id), math.nan)
    for kind, which, value in values:
        if kind == "type":
            if fnmatchcase(tel_type, str(which)):
                found[:] = value
        elif kind == "id":
            found[tel_id == int(which)] = value
        else:
            raise OptionError(f'{name}: entries begin with "type" or "id", not {kind!r}')
    if np.isnan(found).any():
        missing = int(tel_id[np.isnan(found)][0])
        raise OptionError(f"{name}: no entry fits telescope {missing} of type {tel_type}")
    return found


__all__ = ["TelescopeValues", "values_per_event"]
