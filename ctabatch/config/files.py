"""Texts of configurations: YAML or TOML, several layers, single values of the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ctabatch.errors import OptionError

from .strict import merged

# yaml is imported where it is used: most runs have no text to read


def parsed(text: str, where: str) -> dict[str, Any]:
    """Mapping that a text holds: TOML if `where` ends in ``.toml``, else YAML.

    Raises
    ------
    OptionError
        The text is not readable, or no mapping.
    """
    import yaml

    try:
        found = tomllib.loads(text) if where.endswith(".toml") else yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise OptionError(f"{where}: not readable as YAML: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"{where}: not readable as TOML: {error}") from error
    if not isinstance(found or {}, dict):
        raise OptionError(f"{where}: this is no mapping of sections to options")
    return {str(key): _with_text_keys(value) for key, value in (found or {}).items()}


def _with_text_keys(value: Any) -> Any:
    """Telescope ids as keys are numbers in YAML, text everywhere else."""
    if isinstance(value, dict):
        return {str(key): _with_text_keys(own) for key, own in value.items()}
    return value


def layers(files: Iterable[Path]) -> dict[str, Any]:
    """Content of several files; what a later one says counts.

    Raises
    ------
    OptionError
        A file is not readable.
    """
    found: dict[str, Any] = {}
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise OptionError(f"--config {path}: not readable: {error}") from error
        found = merged(found, parsed(text, str(path)))
    return found


def assignments(words: Iterable[str]) -> dict[str, Any]:
    """Options given as ``section.option=value``, the value in YAML.

    Raises
    ------
    OptionError
        A word is no such assignment.
    """
    words = list(words)
    if not words:
        return {}
    import yaml

    found: dict[str, Any] = {}
    for word in words:
        key, sign, text = word.partition("=")
        steps = key.strip().split(".")
        if not sign or not all(steps):
            raise OptionError(
                f"--set {word}: write section.option=value, for example "
                "cleaning.picture_threshold_pe=8"
            )
        try:
            value = _with_text_keys(yaml.safe_load(text))
        except yaml.YAMLError as error:
            raise OptionError(f"--set {word}: the value is not readable as YAML") from error
        for step in reversed(steps):
            value = {step: value}
        found = merged(found, value)
    return found


def as_yaml(content: dict[str, Any]) -> str:
    """Text of a configuration."""
    import yaml

    return yaml.safe_dump(content, sort_keys=False, default_flow_style=False)


__all__ = ["as_yaml", "assignments", "layers", "parsed"]
