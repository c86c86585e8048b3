"""The one place where compilation options of all kernels are set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile a batch kernel: it releases the GIL and its machine code is cached on disk."""
    return cast(F, numba.njit(nogil=True, cache=True)(function))


def inline(function: F) -> F:
    """Compile a small helper that is inlined into the kernels calling it."""
    return cast(F, numba.njit(nogil=True, cache=True, inline="always")(function))
