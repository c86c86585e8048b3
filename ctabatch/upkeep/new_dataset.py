"""Where compacting writes a new dataset: nobody sees it before it is whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from ctabatch.errors import OutputError
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.dataset_identity import IDENTITY
from ctabatch.io.location import Location, StorePath
from ctabatch.io.whole_folder import whole_folder
from ctabatch.provenance.activity import moment


@contextlib.contextmanager
def new_dataset(
    source: Location, target: Location, *, now: bool = False
) -> Iterator[tuple[DatasetFolder, Callable[[], None]]]:
    """A dataset that appears at the end of the ``with`` block.

    Parameters
    ----------
    source, target : Path or StorePath
        The dataset that is compacted, and where the new one will be.
    now : bool
        See `unfinished_dataset`.

    Yields
    ------
    folder : DatasetFolder
    check_own : callable
        Raises `OutputError` if another writer has taken the place.

    Raises
    ------
    OutputError
        There is something else, or the places are in each other.
    """
    if isinstance(target, StorePath):
        from ctabatch.io.unfinished_dataset import unfinished_dataset

        if target.is_relative_to(source) or (
            isinstance(source, StorePath) and source.is_relative_to(target)
        ):
            raise _too_near(source, target)
        with unfinished_dataset(target, moment(), now=now) as (new, check_own):
            yield new, check_own
        return
    if isinstance(source, Path) and target.resolve().is_relative_to(source.resolve()):
        raise _too_near(source, target)
    with whole_folder(target, IDENTITY, "parts of a dataset", overwrite=False) as wip:
        new = DatasetFolder(wip)
        new.create()
        yield new, lambda: None


def _too_near(source: Location, target: Location) -> OutputError:
    where = "in" if target.is_relative_to(source) else "around"  # type: ignore[arg-type]
    return OutputError(
        f"{target}: this is {where} {source}; name a folder beside it, or --in-place"
    )


__all__ = ["new_dataset"]
