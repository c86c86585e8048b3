"""One run of a command on one set of inputs, named by what it depends on.

The id is a UUID of version 5 (RFC 9562) of the inputs, the configuration and the software: the same
work has the same id on every machine and in every run, and so has what it writes. When and where
it ran stands in records beside the products, never in the products.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

from ctabatch.errors import OptionError

FORMAT, FORMAT_VERSION = "ctabatch provenance", 1
#: Namespace of the ids: what RFC 9562 makes of the name of the project.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "ctabatch")
#: Inputs of one role that a product names one by one; more are named by the digest of their list.
MOST_NAMED = 16

Kind = Literal["file", "part", "models", "responses", "list"]


def moment() -> str:
    """UTC now, or what SOURCE_DATE_EPOCH says, as ISO 8601 with milliseconds.

    Raises
    ------
    OptionError
        SOURCE_DATE_EPOCH is no number of seconds.
    """
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    if fixed is None:
        now = datetime.now(UTC)
    else:
        try:
            now = datetime.fromtimestamp(int(fixed), UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise OptionError(
                f"SOURCE_DATE_EPOCH={fixed}: whole seconds since 1970-01-01 UTC are expected"
            ) from error
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Input:
    """One thing that was read.

    Attributes
    ----------
    role : str
        What it was read as: events, models, responses, gammas, ...
    kind : {"file", "part", "models", "responses", "list"}
    name : str
        Name of a file without folders, or of a part.
    sha256 : str
        Of the bytes of a file; of a part that of the file it was made from; of models that of their
        card; of a list that of its entries. Empty if it is not known.
    size : int or None
        Bytes of a file; entries of a list.
    activity : str
        Id of the activity that made it, if it carries one.
    """

    role: str
    kind: Kind
    name: str
    sha256: str = ""
    size: int | None = None
    activity: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The attributes that are known."""
        return {key: value for key, value in vars(self).items() if value not in ("", None)}

    @classmethod
    def of_dict(cls, content: Mapping[str, Any]) -> Input:
        """An input from `as_dict`, whatever else stands there."""
        size = content.get("size")
        texts = {
            name: str(content.get(name, ""))
            for name in ("role", "kind", "name", "sha256", "activity")
        }
        return cls(size=size if isinstance(size, int) else None, **texts)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Activity:
    """What was done.

    Attributes
    ----------
    name : str
        Such as ``ctabatch process``.
    inputs : sequence of Input
    config : mapping
        All options that shape the result, without places of files.
    software : mapping
        Name -> version of all that shapes the numbers.
    config_digest : str
        Short name of the configuration where the records have one; that of its text by default.
    simulated : bool
        Whether the inputs are simulations.
    """

    name: str
    inputs: Sequence[Input]
    config: Mapping[str, Any]
    software: Mapping[str, str]
    config_digest: str = ""
    simulated: bool = False
    _begin: str = field(default_factory=moment, compare=False)

    @cached_property
    def config_text(self) -> str:
        """The configuration as JSON."""
        return canonical(self.config)

    @cached_property
    def id(self) -> str:
        """UUID of inputs, configuration and software."""
        # a file is what its bytes are, whatever it is called and wherever it lies
        inputs = sorted([i.role, i.kind, i.sha256 or i.name, i.activity] for i in self.inputs)
        content = [FORMAT, self.name, inputs, self.config_text, dict(self.software)]
        return str(uuid.uuid5(NAMESPACE, canonical(content)))

    def named_inputs(self) -> list[Input]:
        """The inputs as products name them: long lists by their digest."""
        found: list[Input] = []
        for role in dict.fromkeys(one.role for one in self.inputs):
            own = in_order(one for one in self.inputs if one.role == role)
            found += own if len(own) <= MOST_NAMED else [listed(role, own)]
        return found

    def document(self, product: Mapping[str, Any], *, text: bool = True) -> dict[str, Any]:
        """What a product carries: the same on every machine and in every run.

        Parameters
        ----------
        product : mapping
            What the product is: table, level, part.
        text : bool
            With the text of the configuration.
        """
        configuration = {"digest": self.config_digest or digest_of(self.config_text)[:12]}
        if text:
            configuration["text"] = self.config_text
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "product": dict(product),
            "activity": {"name": self.name, "id": self.id, "software": dict(self.software)},
            "inputs": [one.as_dict() for one in self.named_inputs()],
            "configuration": configuration,
        }

    def entry(self) -> dict[str, Any]:
        """What a record says: the id, from when to now, and every input."""
        return {
            "name": self.name,
            "id": self.id,
            "start": self._begin,
            "stop": moment(),
            "software": dict(self.software),
            "inputs": [one.as_dict() for one in in_order(self.inputs)],
        }


def in_order(inputs: Iterable[Input]) -> list[Input]:
    """Inputs in an order that does not depend on how they were named."""
    return sorted(inputs, key=lambda one: (one.role, one.kind, one.name, one.sha256, one.activity))


def listed(role: str, inputs: Iterable[Input]) -> Input:
    """One entry for many inputs; they stand in full in the record beside the product."""
    entries = [one.as_dict() for one in inputs]
    name = f"{len(entries)} inputs"
    return Input(role, "list", name, digest_of(canonical(entries)), len(entries))


def canonical(content: Any) -> str:
    """JSON that is the same for the same content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)


def digest_of(text: str) -> str:
    """sha256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


__all__ = ["Activity", "Input", "canonical", "digest_of", "listed", "moment"]
