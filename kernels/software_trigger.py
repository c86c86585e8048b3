"""Which telescopes and array events are left when too few telescopes of a type triggered."""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def software_trigger(
    offsets: np.ndarray,
    kind: np.ndarray,
    minimum: np.ndarray,
    min_telescopes: int,
    telescope_kept: np.ndarray,
    event_kept: np.ndarray,
) -> None:
    """Remove telescopes of types with too few of them, then events with too few telescopes.

    Parameters
    ----------
    offsets : int64 array of shape (n_events + 1,)
        Telescopes that triggered in event k: ``offsets[k]`` to ``offsets[k + 1]``, each once.
    kind : int64 array of shape (n,)
        Type of each telescope as an index in `minimum`; -1 for a type without a minimum.
    minimum : int64 array of shape (n_types,)
        Telescopes of a type that an event needs, or all of that type are removed.
    min_telescopes : int
        Telescopes of any type that an event needs.
    telescope_kept : bool array of shape (n,)
        Written; false for all telescopes of an event that is not kept.
    event_kept : bool array of shape (n_events,)
        Written.

    Notes
    -----
    Source: as ctapipe's SoftwareTrigger.
    """
    count = np.zeros(minimum.shape[0], np.int64)
    for k in range(event_kept.shape[0]):
        begin, end = offsets[k], offsets[k + 1]
        for i in range(begin, end):
            if kind[i] >= 0:
                count[kind[i]] += 1
        n_kept = 0
        for i in range(begin, end):
            telescope_kept[i] = kind[i] < 0 or count[kind[i]] >= minimum[kind[i]]
            if telescope_kept[i]:
                n_kept += 1
        event_kept[k] = n_kept >= min_telescopes
        for i in range(begin, end):
            telescope_kept[i] = telescope_kept[i] and event_kept[k]
            if kind[i] >= 0:
                count[kind[i]] = 0
