"""Where products can be found: folders that are looked into for the ids that others name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from ctabatch.errors import InputError

from .activity import Input
from .documents import Made, is_dataset, of_dataset, of_folder
from .of_folders import file_digest

#: Most entries of one folder that are looked at.
MOST_ENTRIES = 4096


class Places:
    """Products by the id of their activity, from folders and what lies directly in them.

    Parameters
    ----------
    folders : iterable of Path
    verify : bool
        Take the digest of files that are found, instead of comparing their sizes.
    """

    def __init__(self, folders: Iterable[Path], *, verify: bool = False) -> None:
        self.verify = verify
        self._looked: set[Path] = set()
        self._made: dict[str, list[Made]] = defaultdict(list)
        self._folders: list[Path] = []
        for folder in folders:
            self.look(folder)

    def look(self, folder: Path) -> None:
        """Look into a folder and those directly in it; once."""
        self._folders.append(folder)
        for one in (folder, *_below(folder)):
            try:
                place = one.resolve()
            except (OSError, RuntimeError):
                continue
            if place not in self._looked:
                self._looked.add(place)
                self._take(one)

    def _take(self, folder: Path) -> None:
        try:
            if is_dataset(folder):
                for made in of_dataset(folder):
                    self._keep(made)
            elif (made_here := of_folder(folder)) is not None:
                self._keep(made_here)
        except (InputError, OSError):  # a folder of something else, or damaged: not found here
            return

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

    def find_file(self, wanted: Input, hints: Iterable[str]) -> Path | None:
        """A file of this name whose size, or digest, is the right one."""
        if not wanted.name or "/" in wanted.name or "\0" in wanted.name:
            return None
        for path in (*map(Path, hints), *(folder / wanted.name for folder in self._folders)):
            own = path if path.name == wanted.name else path / wanted.name
            try:
                if own.is_file() and self._is(own, wanted):
                    return own
            except (OSError, ValueError, InputError):
                continue
        return None

    def _is(self, path: Path, wanted: Input) -> bool:
        if wanted.size is not None and path.stat().st_size != wanted.size:
            return False
        return not self.verify or not wanted.sha256 or file_digest(path)[0] == wanted.sha256


def _below(folder: Path) -> Iterator[Path]:
    try:
        for n, one in enumerate(folder.iterdir()):
            if n == MOST_ENTRIES:
                return
            if one.is_dir() and not one.name.startswith("."):
                yield one
    except OSError:
        return


__all__ = ["Places"]
