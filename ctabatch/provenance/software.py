"""Versions of what shapes the numbers."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import ctabatch

#: Packages whose arithmetic or files enter every table.
COMMON = ("numba", "numpy", "polars", "pyarrow")


def software(*more: str) -> dict[str, str]:
    """Name -> version of this package, Python, `COMMON` and more packages, if installed."""
    found = {"ctabatch": str(ctabatch.__version__), "python": platform.python_version()}
    for name in sorted({*COMMON, *more}):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


__all__ = ["software"]
