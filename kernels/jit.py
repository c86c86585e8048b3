"""The one place where compilation options of all kernels are set.

Machine code is cached on disk. numba notices changes of the file a kernel stands in, but not of the
files it calls into, so the cache folder is named by a digest of all kernel files. It lies in the
user's cache folder, so it works where the package itself may not be written. The environment
variable NUMBA_CACHE_DIR overrides the place.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba import config

F = TypeVar("F", bound=Callable[..., Any])

#: Kernels release the GIL, and their machine code is cached on disk.
JIT_OPTIONS = {"nogil": True, "cache": True}


def _cache_folder() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    home = Path.home() if "HOME" in os.environ or os.name == "nt" else Path("/nonexistent")
    base = os.environ.get("XDG_CACHE_HOME") or (
        home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    )
    return str(Path(base) / "ctabatch" / "kernels" / digest.hexdigest()[:16])


CACHE_FOLDER = config.CACHE_DIR or _cache_folder()


def _compile(function: F, **options: Any) -> F:
    """Decorate with our cache folder in force, and leave numba's configuration as it was."""
    before, config.CACHE_DIR = config.CACHE_DIR, CACHE_FOLDER
    try:
        return cast(F, numba.njit(**JIT_OPTIONS, **options)(function))
    finally:
        config.CACHE_DIR = before


def kernel(function: F) -> F:
    """Compile a batch kernel at its first call."""
    return _compile(function)


def inline(function: F) -> F:
    """Compile a small function that is inlined into the kernels calling it."""
    return _compile(function, inline="always")
