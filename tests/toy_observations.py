"""A toy instrument given by formulas: its responses, and simulated events drawn from the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ctabatch.dl3.observations import SITES, offset_by, target, wobble
from ctabatch.dl3.simulated import Pool, draw_observation
from ctabatch.dl3.write import write_store
from ctabatch.io.fits import irf_hdus
from ctabatch.irf.simulated import SimulatedShowers

SITE, CRAB = SITES["CTAO-North"], target("Crab")
AMPLITUDE, INDEX = 2.83e-11, 2.62
MAX_IMPACT = 200.0
AREA = np.pi * MAX_IMPACT**2
ENERGY_SIGMA = 0.15
POINTING_ALT, POINTING_AZ = 70.0, 180.0
BACKGROUND_RATE, BACKGROUND_INDEX = 45.0, 2.7  # at 1 TeV on axis, 1/(s TeV sr)

ENERGY = np.geomspace(0.02, 200, 81)
OFFSET = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0])
RECO = np.geomspace(0.05, 100, 34)


@dataclass(frozen=True)
class PowerLaw:
    amplitude: float
    index: float

    def flux(self, energy):
        return self.amplitude * energy**-self.index


def showers_of(n, energy_min, energy_max, cone):
    return SimulatedShowers(n, energy_min, energy_max, -2.0, MAX_IMPACT, 0.0, cone)


def efficiency(energy, offset):
    """Part of the showers within MAX_IMPACT that are detected."""
    return np.exp(-0.5 * (offset / 2.0) ** 2) / (1 + (energy / 0.1) ** -2)


def psf_sigma(energy):
    return np.clip(0.08 * energy**-0.25, 0.03, 0.25)


def responses(live_fraction_note: str = "") -> dict:
    """Full-enclosure responses: the formulas at the bin centres (offset 0 in the first bin)."""
    energy = np.sqrt(ENERGY[1:] * ENERGY[:-1])
    offset = 0.5 * (OFFSET[1:] + OFFSET[:-1])
    area = AREA * efficiency(energy[:, None], offset)
    migra = np.geomspace(0.2, 5, 121)
    cdf = np.vectorize(lambda x: 0.5 * (1 + _erf(np.log(x) / ENERGY_SIGMA / np.sqrt(2))))(migra)
    density = np.diff(cdf) / np.diff(migra)
    edisp = np.broadcast_to(density[None, :, None], (len(energy), len(density), len(offset)))
    rad = np.linspace(0, 1.4, 281)
    inside = -np.expm1(-0.5 * (rad / psf_sigma(energy)[:, None]) ** 2)
    ring = 2 * np.pi * -np.diff(np.cos(np.radians(rad)))
    psf = np.broadcast_to(
        (np.diff(inside, axis=1) / ring)[:, None, :], (len(energy), len(offset), len(rad) - 1)
    )
    power = 1 - BACKGROUND_INDEX
    mean = BACKGROUND_RATE * (RECO[1:] ** power - RECO[:-1] ** power) / power / np.diff(RECO)
    background = mean[:, None] * np.exp(-0.5 * (offset / 2.5) ** 2) / 1e6
    return {
        "aeff": irf_hdus.effective_area_hdu(area, ENERGY, OFFSET, thresholds=(0.05, 100.0)),
        "edisp": irf_hdus.energy_dispersion_hdu(edisp, ENERGY, migra, OFFSET),
        "psf": irf_hdus.psf_table_hdu(psf, ENERGY, OFFSET, rad),
        "bkg": irf_hdus.background_2d_hdu(background, RECO, OFFSET),
    }  # fmt: skip


def gammas(n: int = 1_000_000, cone: float = 0.8, seed: int = 1) -> tuple:
    """Diffuse gammas that are detected, as an event frame, and the showers behind them."""
    rng = np.random.default_rng(seed)
    showers = showers_of(n, 0.02, 200.0, cone)
    energy = 1 / (1 / 0.02 - rng.random(n) * (1 / 0.02 - 1 / 200.0))
    offset = _offsets(rng, n, cone)
    kept = rng.random(n) < efficiency(energy, offset)
    energy, offset = energy[kept], offset[kept]
    n = len(energy)
    az, alt = offset_by(POINTING_AZ, POINTING_ALT, 360 * rng.random(n), offset)
    theta = psf_sigma(energy) * np.sqrt(-2 * np.log1p(-rng.random(n)))
    reco_az, reco_alt = offset_by(az, alt, 360 * rng.random(n), theta)
    reco = energy * np.exp(rng.normal(0, ENERGY_SIGMA, n))
    return _frame(energy, alt, az, reco, reco_alt, reco_az, 0.9), showers


def protons(n: int = 400_000, cone: float = 2.0, seed: int = 2) -> tuple:
    """Background of the toy's rate after cuts: frame, showers, spectrum per sr."""
    rng = np.random.default_rng(seed)
    showers = showers_of(n, 0.05, 100.0, cone)
    energy = 1 / (1 / 0.05 - rng.random(n) * (1 / 0.05 - 1 / 100.0))
    offset = _offsets(rng, n, cone)
    kept = rng.random(n) < np.exp(-0.5 * (offset / 2.5) ** 2)
    energy, offset = energy[kept], offset[kept]
    az, alt = offset_by(POINTING_AZ, POINTING_ALT, 360 * rng.random(len(energy)), offset)
    frame = _frame(energy, alt, az, energy, alt, az, 0.8)
    return frame, showers, PowerLaw(BACKGROUND_RATE / (AREA * 1e4), BACKGROUND_INDEX)


def pools(n_gammas: int = 1_000_000, n_protons: int = 400_000) -> list[Pool]:
    signal, showers = gammas(n_gammas)
    background, background_showers, spectrum = protons(n_protons)
    return [
        Pool(signal, showers, PowerLaw(AMPLITUDE, INDEX), diffuse=False),
        Pool(background, background_showers, spectrum, diffuse=True),
    ]


def store(folder, made=None, *, exposure=7200.0, live_fraction=0.95, seed=3, **options):
    """Write a store of simulated observations of the Crab."""
    made = pools() if made is None else made
    observations = wobble(CRAB, SITE, exposure=exposure, live_fraction=live_fraction)
    seeds = np.random.SeedSequence(seed).spawn(len(observations))
    children = {o.obs_id: s for o, s in zip(observations, seeds, strict=True)}

    def blocks(observation):
        yield draw_observation(observation, made, children[observation.obs_id])[0]

    write_store(folder, observations, blocks, responses(), **options)
    return observations


def _offsets(rng, n, cone):
    return np.degrees(np.arccos(1 - rng.random(n) * (1 - np.cos(np.radians(cone)))))


def _frame(energy, alt, az, reco_energy, reco_alt, reco_az, gammaness):
    n = len(energy)
    return pl.LazyFrame({
        "obs_id": np.ones(n, np.int64), "event_id": np.arange(n),
        "true_energy": energy, "true_alt": alt, "true_az": az,
        "reco_energy": reco_energy, "reco_alt": reco_alt, "reco_az": reco_az,
        "pointing_alt": np.full(n, POINTING_ALT), "pointing_az": np.full(n, POINTING_AZ),
        "gammaness": np.full(n, gammaness), "multiplicity": np.full(n, 3),
        "is_valid": np.ones(n, bool),
    })  # fmt: skip


def _erf(x):
    import math

    return math.erf(x)
