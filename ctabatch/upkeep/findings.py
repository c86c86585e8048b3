"""What a check found: where, what is wrong, and what to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

#: Groups of findings.
Kind = Literal["record", "file", "schema", "keys", "checksum", "leftover", "subarray", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Attributes
    ----------
    kind : str
        ``note`` is told but makes no dataset inconsistent.
    file : str
        Relative to the dataset.
    what, todo : str
    """

    kind: Kind
    file: str
    what: str
    todo: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}; {self.todo}"


@dataclass
class Report:
    """All findings about a dataset.

    Attributes
    ----------
    findings : list of Finding
    checked : Counter
        How much was looked at: records, files, rows, bytes of checksums.
    removed : list of str
        Leftovers that were removed.
    """

    findings: list[Finding] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    removed: list[str] = field(default_factory=list)

    def add(self, kind: Kind, file: str, what: str, todo: str) -> None:
        self.findings.append(Finding(kind, file, what, todo))

    @property
    def problems(self) -> list[Finding]:
        """Findings that make the dataset inconsistent."""
        return [one for one in self.findings if one.kind != "note"]


__all__ = ["Finding", "Kind", "Report"]
