"""What the times in a table of a FITS file count from."""

from __future__ import annotations

import re

from ctabatch.errors import InputError
from ctabatch.io.event_tables import open_table
from ctabatch.io.fits.observation import REFERENCE_DAY, REFERENCE_FRACTION

_PLACE = re.compile(r"^(?P<path>.*)\[(?P<hdu>[^\[\]]+)\]$", re.DOTALL)


def time_reference(address: str) -> float | None:
    """Seconds after our reference time at which the times of a table are 0.

    Source: keys MJDREFI, MJDREFF (or MJDREF), TIMESYS and TIMEUNIT, GADF v0.3 and the FITS standard
    4.0, section 9.

    Parameters
    ----------
    address : str
        As of `ctabatch.io.event_tables.open_table`.

    Returns
    -------
    float, optional
        None if it is no FITS file, or its header does not say.

    Raises
    ------
    InputError
        The time system or unit is none that can be used.
    """
    place = _PLACE.match(open_table(address).address)
    if place is None:
        return None
    from astropy.io import fits
    from astropy.time import Time

    header = fits.getheader(place["path"], place["hdu"])
    if "MJDREFI" in header:
        day, fraction = float(header["MJDREFI"]), float(header.get("MJDREFF", 0.0))
    elif "MJDREF" in header:
        day, fraction = float(header["MJDREF"]), 0.0
    else:
        return None
    scale = str(header.get("TIMESYS", "TT")).strip().lower()
    unit = str(header.get("TIMEUNIT", "s")).strip()
    if scale not in Time.SCALES or unit != "s":
        raise InputError(f"{address}: times in {unit}, TIMESYS {scale.upper()}; expected s and TT")
    ours = Time(REFERENCE_DAY, REFERENCE_FRACTION, format="mjd", scale="tt")
    return float((Time(day, fraction, format="mjd", scale=scale).tt - ours).sec)


__all__ = ["time_reference"]
