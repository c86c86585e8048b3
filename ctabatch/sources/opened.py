"""Inputs are opened here, whatever they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from ctabatch.errors import InputError, OptionError
from ctabatch.input_digest import input_size
from ctabatch.io.location import Location, StorePath
from ctabatch.io.stored_parts import LEVELS, Level, is_stored, level_of, origin

from .added import open_added
from .protocol import Empty, EventSource, SourceOptions
from .simtel import open_simtel
from .stored import StoredSource


def open_input(
    path: Location,
    options: SourceOptions,
    *,
    level: Level | None = None,
    ahead: bool = True,
    empty: Empty = np.empty,
    keep: Callable[[pa.RecordBatch], None] | None = None,
) -> EventSource:
    """Open an input of `process`.

    Parameters
    ----------
    path : Path or StorePath
        A sim_telarray file, what stands for a part of a dataset, or a file of an added source.
    options : SourceOptions
    level : {"r0", "r1", "dl0", "images"}, optional
        Level of a part that processing starts from; the lowest there is by default.
    ahead : bool
        Read ahead in a thread.
    empty : callable
        Makes arrays, as `numpy.empty` does.
    keep : callable, optional
        Given each piece of the stream of a file, to store it.

    Raises
    ------
    InputError
        The input cannot be used.
    OptionError
        Something is to be read or stored that this input does not have.
    """
    if is_stored(path):
        return _stored(path, options, level_of(path, level), ahead, empty, keep)
    if level is not None:
        raise OptionError(
            f"{path}: processing can start from a level ({', '.join(LEVELS)}) of a part of a "
            "dataset only, and this is none"
        )
    try:
        return open_simtel(
            path, options, size=input_size(path), ahead=ahead, empty=empty, keep=keep
        )
    except InputError as error:
        added = None if isinstance(path, StorePath) else open_added(path, options)
        if added is None:
            raise
        if keep is not None:
            raise OptionError(
                f"{path}: r0 can be written of sim_telarray files only, and this is none"
            ) from error
        return added


def _stored(
    path: Location,
    options: SourceOptions,
    level: Level,
    ahead: bool,
    empty: Empty,
    keep: Callable[[pa.RecordBatch], None] | None,
) -> EventSource:
    """A part of a dataset."""
    source: EventSource
    if level == "r0":
        source = open_simtel(
            path, options, size=input_size(path), ahead=ahead, empty=empty, keep=keep
        )
    elif keep is not None:
        raise OptionError(f"{path}: r0 cannot be written from {level}: the raw data are gone")
    else:
        source = StoredSource(path, level, options, ahead=ahead)
    source.about = {"level": level, **origin(path)}
    return source


__all__ = ["open_input"]
