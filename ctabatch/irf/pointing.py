"""Where the array of each run pointed."""

from __future__ import annotations

import polars as pl

from ctabatch.dataset import Dataset
from ctabatch.errors import InputError


def run_pointings(dataset: Dataset) -> pl.LazyFrame:
    """Pointing of each run: that of the array, else the mean of its telescopes.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    LazyFrame
        obs_id i64, pointing_alt, pointing_az f64 in deg, azimuth in [0, 360).

    Raises
    ------
    InputError
        A run has neither.
    """
    by_run = pl.col("obs_id").cast(pl.Int64)
    array = (
        dataset.run()
        .filter("is_last_header")
        .group_by(by_run)
        .agg(
            pl.col("subarray_pointing_lat").first().cast(pl.Float64).alias("pointing_alt"),
            pl.col("subarray_pointing_lon").first().cast(pl.Float64).alias("pointing_az"),
        )
        .collect()
    )
    known = pl.all_horizontal(pl.col("pointing_alt", "pointing_az").is_finite().fill_null(False))
    missing = array.filter(~known)["obs_id"]
    found = array.filter(known).with_columns(pl.col("pointing_az") % 360)
    if len(missing):
        found = pl.concat([found, _telescope_means(dataset, missing)])
    return found.sort("obs_id").lazy()


def _telescope_means(dataset: Dataset, runs: pl.Series) -> pl.DataFrame:
    """Mean directions of the telescopes of some runs, as means of unit vectors."""
    alt, az = (pl.col(f"telescope_pointing_{c}").cast(pl.Float64) for c in ("altitude", "azimuth"))
    x, y, z = (pl.col(name).mean() for name in ("x", "y", "z"))
    if "pointing" not in dataset.tables:
        raise InputError(
            f"runs {', '.join(map(str, runs.head(5)))}: no pointing of the array and no table of "
            "telescope pointings"
        )
    found = (
        dataset.pointing()
        .select(
            pl.col("obs_id").cast(pl.Int64),
            x=alt.cos() * az.cos(), y=alt.cos() * az.sin(), z=alt.sin(),
        )
        .filter(pl.col("obs_id").is_in(runs.implode()), pl.col("x").is_finite())
        .group_by("obs_id")
        .agg(
            pointing_alt=pl.arctan2(z, (x**2 + y**2).sqrt()).degrees(),
            pointing_az=pl.arctan2(y, x).degrees() % 360,
        )
        .collect(engine="streaming")
    )  # fmt: skip
    if lost := set(runs) - set(found["obs_id"]):
        raise InputError(f"runs {', '.join(map(str, sorted(lost)[:5]))}: their pointing is unknown")
    return found
