"""The process that workers are copies of; it does nothing but make copies and tell how they end.

It has no threads of its own while it makes them. Those of libraries (OpenBLAS, the allocator of
Arrow) are idle and made anew in a copy by the libraries themselves.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import warnings
from collections.abc import Callable

#: Asks for a copy; beside it go the streams of the copy.
COPY = b"copy"


def serve_copies(
    control: socket.socket,
    begin: Callable[[], None],
    prepare: Callable[[], None],
    work: Callable[[], None],
) -> None:
    """Answer requests until there is nobody who makes any.

    Parameters
    ----------
    control : socket
        With boundaries between messages. `COPY`, with the three standard streams of a worker
        beside it, is not answered: the worker tells that it is there. A process id is answered by
        the exit code of that worker, that of a signal negative, when it has ended; by null if it is
        none of this process.
    begin : callable
        Imports and loads what it can, before anybody asks.
    prepare : callable
        Loads the rest, before the first copy.
    work : callable
        What a worker does; it does not return.
    """
    begin()
    _freeze()
    is_prepared = False
    while True:
        message, streams, _, _ = socket.recv_fds(control, 64, 3)
        if not message:
            return
        if message == COPY:
            if not is_prepared:
                prepare()
                _freeze()
                is_prepared = True
            if _copy() == 0:
                control.close()
                for number, stream in enumerate(streams):
                    os.dup2(stream, number)
                    os.close(stream)
                os.setpgid(0, 0)  # Ctrl-C is for the one who gives the work
                work()
            for stream in streams:
                os.close(stream)
        else:
            control.send(json.dumps(_exit_code(int(message))).encode())


def _freeze() -> None:
    """Let the collector leave alone what all share."""
    gc.collect()
    gc.freeze()


def _copy() -> int:
    with warnings.catch_warnings():
        # Python counts the threads of libraries
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _exit_code(pid: int) -> int | None:
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status)


__all__ = ["COPY", "serve_copies"]
