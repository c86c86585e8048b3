"""Whether the columns that options read are there in the frame of the image parameters."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from ctabatch.errors import OptionError
from ctabatch.stages.parametrise import Frame, column_names


def check_frame(
    frame: Frame, criteria: Mapping[str, Mapping[str, str]], products: Collection[str]
) -> None:
    """Refuse options that need parameters in a frame that is not asked for.

    Parameters
    ----------
    frame : {"telescope", "camera", "both"}
    criteria : mapping
        Option -> name of a criterion -> SQL expression over the columns of dl1/parameters.
    products : collection of str
        What is written.

    Raises
    ------
    OptionError
        The geometry of showers is asked for without the telescope frame, or a criterion reads a
        column of the other frame.
    """
    if frame == "camera" and "geometry" in products:
        raise OptionError(
            "parameters.frame: the geometry of showers needs the telescope frame; take both "
            "instead of camera, or leave geometry out of write"
        )
    missing = set(column_names("both")) - set(column_names(frame))
    for option, expressions in criteria.items():
        for name, expression in expressions.items():
            absent = missing.intersection(re.findall(r"\w+", expression))
            if absent:
                raise OptionError(
                    f"{option}.{name}: there is no {min(absent)} with parameters.frame: {frame}; "
                    "take both"
                )


__all__ = ["check_frame"]
