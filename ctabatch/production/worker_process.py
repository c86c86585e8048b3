"""How worker processes come to be and how they end, seen from the process that gives them work.

On Linux all are copies of one process, the template, which has imported and loaded what they need:
a worker that dies is replaced within milliseconds, and what they share is in memory once. Elsewhere
libraries do not bear to be copied, and each worker starts by itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from .worker_template import COPY

#: Program of a worker; with the number of a socket: of a template.
_PROGRAM = (sys.executable, "-P", "-m", "ctabatch.cli.process_worker")
#: Whether workers are copies of a template.
CAN_COPY = sys.platform == "linux"


@dataclass(eq=False)
class WorkerProcess:
    """A worker and the streams to and from it.

    Parameters
    ----------
    commands, replies, errors : file
        Its standard streams, seen from here.
    origin : int
        Process that it is a copy of, or its own id.
    pid : int or None
        None until a copy has told it.
    """

    commands: IO[bytes]
    replies: IO[bytes]
    errors: IO[bytes]
    wait_for: Callable[[int], int | None]
    origin: int
    pid: int | None = None

    def send(self, values: dict[str, Any]) -> None:
        """A command; that the worker died is seen at its other end."""
        with contextlib.suppress(BrokenPipeError):
            self.commands.write(json.dumps(values).encode() + b"\n")
            self.commands.flush()

    def dismiss(self) -> None:
        """Tell it to end."""
        with contextlib.suppress(OSError):
            self.commands.close()

    def has_ended(self, seconds: float) -> bool:
        """Wait for the end of what it says."""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.replies, selectors.EVENT_READ)
            while selector.select(max(deadline - time.monotonic(), 0)):
                if not self.replies.read(1 << 16):
                    return True
        return False

    def kill(self) -> None:
        """End it whatever it is doing; it is not waited for."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def bury(self) -> int | None:
        """Wait for its end and release what belongs to it.

        Returns
        -------
        int or None
            Its exit code, that of a signal negative; None: nobody knows.
        """
        code = None if self.pid is None else self.wait_for(self.pid)
        self.dismiss()
        self.replies.close()
        return code


class _Streams:
    """Standard streams of a worker; those in `theirs` are only for the worker."""

    def __init__(self) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the worker lives
        command_end, commands = os.pipe()
        replies, reply_end = os.pipe()
        self.commands, self.replies = os.fdopen(commands, "wb", 0), os.fdopen(replies, "rb", 0)
        self.theirs = [command_end, reply_end, self.errors.fileno()]

    def given(
        self, wait_for: Callable[[int], int | None], origin: int, pid: int | None
    ) -> WorkerProcess:
        """The worker that has got its ends."""
        os.close(self.theirs[0])
        os.close(self.theirs[1])
        return WorkerProcess(self.commands, self.replies, self.errors, wait_for, origin, pid)


class _Template:
    """The process that workers are copies of."""

    def __init__(self) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the template lives
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.popen = subprocess.Popen(
                [*_PROGRAM, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=self.errors,
                stderr=self.errors,
                pass_fds=[theirs.fileno()],
                process_group=0,
            )

    def copy(self, streams: _Streams) -> WorkerProcess:
        with contextlib.suppress(OSError):  # of a dead template: the worker ends before it begins
            socket.send_fds(self._control, [COPY], streams.theirs)
        return streams.given(self._exit_code, self.popen.pid, None)

    def _exit_code(self, pid: int) -> int | None:
        """Its own children it knows, as long as it lives."""
        try:
            self._control.send(json.dumps(pid).encode())
            answer = self._control.recv(64)
        except OSError:
            return None
        return json.loads(answer) if answer else None

    def close(self) -> None:
        self.popen.kill()
        self.popen.wait()
        self._control.close()
        self.errors.close()


@dataclass
class WorkerOrigin:
    """Starts workers: copies of a template, which is started when the first is asked for or before.

    A template that dies costs the time to start another; its workers go on.

    Parameters
    ----------
    copies : bool
        False: each worker starts by itself.
    """

    copies: bool = CAN_COPY
    _template: _Template | None = field(default=None, init=False)

    def begin(self) -> None:
        """Start the template before the first worker is asked for, where there is one."""
        if self.copies and (self._template is None or self._template.popen.poll() is not None):
            self.close()
            self._template = _Template()

    def start(self) -> WorkerProcess:
        """A new worker, which may need a while to be ready."""
        streams = _Streams()
        self.begin()
        if self._template is not None:
            return self._template.copy(streams)
        command_end, reply_end, errors = streams.theirs
        popen = subprocess.Popen(
            _PROGRAM,
            stdin=command_end,
            stdout=reply_end,
            stderr=errors,
            process_group=0,  # Ctrl-C is for the parent, which stops them in order
        )
        return streams.given(lambda _: popen.wait(), popen.pid, popen.pid)

    def last_words(self) -> str:
        """The last line that the template wrote to standard error."""
        return "" if self._template is None else last_line(self._template.errors)

    def close(self) -> None:
        """End the template; workers that live go on."""
        if self._template is not None:
            self._template.close()
            self._template = None


def last_line(errors: IO[bytes]) -> str:
    """The last line of a file that another process writes."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


__all__ = ["CAN_COPY", "WorkerOrigin", "WorkerProcess", "last_line"]
