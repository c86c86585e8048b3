"""Writes a store: one file per observation with its responses, then the index tables.

The store is written beside its place and takes it as a whole, so that half a store is never opened
for one. At most one block of events is in memory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctabatch.dl3.observations import site_name, to_horizon
from ctabatch.dl3.placing import Block
from ctabatch.errors import InputError
from ctabatch.io.fits.events import (
    COLUMNS,
    REQUIRED,
    EventFile,
    hdu_bytes,
    pointing_hdu,
)
from ctabatch.io.fits.index import (
    HDU_INDEX,
    OBS_INDEX,
    IndexRow,
    ObservationRow,
    hdu_index,
    observation_index,
    write_index,
)
from ctabatch.io.fits.irf_hdus import INDEX_NAMES
from ctabatch.io.fits.observation import Instrument, Observation
from ctabatch.io.whole_folder import whole_folder

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU

#: Spacing of the rows of POINTING in s.
_POINTING_STEP = 60.0


@dataclass(frozen=True)
class WrittenObservation:
    """What became of one observation's events."""

    obs_id: int
    file: Path
    n_events: int
    n_dropped: int


def write_store(
    folder: Path,
    observations: Sequence[Observation],
    blocks: Callable[[Observation], Iterable[Block]],
    responses: Mapping[str, BinTableHDU] | Callable[[Observation], Mapping[str, BinTableHDU]],
    *,
    instrument: Instrument | None = None,
    optional: Sequence[str] = ("GAMMANESS", "MULTIP"),
    altaz: bool = True,
    overwrite: bool = False,
    cards: Callable[[str], Mapping[str, str]] | None = None,
    further_files: Mapping[str, str] | None = None,
) -> list[WrittenObservation]:
    """Write observations as a folder that gammapy's DataStore opens.

    Parameters
    ----------
    folder : Path
        Made if needed; holds hdu-index.fits.gz, obs-index.fits.gz and data/.
    observations : sequence of Observation
        With distinct numbers, all of one site.
    blocks : callable
        Observation -> its events in blocks, in order of time (columns of `EventFile.append`).
    responses : mapping or callable
        Type (aeff, edisp, psf, bkg, rad_max) -> HDU, for all observations or by observation.
    instrument : Instrument, optional
        By default CTAO at the site.
    optional : sequence of str
        Columns to write besides the required ones.
    altaz : bool
        Write the horizontal direction of the events, computed from RA and DEC.
    overwrite : bool
        Replace a store; nothing else may be in its folder.
    cards : callable, optional
        File -> more cards of its primary header.
    further_files : mapping, optional
        Name -> text of files beside the index tables.

    Raises
    ------
    InputError
        There are no observations, two of one number, or two sites; an event has no position.
    OutputError
        The folder holds a store or something else, or cannot be written.
    """
    if not observations:
        raise InputError(f"{folder}: there are no observations to write")
    ids = [o.obs_id for o in observations]
    if len(set(ids)) < len(ids):
        raise InputError(f"{folder}: two observations have the same number")
    if len({o.site for o in observations}) > 1:
        raise InputError(f"{folder}: observations of two sites cannot share a store")
    unknown = [name for name in optional if name not in COLUMNS]
    if unknown:
        raise InputError(f"no such columns of EVENTS: {', '.join(unknown)}")
    names = [*REQUIRED, *optional, *(("ALT", "AZ") if altaz else ())]
    instrument = instrument or Instrument(instrument=site_name(observations[0].site) or "ARRAY")
    written, index, summary = [], [], []
    made: dict[int, tuple[BinTableHDU, bytes]] = {}

    def stored(hdu: BinTableHDU) -> bytes:
        """The bytes of a response, made once for all observations."""
        if id(hdu) not in made:  # the HDU is kept with them, so that its number stays its own
            made[id(hdu)] = hdu, hdu_bytes(_named(hdu, instrument))
        return made[id(hdu)][1]

    with whole_folder(folder, HDU_INDEX, "event lists", overwrite=overwrite) as wip:
        for observation in observations:
            n = max(2, int((observation.stop - observation.start) / _POINTING_STEP) + 1)
            time = np.linspace(observation.start, observation.stop, n)
            place = observation.ra_pnt, observation.dec_pnt
            alt, az = to_horizon(*place, time, observation.site)
            horizon = float(alt[n // 2]), float(az[n // 2])
            observation = dataclasses.replace(observation, horizon=horizon)
            file = Path("data") / f"obs_{observation.obs_id:06d}.fits"
            given = responses(observation) if callable(responses) else responses
            own = None if cards is None else cards(file.as_posix())
            with EventFile(wip / file, observation, instrument, names, own) as events:
                for block in blocks(observation):
                    events.append(_with_horizon(block, observation) if altaz else block)
                pointing = pointing_hdu(observation, instrument, time, alt, az)
                events.close([pointing, *(stored(hdu) for hdu in given.values())])
            index += _index_rows(observation.obs_id, file, given)
            summary.append(
                ObservationRow(observation, events.n_events, 90 - horizon[0], horizon[1])
            )
            written.append(
                WrittenObservation(
                    observation.obs_id, folder / file, events.n_events, events.n_dropped
                )
            )
        for name, text in (further_files or {}).items():
            (wip / name).write_text(text, encoding="utf-8")
        write_index(wip, OBS_INDEX, observation_index(summary))
        write_index(wip, HDU_INDEX, hdu_index(index))
    return written


def _with_horizon(block: Block, observation: Observation) -> Block:
    alt, az = to_horizon(block["RA"], block["DEC"], block["TIME"], observation.site)
    return {**block, "ALT": alt, "AZ": az}


def _named(hdu: BinTableHDU, instrument: Instrument) -> BinTableHDU:
    """The response with the words on who observes that its header lacks."""
    named = hdu.copy()
    for key, word in (("TELESCOP", instrument.telescope), ("INSTRUME", instrument.instrument)):
        if key not in named.header:
            named.header[key] = word
    return named


def _index_rows(obs_id: int, file: Path, responses: Mapping[str, BinTableHDU]) -> list[IndexRow]:
    rows = [
        IndexRow(obs_id, kind, kind, file, kind.upper()) for kind in ("events", "gti", "pointing")
    ]
    for kind, hdu in responses.items():
        expected, hdu_class = INDEX_NAMES[hdu.header["HDUCLAS4"].strip()]
        if expected != kind:
            raise InputError(f"the response called {kind} is of type {expected}")
        rows.append(IndexRow(obs_id, kind, hdu_class, file, hdu.name))
    return rows
