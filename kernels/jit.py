"""The one place where compilation options of all kernels are set.

Machine code is cached on disk. numba notices changes of the file a kernel stands in, but not of the
files it calls into, so the cache folder is named by a digest of all kernel files. It lies in the
user's cache folder, so it works where the package itself may not be written; where there is no such
folder either, kernels are compiled for each process alone. The environment variable NUMBA_CACHE_DIR
overrides the place.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config, types

from .code_files import keep_in_code_files

F = TypeVar("F", bound=Callable[..., Any])


def _cache_folder() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    home = Path.home() if "HOME" in os.environ or os.name == "nt" else Path("/nonexistent")
    base = os.environ.get("XDG_CACHE_HOME") or (
        home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    )
    return str(Path(base) / "ctabatch" / "kernels" / digest.hexdigest()[:16])


CACHE_FOLDER = config.CACHE_DIR or _cache_folder()  # type: ignore[attr-defined]


def _is_usable(folder: str) -> bool:
    """Whether numba can keep files there; it would look for other places, without our digest."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


#: Whether machine code is kept for other processes.
CACHED = _is_usable(CACHE_FOLDER)


def kernel(function: F) -> F:
    """Compile a kernel at its first call; it releases the GIL.

    Small functions need no other decorator: LLVM inlines them. (numba's own inlining made the first
    start a sixth longer and nothing faster.) Nobody calls kernels from C: no code is made for that.
    """
    # our cache folder only while numba looks for it: its configuration is everybody's
    before = config.CACHE_DIR  # type: ignore[attr-defined]
    config.CACHE_DIR = CACHE_FOLDER  # type: ignore[attr-defined]
    try:
        options: dict[str, Any] = {"nogil": True, "cache": CACHED, "no_cfunc_wrapper": True}
        dispatcher = numba.njit(**options)(function)
        if CACHED and not config.DISABLE_JIT:  # type: ignore[attr-defined]
            keep_in_code_files(dispatcher)
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]
    if not config.DISABLE_JIT:  # type: ignore[attr-defined]
        _compile_once_for_numbers(dispatcher)
    return cast(F, dispatcher)


def _compile_once_for_numbers(dispatcher: Any) -> None:
    """Let a kernel that is called with a number as in ``f(x, 1)`` be the same as for ``f(x, n)``.

    numba compiles another one for each such number. LLVM, which inlines the call, knows the number
    anyway.
    """
    of_types = dispatcher.get_call_template

    def of_plain_types(args: Iterable[Any], kws: dict[str, Any]) -> Any:
        plain = {name: types.unliteral(kind) for name, kind in kws.items()}
        return of_types(tuple(map(types.unliteral, args)), plain)

    dispatcher.get_call_template = of_plain_types
