"""The events of datasets as tables of pyirf, by a way of their own: astropy and pyirf alone."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import astropy.units as u
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from astropy.coordinates import AltAz, SkyCoord
from astropy.table import QTable, vstack
from pyirf.cuts import evaluate_binned_cut
from pyirf.simulations import SimulatedEventsInfo
from pyirf.spectral import (
    CRAB_HEGRA,
    IRFDOC_ELECTRON_SPECTRUM,
    IRFDOC_PROTON_SPECTRUM,
    PowerLaw,
    calculate_event_weights,
)
from pyirf.utils import calculate_source_fov_offset, calculate_theta

from ctabatch.cli.main import run
from ctabatch.irf.cut_files import read_cuts
from ctabatch.irf.long_table import products_of
from tests.irf_inputs import simulate

TIME = 50 * u.hour
TARGETS = {"proton": IRFDOC_PROTON_SPECTRUM, "electron": IRFDOC_ELECTRON_SPECTRUM}


def add_telescopes(root: Path, seed: int) -> Path:
    """Let the predictions tell numbers of telescopes, more at high energies."""
    rng = np.random.default_rng(seed)
    for path in sorted((root / "dl2/subarray/model=Toy").glob("*.parquet")):
        table = pq.read_table(path)
        energy = table["Toy_energy"].to_numpy()
        n = 2 + rng.poisson(1 + np.clip(np.log10(energy / 0.02), 0, None))
        for name in ("energy", "prediction", "direction"):
            table = table.append_column(f"Toy_{name}_n_tels", pa.array(n.astype(np.int16)))
        pq.write_table(table, path)
    return root


def simulation(root: Path) -> SimulatedEventsInfo:
    """What was simulated, of runs that all simulated the same."""
    runs = pl.read_parquet(root / "run/*.parquet")
    first = runs.row(0, named=True)
    return SimulatedEventsInfo(
        n_showers=int((runs["n_showers"] * runs["shower_reuse"]).sum()),
        energy_min=first["energy_range_min"] * u.TeV,
        energy_max=first["energy_range_max"] * u.TeV,
        max_impact=first["max_scatter_range"] * u.m,
        spectral_index=first["spectral_index"],
        viewcone_min=first["min_viewcone_radius"] * u.deg,
        viewcone_max=first["max_viewcone_radius"] * u.deg,
    )


def events(root: Path) -> QTable:
    """All events under pyirf's names, with distances and places in the field of view."""
    keys = ["obs_id", "event_id"]
    frame = pl.read_parquet(root / "dl2/subarray/model=Toy/*.parquet").join(
        pl.read_parquet(root / "shower/*.parquet"), on=keys, maintain_order="left"
    )
    pointing = pl.read_parquet(root / "run/*.parquet").select(
        "obs_id",
        pointing_alt="subarray_pointing_lat",
        pointing_az="subarray_pointing_lon",
    )
    frame = frame.join(pointing, on="obs_id", maintain_order="left")
    columns = {
        "true_energy": ("true_energy", u.TeV),
        "reco_energy": ("Toy_energy", u.TeV),
        "gh_score": ("Toy_prediction", None),
        "multiplicity": ("Toy_energy_n_tels", None),
    }
    for angle in ("alt", "az"):
        columns |= {
            f"true_{angle}": (f"true_{angle}", u.deg),
            f"reco_{angle}": (f"Toy_{angle}", u.deg),
            f"pointing_{angle}": (f"pointing_{angle}", u.deg),
        }
    table = QTable()
    for name, (source, unit) in columns.items():
        values = frame[source].to_numpy()
        # angles in double precision, so that distances of 0.01 deg keep six digits
        values = values.astype(np.float64) if unit == u.deg else values
        table[name] = values if unit is None else values * unit
    table["theta"] = calculate_theta(table, table["true_az"], table["true_alt"]).to(u.deg)
    pointing = SkyCoord(table["pointing_az"], table["pointing_alt"], frame=AltAz())
    for prefix in ("true", "reco"):
        table[f"{prefix}_source_fov_offset"] = calculate_source_fov_offset(table, prefix).to(u.deg)
        direction = SkyCoord(table[f"{prefix}_az"], table[f"{prefix}_alt"], frame=AltAz())
        place = direction.transform_to(pointing.skyoffset_frame())
        # GADF's longitude is positive to the west
        table[f"{prefix}_source_fov_lon"] = -place.lon.wrap_at(180 * u.deg).to(u.deg)
        table[f"{prefix}_source_fov_lat"] = place.lat.to(u.deg)
    return table


