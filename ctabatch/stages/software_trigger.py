"""The trigger of a part of a simulated array: which array events would have been read out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.kernels.software_trigger import software_trigger

from .component import option


@dataclass(frozen=True, eq=False)
class TriggerDecision:
    """What a software trigger leaves of some array events.

    Attributes
    ----------
    offsets : (n_events + 1,) int64
        Telescopes that triggered in event k: rows ``offsets[k]`` to ``offsets[k + 1]``.
    tel_id : (n,) int64
    telescope_kept : (n,) bool
        False for all telescopes of an event that is not kept.
    event_kept : (n_events,) bool
    """

    offsets: NDArray[np.int64]
    tel_id: NDArray[np.int64]
    telescope_kept: NDArray[np.bool_]
    event_kept: NDArray[np.bool_]

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is removed."""
        return bool(self.telescope_kept.all() and self.event_kept.all())

    def triggered(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Offsets and telescopes of the events that are kept, for column tels_with_trigger."""
        counts = np.diff(self.offsets)
        event = np.repeat(np.arange(len(counts)), counts)[self.telescope_kept]
        n_left = np.bincount(event, minlength=len(counts))[self.event_kept]
        return np.concatenate([[0], np.cumsum(n_left)]), self.tel_id[self.telescope_kept]

    def keeps(self, event: NDArray[Any], tel_id: NDArray[Any]) -> NDArray[np.bool_]:
        """Which rows of a table of telescope events are kept.

        Parameters
        ----------
        event : (m,) int
            Place of each row's array event among those that were decided on.
        tel_id : (m,) int

        Returns
        -------
        (m,) bool
            A telescope that has data but is not among the triggered ones goes with its event.
        """
        event = np.asarray(event, np.int64)
        counts = np.diff(self.offsets)
        place = np.repeat(np.arange(len(counts)), counts)[~self.telescope_kept]
        removed = _key(place, self.tel_id[~self.telescope_kept])
        gone = np.isin(_key(event, tel_id), removed)
        return np.asarray(self.event_kept[event] & ~gone)


@dataclass(frozen=True)
class SoftwareTrigger:
    """Ask for telescopes of each type and of any type; options and rules are those of ctapipe.

    Where an array is part of a larger one that was simulated, events remain that its own trigger
    would not have seen: single LSTs that are coincident with no other LST, single telescopes.
    """

    min_telescopes: int = option(
        1, "Telescopes that an array event needs; others are dropped", ge=0
    )
    min_telescopes_of_type: tuple[tuple[str, int], ...] = option(
        (),
        "Pattern of telescope types and the telescopes of each such type that an event needs, or "
        'those of the type are removed: [["LST*", 2]]; the last pattern that fits counts',
    )

    def minimum(self, description: str) -> int:
        """Telescopes of a type that an event needs.

        Parameters
        ----------
        description : str
            Size class, optics and camera, as in ``LST_LST_LSTCam``. `*`, `?` and `[abc]` of
            patterns stand for what they do in names of files.
        """
        least = 0
        for pattern, number in self.min_telescopes_of_type:
            if fnmatchcase(description, pattern):
                least = number
        return least

    def unmatched(self, descriptions: Iterable[str]) -> list[str]:
        """Patterns that fit none of these types: perhaps misspelt."""
        known = list(descriptions)
        patterns = dict.fromkeys(pattern for pattern, _ in self.min_telescopes_of_type)
        return [p for p in patterns if not any(fnmatchcase(name, p) for name in known)]

    def decide(
        self,
        offsets: NDArray[Any],
        tel_id: NDArray[Any],
        telescope_types: SubarrayDescription | Mapping[int, str],
    ) -> TriggerDecision:
        """Decide on array events.

        Parameters
        ----------
        offsets : (n_events + 1,) int
            Telescopes that triggered in event k: ``tel_id[offsets[k]:offsets[k + 1]]``.
        tel_id : (n,) int
            Each once in an event. Whether a telescope also has data does not matter.
        telescope_types : SubarrayDescription or mapping
            Or tel_id -> description of the type. Telescopes of the same description are of one
            type, even if they differ in details. One that is not in it has no minimum.

        Returns
        -------
        TriggerDecision
        """
        if isinstance(telescope_types, SubarrayDescription):
            telescopes = telescope_types.telescopes.items()
            telescope_types = {tel: telescope.description for tel, telescope in telescopes}
        names = list(dict.fromkeys(telescope_types.values()))
        minimum = np.array([self.minimum(name) for name in names], np.int64)
        offsets = np.ascontiguousarray(offsets, np.int64)
        tel_id = np.ascontiguousarray(tel_id, np.int64)
        telescope_kept = np.empty(len(tel_id), np.bool_)
        event_kept = np.empty(len(offsets) - 1, np.bool_)
        kind = _kinds(tel_id, {tel: names.index(name) for tel, name in telescope_types.items()})
        software_trigger(offsets, kind, minimum, self.min_telescopes, telescope_kept, event_kept)
        return TriggerDecision(offsets, tel_id, telescope_kept, event_kept)


def _kinds(tel_id: NDArray[np.int64], kind_of: Mapping[int, int]) -> NDArray[np.int64]:
    """Kind of each telescope, -1 for those that have none."""
    known, place = np.unique(tel_id, return_inverse=True)
    return np.array([kind_of.get(int(tel), -1) for tel in known], np.int64)[place.reshape(-1)]


def _key(event: NDArray[Any], tel_id: NDArray[Any]) -> NDArray[np.int64]:
    return np.asarray(event, np.int64) << 16 | np.asarray(tel_id, np.int64) & 0xFFFF


__all__ = ["SoftwareTrigger", "TriggerDecision"]
