"""Inputs are opened here, whatever they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from ctabatch.errors import OptionError
from ctabatch.input_digest import input_size
from ctabatch.io.stored_parts import LEVELS, Level, is_stored, level_of

from .protocol import Empty, EventSource, SourceOptions
from .simtel import SimtelSource
from .stored import StoredSource


def open_input(
    path: Path,
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
    path : Path
        A sim_telarray file, or what stands for a part of a dataset.
    options : SourceOptions
    level : {"r0", "r1", "images"}, optional
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
        level = level_of(path, level)
        if level != "r0":
            if keep is not None:
                raise OptionError(
                    f"{path}: r0 cannot be written from {level}: the raw data are gone"
                )
            return StoredSource(path, level, options, ahead=ahead)
    elif level is not None:
        raise OptionError(
            f"{path}: processing can start from a level ({', '.join(LEVELS)}) of a part of a "
            "dataset only, and this is none"
        )
    return SimtelSource(path, options, size=input_size(path), ahead=ahead, empty=empty, keep=keep)


__all__ = ["open_input"]
