"""The numbers that name the random numbers of telescope events."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def event_keys(
    obs_id: int | NDArray[Any], event_id: NDArray[Any], tel_id: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Observation, event and telescope of every row as (n,) int64, as kernels take them."""
    n = len(event_id)
    obs, event, tel = (
        np.ascontiguousarray(np.broadcast_to(np.asarray(key, np.int64), (n,)))
        for key in (obs_id, event_id, tel_id)
    )
    return obs, event, tel
