"""Values that depend on the telescope: mappings from patterns to values.

An option is a value for all telescopes, or a mapping such as ``{"*": 10, "LST*": 8.5, 25: 9}``:
keys are patterns of the telescope type with ``*``, ``?`` and ``[...]``, or telescope ids. Of the
keys that fit a telescope the most special counts: its id, its type in full, else the pattern with
most letters.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ctabatch.errors import OptionError


def value_for(value: Any, tel_type: str, tel_id: int, default: Any = None) -> Any:
    """The value of an option for one telescope.

    Parameters
    ----------
    value
        Any value, or a mapping of patterns.
    tel_type : str
    tel_id : int
    default
        What telescopes get that no key fits.
    """
    if not isinstance(value, Mapping):
        return value
    best, found = (-1, -1), default
    for number, (key, own) in enumerate(value.items()):
        rank = _rank(str(key), tel_type, tel_id)
        if rank >= 0 and (rank, number) > best:
            best, found = (rank, number), own
    return found


def _rank(key: str, tel_type: str, tel_id: int) -> int:
    """How special a key is that fits; -1 if it does not."""
    if key.isdigit():
        return 1_000_000 if int(key) == tel_id else -1
    if key == tel_type:
        return 100_000
    if not fnmatch.fnmatchcase(tel_type, key):
        return -1
    return n_letters(key)


def n_letters(key: str) -> int:
    """How special a pattern is: its letters that stand for themselves."""
    return sum(letter not in "*?[]" for letter in key)


def keys_of(value: Any) -> Iterator[str]:
    """All patterns and ids in a value, or in values nested in it."""
    if isinstance(value, Mapping):
        yield from map(str, value)


def check_keys(where: str, value: Any, telescopes: Mapping[int, str]) -> None:
    """Refuse patterns that fit no telescope.

    Parameters
    ----------
    where : str
        Name of the option, for the message.
    value
    telescopes : mapping
        Telescope id -> telescope type.

    Raises
    ------
    OptionError
        It lists the types, or the ids, that there are.
    """
    types = sorted(set(telescopes.values()))
    for key in keys_of(value):
        if key.isdigit():
            if int(key) not in telescopes:
                raise OptionError(f"{where}: there is no telescope {key}; {_ids(telescopes)}")
        elif not any(fnmatch.fnmatchcase(tel_type, key) for tel_type in types):
            raise OptionError(
                f"{where}: the pattern {key!r} fits no telescope; types: {', '.join(types)}. "
                "unused_patterns: ignore allows it"
            )


def _ids(telescopes: Collection[int]) -> str:
    numbers = sorted(telescopes)
    shown = ", ".join(map(str, numbers[:20]))
    return f"telescopes: {shown}{', ...' if len(numbers) > 20 else ''}"


__all__ = ["check_keys", "keys_of", "n_letters", "value_for"]
