"""Observed-like data: DL2 events with times, from the horizon to the sky, by observation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.dl3.observations import live_fraction, seconds, separation, to_sky
from ctabatch.dl3.simulated import Block, separated
from ctabatch.errors import InputError
from ctabatch.io.fits.observation import MARGIN, Observation, Site

if TYPE_CHECKING:
    from ctabatch.dataset import Dataset

#: Columns of observed events: time is UTC, alt and az in deg, energy in TeV.
COLUMNS = ("obs_id", "event_id", "time", "reco_energy", "reco_alt", "reco_az")
#: Columns of a table of pointings: deg (ICRS), UTC.
POINTING_COLUMNS = ("obs_id", "ra_pnt", "dec_pnt", "start", "stop")
#: Events of one observation that are held in memory at once.
ROWS_IN_MEMORY = 2_000_000
_EXAMPLES = 5
#: How far the sky position of the pointing may move within one observation, deg.
_STEADY = 0.01


def from_dataset(dataset: Dataset, prefix: str | None = None) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Observed events of a dataset, and all triggered events with their time and pointing.

    Parameters
    ----------
    dataset : Dataset
    prefix : str, optional
        Which predictions, if there are several.

    Returns
    -------
    LazyFrame, LazyFrame
        Reconstructed events with `COLUMNS`, gammaness, multiplicity and is_valid; array events with
        obs_id, event_id, time, pointing_alt and pointing_az in deg (mean of the telescopes).
    """
    keys = ["obs_id", "event_id"]
    predicted = dataset.predictions(prefix)
    names = predicted.collect_schema().names()
    p = next((n.removesuffix("_energy") for n in names if n.endswith("_energy")), "")
    needed = [f"{p}_{what}" for what in ("energy", "alt", "az", "prediction")]
    if missing := [name for name in needed if name not in names]:
        raise InputError(
            f"the predictions lack {', '.join(missing)}: event lists need energy, direction and "
            "gammaness"
        )
    counts = [name for name in names if name.startswith(p) and name.endswith("_n_tels")]
    valid = [name for name in names if name.startswith(p) and name.endswith("_is_valid")]
    time = dataset.trigger().select(*keys, "time")
    events = predicted.join(time, on=keys, how="left").select(
        *keys, "time",
        pl.col(f"{p}_energy").alias("reco_energy"),
        pl.col(f"{p}_alt").alias("reco_alt"), pl.col(f"{p}_az").alias("reco_az"),
        pl.col(f"{p}_prediction").alias("gammaness"),
        pl.min_horizontal(counts or [pl.lit(0)]).alias("multiplicity"),
        pl.all_horizontal(valid).alias("is_valid"),
    )  # fmt: skip
    alt, az = pl.col("telescope_pointing_altitude"), pl.col("telescope_pointing_azimuth")
    # the mean of a direction, not of an azimuth that jumps at north
    pointing = (
        dataset.pointing()
        .group_by(keys)
        .agg(x=(alt.cos() * az.cos()).mean(), y=(alt.cos() * az.sin()).mean(), z=alt.sin().mean())
        .select(
            *keys,
            pl.arctan2("z", (pl.col("x") ** 2 + pl.col("y") ** 2).sqrt()).degrees()
            .alias("pointing_alt"),
            (pl.arctan2("y", "x").degrees() % 360).alias("pointing_az"),
        )
    )  # fmt: skip
    return events, time.join(pointing, on=keys, how="inner")


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
        begin, end = (round(float(_moment(row[key])), 6) for key in ("start", "stop"))
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
        moments = seconds(_nanoseconds(ends[time]))
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


def live_fractions(events: pl.LazyFrame) -> dict[int, float]:
    """Live time by ontime of every observation, from the times of all its triggered events."""
    found = {}
    for obs_id in events.select(pl.col("obs_id").unique()).collect()["obs_id"].sort():
        times = events.filter(pl.col("obs_id") == obs_id).select("time").collect()["time"]
        found[int(obs_id)] = live_fraction(seconds(_nanoseconds(times)))
    return found


