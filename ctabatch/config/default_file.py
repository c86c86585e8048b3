"""The complete default configuration as a YAML file that explains itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ctabatch.errors import OptionError

from .process import ProcessConfig
from .registry import component, names
from .sections import ComponentSection, defaults, options_of

_HEAD = """\
# Configuration of ctabatch process: every option with its default.
# A value of a component may depend on the telescope: {"*": 10, "LST*": 8.5, 25: 9} (patterns of the
# telescope type, or telescope ids; the most special that fits counts).
"""
#: Columns of a comment.
_WIDTH = 96


def default_file() -> str:
    """Text of the file; components that are not chosen stand in comments."""
    lines = [_HEAD]
    for name, field in ProcessConfig.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            lines += _comment((model.__doc__ or "").partition("\n")[0], "")
            lines += [f"{name}:", *_section(model), ""]
        else:
            lines += [*_comment(field.description or "", ""), *_entry(name, field.default, ""), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _section(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        text = field.description or ""
        if issubclass(model, ComponentSection) and name == model.KIND:
            text = f"{text}: {', '.join(names(model.KIND))}"
        yield from _comment(text + _choices(field), "  ")
        yield from _entry(name, field.default, "  ")
    if issubclass(model, ComponentSection):
        every = names(model.KIND)
        field_of_choice = model.model_fields.get(model.KIND)
        chosen = every if field_of_choice is None else [field_of_choice.default]
        for name in sorted(every, key=lambda one: one not in chosen):
            yield from _component(model.KIND, name, "  " if name in chosen else "  # ")


def _component(kind: str, name: str, indent: str) -> Iterator[str]:
    try:
        known = component(kind, name)
    except OptionError as error:  # of another package: no reason to print nothing
        yield from _comment(f"Not usable: {error}", "  ")
        return
    summary = (known.__doc__ or "").partition("\n")[0]
    values = defaults(known)
    if not values:
        yield from _comment(f"{name} has no options. {summary}", "  ")
        return
    yield from _comment(summary, "  ")
    yield f"{indent}{name}:"
    for option, field in options_of(known).items():
        unit = field.metadata.get("unit", "")
        text = field.metadata.get("description", "") + (f", {unit}" if unit else "")
        yield from _comment(text, indent + "  ")
        yield from _entry(option, values[option], indent + "  ")


def _choices(field: FieldInfo) -> str:
    """Valid values of an option that takes a few words."""
    words = [word for word in get_args(field.annotation) if isinstance(word, str)]
    return f": {' or '.join(words)}" if words else ""


def _comment(text: str, indent: str) -> Iterator[str]:
    line = ""
    for word in text.split():
        if line and len(indent) + len(line) + len(word) > _WIDTH:
            yield f"{indent}# {line}"
            line = ""
        line = f"{line} {word}" if line else word
    if line:
        yield f"{indent}# {line}"


def _entry(name: str, value: Any, indent: str) -> Iterator[str]:
    plain = list(value) if isinstance(value, tuple) else value
    if isinstance(plain, list):
        text = f"{name}: {yaml.safe_dump(plain, default_flow_style=True, width=1000)}"
    else:
        text = yaml.safe_dump({name: plain}, default_flow_style=False, sort_keys=False, width=1000)
    for line in text.splitlines():
        yield indent + line


__all__ = ["default_file"]
