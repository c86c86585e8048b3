"""EVENTS, GTI and POINTING: the file of one observation, written while its events arrive.

Rows are appended in blocks; the number of rows is written into the header when the last one is
there. Readers such as gammapy never compare events with the good time intervals (a list that
reaches beyond them gives fluxes that are too high, silently), so events outside are dropped here.
"""

from __future__ import annotations

import contextlib
import io
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.io.fits.irf_hdus import GADF
from ctabatch.io.fits.observation import TIME_KEYS, Instrument, Observation, observation_keys
from ctabatch.io.parquet import writing

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU

Floats = NDArray[np.float64]
#: Columns of EVENTS: name -> type of the stored value, TFORM, unit.
COLUMNS = {
    "EVENT_ID": (">i8", "K", ""),
    "TIME": (">f8", "D", "s"),
    "RA": (">f8", "D", "deg"),
    "DEC": (">f8", "D", "deg"),
    "ENERGY": (">f4", "E", "TeV"),
    "EVENT_TYPE": (">u4", "32X", ""),
    "MULTIP": (">i2", "I", ""),
    "GAMMANESS": (">f4", "E", ""),
    "ALT": (">f8", "D", "deg"),
    "AZ": (">f8", "D", "deg"),
}
#: Classes that EVENT_TYPE can tell.
EVENT_TYPES = 32
REQUIRED = ("EVENT_ID", "TIME", "RA", "DEC", "ENERGY")
_BLOCK = 2880


