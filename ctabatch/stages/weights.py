"""How much each telescope counts in the mean of its event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError

_SHAPE = ("hillas_intensity", "hillas_width", "hillas_length")
#: Weighting (ctapipe's names) -> image parameters it needs.
WEIGHTINGS: dict[str, tuple[str, ...]] = {
    "none": (),
    "intensity": _SHAPE[:1],
    "aspect-weighted-intensity": _SHAPE,
    "containment-weighted-intensity": (*_SHAPE, "leakage_intensity_width_2"),
}
#: Names of older ctapipe versions.
_ALIASES = {"konrad": "aspect-weighted-intensity"}


def required_parameters(kind: str) -> tuple[str, ...]:
    """Image parameters that a weighting needs.

    Raises
    ------
    OptionError
        There is no such weighting.
    """
    kind = _ALIASES.get(kind, kind)
    if kind not in WEIGHTINGS:
        raise OptionError.unknown_name("weighting", kind, WEIGHTINGS)
    return WEIGHTINGS[kind]


def telescope_weights(
    kind: str, parameters: Mapping[str, NDArray[Any]], n_rows: int
) -> NDArray[np.float64]:
    """Weight of each telescope row in the mean of its event.

    Parameters
    ----------
    kind : str
        "none" (1), "intensity", "aspect-weighted-intensity" (intensity * length / width; also
        "konrad") or "containment-weighted-intensity" ((intensity * (1 - width / length))^2 *
        (1 - leakage_intensity_width_2)^4).
    parameters : mapping of str to (n_rows,) array
        At least `required_parameters(kind)`.
    n_rows : int

    Returns
    -------
    (n_rows,) float64
        Not finite where a parameter is not, or a width or length is 0.

    Raises
    ------
    OptionError
        There is no such weighting.
    InputError
        A parameter is missing.
    """
    names = required_parameters(kind)
    missing = [name for name in names if name not in parameters]
    if missing:
        raise InputError(
            f"weighting {kind!r} needs the image parameters {', '.join(missing)}: "
            "process with parameters, or choose another weighting"
        )
    if not names:
        return np.ones(n_rows)
    columns = [np.asarray(parameters[name], np.float64) for name in names]
    if len(names) == 1:
        return columns[0]
    intensity, width, length = columns[:3]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if len(names) == 3:
            return intensity * length / width
        return (intensity * (1.0 - width / length)) ** 2 * (1.0 - columns[3]) ** 4
