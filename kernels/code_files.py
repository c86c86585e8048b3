"""Files of machine code that any number of processes may write at the same moment.

numba counts the files of a function and keeps an index of what each is for. Two processes that
compile a function at once, for other types of arguments, can give their files the same number; the
index then names code for other arguments, and whoever runs it crashes or gets wrong numbers. Here
the name of a file follows from what is in it, so there is no index and nothing to agree on.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import IndexDataCacheFile

#: How names of these files end.
SUFFIX = ".nbc"


class CodeFiles(IndexDataCacheFile):
    """The machine code of one function, in a file for each kind of arguments and processor.

    Parameters
    ----------
    folder : str
    name : str
        What the names of all files of this function begin with.
    stamp : tuple
        Of the file in which the function stands: code of another version is not found.
    """

    def __init__(self, folder: str, name: str, stamp: object) -> None:
        super().__init__(folder, name, stamp)
        self._all = Path(folder), name
        self._of_all = (numba.__version__, stamp)

    def _name_of(self, key: object) -> str:
        digest = hashlib.sha256(repr((self._of_all, key)).encode()).hexdigest()[:16]
        return f"{self._all[1]}.{digest}{SUFFIX}"

    def save(self, key: object, data: object) -> None:
        """Keep code; where that cannot be done the process goes on without."""
        with contextlib.suppress(OSError):
            self._save_data(self._name_of(key), (self._of_all, key, data))

    def load(self, key: object) -> Any:
        """Code of exactly this kind, or None; a damaged file is compiled anew and replaced."""
        try:
            of_all, of_what, data = self._load_data(self._name_of(key))
        except Exception:  # noqa: BLE001 - whatever damaged bytes raise
            return None
        return data if (of_all, of_what) == (self._of_all, key) else None

    def flush(self) -> None:
        """Forget all of this function."""
        folder, name = self._all
        for path in folder.glob(f"{name}.*{SUFFIX}"):
            path.unlink(missing_ok=True)


def keep_in_code_files(dispatcher: Any) -> None:
    """Let a function that numba caches keep its machine code in `CodeFiles`."""
    own = dispatcher._cache
    stamp = own._impl.locator.get_source_stamp()
    own._cache_file = CodeFiles(own.cache_path, own._impl.filename_base, stamp)
