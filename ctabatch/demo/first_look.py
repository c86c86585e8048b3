"""Simulated sim_telarray files are processed, queried and looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ctabatch.config import ProcessConfig
from ctabatch.dataset import Dataset
from ctabatch.engine import Engine
from ctabatch.plot import report
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.files import simulate_file
from ctabatch.simulate.options import SimulationOptions

if TYPE_CHECKING:
    from . import DemoOptions

#: Told (what is being done, how many of, how many in all).

Progress = Callable[[str, int, int], None]


def first_look(folder: Path, options: DemoOptions, progress: Progress) -> dict[str, Any]:
    """Simulate, process, query and draw into a folder.

    Parameters
    ----------
    folder : Path
        Gets ``simtel/``, ``dl1/`` and ``figures/``.
    options : DemoOptions
    progress : callable

    Returns
    -------
    dict
        Files made and numbers found: ``files``, ``figures``, ``counts``.
    """
    simtel = folder / "simtel"
    simtel.mkdir(parents=True, exist_ok=True)
    runs = {"gamma": options.gammas, "proton": options.protons, "muon": options.muons}
    files = []
    for obs_id, (primary, n_showers) in enumerate(runs.items(), start=1):
        target = simtel / f"{primary}.simtel.zst"
        simulation = SimulationOptions(
            primary=primary,
            n_showers=n_showers,
            array=load_array(options.array),
            seed=options.seed,
            obs_id=obs_id,
            source_offset=0.5 if primary == "gamma" else 0.0,
            max_core_distance=None if primary == "muon" else 350.0,
        )

        def tell(done: int, _: int, what: str = primary, total: int = n_showers) -> None:
            progress(f"simulate {what} showers", done, total)

        simulate_file(simulation, target, overwrite=True, progress=tell)
        files.append(target)
    config = ProcessConfig(write=("r1", "images", "parameters", "geometry"))
    engine = Engine(folder / "dl1", config, existing="overwrite")
    for index, path in enumerate(files):
        progress("process", index, len(files))
        engine.run(path)
    progress("process", len(files), len(files))
    dataset = Dataset(folder / "dl1")
    figures = report.figures(dataset, files[0], folder / "figures", progress)
    return {
        "files": [str(path) for path in files],
        "dataset": str(folder / "dl1"),
        "figures": [str(path) for path in figures],
        "counts": counts(dataset).to_dicts(),
    }


def counts(dataset: Dataset) -> pl.DataFrame:
    """Showers, array events, telescope events and images with parameters per primary."""
    showers = dataset.run().select("obs_id", simulated=pl.col("n_showers") * pl.col("shower_reuse"))
    names = {0: "gamma", 1: "electron", 2: "muon", 101: "proton"}
    events = (
        dataset.shower()
        .group_by("obs_id")
        .agg(
            primary=pl.col("true_shower_primary_id")
            .first()
            .replace_strict(names, default="other", return_dtype=pl.String),
            array_events=pl.len(),
        )
    )
    images = (
        dataset.parameters()
        .group_by("obs_id")
        .agg(
            telescope_events=pl.len(),
            parametrised=pl.col("hillas_intensity").is_finite().sum(),
            median_intensity=pl.col("hillas_intensity").fill_nan(None).median().round(1),
        )
    )
    return (
        events.join(showers, on="obs_id")
        .join(images, on="obs_id", how="left")
        .sort("obs_id")
        .select(
            "primary", "simulated", "array_events", "telescope_events", "parametrised",
            "median_intensity",
        )
        .collect()
    )  # fmt: skip
