"""Texts of configurations as data: bounded in length, depth and in what aliases unfold to."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from ctabatch.errors import OptionError

#: Letters of a text, values once all aliases are unfolded, and sections within one another.
LONGEST, MOST_VALUES, DEEPEST = 1 << 20, 10_000, 40


def read_yaml(text: str, where: str) -> Any:
    """What a YAML text holds.

    Parameters
    ----------
    text : str
    where : str
        What it is called in messages.

    Raises
    ------
    OptionError
        It is no YAML, too long or too deep, or its aliases stand for too much.
    """
    import yaml  # most runs have no text to read

    _check_length(text, where)
    try:
        _check_events(text, where)
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise OptionError(f"{where}: not readable as YAML: {error}") from error
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        # numbers and dates that YAML's own constructors choke on
        raise OptionError(f"{where}: not readable as YAML: {_brief(error)}") from error
    return found


def read_toml(text: str, where: str) -> dict[str, Any]:
    """What a TOML text holds; raises OptionError as `read_yaml`."""
    _check_length(text, where)
    try:
        found = tomllib.loads(text)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise OptionError(f"{where}: not readable as TOML: {_brief(error)}") from error
    check_size(found, where)
    return found


def read_json(text: str, where: str) -> Any:
    """What a JSON text holds; raises OptionError as `read_yaml`."""
    _check_length(text, where)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OptionError(f"{where}: not readable as JSON: {_brief(error)}") from error
    check_size(found, where)
    return found


def check_size(found: Any, where: str) -> None:
    """Refuse what is too deep or has too many values.

    Raises
    ------
    OptionError
    """
    waiting, n = [(found, 1)], 0
    while waiting:
        value, depth = waiting.pop()
        n += 1
        if depth > DEEPEST:
            raise _too_deep(where)
        if n > MOST_VALUES:
            raise _too_many(where)
        if isinstance(value, dict):
            waiting += [(own, depth + 1) for own in value.values()]
        elif isinstance(value, list):
            waiting += [(own, depth + 1) for own in value]


def _check_events(text: str, where: str) -> None:
    """Count the values of a YAML text as if aliases were written out, before any is made."""
    import yaml

    anchors: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []  # anchor, values before it
    n = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:  # not there yet: it would hold itself
                raise OptionError(
                    f"{where}: the alias *{str(event.anchor)[:80]} stands within itself"
                )
            n += anchors[event.anchor]
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, n))
            n += 1
            if len(open_nodes) > DEEPEST:
                raise _too_deep(where)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor is not None:
                anchors[anchor] = n - before
        elif isinstance(event, yaml.ScalarEvent):
            n += 1
            if event.anchor is not None:
                anchors[event.anchor] = 1
        if n > MOST_VALUES:
            raise _too_many(where)


def _check_length(text: str, where: str) -> None:
    if len(text) > LONGEST:
        raise OptionError(f"{where}: {len(text):,} letters are no configuration (at most 1 MiB)")


def _too_deep(where: str) -> OptionError:
    return OptionError(f"{where}: more than {DEEPEST} sections within one another")


def _too_many(where: str) -> OptionError:
    return OptionError(
        f"{where}: more than {MOST_VALUES:,} values (aliases count as what they stand for)"
    )


def _brief(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:300]


__all__ = ["DEEPEST", "LONGEST", "MOST_VALUES", "check_size", "read_json", "read_toml", "read_yaml"]
