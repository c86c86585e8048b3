"""One exception tree: everything this package raises on purpose derives from `CtabatchError`.

Messages say what failed, where (file, byte offset, object) and what to do. Each class also derives
from the matching builtin, so callers may catch either.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CtabatchError(Exception):
    """Base of all errors raised on purpose."""


class InputError(CtabatchError, ValueError):
    """An input cannot be used at all: missing, unreadable, or not a sim_telarray file."""


class OutputError(CtabatchError, OSError):
    """The output cannot be written: disk full, no permission, folder of something else."""


class OptionError(CtabatchError, ValueError):
    """An option or configuration value is unusable."""

    @classmethod
    def unknown_name(cls, kind: str, name: str, valid: Iterable[str]) -> OptionError:
        """Error for a name that does not exist, with the nearest valid ones."""
        names = sorted(valid)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f" Did you mean {', '.join(map(repr, near))}?" if near else ""
        few = f" Valid: {', '.join(names)}" if len(names) <= 40 or not near else ""
        return cls(f"unknown {kind} {name!r}.{hint}{few}")


class ComponentError(CtabatchError, RuntimeError):
    """A component of another package failed; says which, and with which events."""


class DecodeError(CtabatchError, ValueError):
    """Bytes of one object are malformed; carries where they stand."""

    def __init__(self, what: str, *, object_type: int, offset: int):
        self.what, self.object_type, self.offset = what, object_type, offset
        super().__init__(f"{what} (object type {object_type} at byte {offset})")
