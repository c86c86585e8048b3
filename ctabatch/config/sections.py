"""Sections that choose a component by name, and hold the options of those that are chosen.

Such a section looks like this::

    cleaning:
      cleaner: {"*": TailcutsImageCleaner, "LST*": MARSImageCleaner}
      TailcutsImageCleaner:
        picture_threshold_pe: {"*": 10, "SST*": 5}

Options that stand directly in the section belong to the components that are chosen and have them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from ctabatch.errors import OptionError

from .patterns import check_keys, value_for
from .registry import component, names


class ComponentSection(BaseModel):
    """A section whose field `KIND` names the component; without that field all of them are used.

    Values of its options may depend on the telescope, see `ctabatch.config.patterns`. What is
    stored holds all options of the chosen components.
    """

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)
    KIND: ClassVar[str]
    #: Name of the section.
    SECTION: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        """Move options to the components that have them, check them, fill in the defaults."""
        if not isinstance(data, Mapping):
            return data
        own = {name: value for name, value in data.items() if name in cls.model_fields}
        if cls.KIND in cls.model_fields:
            default = cls.model_fields[cls.KIND].default
            choice = own.get(cls.KIND, default)
            chosen = _chosen(f"{cls.SECTION}.{cls.KIND}", cls.KIND, choice, default)
        else:
            chosen = names(cls.KIND)
        blocks: dict[str, dict[str, Any]] = {name: {} for name in chosen}
        loose: dict[str, Any] = {}
        for name, value in data.items():
            if name in own:
                continue
            if name not in names(cls.KIND):
                loose[name] = value
                continue
            if not isinstance(value, Mapping):
                raise OptionError(f"{cls.SECTION}.{name}: this must be a mapping of options")
            checked = checked_options(f"{cls.SECTION}.{name}", component(cls.KIND, name), value)
            if name in blocks:  # those of others are checked, but mean nothing
                blocks[name] |= checked
        for name, value in loose.items():
            owners = [one for one in chosen if name in options_of(component(cls.KIND, one))]
            if not owners:
                valid = {*cls.model_fields, *names(cls.KIND)}
                valid |= {o for one in chosen for o in options_of(component(cls.KIND, one))}
                raise OptionError.unknown_name(f"option in {cls.SECTION}:", str(name), valid)
            for one in owners:
                kind = component(cls.KIND, one)
                checked = checked_options(f"{cls.SECTION}", kind, {name: value})
                blocks[one] = checked | blocks[one]
        complete = {
            name: {field: block.get(field, default) for field, default in
                   defaults(component(cls.KIND, name)).items()}
            for name, block in blocks.items()
        }  # fmt: skip
        return {**own, **complete}

    def blocks(self) -> dict[str, dict[str, Any]]:
        """Options of the chosen components."""
        return dict(self.model_extra or {})

    def component_for(self, tel_type: str, tel_id: int) -> Any:
        """The component of one telescope, with its options."""
        fallback = type(self).model_fields[self.KIND].default
        name = value_for(getattr(self, self.KIND), tel_type, tel_id, fallback)
        return self.component_named(name, tel_type, tel_id)

    def component_named(self, name: str, tel_type: str, tel_id: int) -> Any:
        """A component with its options for one telescope."""
        kind = component(self.KIND, name)
        block = self.blocks().get(name) or defaults(kind)
        known = defaults(kind)
        values = {
            option: value_for(value, tel_type, tel_id, known[option])
            for option, value in block.items()
        }
        return kind(**values)

    def check_telescopes(self, telescopes: Mapping[int, str]) -> None:
        """Refuse patterns that fit no telescope (id -> type), see `check_keys`."""
        for field in type(self).model_fields:
            check_keys(f"{self.SECTION}.{field}", getattr(self, field), telescopes)
        for name, block in self.blocks().items():
            for option, value in block.items():
                check_keys(f"{self.SECTION}.{name}.{option}", value, telescopes)


def _chosen(where: str, kind: str, choice: Any, default: str) -> list[str]:
    """Names of all components that telescopes may get, each checked."""
    named = list(choice.values()) if isinstance(choice, Mapping) else [choice]
    if isinstance(choice, Mapping) and not choice:
        raise OptionError(f"{where}: this mapping of telescope types is empty")
    for name in named:
        if not isinstance(name, str):
            raise OptionError(f"{where}: {name!r} is no name")
        try:
            component(kind, name)
        except OptionError as error:
            raise OptionError(f"{where}: {error}") from error
    if isinstance(choice, Mapping) and "*" not in choice:  # what the other telescopes get
        named.append(default)
    return list(dict.fromkeys(named))


def options_of(kind: type[Any]) -> dict[str, dataclasses.Field[Any]]:
    """Fields of a component."""
    return {field.name: field for field in dataclasses.fields(kind)}


def defaults(kind: type[Any]) -> dict[str, Any]:
    """Option -> default."""
    adapters: dict[str, TypeAdapter[Any]] = _adapters(cast(Hashable, kind))
    found = {}
    for name, field in options_of(kind).items():
        made = field.default_factory
        value = field.default if made is dataclasses.MISSING else made()
        found[name] = adapters[name].validate_python(value)  # 5 is 5.0 where it is a float
    return found


@cache
def _adapters(hashable: Hashable) -> dict[str, TypeAdapter[Any]]:
    kind: Any = hashable
    hints = get_type_hints(kind)
    found = {}
    for name, field in options_of(kind).items():
        limits: Any = Field(**field.metadata.get("limits", {}))
        annotation: Any = Annotated[hints[name], limits]
        found[name] = TypeAdapter[Any](annotation)
    return found


def checked_options(where: str, kind: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a component, each a valid value or a mapping of patterns to valid values.

    Raises
    ------
    OptionError
        It names the option, and the valid ones or why the value is not valid.
    """
    found = {}
    adapters: dict[str, TypeAdapter[Any]] = _adapters(cast(Hashable, kind))
    for name, value in given.items():
        if name not in adapters:
            raise OptionError.unknown_name(f"option in {where}:", str(name), adapters)
        place = f"{where}.{name}"
        if isinstance(value, Mapping):
            if not value:
                raise OptionError(f"{place}: this mapping of telescope types is empty")
            found[name] = {
                str(key): _checked(f"{place}[{key}]", adapters[name], own)
                for key, own in value.items()
            }
        else:
            found[name] = _checked(place, adapters[name], value)
    return found


def _checked(place: str, adapter: TypeAdapter[Any], value: Any) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise OptionError(f"{place}: {error.errors()[0]['msg']}, not {value!r}") from error


__all__ = ["ComponentSection", "checked_options", "defaults", "options_of"]
