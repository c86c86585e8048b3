"""Times of events in tables of other programs."""

from __future__ import annotations

import polars as pl

from ctabatch.dl3.observations import utc
from ctabatch.errors import InputError, OptionError
from ctabatch.io.fits.observation import REFERENCE_DAY, REFERENCE_FRACTION

_DAY = 86_400.0


def with_utc(events: pl.LazyFrame, reference: float | None, where: str) -> pl.LazyFrame:
    """Events whose column ``time`` is a date and time, in UTC.

    Parameters
    ----------
    events : LazyFrame
        time is a date and time in UTC, ISO text in UTC, or a number of seconds.
    reference : float, optional
        What seconds count from, in s after our reference time.
    where : str
        What the table is, for messages.

    Raises
    ------
    InputError
        There is no such column, or it is no time.
    OptionError
        It holds seconds, and what they count from is not known.
    """
    schema = events.collect_schema()
    if "time" not in schema:
        raise InputError(
            f"{where}: event lists need a column time; name it with --map time=COLUMN. Events "
            "that were simulated have no time: --simulate draws observations from them"
        )
    kind, time = schema["time"], pl.col("time")
    if kind.base_type() is pl.Datetime:
        return events
    if kind == pl.String:
        return events.with_columns(time.str.strip_suffix("Z").str.to_datetime(time_unit="ns"))
    if not kind.is_numeric():
        raise InputError(f"{where}: column time has type {kind}, not a time")
    if reference is None:
        raise OptionError(
            f"{where}: column time is a number of seconds; state what it counts from: "
            "--time-reference MJD (TT)"
        )

    def converted(seconds: pl.Series) -> pl.Series:
        numbers = seconds.cast(pl.Float64).to_numpy() + reference
        return pl.Series(utc(numbers)) if len(numbers) else pl.Series([], dtype=pl.Datetime("ns"))

    made = time.map_batches(converted, return_dtype=pl.Datetime("ns"), is_elementwise=True)
    return events.with_columns(made.alias("time"))


def reference_of(text: str) -> float:
    """Seconds after our reference time of an MJD in TT, given as text.

    Raises
    ------
    OptionError
        It is no number.
    """
    days, _, fraction = text.strip().partition(".")
    try:
        # the fraction by itself, so that no digit is lost
        whole, part = int(days), float(f"0.{fraction or 0}")
    except ValueError:
        raise OptionError(f"--time-reference {text!r}: write an MJD such as 51544.5") from None
    return (whole - REFERENCE_DAY + part - REFERENCE_FRACTION) * _DAY


__all__ = ["reference_of", "with_utc"]
