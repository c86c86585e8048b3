"""What was simulated in the runs of a dataset, by their headers and histograms."""

from __future__ import annotations

import polars as pl

from ctabatch.dataset import Dataset
from ctabatch.errors import InputError
from ctabatch.irf.pointing import run_pointings
from ctabatch.irf.simulated import SimulatedShowers

#: How cores are scattered, in the run header: 1 is a disc.
_RECTANGLE = 2
#: Columns of `showers_of_runs` that must be equal in all runs.
RANGES = ("energy_min", "energy_max", "spectral_index", "max_impact", "viewcone_min",
          "viewcone_max")  # fmt: skip


def showers_of_runs(dataset: Dataset) -> pl.DataFrame:
    """What was simulated in each run of a dataset.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    DataFrame
        A row for each run: obs_id; n_showers, uses of showers by the headers (those of all files
        that were merged into one); n_histogram, the same counted in the file's histogram of
        showers, null without one; reuse, the most uses of a shower; `RANGES` in the
        units of `SimulatedShowers`; pointing_alt and pointing_az in deg.

    Raises
    ------
    InputError
        The headers lack these numbers, or those of one run differ; cores were not scattered over a
        disc.
    """
    words = {
        "energy_min": "energy_range_min",
        "energy_max": "energy_range_max",
        "spectral_index": "spectral_index",
        "max_impact": "max_scatter_range",
        "viewcone_min": "min_viewcone_radius",
        "viewcone_max": "max_viewcone_radius",
    }
    headers = (
        dataset.run()
        .select(
            pl.col("obs_id").cast(pl.Int64),
            pl.col("n_showers", "shower_reuse").cast(pl.Float64),
            "core_pos_mode",
            **{name: pl.col(word).cast(pl.Float64) for name, word in words.items()},
        )
        .collect()
    )
    lacking = [c for c in headers.columns if c != "core_pos_mode" and headers[c].null_count()]
    if lacking:
        raise InputError(f"the run headers lack {', '.join(lacking)}: is this simulated data?")
    if (headers["core_pos_mode"] == _RECTANGLE).any():
        raise InputError(
            "the cores of some runs were scattered over a rectangle; effective areas are only made "
            "for a disc"
        )
    runs = headers.group_by("obs_id").agg(
        (pl.col("n_showers") * pl.col("shower_reuse")).sum(),
        pl.col("shower_reuse").max().alias("reuse"),
        *(pl.col(name).first() for name in RANGES),
        *(pl.col(name).n_unique().alias(f"n {name}") for name in RANGES),
    )
    for name in RANGES:
        if (runs[f"n {name}"] > 1).any():
            run = int(runs.filter(pl.col(f"n {name}") > 1)["obs_id"].sort()[0])
            values = sorted(headers.filter(pl.col("obs_id") == run)[name].unique())
            raise InputError(f"run {run}: its headers differ in {name}: {_listed(values)}")
    histograms: pl.DataFrame | None = None
    if "shower_distribution" in dataset.tables:
        query = dataset.shower_distribution().group_by(pl.col("obs_id").cast(pl.Int64))
        histograms = query.agg(n_histogram=pl.col("n_entries").sum().cast(pl.Float64)).collect()
    if histograms is not None:
        runs = runs.join(histograms, on="obs_id", how="left")
    else:
        runs = runs.with_columns(n_histogram=pl.lit(None, pl.Float64))
    runs = runs.join(run_pointings(dataset).collect(), on="obs_id", how="left").sort("obs_id")
    return runs.select(
        "obs_id", "n_showers", "n_histogram", "reuse", *RANGES, "pointing_alt", "pointing_az"
    )


def combined(runs: pl.DataFrame) -> SimulatedShowers:
    """The showers of several runs as one simulation.

    Parameters
    ----------
    runs : DataFrame
        Rows of `showers_of_runs`.

    Raises
    ------
    InputError
        There are no runs, or they differ in what they simulated; the message lists the values.
    """
    if runs.height == 0:
        raise InputError("no runs: nothing was simulated")
    differ = []
    for name in RANGES:
        values = sorted(runs[name].unique())
        if len(values) > 1:
            differ.append(f"{name}: {_listed(values)}")
    if differ:
        raise InputError(
            f"the {runs.height} runs simulated different things, so their showers cannot be added: "
            f"{'; '.join(differ)}. Make responses of each by itself"
        )
    return SimulatedShowers(
        n_showers=float(runs["n_showers"].sum()), **{name: runs[name][0] for name in RANGES}
    )


def _listed(values: list[float]) -> str:
    shown = ", ".join(f"{value:.6g}" for value in values[:6])
    return shown if len(values) <= 6 else f"{shown}, ... ({len(values)} values)"
