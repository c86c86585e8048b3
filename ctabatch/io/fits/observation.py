"""What the headers of one observation say: pointing, times, site, instrument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ctabatch import __version__
from ctabatch.errors import InputError

if TYPE_CHECKING:
    from astropy.io.fits import Header

Floats = NDArray[np.float64]
#: Times are seconds after this moment, 2000-01-01 12:00 TT: its MJD.
REFERENCE_DAY, REFERENCE_FRACTION = 51544, 0.5
TIME_KEYS = {
    "MJDREFI": REFERENCE_DAY,
    "MJDREFF": REFERENCE_FRACTION,
    "TIMEUNIT": "s",
    "TIMESYS": "TT",
    "TIMEREF": "TOPOCENTER",
}
#: The first event must come later than this after the start of an interval (s): gammapy's checker
#: compares with 1 us, and times of today are resolved to 0.12 us.
MARGIN = 2e-6


@dataclass(frozen=True)
class Site:
    """A place on the ground: longitude (east) and latitude in deg, height in m (WGS84)."""

    lon: float
    lat: float
    height: float


@dataclass(frozen=True)
class Observation:
    """What the headers of one observation say.

    Attributes
    ----------
    obs_id : int
    ra_pnt, dec_pnt : float
        Pointing, ICRS, in deg.
    intervals : tuple of (float, float)
        Good time intervals in s after the reference time of `TIME_KEYS`, in order.
    live_fraction : float
        Live time divided by the time of the intervals (DEADC).
    site : Site
    target, ra_obj, dec_obj
        Name and ICRS position in deg of what was observed, if known.
    event_type : str
        Class of events if the store holds several; one observation number per class.
    horizon : (float, float), optional
        Altitude and azimuth of the pointing in deg at the middle of the observation.
    """

    obs_id: int
    ra_pnt: float
    dec_pnt: float
    intervals: tuple[tuple[float, float], ...]
    live_fraction: float
    site: Site
    target: str = ""
    ra_obj: float | None = None
    dec_obj: float | None = None
    event_type: str = ""
    horizon: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        edges = [edge for interval in self.intervals for edge in interval]
        if not edges or any(a >= b for a, b in self.intervals) or sorted(edges) != edges:
            raise InputError(f"observation {self.obs_id}: good time intervals are not in order")
        if not 0 < self.live_fraction <= 1:
            raise InputError(
                f"observation {self.obs_id}: live fraction {self.live_fraction} is not in (0, 1]"
            )

    @property
    def start(self) -> float:
        """Begin of the first interval in s."""
        return self.intervals[0][0]

    @property
    def stop(self) -> float:
        """End of the last interval in s."""
        return self.intervals[-1][1]

    @property
    def ontime(self) -> float:
        """Sum of the intervals in s."""
        return sum(b - a for a, b in self.intervals)

    @property
    def livetime(self) -> float:
        """Ontime without dead time in s."""
        return self.ontime * self.live_fraction

    def holds(self, time: Floats) -> NDArray[np.bool_]:
        """Which times lie in a good interval, its first `MARGIN` excluded."""
        inside = np.zeros(time.shape, bool)
        for start, stop in self.intervals:
            inside |= (time >= start + MARGIN) & (time <= stop)
        return inside


@dataclass(frozen=True)
class Instrument:
    """Header words on who observed: TELESCOP, INSTRUME, ORIGIN."""

    telescope: str = "CTAO"
    instrument: str = "ARRAY"
    origin: str = "ctabatch"


def observation_keys(observation: Observation, instrument: Instrument) -> Header:
    """Header of one observation, but for its HDUCLAS keys."""
    from astropy.io.fits import Header

    o = observation
    header = Header()
    header["OBS_ID"] = o.obs_id
    header.update(TIME_KEYS)
    header["TSTART"] = (o.start, "[s] begin of the first good interval")
    header["TSTOP"] = (o.stop, "[s] end of the last good interval")
    header["ONTIME"] = (o.ontime, "[s] sum of the good intervals")
    header["LIVETIME"] = (o.livetime, "[s] ONTIME x DEADC")
    header["DEADC"] = (o.live_fraction, "LIVETIME / ONTIME")
    header["OBS_MODE"] = "POINTING"
    header["RA_PNT"] = (o.ra_pnt, "[deg]")
    header["DEC_PNT"] = (o.dec_pnt, "[deg]")
    if o.horizon is not None:
        header["ALT_PNT"] = (o.horizon[0], "[deg] at the middle")
        header["AZ_PNT"] = (o.horizon[1], "[deg] from north over east, at the middle")
    header["EQUINOX"] = 2000.0
    header["RADECSYS"] = "ICRS"
    header["RADESYS"] = ("ICRS", "today's name of RADECSYS")
    header["ORIGIN"] = instrument.origin
    header["TELESCOP"] = instrument.telescope
    header["INSTRUME"] = instrument.instrument
    header["CREATOR"] = f"ctabatch {__version__}"
    header.update(site_keys(o.site))
    if o.target:
        header["OBJECT"] = o.target
    if o.ra_obj is not None and o.dec_obj is not None:
        header["RA_OBJ"] = (o.ra_obj, "[deg]")
        header["DEC_OBJ"] = (o.dec_obj, "[deg]")
    return header


def site_keys(site: Site) -> dict[str, float]:
    """Header words of the site."""
    return {"GEOLON": site.lon, "GEOLAT": site.lat, "ALTITUDE": site.height}
