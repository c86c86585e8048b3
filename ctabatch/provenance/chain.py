"""The chain from a product back to the files that everything began with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ctabatch.errors import InputError
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.location import Location

from .activity import Input
from .documents import Made, is_dataset, of_dataset, of_file, of_folder, of_record
from .places import Places
from .record import RECORD

#: Longest chain that is followed, and most products in one: more is no chain of this package.
DEEPEST, MOST = 16, 1 << 20


@dataclass
class Link:
    """A product in a chain.

    Attributes
    ----------
    role : str
        What it was read as by what stands above it.
    name : str
    kind : str
    path : Path, StorePath or None
        Where it is; None if it was not found.
    sha256 : str
    size : int or None
    activity : mapping
        name, id, software, start, stop; empty if none is known.
    configuration : mapping
    inputs : list of Link
    unreachable : mapping
        Of the first link: stores that records name and that could not be asked -> why.
    """

    role: str
    name: str
    kind: str
    path: Location | None = None
    sha256: str = ""
    size: int | None = None
    activity: Mapping[str, Any] = field(default_factory=dict)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    inputs: list[Link] = field(default_factory=list)
    unreachable: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What a product with the same inputs has too."""
        return self.name, str(self.activity.get("id") or "")

    def as_dict(self, seen: set[tuple[str, str]] | None = None) -> dict[str, Any]:
        """For JSON; the inputs of what appears again stand where it is first."""
        seen = set() if seen is None else seen
        again = bool(self.inputs and self.key[1] and self.key in seen)
        seen.add(self.key)
        return {
            "role": self.role,
            "name": self.name,
            "kind": self.kind,
            "found": None if self.path is None else str(self.path),
            **({"sha256": self.sha256} if self.sha256 else {}),
            **({} if self.size is None else {"size": self.size}),
            "activity": dict(self.activity) or None,
            "configuration": dict(self.configuration) or None,
            **({"see_above": True} if again else {}),
            "inputs": [] if again else [one.as_dict(seen) for one in self.inputs],
        }

    def missing(self) -> list[Link]:
        """Everything below that was not found, each once."""
        found: dict[tuple[str, ...], Link] = {}
        waiting, seen = list(self.inputs), {self.key}
        while waiting:
            one = waiting.pop()
            if one.path is None and one.kind != "list":
                found[(*one.key, one.sha256)] = one
            if not (one.key[1] and one.key in seen):
                seen.add(one.key)
                waiting += one.inputs
        return list(found.values())


def trace(path: Location, search: Iterable[Location] = (), *, verify: bool = False) -> Link:
    """Follow the provenance of a product.

    Products that others name are looked for beside the product, where they were when it was made,
    and in further folders. What is not there is a link without a path.

    Parameters
    ----------
    path : Path or StorePath
        A dataset, a commit record, a folder of models, responses or event lists, a file of any of
        these, or an input file.
    search : iterable of Path or StorePath
        More folders to look into.
    verify : bool
        Take the digests of files, instead of comparing their sizes.

    Raises
    ------
    InputError
        There is no such product, or it is not readable.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder")
    places = Places(search, verify=verify)
    for folder in _beside(path.absolute()):
        places.try_to_look(folder)
    link = _traced(path, _Following(places))
    link.unreachable = places.unreachable
    return link


def _traced(path: Location, following: _Following) -> Link:
    if path.is_dir() and is_dataset(path):
        links = [following.link("part", made) for made in of_dataset(path)]
        return Link("", path.name, "dataset", path, inputs=links)
    made = _made(path)
    if made is None:
        return Link("", path.name, "file", path, size=path.stat().st_size)
    if isinstance(made, Made):
        return following.link("", _with_places_of_record(made, path))
    links = [following.link("part", one) for one in made]
    return links[0] if len(links) == 1 else Link("", path.name, "part", path, inputs=links)


def _with_places_of_record(made: Made, path: Location) -> Made:
    """A file of a dataset, with the places that its commit record tells of."""
    root = next((folder for folder in path.absolute().parents[:6] if is_dataset(folder)), None)
    if root is None:
        return made
    places = (p for one in of_dataset(root) if one.id == made.id for p in one.places)
    return replace(made, places=tuple(dict.fromkeys((*made.places, *places))))


def _made(path: Location) -> Made | list[Made] | None:
    if path.is_dir():
        found = of_folder(path)
        if found is None:
            raise InputError(
                f"{path}: carries no provenance: no dataset, and no provenance.json in it"
            )
        return found
    if path.suffix == ".json" and path.parent.name == "parts" and is_dataset(path.parents[1]):
        record = DatasetFolder(path.parents[1]).record(path.stem)
        return list(of_record(path.parents[1], record or {}))
    return of_file(path)


def _beside(path: Location) -> list[Location]:
    """The folder that a product belongs to, and what that lies in."""
    above: Sequence[Location] = path.parents
    for folder in (path, *above[:5]):
        if is_dataset(folder) or (folder / RECORD).is_file():
            return [folder, folder.parent]
    return [path.parent]


class _Following:
    def __init__(self, places: Places) -> None:
        self._places = places
        self._known: dict[tuple[str, str], Link] = {}
        self._above: list[str] = []

    def link(self, role: str, made: Made) -> Link:
        """A product that is there, with everything below it."""
        link = Link(role, made.name, "product", made.path, made.digest, None, made.activity,
                    made.configuration)  # fmt: skip
        key = made.id
        if (key and key in self._above) or len(self._above) == DEEPEST:
            return link
        if key and (made.name, key) in self._known:
            link.inputs = self._known[made.name, key].inputs
            return link
        for place in made.places:
            self._places.look_at(place)
        self._above.append(key)
        link.inputs = [self._input(one, made) for one in made.inputs]
        self._above.pop()
        if key and len(self._known) < MOST:
            self._known[made.name, key] = link
        return link

    def _input(self, one: Input, of: Made) -> Link:
        if one.kind == "file":
            path = self._places.find_file(one, of.places)
            return Link(one.role, one.name, "file", path, one.sha256, one.size)
        found = None if one.kind == "list" else self._places.find(one)
        if found is None:
            activity = {"id": one.activity} if one.activity else {}
            return Link(one.role, one.name, one.kind, None, one.sha256, one.size, activity)
        link = self.link(one.role, found)
        link.kind, link.sha256 = one.kind, one.sha256
        return link


__all__ = ["Link", "trace"]
