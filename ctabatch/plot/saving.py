"""Figures as files: whole or not there at all."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from ctabatch.errors import OptionError, OutputError
from ctabatch.io.parquet import writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg")


def check_picture(path: Path) -> Path:
    """Make sure that a picture can have this name, before the work of drawing it.

    Raises
    ------
    OptionError
        Its ending is none of `FORMATS`.
    OutputError
        It is a folder.
    """
    if path.suffix.lower().removeprefix(".") not in FORMATS:
        endings = ", ".join(f".{name}" for name in FORMATS)
        raise OptionError(f"{path}: the ending says how a picture is written: {endings}")
    if path.is_dir():
        raise OutputError(f"{path}: this is a folder; name a file for the picture")
    return path


def save_figure(figure: Figure, path: Path, *, dpi: int = 130) -> Path:
    """Write a figure; one of the same name is replaced when the new one is complete.

    Parameters
    ----------
    figure : Figure
    path : Path
        Its ending tells the format, its folder is made if needed.
    dpi : int
        Of PNG files.

    Raises
    ------
    OptionError
        Another ending than png, pdf and svg.
    OutputError
        The file cannot be written.
    """
    check_picture(path)
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.wip")
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            kind = path.suffix.lower().removeprefix(".")
            figure.savefig(unfinished, dpi=dpi, format=kind)
            os.replace(unfinished, path)  # noqa: PTH105 - one step, also over an old file
    finally:
        unfinished.unlink(missing_ok=True)
    return path


__all__ = ["FORMATS", "check_picture", "save_figure"]
