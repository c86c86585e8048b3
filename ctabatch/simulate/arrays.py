"""Arrays of telescopes: a few by name, any other from a JSON file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from ctabatch.config.bounded import LONGEST, read_json
from ctabatch.errors import InputError, OptionError

from .cameras import telescope_kind


@dataclass(frozen=True)
class Place:
    """Where a telescope stands: its kind, and x (north), y (west), z (up) in m."""

    kind: str
    x: float
    y: float
    z: float = 0.0


@dataclass(frozen=True)
class Array:
    """Telescopes of an array; the first one has number 1."""

    name: str
    places: tuple[Place, ...]

    def __post_init__(self) -> None:
        """Refuse arrays that cannot be built."""
        if not self.places:
            raise OptionError(f"array {self.name!r} has no telescope")
        for place in self.places:
            telescope_kind(place.kind)
            if not all(map(math.isfinite, (place.x, place.y, place.z))):
                raise OptionError(f"array {self.name!r}: position {place} is not finite")
        for (i, a), (j, b) in combinations(enumerate(self.places, start=1), 2):
            apart = math.dist((a.x, a.y), (b.x, b.y))
            least = telescope_kind(a.kind).mirror_radius + telescope_kind(b.kind).mirror_radius
            if apart < least:
                raise OptionError(
                    f"array {self.name!r}: telescopes {i} and {j} overlap, they are {apart:.1f} m "
                    f"apart and their mirrors need {least:.1f} m"
                )

    @property
    def bytes_per_event(self) -> int:
        """Size of the waveforms of an event that all telescopes see."""
        return sum(telescope_kind(place.kind).bytes_per_event for place in self.places)


def _ring(kind: str, n: int, radius: float, phase: float = 0.0) -> list[Place]:
    angles = [phase + 2 * math.pi * k / n for k in range(n)]
    return [Place(kind, radius * math.cos(a), radius * math.sin(a)) for a in angles]


def _grid(kind: str, steps: Sequence[float]) -> list[Place]:
    return [Place(kind, x, y) for x in steps for y in steps]


def _named(name: str, *groups: Iterable[Place]) -> Array:
    return Array(name, tuple(place for group in groups for place in group))


def _four(radius: float = 71.0) -> list[Place]:
    return _ring("lst", 4, radius, math.pi / 4)


#: Layouts of round numbers, not those of any site.
ARRAYS = {
    "lst1": lambda: _named("lst1", [Place("lst", 0.0, 0.0)]),
    "mst1": lambda: _named("mst1", [Place("mst", 0.0, 0.0)]),
    "sst1": lambda: _named("sst1", [Place("sst", 0.0, 0.0)]),
    "lst4": lambda: _named("lst4", _four()),
    "mst9": lambda: _named("mst9", _grid("mst", (-120.0, 0.0, 120.0))),
    "alpha-north": lambda: _named(
        "alpha-north", _four(), [Place("mst", 0.0, 0.0)], _ring("mst", 8, 200.0, math.pi / 8)
    ),
    "alpha-south": lambda: _named(
        "alpha-south",
        [Place("mst", 0.0, 0.0)],
        _ring("mst", 5, 130.0),
        _ring("mst", 8, 270.0, math.pi / 8),
        _ring("sst", 7, 190.0, 0.2),
        _ring("sst", 12, 420.0),
        _ring("sst", 18, 650.0, 0.1),
    ),
}


#: Every pair of telescopes is looked at.
MOST_TELESCOPES = 2000


def load_array(source: str | Path) -> Array:
    """Array by name, or from a JSON file.

    The file holds ``{"name": ..., "telescopes": [{"kind": ..., "x": ..., "y": ..., "z": ...}]}``
    or the list alone.

    Raises
    ------
    OptionError
        Neither a name nor a file, an unknown kind, no telescope, or telescopes that overlap.
    InputError
        The file cannot be read or is not of this form.
    """
    if str(source) in ARRAYS:
        return ARRAYS[str(source)]()
    path = Path(source)
    if path.suffix != ".json" and not path.is_file():
        raise OptionError.unknown_name("array", str(source), [*ARRAYS, "FILE.json"])
    try:
        with path.open(encoding="utf-8") as file:
            content = read_json(file.read(LONGEST + 1), str(path))
    except (OSError, UnicodeDecodeError, OptionError) as error:
        raise InputError(f"{path}: cannot read the array: {error}") from error
    telescopes = content.get("telescopes") if isinstance(content, dict) else content
    if not isinstance(telescopes, list):
        raise InputError(f"{path}: no list of telescopes")
    if len(telescopes) > MOST_TELESCOPES:
        raise InputError(f"{path}: {len(telescopes):,} telescopes, at most {MOST_TELESCOPES:,}")
    name = content.get("name", path.stem) if isinstance(content, dict) else path.stem
    places = tuple(_place(path, number, entry) for number, entry in enumerate(telescopes, start=1))
    return Array(str(name), places)


def _place(path: Path, number: int, entry: Any) -> Place:
    try:
        extra = set(entry) - {"kind", "x", "y", "z"}
        if extra:
            raise ValueError(f"unknown words {', '.join(sorted(extra))}")
        return Place(
            str(entry["kind"]), float(entry["x"]), float(entry["y"]), float(entry.get("z", 0.0))
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: telescope {number} is not of the form "
            f'{{"kind": "lst", "x": 0, "y": 0, "z": 0}} ({error!r})'
        ) from error
