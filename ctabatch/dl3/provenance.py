"""Who made event lists: from which events and responses, with which options."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.location import location
from ctabatch.provenance.activity import Activity, moment
from ctabatch.provenance.of_folders import inputs_at, responses_input
from ctabatch.provenance.product import fits_cards, product_of
from ctabatch.provenance.record import record_text
from ctabatch.provenance.software import software

DL3 = "ctabatch dl3"


@dataclass(frozen=True)
class StoreMarks:
    """What each file of a store carries, and the record beside them.

    Attributes
    ----------
    activity : Activity
    places : sequence of str
        Where the inputs lie.
    """

    activity: Activity
    places: Sequence[str]

    def cards(self, name: str) -> dict[str, str]:
        """Cards of the primary header of a file."""
        return fits_cards(self.activity, product_of(name, level="DL3"))

    def record(self) -> str:
        """Text of the record."""
        return record_text(self.activity, product_of("dl3", level="DL3"), self.places)


def store_marks(
    sources: Mapping[str, Sequence[str]],
    prefixes: Collection[str],
    irf: Path,
    config: Mapping[str, Any],
    *,
    simulated: bool,
    begin: str | None = None,
) -> StoreMarks:
    """The marks of a store.

    Parameters
    ----------
    sources : mapping
        Role -> datasets and event tables.
    prefixes : collection of str
        Predictions that are read; all there are if none is named.
    irf : Path
        Responses.
    config : mapping
        Options that shape the lists.
    simulated : bool
    begin : str, optional
        When it began.

    Raises
    ------
    InputError
        An input cannot be read.
    """
    inputs = [
        one
        for role, words in sources.items()
        for word in words
        for one in inputs_at(word, role, prefixes or predictions_of(word))
    ]
    inputs += responses_input(irf)
    activity = Activity(DL3, inputs, config, software("astropy"), simulated=simulated,
                        _begin=begin or moment())  # fmt: skip
    return StoreMarks(activity, [*(w for words in sources.values() for w in words), str(irf)])


def predictions_of(word: str) -> list[str]:
    """Prefixes of the predictions in a dataset; none of a file."""
    return DatasetFolder(word).prefixes() if location(word).is_dir() else []


__all__ = ["StoreMarks", "store_marks"]