class EventFile:
    """Writes one observation; visible under its name only when `close` is done.

    Parameters
    ----------
    path : Path
        The file; folders above are made.
    observation : Observation
    instrument : Instrument
    columns : sequence of str
        Names of `COLUMNS`, at least those of `REQUIRED`.
    cards : mapping, optional
        More cards of the primary header.

    Raises
    ------
    OutputError
        The disk is full, or the folder may not be written (from any method).
    """

    def __init__(
        self,
        path: Path,
        observation: Observation,
        instrument: Instrument,
        columns: Sequence[str] = REQUIRED,
        cards: Mapping[str, str] | None = None,
    ) -> None:
        if missing := [name for name in REQUIRED if name not in columns]:
            raise InputError(f"{path}: columns are missing: {', '.join(missing)}")
        self.path, self.observation, self.instrument = path, observation, instrument
        self.columns = tuple(columns)
        self.n_events = self.n_dropped = 0
        self._last = -np.inf
        self._dtype = np.dtype([(name, COLUMNS[name][0]) for name in columns])
        self._wip = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.wip")
        with writing(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._wip.open("wb")
            self._file.write(primary_bytes(cards))
            self._begin = self._file.tell()
            self._file.write(self._header())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._file.close()
        with contextlib.suppress(OSError):
            self._wip.unlink(missing_ok=True)

    def append(self, block: Mapping[str, NDArray[Any]]) -> int:
        """Append events in order of time; those outside the good intervals are dropped.

        Parameters
        ----------
        block : mapping
            Column -> array of shape (n,): TIME in s after the reference time and strictly
            increasing, also from block to block; RA, DEC, ALT, AZ in deg; ENERGY in TeV;
            EVENT_TYPE as an integer of which bit k stands for class k.

        Returns
        -------
        int
            Events that were kept.

        Raises
        ------
        InputError
            Times do not increase, or a position or an energy is not finite.
        """
        time = np.asarray(block["TIME"], np.float64)
        where = f"observation {self.observation.obs_id}"
        keep = self.observation.holds(time)
        if len(kept := time[keep]):
            if kept[0] <= self._last or (np.diff(kept) <= 0).any():
                raise InputError(f"{where}: event times do not strictly increase")
            self._last = float(kept[-1])
        rows = np.empty(len(kept), self._dtype)
        for name in self.columns:
            values = np.asarray(block[name])[keep]
            if name in ("RA", "DEC", "ENERGY") and not np.isfinite(values).all():
                n = int(np.count_nonzero(~np.isfinite(values)))
                raise InputError(f"{where}: {n:,} events have no finite {name}")
            rows[name] = values
        self.n_events += len(rows)
        self.n_dropped += len(time) - len(rows)
        with writing(self.path.parent):
            self._file.write(rows.tobytes())
        return len(rows)

    def close(self, others: Sequence[BinTableHDU | bytes] = ()) -> None:
        """Write GTI and the other HDUs, the number of rows, and give the file its name.

        Parameters
        ----------
        others : sequence of BinTableHDU or bytes
            What `hdu_bytes` gives may stand for an HDU that many files hold.
        """
        with writing(self.path.parent):
            self._file.write(bytes(-self.n_events * self._dtype.itemsize % _BLOCK))
            for hdu in (gti_hdu(self.observation), *others):
                self._file.write(hdu if isinstance(hdu, bytes) else hdu_bytes(hdu))
            self._file.seek(self._begin)
            self._file.write(self._header())
            self._file.close()
            self._wip.replace(self.path)

    def _header(self) -> bytes:
        """The header of EVENTS; of the same length whatever the number of rows."""
        from astropy.io.fits import Header

        header = Header()
        header["XTENSION"] = "BINTABLE"
        header["BITPIX"] = 8
        header["NAXIS"] = 2
        header["NAXIS1"] = self._dtype.itemsize
        header["NAXIS2"] = self.n_events
        header["PCOUNT"] = 0
        header["GCOUNT"] = 1
        header["TFIELDS"] = len(self.columns)
        for n, name in enumerate(self.columns, start=1):
            header[f"TTYPE{n}"] = name
            header[f"TFORM{n}"] = COLUMNS[name][1]
            if unit := COLUMNS[name][2]:
                header[f"TUNIT{n}"] = unit
        header["EXTNAME"] = "EVENTS"
        header.update(GADF)
        header["HDUCLAS1"] = "EVENTS"
        header.update(observation_keys(self.observation, self.instrument))
        return bytes(header.tostring(), "ascii")


def event_type_bits(types: NDArray[np.int64]) -> NDArray[np.int64]:
    """Values of EVENT_TYPE for classes by number, shape (n,): bit k for class k, none for others.

    Source: GADF v0.3, EVENT_TYPE is a field of 32 bits of which several may be set.
    """
    known = (types >= 0) & (types < EVENT_TYPES)
    return np.where(known, 1 << np.where(known, types, 0).astype(np.int64), 0)


def gti_hdu(observation: Observation) -> BinTableHDU:
    """Good time intervals."""
    starts, stops = np.array(observation.intervals, np.float64).T
    return table_hdu("GTI", [("START", "D", "s", starts), ("STOP", "D", "s", stops)],
                     {**GADF, "HDUCLAS1": "GTI", **TIME_KEYS})  # fmt: skip


def pointing_hdu(
    observation: Observation,
    instrument: Instrument,
    time: Floats,
    alt: Floats,
    az: Floats,
) -> BinTableHDU:
    """Where the telescopes looked: horizontal direction in deg at times in s, shape (n,)."""
    constant = np.ones(len(time))
    columns = [
        ("TIME", "D", "s", time),
        ("RA_PNT", "D", "deg", constant * observation.ra_pnt),
        ("DEC_PNT", "D", "deg", constant * observation.dec_pnt),
        ("ALT_PNT", "D", "deg", alt),
        ("AZ_PNT", "D", "deg", az),
    ]
    hdu = table_hdu("POINTING", columns, {**GADF, "HDUCLAS1": "POINTING"})
    hdu.header.update(observation_keys(observation, instrument))
    return hdu


def table_hdu(
    name: str, columns: Sequence[tuple[str, str, str, Any]], cards: Mapping[str, Any]
) -> BinTableHDU:
    """A table of columns given as (name, TFORM, unit, values)."""
    from astropy.io import fits

    made = [fits.Column(n, form, unit or None, array=a) for n, form, unit, a in columns]
    hdu = fits.BinTableHDU.from_columns(made, name=name)
    for key, value in cards.items():
        hdu.header[key] = value
    return hdu


def hdu_bytes(hdu: BinTableHDU) -> bytes:
    """The bytes of one extension, padded to blocks of the format."""
    from astropy.io import fits

    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu.copy()]).writeto(buffer)
    return buffer.getvalue()[len(primary_bytes()) :]


def primary_bytes(cards: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a primary header that announces extensions and holds no data."""
    from astropy.io import fits

    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU()]).writeto(buffer)
    plain = buffer.getvalue()[:_BLOCK]
    if not cards:
        return plain
    header = fits.Header.fromstring(plain.decode("ascii"))
    header.update(cards)
    return bytes(header.tostring(), "ascii")
