"""Models that take no unknown option, and errors that say where a value is wrong."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ctabatch.errors import OptionError

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """A section of the configuration: frozen, and without options of other names."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def validated(model: type[Model], data: dict[str, Any], where: str) -> Model:
    """Check data against a model.

    Raises
    ------
    OptionError
        A key is unknown (the message names the nearest ones) or a value is not valid.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        path = [str(step) for step in first["loc"]]
        if first["type"] == "extra_forbidden":
            kind = f"{where}: option in {'.'.join(path[:-1]) or 'the file'}:"
            raise OptionError.unknown_name(kind, path[-1], _options_at(model, path[:-1])) from error
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, OptionError):  # a section that says itself what is wrong
            raise OptionError(f"{where}: {cause}") from error
        raise OptionError(f"{where}: {'.'.join(path)}: {first['msg']}") from error


def _options_at(model: type[BaseModel], path: list[str]) -> list[str]:
    for step in path:
        field = model.model_fields.get(step)
        if field is None or not isinstance(field.annotation, type):
            return []
        model = field.annotation
    return list(model.model_fields)


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`, section by section."""
    found = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = merged(found[key], value)
        else:
            found[key] = value
    return found


__all__ = ["Strict", "merged", "validated"]
