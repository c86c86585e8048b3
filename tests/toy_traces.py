"""Calibrated traces of a small camera, with what belongs to them."""

from itertools import pairwise

import numpy as np

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.instrument.readout import CameraReadout
from ctabatch.stages.extractors.traces import Traces

#: Rings of a hexagonal camera: 37 pixels.
_RINGS = 3
RATE = 0.5


def toy_geometry():
    places = [
        (q + r / 2, r * np.sqrt(3) / 2)
        for q in range(-_RINGS, _RINGS + 1)
        for r in range(-_RINGS, _RINGS + 1)
        if abs(q + r) <= _RINGS
    ]
    x, y = 0.05 * np.array(places).T
    return CameraGeometry("Toy", x, y, np.full(len(x), 0.00217), "hexagon", 0.0, 0.0, 16.0)


def neighbor_lists(geometry):
    indptr, indices = geometry.neighbors
    return [indices[a:b].tolist() for a, b in pairwise(indptr)]


def toy_readout(n_pixels, n_samples, n_gains=2):
    """Pulses that rise fast and decay exponentially, of other length in each gain."""
    time = np.arange(0, 80, 0.5)
    decay = np.array([8.0, 12.0])[:n_gains, None]
    pulse = np.exp(-time / decay) * (1 - np.exp(-time / 3))
    return CameraReadout(
        RATE, np.where(time < 6, time, pulse * 20), 0.5, n_gains, n_pixels, n_samples
    )


def toy_calibration(n_pixels, n_samples, n_gains=2, invalid=()):
    rng = np.random.default_rng(9)
    shape = (2, n_gains, n_pixels)
    bad = np.zeros((2, n_pixels), bool)
    bad[1, list(invalid)] = True
    return CameraCalibration(
        tel_ids=np.array([3, 8]),
        pedestal=np.zeros(shape, np.float32),
        dc_to_pe=np.ones(shape, np.float32),
        time_shift=rng.normal(0, 1, shape).astype(np.float32),
        n_summed=np.ones(2, np.int64),
        readouts=(toy_readout(n_pixels, n_samples, n_gains),) * 2,
        invalid_pixels=bad,
    )


def toy_traces(n_samples=30, n_events=4, seed=0, invalid=(), unread=(), tel_type="MST_Toy_Toy"):
    """A line of pulses whose time runs along x, with noise, in every event."""
    geometry = toy_geometry()
    n_pixels = geometry.n_pixels
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, 0.6, (n_events, n_pixels, n_samples))
    bright = np.flatnonzero(np.abs(geometry.pixel_y) < 0.06)
    sample = np.arange(n_samples)
    for k in range(n_events):
        slope = rng.uniform(-40, 40)
        for p in bright:
            peak = n_samples / 2 + slope * geometry.pixel_x[p]
            samples[k, p] += rng.uniform(4, 14) * np.exp(-((sample - peak) ** 2) / 3)
    calibration = toy_calibration(n_pixels, n_samples, invalid=invalid)
    rows = np.arange(n_events) % 2
    broken = calibration.invalid_pixels[rows]
    broken[:, list(unread)] = True
    gain = rng.integers(0, 2, (n_events, n_pixels)).astype(np.int8)
    return Traces(samples.astype(np.float32), gain, broken, rows, calibration, geometry, tel_type)
