"""Files that appear under their names when they are whole."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from .writer_identity import writer_token


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write a file; it replaces the one of this name in one step, if all goes well."""
    wip = path.with_name(f".{path.name}.{writer_token()}.wip")
    try:
        yield wip
        wip.replace(path)
    finally:
        wip.unlink(missing_ok=True)


__all__ = ["whole_file"]
