"""Which fold or sample an event belongs to: decided by its number, not by where it stands."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_STEP, _FOLDS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))


def event_hash(
    obs_id: NDArray[np.integer[Any]], event_id: NDArray[np.integer[Any]], seed: int
) -> NDArray[np.uint64]:
    """A number for every event that looks random, but is the same wherever the event stands.

    Source: the mixing function of SplitMix64, Steele, Lea & Flood, OOPSLA 2014.
    """
    start = _mix(np.full(1, seed, np.uint64))
    return _mix(_mix(start ^ obs_id.astype(np.int64).view(np.uint64))
                ^ event_id.astype(np.int64).view(np.uint64))  # fmt: skip


def fold_of(event: NDArray[np.uint64], n_folds: int) -> NDArray[np.int8]:
    """Fold of every event, from its `event_hash`; all its telescopes are in the same one."""
    return (_mix(event ^ _FOLDS) % np.uint64(n_folds)).astype(np.int8)


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = z + _STEP
    for shift, factor in _MIX:
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return z


def below(hashes: NDArray[np.uint64], limit: int | None) -> np.uint64 | None:
    """Number that at most `limit` hashes are below; None for no limit.

    Equal hashes (rows of one event) are on the same side, so an event is in or out as a whole.
    """
    if limit is None or len(hashes) <= limit:
        return None
    return np.uint64(np.partition(hashes, limit)[limit])


__all__ = ["below", "event_hash", "fold_of"]
