"""Texts of configurations: YAML or TOML, several layers, single values of the command line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ctabatch.errors import OptionError

from .bounded import DEEPEST, LONGEST, read_toml, read_yaml
from .strict import merged


def parsed(text: str, where: str) -> dict[str, Any]:
    """Mapping that a text holds: TOML if `where` ends in ``.toml``, else YAML.

    Raises
    ------
    OptionError
        The text is not readable, or no mapping.
    """
    found = read_toml(text, where) if where.endswith(".toml") else read_yaml(text, where)
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
            with path.open(encoding="utf-8") as file:  # a text that is longer is refused below
                text = file.read(LONGEST + 1)
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
    found: dict[str, Any] = {}
    for word in words:
        key, sign, text = word.partition("=")
        steps = key.strip().split(".")
        if not sign or not all(steps):
            raise OptionError(
                f"--set {word}: write section.option=value, for example "
                "cleaning.picture_threshold_pe=8"
            )
        if len(steps) > DEEPEST:
            raise OptionError(f"--set {word[:80]}...: no option is so deep")
        value = _with_text_keys(read_yaml(text, f"--set {word[:200]}: the value"))
        for step in reversed(steps):
            value = {step: value}
        found = merged(found, value)
    return found


def as_yaml(content: dict[str, Any]) -> str:
    """Text of a configuration."""
    import yaml

    return yaml.safe_dump(content, sort_keys=False, default_flow_style=False)


__all__ = ["as_yaml", "assignments", "layers", "parsed"]
