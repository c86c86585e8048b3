"""A worker process of ``ctabatch process --jobs``, or the one that workers are copies of.

No command of its own. With the number of a socket as its only word it makes copies.
"""

from __future__ import annotations

import functools
import os
import socket
import sys

from ctabatch.cli.compile_ahead import compile_geometry, compile_images, compile_parameters
from ctabatch.cli.lean_imports import collect_seldom, import_numba_alone
from ctabatch.production.worker import main
from ctabatch.production.worker_template import serve_copies


def begin() -> None:
    """Import what a worker uses, and load the kernels that all use if others compiled them."""
    import ctabatch.production.task  # noqa: F401
    from ctabatch.engine import kernels_are_compiled

    if kernels_are_compiled():
        prepare()


@functools.cache
def prepare() -> None:
    """Load the kernels that all use."""
    for load in (compile_images, compile_parameters, compile_geometry):
        load()


if __name__ == "__main__":
    collect_seldom()
    import_numba_alone()
    if len(sys.argv) > 1:
        serve_copies(socket.socket(fileno=int(sys.argv[1])), begin, prepare, main)
        os._exit(0)
    main()
