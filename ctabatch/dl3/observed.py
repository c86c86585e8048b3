"""Observed-like data: DL2 events with times, from the horizon to the sky, by observation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.dataset import KEYS, Dataset
from ctabatch.dl3.observations import seconds, to_sky
from ctabatch.dl3.placing import Block, separated
from ctabatch.dl3.pointings import moment, nanoseconds
from ctabatch.dl3.times import reference_of, with_utc
from ctabatch.errors import InputError
from ctabatch.io.fits.events import event_type_bits
from ctabatch.io.fits.observation import Observation
from ctabatch.io.fits.time_reference import time_reference
from ctabatch.irf.events import dataset_events, sources
from ctabatch.irf.foreign import foreign_events
from ctabatch.irf.prediction_models import check_models

#: Columns of observed events: time is UTC, alt and az in deg, energy in TeV.
COLUMNS = ("obs_id", "event_id", "time", "reco_energy", "reco_alt", "reco_az")
#: Columns that are written if they are there: name -> that of the EVENTS table.
OPTIONAL = {"gammaness": "GAMMANESS", "multiplicity": "MULTIP", "event_type": "EVENT_TYPE"}
#: Events of one observation that are held in memory at once.
ROWS_IN_MEMORY = 2_000_000
_EXAMPLES = 5


def from_dataset(
    dataset: Dataset, prefix: str | None = None, direction: str | None = None
) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Observed events of a dataset, and all triggered events with their time and pointing.

    Parameters
    ----------
    dataset : Dataset
    prefix, direction : str, optional
        Which predictions, if there are several; whose direction, if not theirs.

    Returns
    -------
    LazyFrame, LazyFrame
        Event frame, see `ctabatch.irf.events.dataset_events`; array events with obs_id, event_id,
        time, pointing_alt and pointing_az in deg (mean of the telescopes).

    Raises
    ------
    InputError
        The events have no times.
    """
    keys = [pl.col(name).cast(pl.Int64) for name in KEYS]
    if missing := {"trigger", "pointing"}.difference(dataset.tables):
        raise InputError(
            f"the dataset has no table {' or '.join(sorted(missing))}, so its events have no times "
            "or directions of observation; --simulate draws observations from simulated events"
        )
    events = dataset_events(dataset, prefix, direction=direction)
    time = dataset.trigger().select(*keys, "time")
    alt, az = pl.col("telescope_pointing_altitude"), pl.col("telescope_pointing_azimuth")
    # the mean of a direction, not of an azimuth that jumps at north
    pointing = (
        dataset.pointing()
        .group_by(keys)
        .agg(x=(alt.cos() * az.cos()).mean(), y=(alt.cos() * az.sin()).mean(), z=alt.sin().mean())
        .select(
            *KEYS,
            pl.arctan2("z", (pl.col("x") ** 2 + pl.col("y") ** 2).sqrt()).degrees()
            .alias("pointing_alt"),
            (pl.arctan2("y", "x").degrees() % 360).alias("pointing_az"),
        )
    )  # fmt: skip
    return events, time.join(pointing, on=KEYS, how="inner")


def models_of(
    dataset: Dataset, prefix: str | None = None, direction: str | None = None
) -> dict[str, str]:
    """Prefix and digest of the models behind the gammaness of a dataset, as far as it tells."""
    chosen = sources(dataset, prefix, direction=direction)
    digest = check_models(dataset, chosen.items()).get("gammaness", "")
    known = {"prefix": chosen.gammaness or "", "digest": digest}
    return {key: value for key, value in known.items() if value}


def from_table(
    address: str, column_map: str | None = None, reference: str | None = None
) -> pl.LazyFrame:
    """Observed events of a table of another pipeline, with their times.

    Parameters
    ----------
    address, column_map : str
        As of `ctabatch.irf.foreign.foreign_events`; also time is needed, but no truth.
    reference : str, optional
        MJD (TT) that a time in seconds counts from; by default what the header of a FITS table
        says.

    Raises
    ------
    InputError, OptionError
        The table cannot be used, or columns are missing.
    """
    needed = ("reco_energy", "reco_alt", "reco_az", "time")
    events = foreign_events(address, column_map, needed=needed)
    if events.collect_schema()["time"].is_numeric() and reference is None:
        start = time_reference(address)
    else:
        start = None if reference is None else reference_of(reference)
    return with_utc(events, start, address)


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
        begin, end = (float(moment(row[key])) for key in ("start", "stop"))
        own = events.filter(pl.col("obs_id") == row["obs_id"])
        bounds = own.select(
            pl.col("time").min().alias("a"), pl.col("time").max().alias("b"),
            pl.col("time").null_count().alias("n"), pl.len().alias("all"),
        ).collect(engine="streaming")  # fmt: skip
        if bounds["n"][0]:
            raise InputError(f"observation {row['obs_id']}: {bounds['n'][0]:,} events have no time")
        if not bounds["all"][0]:
            continue
        first, last = seconds(nanoseconds(pl.concat([bounds["a"], bounds["b"]])))
        if first < begin or last > end:
            raise InputError(_outside(own, row, begin, end))


def observed_blocks(
    events: pl.LazyFrame, observation: Observation, number: int | None = None
) -> Iterator[Block]:
    """Columns of the EVENTS table of one observation, in order of time.

    Rows are read in stretches of time of about `ROWS_IN_MEMORY` events, one scan each, so that an
    observation need not fit in memory.

    Parameters
    ----------
    events : LazyFrame
        `COLUMNS`, and gammaness, multiplicity and event_type (whole numbers) if there are; rows
        whose ``is_valid`` is false are left out.
    observation : Observation
    number : int, optional
        What the events call the observation; its own number by default.
    """
    names = events.collect_schema().names()
    if missing := [name for name in COLUMNS if name not in names]:
        raise InputError(f"observed events lack the columns {', '.join(missing)}")
    own = events.filter(pl.col("obs_id") == (observation.obs_id if number is None else number))
    if "is_valid" in names:
        own = own.filter(pl.col("is_valid"))
    facts = own.select(
        pl.len().alias("n"), pl.col("time").min().alias("a"), pl.col("time").max().alias("b")
    ).collect(engine="streaming")
    if not (n := facts["n"][0]):
        return
    extra = [name for name in OPTIONAL if name in names]
    a, b = (int(nanoseconds(facts[key]).astype(np.int64)[0]) for key in ("a", "b"))
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
        time, _ = separated(seconds(nanoseconds(rows["time"])))
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
    for name, column in OPTIONAL.items():
        if name in rows.columns:
            block[column] = rows[name].fill_null(-1 if name == "event_type" else 0).to_numpy()
    if "EVENT_TYPE" in block:
        block["EVENT_TYPE"] = event_type_bits(block["EVENT_TYPE"].astype(np.int64))
    return block


def _outside(own: pl.LazyFrame, row: dict[str, Any], begin: float, end: float) -> str:
    table = own.collect()
    moments = seconds(nanoseconds(table["time"]))
    bad = table.filter((moments < begin) | (moments > end))
    shown = ", ".join(f"event {e} at {t}" for e, t in
                      bad.head(_EXAMPLES).select("event_id", "time").iter_rows())  # fmt: skip
    return (
        f"observation {row['obs_id']}: {len(bad):,} of {len(table):,} events lie outside its "
        f"pointing from {row['start']} to {row['stop']} (UTC): {shown}"
    )
