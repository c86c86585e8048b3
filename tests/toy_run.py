"""Content for the writer: two kinds of small cameras, telescopes, and events drawn at random."""

from __future__ import annotations

import io

import numpy as np

from ctabatch.io.simtel_writer.content import (
    CameraContent,
    RunContent,
    SimulatedEvents,
    TelescopeContent,
    TelescopeData,
)
from ctabatch.io.simtel_writer.writer import SimtelWriter

START = 1_700_000_000


def hexagons():
    """37 pixels on three rings, two gains."""
    step = 0.05
    q, r = np.array([(q, r) for q in range(-3, 4) for r in range(-3, 4) if abs(q + r) <= 3]).T
    x, y = step * (q + r / 2), step * r * np.sqrt(3) / 2
    time = np.arange(60) * 0.25
    pulse = np.array([np.exp(-((time - t0) ** 2) / 4) for t0 in (5.0, 6.0)], np.float32)
    return CameraContent(
        optics_name="Large", camera_name="HexaCam", mirror_class=0, mirror_area=380.0,
        n_mirror_tiles=198, focal_length=28.0, effective_focal_length=29.3,
        pixel_x=x.astype(np.float32), pixel_y=y.astype(np.float32),
        pixel_area=step**2 * np.sqrt(3) / 2, pixel_size=step, pixel_shape=1, camera_rotation=0.1,
        n_gains=2, n_samples=20, time_slice=1.0, reference_pulse=pulse, reference_step=0.25,
    )  # fmt: skip


def squares():
    """36 pixels, one gain."""
    step = 0.006
    x, y = np.meshgrid((np.arange(6) - 2.5) * step, (np.arange(6) - 2.5) * step)
    pulse = np.exp(-((np.arange(40) - 15.0) ** 2) / 20).astype(np.float32)[np.newaxis]
    return CameraContent(
        optics_name="Small", camera_name="QuadCam", mirror_class=2, mirror_area=8.0,
        n_mirror_tiles=18, focal_length=2.15, effective_focal_length=2.2,
        pixel_x=x.ravel().astype(np.float32), pixel_y=y.ravel().astype(np.float32),
        pixel_area=step**2, pixel_size=step, pixel_shape=2, camera_rotation=0.0,
        n_gains=1, n_samples=16, time_slice=2.0, reference_pulse=pulse, reference_step=0.5,
    )  # fmt: skip


def telescope(tel_id, camera, seed=0):
    rng = np.random.default_rng([seed, tel_id])
    shape = (camera.n_gains, camera.n_pixels)
    return TelescopeContent(
        tel_id=tel_id,
        position=(100 * rng.normal(size=3)).astype(np.float32),
        camera=camera,
        pedestal=rng.normal(300, 5, shape).astype(np.float32),
        pedestal_noise=rng.normal(6, 0.1, shape).astype(np.float32),
        dc_to_pe=rng.normal(0.02, 0.001, shape).astype(np.float32),
        time_shift=rng.normal(0, 0.5, shape).astype(np.float32),
        disabled_pixels=np.sort(rng.choice(camera.n_pixels, 2, replace=False)).astype(np.int32),
    )


def run(tel_ids=(1, 2, 3, 4), obs_id=17):
    """Telescopes of both kinds in turn."""
    large, small = hexagons(), squares()
    telescopes = tuple(telescope(t, small if k % 2 else large) for k, t in enumerate(tel_ids))
    simulation = {
        "n_showers": 10, "n_use": 2, "core_pos_mode": 1, "core_range": (0.0, 1500.0),
        "alt_range": (1.2, 1.2), "az_range": (3.1, 3.1), "E_range": (0.01, 100.0),
        "spectral_index": -2.0, "viewcone": (0.0, 10.0), "diffuse": 1,
    }  # fmt: skip
    return RunContent(
        obs_id=obs_id, array_name="toy array", latitude=28.76, longitude=-17.89, altitude=2156.0,
        pointing_azimuth=3.1, pointing_altitude=1.2, start_time=START, simulation=simulation,
        input_card="RUNNR 17\nEVTNR 1\nUSER somebody", telescopes=telescopes,
    )  # fmt: skip


