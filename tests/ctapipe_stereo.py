"""Array events as ctapipe's stereo reconstruction takes them, and what it makes of them."""

from __future__ import annotations

import warnings

import astropy.units as u
import numpy as np
from astropy.coordinates import EarthLocation
from ctapipe.containers import ArrayEventContainer, HillasParametersContainer
from ctapipe.containers import ImageParametersContainer as ImageParameters
from ctapipe.coordinates import CameraFrame
from ctapipe.instrument import (
    CameraDescription,
    CameraGeometry,
    CameraReadout,
    OpticsDescription,
    ReflectorShape,
    SizeType,
    SubarrayDescription,
    TelescopeDescription,
)
from ctapipe.reco import HillasIntersection, HillasReconstructor

FOCAL_LENGTH = 16.0
METHODS = {"HillasReconstructor": HillasReconstructor, "HillasIntersection": HillasIntersection}
COLUMNS = (
    "alt", "alt_uncert", "az", "az_uncert", "core_x", "core_y", "core_tilted_x", "core_tilted_y",
    "h_max", "average_intensity", "core_tilted_uncert_x", "core_tilted_uncert_y", "is_valid",
)  # fmt: skip


def camera():
    """A square camera."""
    geometry = CameraGeometry.make_rectangular(12, 12, (-1.2, 1.2), (-1.2, 1.2))
    geometry.frame = CameraFrame(focal_length=FOCAL_LENGTH * u.m)
    readout = CameraReadout(
        name="toy", sampling_rate=u.Quantity(1, u.GHz), reference_pulse_shape=np.ones((1, 10)),
        reference_pulse_sample_width=u.Quantity(1, u.ns), n_channels=1, n_pixels=144, n_samples=20,
    )  # fmt: skip
    return CameraDescription("toy", geometry=geometry, readout=readout)


def camera_radius():
    """Radius of the camera in deg."""
    return np.degrees(camera().geometry.guess_radius().to_value(u.m) / FOCAL_LENGTH)


def subarray(tel_ids, positions, height):
    """Equal telescopes."""
    optics = OpticsDescription(
        name="toy", size_type=SizeType.MST, n_mirrors=1,
        equivalent_focal_length=FOCAL_LENGTH * u.m, effective_focal_length=FOCAL_LENGTH * u.m,
        mirror_area=100 * u.m**2, n_mirror_tiles=1, reflector_shape=ReflectorShape.PARABOLIC,
    )  # fmt: skip
    telescope = TelescopeDescription(name="toy", optics=optics, camera=camera())
    return SubarrayDescription(
        "toy",
        tel_positions={int(t): p * u.m for t, p in zip(tel_ids, positions, strict=True)},
        tel_descriptions={int(t): telescope for t in tel_ids},
        reference_location=EarthLocation(lon=0 * u.deg, lat=30 * u.deg, height=height * u.m),
    )


def array_event(events, k):
    """One event with its image parameters and pointings."""
    event = ArrayEventContainer()
    event.index.obs_id, event.index.event_id = int(events.obs_id[k]), int(events.event_id[k])
    event.monitoring.pointing.array_altitude = events.array_pointing[k, 0] * u.rad
    event.monitoring.pointing.array_azimuth = events.array_pointing[k, 1] * u.rad
    rows = range(events.offsets[k], events.offsets[k + 1])
    event.trigger.tels_with_trigger = events.tel_id[list(rows)].astype(int)
    for i in rows:
        tel_id = int(events.tel_id[i])
        hillas = HillasParametersContainer(
            intensity=events.hillas_intensity[i], fov_lon=events.hillas_fov_lon[i] * u.deg,
            fov_lat=events.hillas_fov_lat[i] * u.deg, psi=events.hillas_psi[i] * u.deg,
            length=events.hillas_length[i] * u.deg, width=events.hillas_width[i] * u.deg,
        )  # fmt: skip
        event.dl1.tel[tel_id].parameters = ImageParameters(hillas=hillas)
        event.dl1.tel[tel_id].parameters.morphology.n_pixels = 10 if events.usable[i] else 0
        pointing = event.monitoring.tel[tel_id].pointing
        pointing.altitude, pointing.azimuth = events.pointing[i] * u.rad
    return event


def numbers(geometry):
    """Columns of a reconstructed axis, angles in deg, lengths in m."""
    row = {}
    for name in COLUMNS:
        value = getattr(geometry, name)
        if isinstance(value, u.Quantity):
            value = value.to_value(u.m if value.unit.is_equivalent(u.m) else u.deg)
        row[name] = value
    return row


def reconstruct(events, method, **options):
    """Columns of all events, and distances of their telescopes; angles in deg, lengths in m."""
    columns = {name: np.full(len(events), np.nan) for name in COLUMNS}
    telescopes, distances = [], np.full(len(events.tel_id), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k in range(len(events)):
            own = slice(events.offsets[k], events.offsets[k + 1])
            if own.start == own.stop:  # ctapipe knows no array without telescopes
                columns["is_valid"][k] = False
                telescopes.append([])
                continue
            array = subarray(events.tel_id[own], events.position[own], events.reference_height[k])
            event = array_event(events, k)
            METHODS[method](array, **options)(event)
            geometry = event.dl2.stereo.geometry[method]
            for name, value in numbers(geometry).items():
                columns[name][k] = value
            telescopes.append([int(t) for t in geometry.telescopes])
            distances[own] = [
                event.dl2.tel[int(t)].impact[method].distance.to_value(u.m)
                for t in events.tel_id[own]
            ]
    return columns, telescopes, distances
