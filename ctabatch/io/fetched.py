"""Objects of a store as files of this machine, for work that goes over them more than once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from ctabatch.errors import InputError

from .location import Location, StorePath
from .parquet import writing
from .scratch import Scratch

#: Bytes that are taken over at once.
_CHUNK = 4 << 20


@contextlib.contextmanager
def fetched(places: Sequence[Location]) -> Iterator[list[Path]]:
    """Files of this machine with the contents of some places, in their order.

    Objects are copied to ``TMPDIR``, four at a time and a block after the other, each in one
    version, and removed at the end of the ``with`` block; paths of this machine stay what they are.

    Raises
    ------
    InputError
        One cannot be read. Errors about a copy, also those of the block, name the object.
    OutputError
        There is no room for a copy.
    """
    stored = [place for place in places if isinstance(place, StorePath)]
    if not stored:
        yield [place for place in places if isinstance(place, Path)]
        return
    from .object_store import AT_ONCE, at_once

    scratch = Scratch()
    try:
        copies = {place: scratch.folder / f"{n}.copy" for n, place in enumerate(stored)}
        at_once(lambda place: fetch(place, copies[place]), stored, AT_ONCE)
        try:
            yield [copies[p] if isinstance(p, StorePath) else p for p in places]
        except InputError as error:
            text = str(error)
            for place, copy in copies.items():
                text = text.replace(str(copy), str(place))
            raise InputError(text) from error
    finally:
        scratch.remove()


def fetch(place: StorePath, to: Path) -> None:
    """Copy an object to a file of this machine.

    Raises
    ------
    InputError
        It is gone, or cannot be read.
    OutputError
        There is no room for it.
    """
    try:
        source = place.open("rb")
    except FileNotFoundError as error:
        raise InputError(f"{place}: it is gone: was it replaced meanwhile? run again") from error
    with source, writing(to.parent), to.open("wb") as copy:
        while piece := source.read(_CHUNK):
            copy.write(piece)


__all__ = ["fetch", "fetched"]
