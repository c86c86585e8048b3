"""Observations: sites, pointings, good time intervals, and directions between sky and horizon.

Transformations are astropy's (no refraction), with the slowly varying quantities interpolated over
300 s: 2e-8 arcsec from the exact ones and some 70 times faster.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.io.fits.observation import TIME_KEYS, Observation, Site

if TYPE_CHECKING:
    from astropy.coordinates import EarthLocation
    from astropy.time import Time

Floats = NDArray[np.float64]
#: Sites by name (CTAO's array centres).
SITES = {
    "CTAO-North": Site(-17.892005, 28.762164, 2147.0),
    "CTAO-South": Site(-70.316345, -24.683428, 2147.0),
}
#: ICRS positions in deg of targets by name.
TARGETS = {"Crab": (83.633212, 22.01446)}
#: Position angles of the wobble pointings around the target, in deg from north over east.
WOBBLE_ANGLES = (0.0, 180.0, 90.0, 270.0)
_INTERPOLATION = 300.0
_NIGHT = -18.0


def site(text: str) -> Site:
    """A site by name, or as "longitude,latitude,height" in deg, deg, m.

    Raises
    ------
    OptionError
        It is neither.
    """
    if text in SITES:
        return SITES[text]
    try:
        lon, lat, height = map(float, text.split(","))
    except ValueError:
        raise OptionError.unknown_name("site", text, [*SITES, "LON,LAT,HEIGHT"]) from None
    if not (-180 <= lon <= 360 and -90 <= lat <= 90):
        raise OptionError(f"site {text!r}: longitude or latitude is out of range")
    return Site(lon, lat, height)


def site_name(place: Site) -> str:
    """Name of a site of `SITES`; empty for another place."""
    return next((name for name, known in SITES.items() if known == place), "")


def target(text: str) -> tuple[str, float, float]:
    """Name, right ascension and declination in deg of a target: a name, or "ra,dec" in deg."""
    if text in TARGETS:
        return (text, *TARGETS[text])
    try:
        ra, dec = map(float, text.split(","))
    except ValueError:
        raise OptionError.unknown_name("target", text, [*TARGETS, "RA,DEC"]) from None
    return "", ra, dec


def seconds(utc: str | NDArray[np.datetime64]) -> Floats:
    """Seconds after the reference time of UTC times (ISO text, or datetime64 of shape (n,))."""
    from astropy.time import Time

    if isinstance(utc, str):
        try:
            time = Time(utc, scale="utc")
        except ValueError as error:
            raise OptionError(f"time {utc!r}: write 2025-01-10T22:00:00 (UTC)") from error
    else:
        whole = utc.astype("datetime64[ns]").astype(np.int64)
        day = 86_400_000_000_000
        time = Time(2440587.5 + whole // day, (whole % day) / day, format="jd", scale="utc")
    return np.asarray((time.tt - _reference()).sec, np.float64)


def utc(time: Floats) -> NDArray[np.datetime64]:
    """UTC as datetime64[ns] of seconds after the reference time, shape (n,)."""
    moments = observing_time(time).utc
    # days and their fraction in two numbers: one would resolve 40 us only
    days = np.asarray(moments.jd1 - 2440587.5, np.float64)
    whole = np.floor(days)
    ns = (days - whole + moments.jd2) * 86_400e9
    return np.asarray(whole.astype("datetime64[D]") + np.rint(ns).astype("m8[ns]"))


def observing_time(time: Floats | float) -> Time:
    """Astropy time of seconds after the reference time."""
    from astropy import units as u

    return _reference() + np.asarray(time) * u.s


def to_horizon(ra: Any, dec: Any, time: Any, place: Site) -> tuple[Floats, Floats]:
    """Altitude and azimuth in deg of ICRS directions in deg at times in s; shapes broadcast."""
    from astropy.coordinates import AltAz, SkyCoord

    ra, dec, time = np.broadcast_arrays(np.atleast_1d(ra), dec, time)
    if not time.size:
        return np.empty(0), np.empty(0)
    with _interpolated():
        frame = AltAz(obstime=observing_time(time), location=_location(place))
        seen = SkyCoord(ra, dec, unit="deg").transform_to(frame)
    return np.asarray(seen.alt.deg), np.asarray(seen.az.deg)


def to_sky(alt: Any, az: Any, time: Any, place: Site) -> tuple[Floats, Floats]:
    """ICRS right ascension and declination in deg of horizontal directions in deg at times in s."""
    from astropy.coordinates import AltAz, SkyCoord

    az, alt, time = np.broadcast_arrays(np.atleast_1d(az), alt, time)
    if not time.size:
        return np.empty(0), np.empty(0)
    with _interpolated():
        frame = AltAz(obstime=observing_time(time), location=_location(place))
        sky = SkyCoord(az, alt, unit="deg", frame=frame).icrs
    return np.asarray(sky.ra.deg), np.asarray(sky.dec.deg)


def offset_by(lon: Any, lat: Any, angle: Any, distance: Any) -> tuple[Floats, Floats]:
    """Longitude and latitude in deg at a distance in deg under a position angle in deg.

    The angle counts from the direction of growing latitude towards growing longitude. Source: the
    rules of sine and cosine of spherical trigonometry; accurate at all distances.
    """
    lon, lat, angle, distance = (np.radians(x) for x in (lon, lat, angle, distance))
    along = np.cos(distance) * np.cos(lat) - np.sin(distance) * np.sin(lat) * np.cos(angle)
    across = np.sin(distance) * np.sin(angle)
    up = np.cos(distance) * np.sin(lat) + np.sin(distance) * np.cos(lat) * np.cos(angle)
    new_lon = lon + np.arctan2(across, along)
    return np.degrees(new_lon) % 360, np.degrees(np.arctan2(up, np.hypot(along, across)))


def separation(lon: Any, lat: Any, lon_2: Any, lat_2: Any) -> tuple[Floats, Floats]:
    """Distance and position angle in deg of a second direction seen from a first.

    Source: Vincenty's formula for the sphere, accurate at small and large distances.
    """
    lon, lat, lon_2, lat_2 = (np.radians(x) for x in (lon, lat, lon_2, lat_2))
    across = np.cos(lat_2) * np.sin(lon_2 - lon)
    up = np.cos(lat) * np.sin(lat_2) - np.sin(lat) * np.cos(lat_2) * np.cos(lon_2 - lon)
    along = np.sin(lat) * np.sin(lat_2) + np.cos(lat) * np.cos(lat_2) * np.cos(lon_2 - lon)
    distance = np.arctan2(np.hypot(across, up), along)
    return np.degrees(distance), np.degrees(np.arctan2(across, up))


def wobble(
    target: tuple[str, float, float],
    place: Site,
    *,
    exposure: float,
    start: str = "2025-01-10T20:00:00",
    duration: float = 1200.0,
    pause: float = 60.0,
    offset: float = 0.5,
    angles: Sequence[float] = WOBBLE_ANGLES,
    live_fraction: float = 1.0,
    min_altitude: float = 40.0,
    first_obs_id: int = 1,
) -> list[Observation]:
    """Observations of a target from dark hours, one interval each, in wobble mode.

    Parameters
    ----------
    target : (str, float, float)
        Name, right ascension and declination in deg.
    place : Site
    exposure : float
        Sum of the ontimes in s; the last observation may be shorter than the others.
    start : str
        UTC; observations begin when the target is up after this time.
    duration, pause : float
        Length of an observation and time between two, in s.
    offset : float
        From target to pointing, deg.
    angles : sequence of float
        Position angles of the pointings in deg, used in turn.
    live_fraction : float
        Live time divided by ontime.
    min_altitude : float
        Lowest altitude of the target in deg; the sun must be 18 deg below the horizon.
    first_obs_id : int
        The others follow.

    Raises
    ------
    OptionError
        A value makes no sense, or the target is not up for long enough within a year.
    """
    if exposure <= 0 or duration <= 0 or pause < 0 or not angles or not 0 <= offset < 90:
        raise OptionError("exposure and duration must be above zero, pause and offset not below")
    name, ra, dec = target
    begin = np.round(float(seconds(start)), 6)
    n_needed = int(np.ceil(exposure / duration - 1e-9))
    n_candidates = int(366 * 86400 / (duration + pause))
    found: list[float] = []
    if 90 - abs(place.lat - dec) < min_altitude - 1:
        n_candidates = 0  # it never is: do not search a year for it
    for chunk in np.array_split(np.arange(n_candidates), max(1, n_candidates // 500)):
        times = begin + chunk * (duration + pause)
        found += times[_is_up(ra, dec, times, duration, place, min_altitude)].tolist()
        if len(found) >= n_needed:
            break
    if len(found) < n_needed:
        raise OptionError(
            f"the target is above {min_altitude} deg in the dark for {len(found) * duration:,.0f} "
            f"s in the year after {start}, not for {exposure:,.0f} s; lower --min-altitude or "
            "choose another site"
        )
    observations, left = [], exposure
    for n, time in enumerate(found[:n_needed]):
        length = round(min(duration, left), 6)
        left -= length
        pnt = offset_by(ra, dec, angles[n % len(angles)], offset)
        observations.append(
            Observation(first_obs_id + n, float(pnt[0]), float(pnt[1]),
                        ((round(time, 6), round(time + length, 6)),), live_fraction, place,
                        name, ra, dec)
        )  # fmt: skip
    return observations


def live_fraction(time: Floats) -> float:
    """Live time divided by ontime, from the times in s of *all* triggered events.

    With a fixed dead time d the differences are d plus an exponential, so that the live fraction is
    1 - d / mean; d is estimated by the smallest difference. Cuts on events make this meaningless.

    Raises
    ------
    InputError
        Fewer than 1000 events.
    """
    if len(time) < 1000:
        raise InputError(
            f"{len(time):,} events are too few to find the dead time; state the live fraction"
        )
    differences = np.diff(np.sort(time))
    shortest = differences[differences > 0].min(initial=np.inf)
    return float(1 - min(shortest, differences.mean()) / differences.mean())


def _is_up(
    ra: float, dec: float, times: Floats, duration: float, place: Site, min_altitude: float
) -> NDArray[np.bool_]:
    from astropy.coordinates import AltAz, get_sun

    good = np.ones(len(times), bool)
    for moment in (times, times + duration):
        good &= to_horizon(ra, dec, moment, place)[0] > min_altitude
    if good.any():  # the sun costs more than the target
        middle = observing_time(times[good] + duration / 2)
        with _interpolated():
            sun = get_sun(middle).transform_to(AltAz(obstime=middle, location=_location(place)))
        good[good] = np.asarray(sun.alt.deg) < _NIGHT
    return good


def _reference() -> Time:
    from astropy.time import Time

    return Time(TIME_KEYS["MJDREFI"], TIME_KEYS["MJDREFF"], format="mjd", scale="tt")


def _location(place: Site) -> EarthLocation:
    from astropy import units as u
    from astropy.coordinates import EarthLocation

    return EarthLocation(lon=place.lon * u.deg, lat=place.lat * u.deg, height=place.height * u.m)


@contextlib.contextmanager
def _interpolated() -> Iterator[None]:
    from astropy import units as u
    from astropy.coordinates import erfa_astrom

    with erfa_astrom.erfa_astrom.set(erfa_astrom.ErfaAstromInterpolator(_INTERPOLATION * u.s)):
        yield
