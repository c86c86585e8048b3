"""Times and places on the sky of events that were drawn for an observation."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.dl3.observations import offset_by, separation, to_horizon, to_sky
from ctabatch.errors import InputError
from ctabatch.io.fits.observation import MARGIN, Observation

Floats = NDArray[np.float64]
#: Column -> values of shape (n,).
Block = dict[str, NDArray[Any]]


def uniform_times(observation: Observation, n: int, rng: np.random.Generator) -> Floats:
    """Times drawn uniformly from the good intervals, a little away from their ends."""
    lengths = np.array([b - a for a, b in observation.intervals])
    starts = np.array([a for a, _ in observation.intervals])
    ends = np.cumsum(lengths)
    x = rng.random(n) * ends[-1]
    which = np.minimum(np.searchsorted(ends, x, side="right"), len(ends) - 1)
    inside = (x - (ends - lengths)[which]) / lengths[which]
    guard = 5 * MARGIN
    return np.asarray(starts[which] + guard + inside * (lengths[which] - 2 * guard))


def time_slices(observation: Observation, n: int) -> list[Observation]:
    """The observation in n slices of equal ontime, in order."""
    found: list[list[tuple[float, float]]] = [[] for _ in range(n)]
    length, before = observation.ontime / n, 0.0
    for start, stop in observation.intervals:
        first, last = (int(min((before + x) // length, n - 1)) for x in (0.0, stop - start))
        for k in range(first, last + 1):
            begin = max(start, start + k * length - before)
            end = stop if k == n - 1 else min(stop, start + (k + 1) * length - before)
            if end - begin > 20 * MARGIN:  # shorter ones hold no event
                found[k].append((begin, end))
        before += stop - start
    return [dataclasses.replace(observation, intervals=tuple(own)) for own in found]


def separated(time: Floats) -> tuple[Floats, int]:
    """Sorted times with equal ones moved on by the resolution of the number; how many were."""
    out, n_moved = time.copy(), 0
    while len(equal := np.flatnonzero(np.diff(out) <= 0)):
        out[equal + 1] = np.nextafter(out[equal], np.inf)
        n_moved += len(equal)
    return out, n_moved


def place_signal(
    rows: Block, observation: Observation, _rng: np.random.Generator, _keep: bool
) -> tuple[Floats, Floats]:
    """ICRS positions in deg of events of the source: at their distance from it, and their side."""
    true = rows["true_az"], rows["true_alt"]
    _, to_pointing = separation(*true, rows["pointing_az"], rows["pointing_alt"])
    theta, to_reco = separation(*true, rows["reco_az"], rows["reco_alt"])
    ra, dec = source_of(observation)
    _, angle = separation(ra, dec, observation.ra_pnt, observation.dec_pnt)
    # azimuth grows clockwise seen from inside the sphere, right ascension the other way round
    return offset_by(ra, dec, angle - (to_reco - to_pointing), theta)


def place_background(
    rows: Block, observation: Observation, rng: np.random.Generator, keep: bool
) -> tuple[Floats, Floats]:
    """ICRS positions in deg of background events at their distance from the pointing."""
    pointing = rows["pointing_az"], rows["pointing_alt"]
    distance, angle = separation(*pointing, rows["reco_az"], rows["reco_alt"])
    if not keep:
        turned = 360 * rng.random(len(distance))
        return offset_by(observation.ra_pnt, observation.dec_pnt, turned, distance)
    ra, dec, time = observation.ra_pnt, observation.dec_pnt, rows["TIME"]
    alt, az = to_horizon(ra, dec, time, observation.site)
    az, alt = offset_by(az, alt, angle, distance)
    return to_sky(alt, az, rows["TIME"], observation.site)


def source_of(observation: Observation) -> tuple[float, float]:
    """ICRS position in deg of the target; raises InputError if it has none."""
    if observation.ra_obj is None or observation.dec_obj is None:
        raise InputError(f"observation {observation.obs_id}: its target has no position")
    return observation.ra_obj, observation.dec_obj
