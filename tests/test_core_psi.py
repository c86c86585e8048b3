"""Orientation in the tilted ground frame."""

import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, SkyCoord
from ctapipe.coordinates import CameraFrame, MissingFrameAttributeWarning, TelescopeFrame

from ctabatch.kernels.core_psi import core_psi
from tests.naive import core_psi as naive
from tests.toy_images import read_only

KERNELS = pytest.mark.parametrize("kernel", [core_psi, core_psi.py_func])
RADIUS = 4.2


def images(n, seed, divergence):
    """Centroids and orientations, telescope and array pointings in deg."""
    rng = np.random.default_rng(seed)
    array = np.array([rng.uniform(20, 88, n), rng.uniform(0, 360, n)])
    telescope = array + rng.uniform(-divergence, divergence, (2, n))
    return *rng.uniform(-RADIUS, RADIUS, (2, n)), rng.uniform(-90, 90, n), telescope, array


def run(kernel, lon, lat, psi, telescope, array):
    out = np.zeros(len(psi))
    angles = [read_only(np.radians(row)) for row in (*telescope, *array)]
    kernel(read_only(lon), read_only(lat), read_only(psi), *angles, RADIUS, out)
    return out


@KERNELS
@pytest.mark.parametrize("divergence", [0, 1.5])
def test_core_psi_agrees_with_its_twin(kernel, divergence):
    lon, lat, psi, telescope, array = images(20, 1, divergence)
    out = run(kernel, lon, lat, psi, telescope, array)
    for i, value in enumerate(out):
        expected = naive.core_psi(lon[i], lat[i], psi[i], telescope[:, i], array[:, i], RADIUS)
        assert value == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("divergence", [0, 1.5])
def test_core_psi_agrees_with_the_frames_of_ctapipe(divergence):
    lon, lat, psi, telescope, array = images(20, 2, divergence)
    out = run(core_psi, lon, lat, psi, telescope, array)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingFrameAttributeWarning)
        pointings = [
            SkyCoord(alt=p[0] * u.deg, az=p[1] * u.deg, frame=AltAz()) for p in (telescope, array)
        ]
        step = 0.1 * RADIUS * np.array([np.zeros_like(psi), np.ones_like(psi)])
        points = SkyCoord(
            fov_lon=(lon + step * np.cos(np.radians(psi))) * u.deg,
            fov_lat=(lat + step * np.sin(np.radians(psi))) * u.deg,
            frame=TelescopeFrame(telescope_pointing=pointings[0]),
        )
        camera = CameraFrame(telescope_pointing=pointings[1], focal_length=28 * u.m)
        points = points.transform_to(AltAz()).transform_to(camera)
    slope = np.diff(points.y.to_value(u.m), axis=0) / np.diff(points.x.to_value(u.m), axis=0)
    expected = np.degrees(np.arctan(slope[0]))
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-6)


@KERNELS
@pytest.mark.parametrize(("psi", "expected"), [(30.0, 60.0), (-30.0, -60.0), (90.0, 0.0)])
def test_core_psi_is_the_complement_of_psi_for_parallel_pointing(kernel, psi, expected):
    row = np.array([[70.0], [180.0]])
    out = run(kernel, np.zeros(1), np.zeros(1), np.array([psi]), row, row)
    assert out[0] == pytest.approx(expected, abs=1e-9)


@KERNELS
def test_core_psi_of_an_image_along_longitude_is_upright(kernel):
    row = np.zeros((2, 1))
    out = run(kernel, np.zeros(1), np.zeros(1), np.zeros(1), row, row)
    assert abs(out[0]) == 90


@KERNELS
def test_core_psi_without_orientation_is_nan(kernel):
    row = np.array([[70.0], [180.0]])
    assert np.isnan(run(kernel, np.zeros(1), np.zeros(1), np.full(1, np.nan), row, row)).all()
