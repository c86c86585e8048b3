"""Event tables as other pipelines write them, with the showers that they come from."""

from __future__ import annotations

import numpy as np
from astropy.io import fits

from ctabatch.dl3.observations import offset_by
from ctabatch.irf.simulated import SimulatedShowers

#: The map of a table that names its columns as Eventdisplay does.
MAP = (
    "true_energy=MC_ENERGY,true_alt=MC_ALT,true_az=MC_AZ,reco_energy=ENERGY,reco_alt=ALT,"
    "reco_az=AZ,pointing_alt=PNT_ALT,pointing_az=PNT_AZ,gammaness=GH_MVA,multiplicity=MULTIP"
)
SHOWERS = SimulatedShowers(4e5, 0.003, 330.0, -2.0, 1900.0, 0.0, 10.0)


def columns(n_showers=400_000, seed=1, pointing=(70.0, 0.0)):
    """Triggered gammas: more of those with high energies and close to the pointing."""
    rng = np.random.default_rng(seed)
    energy = 1 / (1 / 0.003 - rng.random(n_showers) * (1 / 0.003 - 1 / 330.0))
    # to the north, where azimuths change sign, and off the pointing by up to the view cone
    offset = np.degrees(np.arccos(1 - rng.random(n_showers) * (1 - np.cos(np.radians(10)))))
    angle = 2 * np.pi * rng.random(n_showers)
    seen = rng.random(n_showers) < 0.5 / (1 + (energy / 0.5) ** -1.5) * np.exp(-((offset / 5) ** 2))
    energy, offset, angle = energy[seen], offset[seen], angle[seen]
    n = len(energy)
    az, alt = offset_by(pointing[1], pointing[0], np.degrees(angle), offset)
    az = (az + 180) % 360 - 180
    return {
        "OBS_ID": np.full(n, 7, np.int32),
        "EVENT_ID": np.arange(n, dtype=np.int64) * 100,
        "MC_ENERGY": energy, "MC_ALT": alt, "MC_AZ": az,
        "ENERGY": energy * np.exp(rng.normal(0, 0.15, n)),
        "ALT": alt + rng.normal(0, 0.05, n),
        "AZ": (az + rng.normal(0, 0.1, n) + 180) % 360 - 180,
        "PNT_ALT": np.full(n, pointing[0]), "PNT_AZ": np.full(n, pointing[1]),
        "GH_MVA": rng.random(n), "MULTIP": rng.integers(2, 20, n).astype(np.int16),
    }  # fmt: skip


def write_fits(path, rows, *, units=True, factor=1.0, tables=True):
    """An EVENTS table in single precision, and one of simulated energies.

    The numbers of the latter are some factor too large.
    """
    angles = {"MC_ALT", "MC_AZ", "ALT", "AZ", "PNT_ALT", "PNT_AZ"}
    made = []
    for name, values in rows.items():
        unit = "TeV" if "ENERGY" in name else "deg" if name in angles else None
        form = {"i2": "I", "i4": "J", "i8": "K", "f4": "E", "f8": "E"}[values.dtype.str[1:]]
        made.append(fits.Column(name, form, unit if units else None, array=values))
    made.append(fits.Column("MC_CORE", "2E", "m", array=np.zeros((len(values), 2))))
    made.append(fits.Column("CLASS", "4A", array=np.full(len(values), "gamm")))
    hdus = [fits.PrimaryHDU(), fits.BinTableHDU.from_columns(made, name="EVENTS")]
    if tables:
        edges = np.geomspace(0.003, 330.0, 26)
        counts = SHOWERS.expected_in(edges[:-1], edges[1:]) * factor
        hdus.append(fits.BinTableHDU.from_columns([
            fits.Column("MC_ENERG_LO", "E", "TeV", array=edges[:-1]),
            fits.Column("MC_ENERG_HI", "E", "TeV", array=edges[1:]),
            fits.Column("EVENTS", "D", array=counts),
        ], name="SIMULATED EVENTS"))  # fmt: skip
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return str(path)
