"""Columnar batch engine for Cherenkov-telescope data.

``import ctabatch as cb`` loads nothing heavy: `open` and `Dataset` are imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctabatch.dataset import Dataset
    from ctabatch.source import open_source as open  # noqa: A004 - cb.open reads well

    __version__: str

__all__ = ["Dataset", "__version__", "open"]

_EXPORTS = {
    "Dataset": ("ctabatch.dataset", "Dataset"),
    "open": ("ctabatch.source", "open_source"),
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        value: object = _installed_version()
    elif name in _EXPORTS:
        module, attribute = _EXPORTS[name]
        value = getattr(importlib.import_module(module), attribute)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _installed_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ctabatch")
    except PackageNotFoundError:  # a bare checkout on sys.path
        return "0+unknown"
