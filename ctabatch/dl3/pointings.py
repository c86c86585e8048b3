"""Pointings and good time intervals: from tables, or from the events themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.dl3.observations import live_fraction, seconds, separation, to_sky, utc
from ctabatch.errors import InputError
from ctabatch.io.fits.observation import MARGIN, Observation, Site

#: Columns of a table of pointings: deg (ICRS), UTC.
POINTING_COLUMNS = ("obs_id", "ra_pnt", "dec_pnt", "start", "stop")
#: Columns of a table of good time intervals, UTC; several rows for one observation.
INTERVAL_COLUMNS = ("obs_id", "start", "stop")
#: How far the sky position of the pointing may move within one observation, deg.
_STEADY = 0.01


def observations_from_table(
    pointings: pl.DataFrame,
    place: Site,
    *,
    live_fractions: Mapping[int, float] | float = 1.0,
    target: tuple[str, float, float] | None = None,
    intervals: Mapping[int, tuple[tuple[float, float], ...]] | None = None,
) -> list[Observation]:
    """Observations from their pointings.

    Parameters
    ----------
    pointings : DataFrame
        One row per observation, with `POINTING_COLUMNS`; start and stop as datetimes or ISO text.
    place : Site
    live_fractions : mapping or float
        Live time by ontime, of all or by observation number.
    target : (str, float, float), optional
        Name and ICRS position in deg.
    intervals : mapping, optional
        Good time intervals within the pointing, in s after the reference time, where they are not
        the whole of it.

    Raises
    ------
    InputError
        Columns are missing, an observation stands twice, or an interval leaves its pointing.
    """
    if missing := [name for name in POINTING_COLUMNS if name not in pointings.columns]:
        raise InputError(f"the table of pointings lacks the columns {', '.join(missing)}")
    twice = pointings.filter(pl.col("obs_id").is_duplicated())["obs_id"].unique().to_list()
    if twice:
        raise InputError(f"the table of pointings holds observations more than once: {twice[:5]}")
    name, ra_obj, dec_obj = target or ("", None, None)
    made = []
    for row in pointings.sort("start").iter_rows(named=True):
        obs_id = int(row["obs_id"])
        begin, end = (round(float(moment(row[key])), 6) for key in ("start", "stop"))
        good = (intervals or {}).get(obs_id, ((begin, end),))
        if good[0][0] < begin - MARGIN or good[-1][1] > end + MARGIN:
            raise InputError(f"observation {obs_id}: good time intervals leave the pointing")
        live = live_fractions if isinstance(live_fractions, float) else live_fractions.get(obs_id)
        if live is None:
            raise InputError(f"observation {obs_id}: no live fraction is known; are there events?")
        made.append(
            Observation(obs_id, float(row["ra_pnt"]), float(row["dec_pnt"]), good, live, place,
                        name, ra_obj, dec_obj)
        )  # fmt: skip
    return made


def good_intervals(table: pl.DataFrame) -> dict[int, tuple[tuple[float, float], ...]]:
    """Good time intervals by observation, in s after the reference time, in order.

    Parameters
    ----------
    table : DataFrame
        `INTERVAL_COLUMNS`; start and stop as datetimes or ISO text (UTC).

    Raises
    ------
    InputError
        Columns are missing.
    """
    if missing := [name for name in INTERVAL_COLUMNS if name not in table.columns]:
        raise InputError(f"the table of good intervals lacks the columns {', '.join(missing)}")
    found: dict[int, list[tuple[float, float]]] = {}
    for row in table.iter_rows(named=True):
        ends = (round(moment(row[key]), 6) for key in ("start", "stop"))
        found.setdefault(int(row["obs_id"]), []).append((next(ends), next(ends)))
    return {obs_id: tuple(sorted(ends)) for obs_id, ends in found.items()}


def pointings_from_events(events: pl.LazyFrame, place: Site) -> pl.DataFrame:
    """Pointings of observations that tracked a sky position, from the pointing of their events.

    Parameters
    ----------
    events : LazyFrame
        With obs_id, time, pointing_alt and pointing_az in deg. All triggered events, so that the
        first and the last tell begin and end.
    place : Site

    Returns
    -------
    DataFrame
        `POINTING_COLUMNS`; begin and end are 10 us beyond the first and last event.

    Raises
    ------
    InputError
        The sky position moves by more than 0.01 deg (a drift scan, or another site).
    """
    first, last = pl.col("time").arg_min(), pl.col("time").arg_max()
    ends = (
        events.group_by("obs_id")
        .agg(
            *(pl.col(f"pointing_{x}").get(at).cast(pl.Float64).alias(f"{x}_{label}")
              for x in ("alt", "az") for label, at in (("0", first), ("1", last))),
            pl.col("time").min().alias("start"), pl.col("time").max().alias("stop"),
        )
        .sort("obs_id")
        .collect(engine="streaming")
    )  # fmt: skip
    sky = []
    for n, time in (("0", "start"), ("1", "stop")):
        moments = seconds(nanoseconds(ends[time]))
        alt, az = ends[f"alt_{n}"].to_numpy(), ends[f"az_{n}"].to_numpy()
        sky.append(to_sky(alt, az, moments, place))
    moved = separation(*sky[0], *sky[1])[0]
    if (moved > _STEADY).any():
        worst = int(np.argmax(moved))
        raise InputError(
            f"observation {ends['obs_id'][worst]}: the pointing moves by {moved[worst]:.3g} deg on "
            "the sky between its first and last event; is the site right? Drift scans are not "
            "supported"
        )
    margin = timedelta(microseconds=10)
    return pl.DataFrame({
        "obs_id": ends["obs_id"], "ra_pnt": sky[0][0], "dec_pnt": sky[0][1],
        "start": ends["start"] - margin, "stop": ends["stop"] + margin,
    })  # fmt: skip


def widened(
    pointings: pl.DataFrame, intervals: Mapping[int, tuple[tuple[float, float], ...]]
) -> pl.DataFrame:
    """Pointings that were told by their events, made to hold their good intervals, in s."""
    changed = []
    for row in pointings.iter_rows(named=True):
        ends = [moment(row["start"]), moment(row["stop"])]
        if own := intervals.get(int(row["obs_id"])):
            ends = [min(ends[0], own[0][0]), max(ends[1], own[-1][1])]
        changed.append(ends)
    start, stop = (pl.Series(utc(np.array(side))) for side in zip(*changed, strict=True))
    return pointings.with_columns(start=start, stop=stop)


def live_fractions(events: pl.LazyFrame) -> dict[int, float]:
    """Live time by ontime of every observation, from the times of all its triggered events."""
    found = {}
    for obs_id in events.select(pl.col("obs_id").unique()).collect()["obs_id"].sort():
        times = events.filter(pl.col("obs_id") == obs_id).select("time").collect()["time"]
        found[int(obs_id)] = live_fraction(seconds(nanoseconds(times)))
    return found


def moment(value: Any) -> float:
    """Seconds after the reference time of a UTC time: ISO text or datetime."""
    if isinstance(value, str):
        return float(seconds(value.removesuffix("Z")))
    return float(seconds(nanoseconds(pl.Series([value])))[0])


def nanoseconds(times: pl.Series) -> NDArray[np.datetime64]:
    """UTC times of a column as datetime64[ns].

    Raises
    ------
    InputError
        The column is no time.
    """
    if times.dtype.base_type() is not pl.Datetime:
        raise InputError(f"column time has type {times.dtype}, not a date and time")
    zone = getattr(times.dtype, "time_zone", None)
    if zone is not None:
        times = times.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return times.dt.cast_time_unit("ns").to_numpy()
