"""Who writes an unfinished file: in its name, so that leftovers of the dead can be told.

``.MACHINE-PID-START-RANDOM.wip``: MACHINE stands for host, boot and namespace of process ids; PID
and START (in ticks since the boot) for the process. A file whose process is gone is a leftover. Of
another machine nobody here can tell; there the age of the file has to do.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

_NAME = re.compile(
    r"\.(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-(?P<start>\d+)-[0-9a-f]{8}(-\d+)?\.wip$"
)
_BOOT, _NAMESPACE = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")


def writer_token() -> str:
    """A new name for unfinished files of this process."""
    pid = os.getpid()
    return f"{machine()}-{pid}-{process_start(pid) or 0}-{uuid.uuid4().hex[:8]}"


@functools.cache
def machine() -> str:
    """What stands for this machine since its last boot, and for its view of process ids."""
    facts = [platform.node()]
    with contextlib.suppress(OSError):
        facts.append(_BOOT.read_text(encoding="ascii").strip())
    with contextlib.suppress(OSError):
        facts.append(str(_NAMESPACE.readlink()))
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:8]


def process_start(pid: int) -> int | None:
    """When a process began, in clock ticks since the boot; None if there is none, or none known."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    state, *rest = text.rpartition(")")[2].split()
    return None if state in "ZX" else int(rest[18])  # a zombie writes no more


def writer_is_alive(name: str) -> bool | None:
    """Whether the process that an unfinished file is named after still runs.

    Parameters
    ----------
    name : str
        Of the file, without its folder.

    Returns
    -------
    bool or None
        None: it belongs to another machine, or the name does not tell.
    """
    found = _NAME.search(name)
    if found is None or found["machine"] != machine():
        return None
    pid, start = int(found["pid"]), int(found["start"])
    if start:
        return process_start(pid) == start
    try:  # where processes have no known start
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


#: What this process is writing: its number alone does not tell whether it still does.
_AT_WORK: set[str] = set()


@contextlib.contextmanager
def at_work(token: str) -> Iterator[None]:
    """While the ``with`` block lasts, `token` is of a writer at work."""
    _AT_WORK.add(token)
    try:
        yield
    finally:
        _AT_WORK.discard(token)


def is_at_work(token: str) -> bool | None:
    """Whether the writer with this token is at work: alive, and not one of ours that gave up.

    None: it belongs to another machine, or the token does not tell.
    """
    if token in _AT_WORK:
        return True
    alive = writer_is_alive(f".{token}.wip")
    is_ours = token.rpartition("-")[0] == writer_token().rpartition("-")[0]
    return False if alive and is_ours else alive


def unfinished(root: Path) -> Iterator[Path]:
    """All unfinished files of a dataset, whoever writes them."""
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name) for name in names if name.endswith(".wip"))


def remove_unfinished_of(root: Path, pid: int) -> list[Path]:
    """Remove what a process of this machine left that has ended and been waited for."""
    removed = []
    for path in unfinished(root):
        found = _NAME.search(path.name)
        if found and found["machine"] == machine() and int(found["pid"]) == pid:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
                removed.append(path)
    return removed


__all__ = ["at_work", "is_at_work", "machine", "process_start", "remove_unfinished_of",
           "unfinished", "writer_is_alive", "writer_token"]  # fmt: skip
