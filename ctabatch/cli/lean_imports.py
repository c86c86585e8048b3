"""A quick start of programs of their own: imports without what they do not need.

A module that is set to None cannot be imported; libraries take that for "not installed". What was
left out can be imported afterwards.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from collections.abc import Iterator


def collect_seldom() -> None:
    """Let Python look for unreachable cycles of objects less often.

    While numba and polars are imported and used it looks hundreds of times through their objects,
    which stay: a tenth of the time of a short run.
    """
    gc.set_threshold(50_000, 20, 100)


def without_plugins_of_pydantic() -> None:
    """Let pydantic not look through all installed packages for some that watch its models."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def import_numba_alone() -> None:
    """Import numba without scipy, of which it wants linear algebra that no kernel uses.

    That saves a third of a second and 16 MB; `coverage` and `cffi`, where they are installed, take
    a twentieth each.
    In this process compiled functions cannot call ``np.dot``, ``np.linalg`` or functions of cffi.
    """
    if "numba.np.arraymath" not in sys.modules:
        with _without("scipy"), _without("coverage"), _without("cffi"):
            importlib.import_module("numba.np.arraymath")
            importlib.import_module("numba.core.typing.cffi_utils")


def import_lightgbm_alone() -> None:
    """Import LightGBM without scikit-learn, which takes 65 MB and most of a second.

    In this process LightGBM's classes for scikit-learn stay unusable.
    """
    if "lightgbm" not in sys.modules:
        with _without("sklearn"):
            importlib.import_module("lightgbm")


@contextlib.contextmanager
def _without(name: str) -> Iterator[None]:
    """Leave a package out of what is imported in the block, unless it is there already."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


__all__ = [
    "collect_seldom", "import_lightgbm_alone", "import_numba_alone", "without_plugins_of_pydantic",
]  # fmt: skip
