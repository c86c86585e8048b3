"""Reconstructed events without showers: tables of any length from a simple response model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import OptionError
from ctabatch.kernels.response_model import ALTITUDE, AZIMUTH, ENERGY, GAMMANESS, draw_response

from .options import SimulationOptions
from .primaries import draw_primaries

#: Showers drawn together.
BLOCK_SHOWERS = 1 << 18
#: Light relative to a gamma of the same energy.
_LIGHT = {"gamma": 1.0, "electron": 1.0, "proton": 0.4}


def dl2_events(
    options: SimulationOptions, *, prefix: str = "Toy", block_showers: int = BLOCK_SHOWERS
) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield tables of reconstructed events, by column names of ctapipe's DL2 event tables.

    Parameters
    ----------
    options : SimulationOptions
        Its array and trigger do not count here; the response is that of a fixed toy array.
    prefix : str
        Name of the reconstruction.
    block_showers : int
        Showers simulated together.

    Yields
    ------
    dict of arrays
        Events that triggered: obs_id, event_id, true_energy (TeV), true_alt, true_az (deg),
        true_core_x, true_core_y (m), PREFIX_energy (TeV), PREFIX_alt, PREFIX_az (deg),
        PREFIX_prediction (the gammaness), PREFIX_energy_is_valid, PREFIX_prediction_is_valid and
        PREFIX_direction_is_valid.
    """
    if options.primary not in _LIGHT:
        raise OptionError.unknown_name("primary of DL2 events", options.primary, _LIGHT)
    block = max(1, min(block_showers, block_showers // options.reuse))
    for first in range(1, options.n_showers + 1, block):
        yield _table(options, prefix, first, min(block, options.n_showers + 1 - first))


def _table(
    options: SimulationOptions, prefix: str, first: int, n_showers: int
) -> dict[str, NDArray[Any]]:
    primaries = draw_primaries(options, first, n_showers)
    seen = np.empty(len(primaries.core), np.bool_)
    reco = np.empty((len(primaries.core), 4))
    draw_response(
        options.seed, first, options.reuse, primaries.showers, primaries.core,
        options.primary != "proton", _LIGHT[options.primary], seen, reco,
    )  # fmt: skip
    reco, core = reco[seen], primaries.core[seen]
    truth = primaries.showers[primaries.shower[seen]]
    everywhere = np.ones(len(reco), np.bool_)
    return {
        "obs_id": np.full(len(reco), options.obs_id, np.int32),
        "event_id": primaries.event_id[seen],
        "true_energy": truth[:, 0].copy(),
        "true_alt": np.rad2deg(truth[:, 1]),
        "true_az": np.rad2deg(truth[:, 2]),
        "true_core_x": core[:, 0].copy(),
        "true_core_y": core[:, 1].copy(),
        f"{prefix}_energy": reco[:, ENERGY].copy(),
        f"{prefix}_alt": np.rad2deg(reco[:, ALTITUDE]),
        f"{prefix}_az": np.rad2deg(reco[:, AZIMUTH]),
        f"{prefix}_prediction": reco[:, GAMMANESS].copy(),
        f"{prefix}_energy_is_valid": everywhere,
        f"{prefix}_prediction_is_valid": everywhere,
        f"{prefix}_direction_is_valid": everywhere,
    }
