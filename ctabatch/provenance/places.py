"""Where products can be found: folders that are looked into for the ids that others name."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from ctabatch.errors import CtabatchError, InputError
from ctabatch.io.location import Location, StorePath

from .activity import Input
from .documents import Made, is_dataset, of_dataset, of_folder
from .hints import hinted
from .of_folders import file_digest

#: Most entries of one folder that are looked at.
MOST_ENTRIES = 4096


class Places:
    """Products by the id of their activity, from folders and what lies directly in them.

    Parameters
    ----------
    folders : iterable of Path or StorePath
    verify : bool
        Take the digest of files that are found, instead of comparing their sizes.

    Attributes
    ----------
    unreachable : dict of str
        Folder in a store that was not asked for, and could not be looked into -> why. A bucket that
        never answered is not asked again.

    Raises
    ------
    InputError
        One of the folders is in a store that cannot be asked.
    """

    def __init__(self, folders: Iterable[Location], *, verify: bool = False) -> None:
        self.verify = verify
        self.unreachable: dict[str, str] = {}
        self._answered: set[StorePath] = set()
        self._silent: set[StorePath] = set()
        self._looked: set[Location] = set()
        self._made: dict[str, list[Made]] = defaultdict(list)
        self._folders: dict[Location, None] = {}
        self._sizes: dict[StorePath, int | None] = {}
        for folder in folders:
            self.look(folder)

    def look(self, folder: Location) -> None:
        """Look into a folder and those directly in it; once."""
        if folder in self._folders:
            return
        self._folders[folder] = None
        new = []
        for one in (folder, *_below(folder)):
            try:
                place = one.resolve()
            except (OSError, RuntimeError):
                continue
            if place not in self._looked:
                self._looked.add(place)
                new.append(one)
        for made in _made_in(new):
            self._keep(made)

    def look_at(self, hint: str) -> None:
        """Look where a record says that something was: it may be gone, or never have been there."""
        place = hinted(hint)
        if isinstance(place, StorePath):
            # a dataset is one of the folders in that above; what is an object needs no question
            self.try_to_look(place.parent)
            if str(place.parent) in self.unreachable:
                self.try_to_look(place)
        elif place is not None:
            with contextlib.suppress(OSError):  # no name that this file system takes
                self.look(place if place.is_dir() else place.parent)

    def try_to_look(self, folder: Location) -> None:
        """Look into a folder that nobody named; if its store cannot be asked, that is noted."""
        if isinstance(folder, StorePath) and _bucket(folder) in self._silent:
            return
        try:
            self.look(folder)
        except CtabatchError as error:
            if not isinstance(folder, StorePath):
                raise
            self._failed(folder, error)
        else:
            if isinstance(folder, StorePath):
                self._answered.add(_bucket(folder))

    def _failed(self, place: StorePath, error: CtabatchError) -> None:
        self.unreachable[str(place)] = str(error)
        if _bucket(place) not in self._answered:
            self._silent.add(_bucket(place))

    def _keep(self, made: Made) -> None:
        # a part whose record knows no activity is named by the file that it was made from
        origin = "" if made.id or not made.inputs else made.inputs[0].sha256
        for key in filter(None, (made.id, made.digest, origin)):
            self._made[key].append(made)

    def find(self, wanted: Input) -> Made | None:
        """The product that an input stands for; None if it is nowhere."""
        for key in filter(None, (wanted.activity, wanted.sha256)):
            found = self._made.get(key, [])
            named = [made for made in found if made.name == wanted.name]
            if named or found:
                return (named or found)[0]
        return None

    def find_file(self, wanted: Input, hints: Iterable[str]) -> Location | None:
        """A file of this name whose size, or digest, is the right one."""
        if wanted.name in ("", ".", "..") or "/" in wanted.name or "\0" in wanted.name:
            return None
        hinted_at = (place for place in map(hinted, hints) if place is not None)
        for path in (*hinted_at, *self._folders):
            try:
                own = path if path.name == wanted.name else path / wanted.name
                if self._is(own, wanted):
                    return own
            except (OSError, ValueError, CtabatchError) as error:
                if isinstance(path, StorePath) and isinstance(error, CtabatchError):
                    self._failed(path, error)
        return None

    def _is(self, path: Location, wanted: Input) -> bool:
        size = self._size(path)
        if size is None or (wanted.size is not None and size != wanted.size):
            return False
        return not self.verify or not wanted.sha256 or file_digest(path)[0] == wanted.sha256

    def _size(self, path: Location) -> int | None:
        """Bytes of a file; None if there is none."""
        if isinstance(path, Path):
            return path.stat().st_size if path.is_file() else None
        if not path.key or _bucket(path) in self._silent:
            return None
        if path not in self._sizes:  # a question to the store for each
            try:
                self._sizes[path] = path.stat().st_size
            except FileNotFoundError:
                self._sizes[path] = None
        return self._sizes[path]


def _bucket(path: StorePath) -> StorePath:
    return StorePath(path.scheme, path.bucket)


def _made_in(folders: list[Location]) -> list[Made]:
    """Products that some folders are, in their order."""
    if not any(isinstance(folder, StorePath) for folder in folders):
        return [made for folder in folders for made in _products(folder)]
    from ctabatch.io.object_store import SMALL_AT_ONCE, at_once

    return [made for some in at_once(_products, folders, SMALL_AT_ONCE) for made in some]


def _products(folder: Location) -> list[Made]:
    try:
        if is_dataset(folder):
            return list(of_dataset(folder))
        made = of_folder(folder)
    except (InputError, OSError):  # a folder of something else, or damaged: not found here
        return []
    return [] if made is None else [made]


def _below(folder: Location) -> list[Location]:
    if isinstance(folder, StorePath):
        return list(islice(folder.glob("[!.]*/"), MOST_ENTRIES))
    try:
        entries = list(islice(folder.iterdir(), MOST_ENTRIES))
        return [one for one in entries if one.is_dir() and not one.name.startswith(".")]
    except OSError:
        return []


__all__ = ["Places"]
