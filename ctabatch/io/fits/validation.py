"""Checks a store of event lists: what readers need, and what makes them silently wrong.

gammapy's own checkers stop at every valid file (2.1) and do not look at good time intervals,
dead time or the normalisation of responses.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctabatch.errors import InputError
from ctabatch.io.fits.event_checks import (
    SITE_KEYS,
    TIME_KEYS,
    event_problems,
    gti_problems,
)
from ctabatch.io.fits.index import HDU_INDEX, OBS_INDEX
from ctabatch.io.fits.irf_hdus import INDEX_NAMES
from ctabatch.io.fits.response_checks import doubles, response_problems, same_unit, set_problems

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU, HDUList

_GADF_KEYS = ("HDUCLASS", "HDUDOC", "HDUVERS", "HDUCLAS1")
_TYPES: dict[str, set[str]] = defaultdict(set)
for _kind, _class in INDEX_NAMES.values():
    _TYPES[_kind].add(_class)
for _kind in ("events", "gti", "pointing"):
    _TYPES[_kind].add(_kind)
_HDU_COLUMNS = ("OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME")
_OBS_COLUMNS = {"OBS_ID": "", "RA_PNT": "deg", "DEC_PNT": "deg", "TSTART": "s", "TSTOP": "s"}


@dataclass(frozen=True)
class Finding:
    """Something wrong: file relative to the store, HDU, header key or column, and what."""

    file: str
    hdu: str
    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.file} [{self.hdu}] {self.key}: {self.what}"


def check_store(folder: Path) -> list[Finding]:
    """Everything wrong with a store; an empty list if nothing is.

    Raises
    ------
    InputError
        There is no store: no HDU index table that can be read.
    """
    from astropy.io import fits

    path = folder / HDU_INDEX
    if not path.exists():
        raise InputError(f"{folder}: is no store of event lists, it has no {HDU_INDEX}")
    try:
        with fits.open(path) as hdus:
            index = hdus[1].copy()
            missing = [name for name in _HDU_COLUMNS if name not in index.columns.names]
    except (OSError, IndexError, TypeError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if missing:
        raise InputError(f"{path}: columns are missing: {', '.join(missing)}")
    observations, findings = _observation_index(folder)
    findings += _hdu_index(index)
    groups: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in index.data:
        entry = {name: _word(row[name]) for name in _HDU_COLUMNS[1:]}
        groups[int(row["OBS_ID"])].append(entry)
    listed = set(observations["rows"])
    if observations["readable"]:
        for obs_id in sorted(listed ^ set(groups)):
            here = OBS_INDEX if obs_id in listed else HDU_INDEX
            findings.append(Finding(here, "", "OBS_ID", f"{obs_id} is in no other index table"))
    for obs_id, entries in groups.items():
        findings += _observation(folder, obs_id, entries, observations)
    return findings


def _is_inside(folder: Path, file: str) -> bool:
    """Whether a name from the index table stays in the folder of the store."""
    try:
        return (folder / file).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def _hdu_index(index: BinTableHDU) -> list[Finding]:
    found = list(_index_header(index, HDU_INDEX, "HDU"))
    seen: Counter[tuple[int, str]] = Counter()
    for row in index.data:
        kind, hdu_class = _word(row["HDU_TYPE"]), _word(row["HDU_CLASS"])
        where = f"observation {row['OBS_ID']}"
        seen[int(row["OBS_ID"]), kind] += 1
        if kind not in _TYPES:
            hint = " (write it in lower case)" if kind.lower() in _TYPES else ""
            found.append(Finding(HDU_INDEX, index.name, "HDU_TYPE",
                                 f"{where}: {kind!r} is no type{hint}"))  # fmt: skip
        elif hdu_class not in _TYPES[kind]:
            found.append(Finding(HDU_INDEX, index.name, "HDU_CLASS",
                                 f"{where}: {hdu_class!r} is no class of {kind}"))  # fmt: skip
    found += [
        Finding(HDU_INDEX, index.name, "HDU_TYPE", f"observation {obs_id}: {n} rows of {kind}")
        for (obs_id, kind), n in seen.items()
        if n > 1
    ]
    return found


def _observation_index(folder: Path) -> tuple[dict[str, Any], list[Finding]]:
    """Rows and header by which observations are compared, and what is wrong with the table."""
    from astropy.io import fits

    empty: dict[str, Any] = {"rows": {}, "header": {}, "readable": False}
    path = folder / OBS_INDEX
    if not path.exists():
        return empty, [Finding(OBS_INDEX, "", "", "the observation index table is missing")]
    try:
        with fits.open(path) as hdus:
            table = hdus[1].copy()
    except (OSError, IndexError, TypeError, ValueError) as error:
        return empty, [Finding(OBS_INDEX, "", "", f"cannot be read: {error}")]
    found = list(_index_header(table, OBS_INDEX, "OBS"))
    for key in (*TIME_KEYS, *SITE_KEYS):
        if key not in table.header:
            found.append(Finding(OBS_INDEX, table.name, key, "is missing"))
    units = {c.name: c.unit for c in table.columns}
    for name, unit in _OBS_COLUMNS.items():
        if name not in units:
            found.append(Finding(OBS_INDEX, table.name, name, "column is missing"))
        elif not same_unit(units[name], unit):
            text = f"has unit {units[name]!r}, must be {unit or 'none'}"
            found.append(Finding(OBS_INDEX, table.name, name, text))
    if "OBS_ID" not in units:
        return empty, found
    rows: dict[int, dict[str, Any]] = {}
    for row in table.data:
        obs_id = int(row["OBS_ID"])
        if obs_id in rows:
            found.append(Finding(OBS_INDEX, table.name, "OBS_ID", f"{obs_id} stands twice"))
        rows[obs_id] = {name: row[name] for name in _OBS_COLUMNS if name in units}
    if not rows:
        found.append(Finding(OBS_INDEX, table.name, "NAXIS2", "the table has no rows"))
    return {"rows": rows, "header": table.header, "readable": True}, found


def _index_header(table: BinTableHDU, file: str, clas2: str) -> Iterator[Finding]:
    for key in (*_GADF_KEYS, "HDUCLAS2"):
        if key not in table.header:
            yield Finding(file, table.name, key, "is missing")
    for key, value in (("HDUCLAS1", "INDEX"), ("HDUCLAS2", clas2)):
        if key in table.header and table.header[key] != value:
            yield Finding(file, table.name, key, f"is {table.header[key]!r}, must be {value}")


def _observation(
    folder: Path, obs_id: int, entries: list[dict[str, Any]], index: dict[str, Any]
) -> list[Finding]:
    """What is wrong with one observation, whose HDUs may stand in several files."""
    from astropy.io import fits

    found: list[Finding] = []
    hdus: dict[str, tuple[str, BinTableHDU]] = {}
    opened: dict[str, HDUList] = {}
    try:
        for entry in entries:
            file = (Path(entry["FILE_DIR"]) / entry["FILE_NAME"]).as_posix()
            if file not in opened and not _is_inside(folder, file):
                found.append(Finding(file, "", "FILE_DIR", "lies outside of the store"))
                opened[file] = fits.HDUList()
            if file not in opened:
                try:
                    opened[file] = fits.open(folder / file)
                    headers = [(hdu.name, hdu.header) for hdu in opened[file][1:]]
                except (OSError, TypeError, ValueError) as error:
                    found.append(Finding(file, "", "", f"cannot be opened: {error}"))
                    opened[file] = fits.HDUList()
                    continue
                found += [Finding(file, *rest) for rest in doubles(headers)]
            names = [hdu.name.upper() for hdu in opened[file]]
            if not names:
                continue
            if entry["HDU_NAME"].upper() not in names:
                text = "the file has no such HDU"
                found.append(Finding(file, entry["HDU_NAME"], "HDU_NAME", text))
                continue
            hdu = opened[file][names.index(entry["HDU_NAME"].upper())]
            hdus.setdefault(entry["HDU_TYPE"], (file, hdu))
            if entry["HDU_CLASS"].upper() in INDEX_NAMES:
                problems = response_problems(hdu, entry["HDU_CLASS"])
                found += [Finding(file, hdu.name, *rest) for rest in problems]
        found += _events(obs_id, hdus, index)
        responses = {kind: hdu for kind, (_, hdu) in hdus.items()}
        for kind, key, what in set_problems(responses):
            file, name = (hdus[kind][0], hdus[kind][1].name) if kind in hdus else (HDU_INDEX, "")
            found.append(Finding(file, name, key, f"observation {obs_id}: {what}"))
    finally:
        for file_hdus in opened.values():
            file_hdus.close()
    return [dataclasses.replace(f, hdu=f.hdu or f"observation {obs_id}") for f in found]


def _events(
    obs_id: int, hdus: dict[str, tuple[str, BinTableHDU]], index: dict[str, Any]
) -> Iterator[Finding]:
    for needed in ("events", "gti"):
        if needed not in hdus:
            yield Finding(HDU_INDEX, "", "HDU_TYPE", f"observation {obs_id}: there is no {needed}")
    gti = None
    if "gti" in hdus:
        file, hdu = hdus["gti"]
        problems, gti = gti_problems(hdu)
        yield from (Finding(file, hdu.name, *rest) for rest in problems)
    if "events" not in hdus:
        return
    file, hdu = hdus["events"]
    yield from (Finding(file, hdu.name, *rest) for rest in event_problems(hdu, gti, obs_id))
    header = hdu.header
    others: list[tuple[str, Any, tuple[str, ...]]] = [
        (OBS_INDEX, index["header"], (*TIME_KEYS, *SITE_KEYS))
    ]
    if "gti" in hdus:
        others.append((hdus["gti"][1].name, hdus["gti"][1].header, TIME_KEYS))
    for label, other, keys in others:
        for key in keys:
            if key in other and key in header and not _same(other[key], header[key]):
                text = f"is {header[key]!r}, in {label} {other[key]!r}"
                yield Finding(file, hdu.name, key, text)
    for key, value in index["rows"].get(obs_id, {}).items():
        if key in header and not np.isclose(float(value), float(header[key]), rtol=0, atol=1e-6):
            text = f"is {header[key]!r}, in {OBS_INDEX} {value!r}"
            yield Finding(file, hdu.name, key, text)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return str(a).strip().upper() == str(b).strip().upper()
    return bool(np.isclose(float(a), float(b), rtol=0, atol=1e-9))


def _word(value: Any) -> str:
    return str(value).strip()
