"""Responses that event lists are written with, and which events and observations belong to them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ctabatch.dl3.observations import to_horizon
from ctabatch.errors import InputError
from ctabatch.io.fits.irf_hdus import read_responses
from ctabatch.io.fits.observation import Observation
from ctabatch.irf.groups import GroupColumn
from ctabatch.irf.primaries import RUN_COLUMNS

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU

#: Columns of the pointing: a condition on them alone chooses observations, not events.
POINTING = frozenset({"pointing_alt", "pointing_az"})
#: With several classes of events observation n is written as n * 100 + k for the k-th class.
CLASSES = 100
#: Record and groups in the folder of ``ctabatch irf``.
RECORD, GROUPS = "irf.json", "groups"


@dataclass(frozen=True)
class ResponseSet:
    """Responses of one group of events.

    Attributes
    ----------
    responses : mapping
        Type in the HDU index table (aeff, edisp, psf, bkg, rad_max) -> HDU.
    conditions : mapping
        Label such as "zenith=(20, 40]" -> polars expression, true for the group; all must be.
    parts : tuple of (str, bool)
        Label of each expression that tells the groups, such as "(20, 40]", and whether it is the
        same for all events of a simulated run.
    """

    responses: Mapping[str, BinTableHDU]
    conditions: Mapping[str, pl.Expr] = field(default_factory=dict)
    parts: tuple[tuple[str, bool], ...] = ()

    @property
    def event_class(self) -> str:
        """Label of what separates its events from others of the same observation; may be empty."""
        return ", ".join(label for label, c in self.conditions.items() if not _of_pointing(c))

    @property
    def name(self) -> str:
        """Label of the group; empty if all events are one."""
        return ", ".join(self.conditions)

    def events(self, events: pl.LazyFrame) -> pl.LazyFrame:
        """Events of the group, whatever their pointing."""
        own = [c for c in self.conditions.values() if not _of_pointing(c)]
        return events.filter(own) if own else events

    def suits(self, pointing: pl.DataFrame) -> bool:
        """Whether an observation belongs to the group: one row, pointing_alt and pointing_az."""
        own = [c for c in self.conditions.values() if _of_pointing(c)]
        return bool(pointing.select(pl.all_horizontal(own)).item()) if own else True

    @property
    def run_key(self) -> tuple[str, ...]:
        """Labels of the expressions that are the same for all events of a simulated run."""
        return tuple(part for part, same in self.parts if same)


def lacking(sets: Sequence[ResponseSet]) -> list[str]:
    """Notes on responses without which readers leave observations out."""
    there = set.intersection(*(set(s.responses) for s in sets))
    missing = [kind for kind in ("aeff", "edisp", "bkg") if kind not in there]
    if not missing:
        return []
    what = " and no ".join(missing)
    remedy = "gammapy reads such observations only if its option required_irf names what is there"
    return [f"the responses hold no {what}: {remedy}"]


@dataclass(frozen=True)
class Listing:
    """One event list to be written.

    Attributes
    ----------
    observation : Observation
        With the number that it gets in the store.
    number : int
        What the events call it.
    responses : ResponseSet
    """

    observation: Observation
    number: int
    responses: ResponseSet


def listings(
    observations: Sequence[Observation], sets: Sequence[ResponseSet]
) -> dict[int, Listing]:
    """Event lists by the number that they get: one for each observation and class of events.

    Raises
    ------
    InputError
        There are no responses for the pointing of an observation, or too many classes.
    """
    classes = list(dict.fromkeys(s.event_class for s in sets))
    if len(classes) > CLASSES:
        raise InputError(f"{len(classes)} classes of events; a store can number {CLASSES}")
    found: dict[int, Listing] = {}
    for o in observations:
        middle = 0.5 * (o.start + o.stop)
        alt, az = to_horizon(o.ra_pnt, o.dec_pnt, middle, o.site)
        pointing = pl.DataFrame({"pointing_alt": alt, "pointing_az": az})
        suiting = [s for s in sets if s.suits(pointing)]
        if not suiting:
            names = ", ".join(s.name for s in sets)
            raise InputError(
                f"observation {o.obs_id} at zenith {90 - alt[0]:.1f} deg, azimuth {az[0]:.1f} deg: "
                f"no responses are for this pointing; there are {names}"
            )
        for s in suiting:
            number = o.obs_id
            if len(classes) > 1:
                number = o.obs_id * CLASSES + classes.index(s.event_class)
            own = dataclasses.replace(o, obs_id=number, event_type=s.event_class)
            if number in found:
                raise InputError(
                    f"observation {o.obs_id}: the responses {found[number].responses.name} and "
                    f"{s.name} are for the same events"
                )
            found[number] = Listing(own, o.obs_id, s)
    return found


def read_sets(path: Path, events: pl.LazyFrame) -> tuple[list[ResponseSet], list[GroupColumn]]:
    """Responses of a file or folder, with the conditions of their groups.

    Parameters
    ----------
    path : Path
        Folder that ``ctabatch irf`` wrote or one of its groups, or a FITS file or folder with one
        response of each type.
    events : LazyFrame
        Event frame, whose columns tell the groups.

    Returns
    -------
    list of ResponseSet, list of GroupColumn
        And the expressions that are the same for all events of a simulated run.

    Raises
    ------
    InputError
        There are no responses.
    OptionError
        The events lack a column that tells the groups.
    """
    root, only = home(path)
    rec = record(root)
    by: Sequence[str] = rec.get("config", {}).get("by", ())
    if not by or not rec.get("groups"):
        return [ResponseSet(read_responses(path))], []
    schema = events.collect_schema()
    columns = [GroupColumn(text, schema.names()) for text in by]
    of_runs = [column.expression.columns <= RUN_COLUMNS for column in columns]
    found = []
    for label, name in rec["groups"].items():
        if only not in (None, name):
            continue
        parts = _parts(label, columns)
        conditions = {
            f"{column.name}={part}": _condition(column, part, schema)
            for column, part in zip(columns, parts, strict=True)
        }
        responses = read_responses(root / GROUPS / name)
        found.append(ResponseSet(responses, conditions, tuple(zip(parts, of_runs, strict=True))))
    texts = [text for text, same in zip(by, of_runs, strict=True) if same]
    return found, [GroupColumn(text, schema.names()) for text in texts]


def home(path: Path) -> tuple[Path, str | None]:
    """The folder that ``ctabatch irf`` wrote, and the name of one of its groups if that is meant.

    Parameters
    ----------
    path : Path
        The folder, one of its groups, or a FITS file of either.
    """
    folder = path.parent if path.is_file() else path
    if folder.parent.name == GROUPS and (folder.parent.parent / RECORD).is_file():
        return folder.parent.parent, folder.name
    return folder, None


def record(folder: Path) -> dict[str, Any]:
    """What ``ctabatch irf`` says of its results; empty if others made them."""
    path = folder / RECORD
    if not path.is_file():
        return {}
    try:
        found = dict(json.loads(path.read_text(encoding="utf-8")))
        groups = found.get("groups") or {}
        if not isinstance(groups, dict) or not all(map(_is_folder_name, groups.values())):
            raise ValueError("groups must name folders")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    return found


def _is_folder_name(name: object) -> bool:
    """Whether something names a folder within another one."""
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set("/\\\0")


def _parts(label: str, columns: Sequence[GroupColumn]) -> list[str]:
    """Labels of the columns in the label of a group, see `ctabatch.irf.groups.group_label`."""
    parts, rest = [], label
    for column, following in zip(columns, [*columns[1:], None], strict=True):
        rest = rest.removeprefix(f"{column.name}=")
        if following is None:
            parts.append(rest)
        else:
            own, separator, rest = rest.partition(f", {following.name}=")
            parts.append(own)
            if not separator:
                raise InputError(f"group {label!r} does not tell {following.name}")
    return parts


def _condition(column: GroupColumn, part: str, schema: pl.Schema) -> pl.Expr:
    if part not in column.labels:  # a value: let the column meet it
        dtype = pl.LazyFrame(schema=schema).select(column.expr).collect_schema().dtypes()[0]
        value: Any = None if part == "null" else part
        if value is not None and dtype == pl.Boolean:
            value = part == "True"
        column.codes(pl.Series([value]).cast(dtype))
    return column.condition(part)


def _of_pointing(condition: pl.Expr) -> bool:
    return set(condition.meta.root_names()) <= POINTING
