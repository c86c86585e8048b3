"""Where inputs and datasets are: a path of this machine, or a place in an object store."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from ctabatch.errors import OptionError, OutputError

from .store_path import SCHEMES, StorePath

Location = Path | StorePath

#: A scheme of two letters or more (one is a drive), with one slash where pathlib took the other.
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(/+|$)")


def location(text: str | os.PathLike[str] | StorePath) -> Location:
    """What a text stands for: a URI (``s3://``, ``gs://``, ``file://``) or a path.

    A `Path` that was made from a URI is understood too, though it has lost a slash.

    Raises
    ------
    OptionError
        The scheme is none of these, or the URI names no place.
    """
    if isinstance(text, StorePath):
        return text
    name = os.fspath(text)
    found = _URI.match(name)
    if found is None:
        return text if isinstance(text, Path) else Path(name)
    scheme = found.group(1).lower()
    if scheme in SCHEMES:
        return StorePath.of(f"{scheme}://{name[found.end() :]}")
    if scheme == "file":
        from urllib.parse import unquote, urlsplit

        parts = urlsplit(name)
        if parts.netloc not in ("", "localhost"):
            raise OptionError(f"{name}: files of other machines cannot be read; write file:///PATH")
        return Path(unquote(parts.path))
    if isinstance(text, Path) or Path(name).exists():
        return Path(name)
    raise OptionError(
        f"{name}: unknown scheme {scheme!r}; known are "
        f"{', '.join(f'{known}://' for known in (*SCHEMES, 'file'))} and plain paths"
    )


def refuse_store(path: Location) -> None:
    """Refuse a place in a store where only a path of this machine will do, told as a path.

    Raises
    ------
    OutputError
    """
    if isinstance(path, Path) and path.parts[:1] and path.parts[0][:-1] in SCHEMES:
        raise OutputError(
            f"{location(path)}: only datasets are written to object stores; name a local path and "
            "copy what is written there"
        )


def local_path(place: str | os.PathLike[str] | StorePath, what: str) -> Path:
    """The path of a location on this machine.

    Raises
    ------
    OptionError
        It is in an object store, where `what` cannot be.
    """
    found = location(place)
    if isinstance(found, StorePath):
        raise OptionError(
            f"{found}: {what} must be on this machine, not in an object store; name a local path "
            "and copy it"
        )
    return found


def parquet_source(place: Location) -> Any:
    """What pyarrow reads a Parquet file from: a path, or an open object."""
    return place.open("rb") if isinstance(place, StorePath) else place


__all__ = ["Location", "StorePath", "local_path", "location", "parquet_source", "refuse_store"]