def _data(rng, camera, event, tel_id, *, sums, extreme):
    n = len(event)
    shape = (n, camera.n_gains, camera.n_pixels, 1 if sums else camera.n_samples)
    dtype = np.uint32 if sums else np.uint16
    if extreme:
        choices = [0, 1, 63, 64, 65, np.iinfo(dtype).max - 1, np.iinfo(dtype).max]
        waveform = rng.choice(np.array(choices, dtype), shape)
    else:
        waveform = rng.normal(300, 6, shape).astype(dtype)
        pixel, time = np.meshgrid(np.arange(camera.n_pixels), np.arange(shape[3]), indexing="ij")
        shower = 2000 * np.exp(-((pixel - 18) ** 2) / 30 - (time - 8) ** 2 / 8)
        waveform += shower.astype(dtype)  # same in both gains: what counts here is what comes back
    lengths = rng.integers(0, 30, n) * rng.integers(0, 2, n)
    pixel = [np.sort(rng.integers(0, camera.n_pixels, k)) for k in lengths]
    return TelescopeData(
        event=event, tel_id=tel_id, waveform=waveform,
        trigger_time=rng.uniform(0, 100, n).astype(np.float32),
        pe_offsets=np.concatenate([[0], np.cumsum(lengths)]),
        pe_pixel=np.concatenate([*pixel, []]).astype(np.int32),
        pe_time=rng.normal(0, 10, lengths.sum()).astype(np.float32),
        read_out=rng.random((n, camera.n_pixels)) < rng.choice([0.0, 0.3, 1.0]),
    )  # fmt: skip


def events(
    content, seed=0, n_showers=5, n_use=3, *, first=1, trigger=0.6, sums=False, extreme=False
):
    """Showers whose telescopes triggered at random; telescope events in no order."""
    rng = np.random.default_rng(seed)
    shower = np.repeat(np.arange(n_showers), rng.integers(0, n_use + 1, n_showers))
    n = len(shower)
    triggered = rng.random(n) < trigger
    ids = np.array([t.tel_id for t in content.telescopes])
    takes_part = (rng.random((n, len(ids))) < 0.7) & triggered[:, np.newaxis]
    takes_part[triggered, rng.integers(0, len(ids), triggered.sum())] = True
    telescopes = []
    for camera in dict.fromkeys(t.camera for t in content.telescopes):
        mine = [t.camera is camera for t in content.telescopes]
        event, column = np.nonzero(takes_part & mine)
        if len(event):
            order = rng.permutation(len(event))
            telescopes.append(
                _data(rng, camera, event[order], ids[column[order]], sums=sums, extreme=extreme)
            )
    shower_id = first + np.arange(n_showers)
    use = np.arange(n) - np.searchsorted(shower, shower)
    return SimulatedEvents(
        shower_id=shower_id,
        primary_id=rng.choice([0, 1, 101], n_showers),
        energy=10 ** rng.uniform(-2, 2, n_showers),
        azimuth=rng.uniform(0, 6.28, n_showers),
        altitude=rng.uniform(0.7, 1.5, n_showers),
        starting_grammage=np.zeros(n_showers),
        x_max=rng.normal(300, 50, n_showers),
        h_first_int=rng.normal(20000, 2000, n_showers),
        h_max=rng.normal(9000, 1000, n_showers),
        shower=shower,
        event_id=100 * shower_id[shower] + use,
        core_x=rng.normal(0, 300, n),
        core_y=rng.normal(0, 300, n),
        seconds=START + 60 + np.arange(n),
        nanoseconds=rng.integers(0, 10**9, n),
        triggered=triggered,
        telescopes=telescopes,
        pe_sums=rng.integers(0, 1000, (n, len(ids))),
    )


def written(run, batches, **options):
    """Bytes of a file."""
    out = io.BytesIO()
    with SimtelWriter(out, run, **options) as writer:
        for events in batches:
            writer.write(events)
    return out.getvalue()


def telescope_events(batches):
    """(event_id, tel_id) -> (batch, data, row)."""
    return {
        (int(events.event_id[data.event[k]]), int(data.tel_id[k])): (events, data, k)
        for events in batches
        for data in events.telescopes
        for k in range(len(data.event))
    }


def true_image(data, k, n_pixels):
    pixel = data.pe_pixel[data.pe_offsets[k] : data.pe_offsets[k + 1]]
    return np.bincount(pixel, minlength=n_pixels)


def array_events(batches):
    """(batch, row) of the events whose telescopes are in the file."""
    return [(e, int(k)) for e in batches for k in np.flatnonzero(e.triggered)]
