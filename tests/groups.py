"""Which tests stay together in one process, because they share what is expensive to make.

pytest-xdist has marks for that, ``xdist_group``, but version 3.8 hands them on in the names of
tests, which pytest 9.2 does not let it change: every test then goes anywhere, and each process
makes everything. So groups are told from the names.
"""

from __future__ import annotations

import re
from typing import Any

from xdist.scheduler import LoadScopeScheduling

#: Folder of the tests that run ctapipe.
_PARITY = "tests/parity/"
_PARAMETERS = re.compile(r"\[(?P<file>[^\]]+)\]$")


def group_of(name: str, files: frozenset[str]) -> str:
    """Group of a test.

    Parameters
    ----------
    name : str
        As pytest gives it: ``tests/FOLDER/FILE.py::test_this[parameters]``.
    files : frozenset of str
        Short names of example and simulated files, of which each parity test that has such a name
        as its only parameter shares what both programs make.
    """
    path = name.partition("::")[0]
    if not path.startswith(_PARITY):
        return path
    found = _PARAMETERS.search(name)
    if found is not None and found["file"] in files:
        return found["file"].removesuffix("-gz")
    return _PARITY


class GroupScheduling(LoadScopeScheduling):
    """Sends the tests of a group to one process."""

    def __init__(self, files: frozenset[str], *words: Any) -> None:
        super().__init__(*words)
        self._files = files

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid, self._files)
