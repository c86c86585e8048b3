"""Toy gammas and background events to derive cuts from, as event frames and as pyirf's tables."""

import astropy.units as u
import numpy as np
import polars as pl
from astropy.table import QTable

from ctabatch.irf.axes import energy_axis

ENERGY = energy_axis(0.015, 150, 5)


def signal(n=30_000, seed=1, dtype=np.float64):
    """Gammas: gammaness near 1, theta and multiplicity that depend on energy."""
    rng = np.random.default_rng(seed)
    energy = 0.01 * (1 - rng.random(n)) ** -1.0
    multiplicity = 2 + rng.poisson(1.5 * np.log10(energy / 0.01))
    theta = rng.rayleigh(0.15 * energy**-0.2 / np.sqrt(multiplicity))
    gammaness = rng.beta(1 + multiplicity, 2.0, n)
    weight = 100 * energy**-0.6 * 30_000 / n
    return _frame(energy, gammaness, multiplicity, weight, dtype, theta=theta)


def background(n=30_000, seed=2, dtype=np.float64):
    rng = np.random.default_rng(seed)
    energy = 0.01 * (1 - rng.random(n)) ** -0.8
    multiplicity = 2 + rng.poisson(1.3 * np.log10(energy / 0.01))
    gammaness = rng.beta(2.0, 1.5, n)
    weight = 1e5 * energy**-0.7 * 30_000 / n
    offset = 6 * np.sqrt(rng.random(n))
    return _frame(energy, gammaness, multiplicity, weight, dtype, reco_offset=offset)


def _frame(energy, gammaness, multiplicity, weight, dtype, **more):
    columns = {"reco_energy": energy, "gammaness": gammaness, **more}
    return pl.DataFrame(
        {
            **{name: values.astype(dtype) for name, values in columns.items()},
            "multiplicity": multiplicity.astype(np.int64),
            "weight": weight,
        }
    )


def pyirf_table(frame):
    """The same events under pyirf's names."""
    names = {"gammaness": "gh_score", "reco_offset": "reco_source_fov_offset"}
    units = {"reco_energy": u.TeV, "theta": u.deg, "reco_offset": u.deg}
    table = QTable()
    for name in frame.columns:
        values = frame[name].to_numpy()
        table[names.get(name, name)] = values * units[name] if name in units else values
    return table