def check_times(events: pl.LazyFrame, observations: list[Observation],
                pointings: pl.DataFrame) -> None:  # fmt: skip
    """Refuse events of unknown observations, and events outside the pointing of theirs.

    Events inside the pointing but outside the good intervals are no error; the writer drops them.

    Raises
    ------
    InputError
        With counts and examples.
    """
    known = pl.LazyFrame({
        "obs_id": [o.obs_id for o in observations],
    }, schema={"obs_id": pl.Int64})  # fmt: skip
    events = events.select(pl.col("obs_id").cast(pl.Int64), "event_id", "time")
    stray = events.join(known, on="obs_id", how="anti").collect(engine="streaming")
    if len(stray):
        ids = stray["obs_id"].unique().sort().to_list()
        raise InputError(
            f"{len(stray):,} events belong to observations without a pointing: "
            f"{', '.join(map(str, ids[:_EXAMPLES]))}; add them to the table of pointings"
        )
    for row in pointings.iter_rows(named=True):
        begin, end = (float(_moment(row[key])) for key in ("start", "stop"))
        own = events.filter(pl.col("obs_id") == row["obs_id"])
        bounds = own.select(
            pl.col("time").min().alias("a"), pl.col("time").max().alias("b"),
            pl.col("time").null_count().alias("n"), pl.len().alias("all"),
        ).collect(engine="streaming")  # fmt: skip
        if bounds["n"][0]:
            raise InputError(f"observation {row['obs_id']}: {bounds['n'][0]:,} events have no time")
        if not bounds["all"][0]:
            continue
        first, last = seconds(_nanoseconds(pl.concat([bounds["a"], bounds["b"]])))
        if first < begin or last > end:
            raise InputError(_outside(own, row, begin, end))


def observed_blocks(events: pl.LazyFrame, observation: Observation) -> Iterator[Block]:
    """Columns of the EVENTS table of one observation, in order of time.

    Rows are read in stretches of time of about `ROWS_IN_MEMORY` events, one scan each, so that an
    observation need not fit in memory.

    Parameters
    ----------
    events : LazyFrame
        `COLUMNS`, and gammaness and multiplicity if there are; rows whose ``is_valid`` is false are
        left out.
    observation : Observation
    """
    names = events.collect_schema().names()
    if missing := [name for name in COLUMNS if name not in names]:
        raise InputError(f"observed events lack the columns {', '.join(missing)}")
    own = events.filter(pl.col("obs_id") == observation.obs_id)
    if "is_valid" in names:
        own = own.filter(pl.col("is_valid"))
    facts = own.select(
        pl.len().alias("n"), pl.col("time").min().alias("a"), pl.col("time").max().alias("b")
    ).collect(engine="streaming")
    if not (n := facts["n"][0]):
        return
    extra = [name for name in ("gammaness", "multiplicity") if name in names]
    a, b = (int(_nanoseconds(facts[key]).astype(np.int64)[0]) for key in ("a", "b"))
    n_parts = max(1, -(-n // ROWS_IN_MEMORY))
    # whole nanoseconds: a double resolves 256 of them
    edges = [a + (b + 1 - a) * part // n_parts for part in range(n_parts + 1)]
    stamp = pl.col("time").dt.cast_time_unit("ns").dt.epoch("ns")
    last = -np.inf
    for low, high in itertools.pairwise(edges):
        rows = (
            own.filter((stamp >= low) & (stamp < high))
            .select(*COLUMNS, *extra)
            .sort("time", "event_id")
            .collect(engine="streaming")
        )
        if not len(rows):
            continue
        time, _ = separated(seconds(_nanoseconds(rows["time"])))
        if time[0] <= last:  # equal times on both sides of an edge
            time[0] = np.nextafter(last, np.inf)
            time, _ = separated(time)
        last = time[-1]
        yield _block(rows, time, observation)


def _block(rows: pl.DataFrame, time: NDArray[np.float64], observation: Observation) -> Block:
    alt, az = rows["reco_alt"].to_numpy(), rows["reco_az"].to_numpy()
    ra, dec = to_sky(alt, az, time, observation.site)
    block: Block = {
        "EVENT_ID": rows["event_id"].to_numpy(), "TIME": time, "RA": ra, "DEC": dec,
        "ENERGY": rows["reco_energy"].to_numpy(),
    }  # fmt: skip
    for name, column in (("gammaness", "GAMMANESS"), ("multiplicity", "MULTIP")):
        if name in rows.columns:
            block[column] = rows[name].fill_null(0).to_numpy()
    return block


def _outside(own: pl.LazyFrame, row: dict[str, Any], begin: float, end: float) -> str:
    table = own.collect()
    moments = seconds(_nanoseconds(table["time"]))
    bad = table.filter((moments < begin) | (moments > end))
    shown = ", ".join(f"event {e} at {t}" for e, t in
                      bad.head(_EXAMPLES).select("event_id", "time").iter_rows())  # fmt: skip
    return (
        f"observation {row['obs_id']}: {len(bad):,} of {len(table):,} events lie outside its "
        f"pointing from {row['start']} to {row['stop']} (UTC): {shown}"
    )


def _moment(value: Any) -> float:
    if isinstance(value, str):
        return float(seconds(value.removesuffix("Z")))
    return float(seconds(_nanoseconds(pl.Series([value])))[0])


def _nanoseconds(times: pl.Series) -> NDArray[np.datetime64]:
    if times.dtype.base_type() is not pl.Datetime:
        raise InputError(f"column time has type {times.dtype}, not a date and time")
    zone = getattr(times.dtype, "time_zone", None)
    if zone is not None:
        times = times.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return times.dt.cast_time_unit("ns").to_numpy()
