"""Simulated telescope events seen by our own stages, without a file in between."""

import math

import numpy as np

from ctabatch.config import ProcessConfig
from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.camera import SIMTEL_PIXEL_SHAPES, CameraGeometry
from ctabatch.instrument.readout import CameraReadout
from ctabatch.simulate.arrays import Array, Place
from ctabatch.simulate.options import SimulationOptions
from ctabatch.stages.extract import extract


def one_telescope(kind="lst", x=0.0, y=0.0):
    return Array("one", (Place(kind, x, y),))


def noise_free(**options):
    """Options of a small run without noise; energy as one number."""
    energy = options.pop("energy", 1.0)
    options.setdefault("array", one_telescope())
    return SimulationOptions(
        **{"energy_range": (energy, energy), "noise": False, "n_showers": 20, **options}
    )


def geometry_of(content):
    """Geometry as a reader of the file would have it."""
    shape, rotation = SIMTEL_PIXEL_SHAPES[content.pixel_shape]
    cosine, sine = math.cos(content.camera_rotation), math.sin(content.camera_rotation)
    x, y = content.pixel_x.astype(float), content.pixel_y.astype(float)
    return CameraGeometry(
        name=content.camera_name,
        pixel_x=x * cosine - y * sine,
        pixel_y=x * sine + y * cosine,
        pixel_area=np.full(content.n_pixels, content.pixel_area),
        pixel_shape=shape,
        pixel_rotation=rotation + math.degrees(content.camera_rotation),
        camera_rotation=math.degrees(content.camera_rotation),
        focal_length=content.effective_focal_length,
    )


def calibration_of(telescopes):
    """Calibration as a reader of the file would have it, for telescopes of one kind."""
    content = telescopes[0].camera
    readout = CameraReadout(
        sampling_rate=1 / content.time_slice,
        reference_pulse=content.reference_pulse,
        reference_pulse_sample_width=content.reference_step,
        n_channels=content.n_gains,
        n_pixels=content.n_pixels,
        n_samples=content.n_samples,
    )
    return CameraCalibration(
        tel_ids=np.array([telescope.tel_id for telescope in telescopes]),
        pedestal=np.array([telescope.pedestal for telescope in telescopes]),
        dc_to_pe=np.array([telescope.dc_to_pe for telescope in telescopes]),
        time_shift=np.array([telescope.time_shift for telescope in telescopes]),
        n_summed=np.ones(len(telescopes), np.int64),
        readouts=(readout,) * len(telescopes),
        invalid_pixels=np.zeros((len(telescopes), content.n_pixels), bool),
    )


def extracted(run, data, **options):
    """Geometry and charges of a batch's telescope events of one kind."""
    kind = run.telescopes[data.tel_id[0] - 1].camera
    telescopes = [t for t in run.telescopes if t.camera is kind]
    calibration, geometry = calibration_of(telescopes), geometry_of(kind)
    charges = extract(
        data.waveform, calibration.rows(data.tel_id), None, calibration, geometry,
        ProcessConfig(extraction=options).dl1_options().extraction,
    )  # fmt: skip
    return geometry, charges


def true_images(data):
    """Photo-electrons of each pixel, (n, n_pixels)."""
    n_pixels = data.waveform.shape[2]
    event = np.repeat(np.arange(len(data.tel_id)), np.diff(data.pe_offsets))
    flat = np.bincount(event * n_pixels + data.pe_pixel, minlength=len(data.tel_id) * n_pixels)
    return flat.reshape(-1, n_pixels)


def source_in_camera(options, altitude, azimuth):
    """fov_lon, fov_lat (deg) of directions: spherical offsets from the pointing."""
    pointing_altitude, pointing_azimuth = options.pointing
    step = azimuth - pointing_azimuth
    right = np.cos(altitude) * np.sin(step)
    ahead = np.cos(altitude) * np.cos(step) * math.cos(pointing_altitude)
    ahead = ahead + np.sin(altitude) * math.sin(pointing_altitude)
    up = np.sin(altitude) * math.cos(pointing_altitude)
    up = up - np.cos(altitude) * np.cos(step) * math.sin(pointing_altitude)
    return np.rad2deg(np.arctan2(right, ahead)), np.rad2deg(np.arcsin(up))
