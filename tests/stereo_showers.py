"""Array events of showers drawn at random, as the stereo stage takes them."""

from __future__ import annotations

import numpy as np

from ctabatch.stages.stereo import StereoEvents
from tests.naive import frames

RADIUS = 4.2


def shower_events(seed, sizes, *, divergence=0.0, noise=0.05):
    """Events whose images point at the shower but for some noise.

    Parameters
    ----------
    seed : int
    sizes : sequence of int
        Telescopes of each event.
    divergence : float, deg
        Largest offset of the telescope pointings from that of the array, in both coordinates.
    noise : float, rad
        Standard deviation of the orientations.
    """
    rng = np.random.default_rng(seed)
    n_events, n = len(sizes), int(np.sum(sizes))
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    array = np.radians(
        np.column_stack([rng.uniform(40, 85, n_events), rng.uniform(0, 360, n_events)])
    )
    pointing = np.repeat(array, sizes, axis=0)
    pointing += np.radians(rng.uniform(-divergence, divergence, (n, 2)))
    position = rng.uniform(-300, 300, (n, 3)).astype(np.float32).astype(float)
    position[:, 2] *= 0.1
    columns = {
        name: np.empty(n) for name in ("intensity", "fov_lon", "fov_lat", "psi", "length", "width")
    }
    for k in range(n_events):
        source = frames.direction(*np.radians(rng.uniform(-1.5, 1.5, 2)), *array[k])
        core = np.array([*rng.uniform(-200, 200, 2), 0.0])
        for i in range(offsets[k], offsets[k + 1]):
            seen = core + rng.uniform(8000, 12000) * source - position[i]
            lon, lat = frames.field(seen, *pointing[i])
            away = np.subtract((lon, lat), frames.field(source, *pointing[i]))
            psi = np.arctan2(away[1], away[0]) + rng.normal(0, noise)
            columns["fov_lon"][i], columns["fov_lat"][i] = np.degrees([lon, lat])
            columns["psi"][i] = (np.degrees(psi) + 90) % 180 - 90
    columns["intensity"][:] = 60 + np.exp(rng.normal(6, 1, n))
    columns["length"][:] = rng.uniform(0.15, 0.4, n)
    columns["width"][:] = rng.uniform(0.05, 0.14, n)
    return StereoEvents(
        obs_id=np.full(n_events, 7, np.int32), event_id=np.arange(100, 100 + n_events),
        offsets=offsets,
        tel_id=np.concatenate([[], *(np.arange(1, m + 1) for m in sizes)]).astype(np.int16),
        position=position, pointing=pointing, camera_radius=np.full(n, RADIUS),
        usable=np.ones(n, bool), array_pointing=array,
        reference_height=np.full(n_events, 2156.0),
        **{f"hillas_{name}": values for name, values in columns.items()},
    )  # fmt: skip


def images_of(events, k):
    """Used images of one event, as the naive reconstruction takes them."""
    rows = range(events.offsets[k], events.offsets[k + 1])
    return [
        {
            "lon": np.radians(events.hillas_fov_lon[i]),
            "lat": np.radians(events.hillas_fov_lat[i]),
            "psi": np.radians(events.hillas_psi[i]), "intensity": events.hillas_intensity[i],
            "length": events.hillas_length[i], "width": events.hillas_width[i],
            "alt": events.pointing[i, 0], "az": events.pointing[i, 1],
            "radius": np.radians(events.camera_radius[i]), "position": events.position[i],
        }
        for i in rows if events.usable[i]
    ]  # fmt: skip