def weigh_source(table: QTable, info: SimulatedEventsInfo, offsets: u.Quantity) -> np.ndarray:
    """Weights of diffuse gammas: the whole source in each bin of offset."""
    simulated = PowerLaw.from_simulation(info, TIME)
    weight = np.zeros(len(table))
    for low, high in pairwise(offsets):
        offset = table["true_source_fov_offset"]
        inside = (offset >= low) & (offset < high)
        weight[inside] = calculate_event_weights(
            table["true_energy"][inside], CRAB_HEGRA, simulated.integrate_cone(low, high)
        )
    return weight


def background(roots: dict[str, Path]) -> QTable:
    """Weighted events of all background primaries."""
    tables = []
    for kind, root in roots.items():
        table = events(root)
        simulated = PowerLaw.from_simulation(simulation(root), TIME)
        table["weight"] = calculate_event_weights(table["true_energy"], TARGETS[kind], simulated)
        tables.append(table)
    return vstack(tables)


def passing(table: QTable, cuts, column: str) -> np.ndarray:
    """Whether events pass a cut of our table, by pyirf.

    Cuts in theta are often the theta of an event, which astropy computes with other last digits.
    """
    values, operator = {
        "gh_score": (cuts.gammaness, np.greater_equal),
        "theta": (cuts.theta * (1 + 1e-9) * u.deg, np.less_equal),
        "multiplicity": (cuts.multiplicity, np.greater_equal),
    }[column]
    # beyond the valid energies, as ctapipe has it
    low, high = (energy * u.TeV for energy in cuts.valid_energy)
    within = (table["reco_energy"] >= low) & (table["reco_energy"] < high)
    edges = cuts.energy.edges * u.TeV
    whole = QTable({"low": edges[:-1], "high": edges[1:], "cut": values})
    return within & evaluate_binned_cut(table[column], table["reco_energy"], whole, operator)


CONFIG = {
    "bins": {"energy": "0.015,150,5", "offset": "0,3,3", "rad": "0,0.6,30", "fov": "-2,2,4"},
    "quantities": ["aeff", "edisp", "psf", "background", "aeff_3d", "edisp_3d", "background_3d"],
    "cuts": {"offset": [0, 3], "multiplicity_grid": [2, 4]},
}


def make_case(folder: Path, *, point_like: bool) -> SimpleNamespace:
    """Folder of results of the command, and the events that pass its cuts by pyirf."""
    logging.getLogger("pyirf.sensitivity").setLevel(logging.ERROR)
    roots = {}
    for number, kind in enumerate(("gamma", "proton", "electron"), start=1):
        roots[kind] = simulate(folder / kind, kind, number, number + 10)
        add_telescopes(roots[kind], number)
    (folder / "options.yaml").write_text(yaml.safe_dump({**CONFIG, "point_like": point_like}))
    words = [*roots.values(), "-o", folder / "made", "--config", folder / "options.yaml",
             "--no-figures"]  # fmt: skip
    with pytest.raises(SystemExit) as stop:
        run(["irf", *map(str, words)])
    assert stop.value.code == 0
    made, cuts = folder / "made", read_cuts(folder / "made")
    found = products_of(pq.read_table(made / "irf.parquet"))
    products = {product.quantity: product for product in found}
    gammas, info = events(roots["gamma"]), simulation(roots["gamma"])
    hadrons = background({kind: roots[kind] for kind in ("proton", "electron")})
    offsets = products["sensitivity"].axis("offset").edges * u.deg
    gammas["weight"] = weigh_source(gammas, info, offsets)
    for table in (gammas, hadrons):
        passes = passing(table, cuts, "gh_score")
        table["passes"] = passes & passing(table, cuts, "multiplicity")
    gammas["in_theta"] = gammas["passes"] & passing(gammas, cuts, "theta")
    return SimpleNamespace(
        folder=made, cuts=cuts, products=products,
        gammas=gammas, hadrons=hadrons, info=info, point_like=point_like, offsets=offsets,
    )  # fmt: skip


def edges(product, *names):
    return tuple(product.axis(name).edges * u.Unit(product.axis(name).unit) for name in names)


def selected(case, *, theta=None):
    theta = case.point_like if theta is None else theta
    return case.gammas[case.gammas["in_theta" if theta else "passes"]]
