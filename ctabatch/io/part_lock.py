"""A lock on the name of a part while it is committed: two processes may have the same input.

Between the first rename and the commit record, files of the two must not mix. The lock is `flock`
on ``parts/.PART.lock``: it ends with its process, however that ends. Where the file system has no
locks, the commit goes on without: then the last record tells what readers see.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from .location import Location, StorePath


@contextlib.contextmanager
def part_lock(root: Location, part: str, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a part of a dataset; waits for another that commits it.

    Raises
    ------
    BlockingIOError
        Another holds it, and `wait` is false.
    """
    if isinstance(root, StorePath):  # no file of one has the name of another's there
        yield
        return
    path = root / "parts" / f".{part}.lock"
    descriptor = _locked(path, wait)
    try:
        yield
    finally:
        if descriptor is not None:
            try:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)  # before it is let go: whoever waits looks again
            finally:
                os.close(descriptor)


def lock_state(root: Path, part: str) -> bool | None:
    """Whether a part is being committed; False if its writer died over it, None if unknown."""
    try:
        import fcntl

        descriptor = os.open(root / "parts" / f".{part}.lock", os.O_RDWR | os.O_CLOEXEC)
    except (ImportError, OSError):  # no lock was ever taken, or it was let go
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False


def _locked(path: Path, wait: bool) -> int | None:
    """Descriptor of the locked file; None if there are no locks."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        return None
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError:  # not writable: the commit itself will say so
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise
        except OSError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its file was removed by the one that held it


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)


__all__ = ["lock_state", "part_lock"]
