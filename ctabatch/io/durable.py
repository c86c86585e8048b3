"""What must outlive a power cut, before anything says that it is there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

#: What file systems answer that cannot be asked, some of them for folders only.
_CANNOT = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EISDIR}


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk.

    Raises
    ------
    OSError
        They cannot be: the disk is full, for example, which some file systems tell now.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError as error:
        if error.errno in _CANNOT and path.is_dir():
            return
        raise
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    finally:
        os.close(handle)


__all__ = ["flush"]
