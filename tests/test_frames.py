"""Frames of the sky and of the ground."""

import math
import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, SkyCoord
from ctapipe import coordinates as ctapipe
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.instrument import frames
from ctabatch.kernels import frames as sky
from ctabatch.kernels import ground_frames as ground
from tests.naive import frames as naive
from tests.toy_images import read_only

altitudes = st.floats(-1.5, 1.57)
azimuths = st.floats(-7, 7)
offsets = st.floats(-0.5, 0.5)
metres = st.floats(-1000, 1000)


def both(name, module):
    kernel = getattr(module, name)
    return pytest.mark.parametrize("kernel", [kernel, kernel.py_func], ids=["compiled", "plain"])


def run(kernel, *columns, width=2):
    out = np.zeros((1, width))
    kernel(*(read_only(np.array([c], float)) for c in columns), out)
    return out[0]


@both("sky_of_field", sky)
@given(lon=offsets, lat=offsets, alt=altitudes, az=azimuths)
def test_the_direction_of_a_field_point_is_that_of_the_twin(kernel, lon, lat, alt, az):
    found = run(kernel, (lon, lat), (alt, az))
    assert 0 <= found[1] < 2 * np.pi
    expected = naive.direction(lon, lat, alt, az)
    np.testing.assert_allclose(naive.direction(0, 0, *found), expected, atol=1e-12)


@both("field_of_sky", sky)
@given(lon=offsets, lat=offsets, alt=altitudes, az=azimuths)
def test_a_direction_comes_back_to_its_field_point(kernel, lon, lat, alt, az):
    direction = naive.sky(naive.direction(lon, lat, alt, az))
    assert run(kernel, direction, (alt, az)) == pytest.approx((lon, lat), abs=1e-7)


@both("sky_of_direction", sky)
@given(alt=altitudes, az=azimuths, length=st.floats(1e-3, 1e3))
def test_altitude_and_azimuth_of_a_vector_are_those_of_the_twin(kernel, alt, az, length):
    found = run(kernel, length * naive.direction(0, 0, alt, az))
    assert 0 <= found[1] < 2 * np.pi
    np.testing.assert_allclose(
        naive.direction(0, 0, *found), naive.direction(0, 0, alt, az), atol=1e-12
    )


@pytest.mark.parametrize("y", [0.0, -0.0, 1e-300, 5e-17])
@both("horizontal", sky)
def test_azimuth_never_reaches_a_full_turn(kernel, y):
    alt, az = kernel(1.0, y, 0.0)
    assert alt == 0
    assert 0 <= az < 2 * np.pi
    assert math.copysign(1, az) == 1


@both("tilted_of_ground", ground)
@given(position=st.tuples(metres, metres, metres), alt=altitudes, az=azimuths)
def test_tilted_positions_are_those_of_the_twin(kernel, position, alt, az):
    found = run(kernel, position, (alt, az), width=3)
    np.testing.assert_allclose(found, naive.tilted(position, alt, az), atol=1e-9)


@both("ground_of_tilted", ground)
@given(position=st.tuples(metres, metres, metres), alt=altitudes, az=azimuths)
def test_tilted_positions_come_back_to_the_ground(kernel, position, alt, az):
    found = run(kernel, naive.tilted(position, alt, az), (alt, az), width=3)
    np.testing.assert_allclose(found, position, atol=1e-9)


def projected(kernel, core, covariance, pointing):
    out, uncert = np.zeros((1, 2)), np.zeros((1, 2))
    columns = [read_only(np.array([c], float)) for c in (core, covariance, pointing)]
    kernel(*columns, out, uncert)
    return out[0], uncert[0]


@both("ground_of_tilted_plane", ground)
@given(core=st.tuples(metres, metres), alt=st.floats(0.1, 1.57), az=azimuths)
def test_cores_on_the_ground_are_those_of_the_twin(kernel, core, alt, az):
    found, _ = projected(kernel, core, (0, 0, 0), (alt, az))
    np.testing.assert_allclose(found, naive.ground_point(core, alt, az), atol=1e-7)


@both("ground_of_tilted_plane", ground)
def test_uncertainties_on_the_ground_are_the_scatter_of_projected_points(kernel):
    rng = np.random.default_rng(2)
    covariance, pointing = np.array([[9.0, -3.0], [-3.0, 4.0]]), (0.7, 2.0)
    points = rng.multivariate_normal((30, -20), covariance, 4000)
    scatter = np.std([naive.ground_point(p, *pointing) for p in points], axis=0)
    _, uncert = projected(kernel, (30, -20), (9, 4, -3), pointing)
    np.testing.assert_allclose(uncert, scatter, rtol=0.05)


@both("ground_of_tilted_plane", ground)
def test_unknown_uncertainties_and_a_level_pointing_give_nan(kernel):
    place, uncert = projected(kernel, (1, 2), (np.nan, np.nan, np.nan), (1, 1))
    assert np.isfinite(place).all()
    assert np.isnan(uncert).all()
    assert np.isnan(projected(kernel, (1, 2), (1, 1, 0), (0, 1))).all()
    assert np.isnan(projected(kernel, (1, 2), (1, 1, 0), (np.nan, np.nan))).all()


# --- arrays, against astropy and ctapipe ---------------------------------------------------------


@pytest.fixture
def points():
    """Offsets, pointing of the telescope and of the array, deg."""
    rng = np.random.default_rng(5)
    offset = rng.uniform(-5, 5, (2, 50))
    array = np.array([rng.uniform(20, 88, 50), rng.uniform(0, 360, 50)])
    return offset, array + rng.uniform(-2, 2, (2, 50)), array


def coordinate(pointing):
    return SkyCoord(alt=pointing[0] * u.deg, az=pointing[1] * u.deg, frame=AltAz())


def quietly(transform):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ctapipe.MissingFrameAttributeWarning)
        return transform()


def test_telescope_frame_is_the_offset_frame_of_astropy_and_ctapipe(points):
    offset, telescope, _ = points
    origin = coordinate(telescope)
    found = frames.field_to_sky(*offset, *telescope)
    for expected in (
        SkyCoord(*offset, unit="deg", frame=origin.skyoffset_frame()).transform_to(AltAz()),
        quietly(
            lambda: SkyCoord(
                fov_lon=offset[0] * u.deg, fov_lat=offset[1] * u.deg,
                frame=ctapipe.TelescopeFrame(telescope_pointing=origin),
            ).transform_to(AltAz())
        ),
    ):  # fmt: skip
        np.testing.assert_allclose(found, [expected.alt.deg, expected.az.deg], atol=1e-10)
    np.testing.assert_allclose(frames.sky_to_field(*found, *telescope), offset, atol=1e-10)


def test_nominal_frame_is_that_of_ctapipe(points):
    offset, telescope, array = points
    expected = quietly(
        lambda: (
            SkyCoord(
                fov_lon=offset[0] * u.deg, fov_lat=offset[1] * u.deg,
                frame=ctapipe.TelescopeFrame(telescope_pointing=coordinate(telescope)),
            )
            .transform_to(AltAz())
            .transform_to(ctapipe.NominalFrame(origin=coordinate(array)))
        )
    )  # fmt: skip
    found = frames.telescope_to_nominal(*offset, *telescope, *array)
    np.testing.assert_allclose(found, [expected.fov_lon.deg, expected.fov_lat.deg], atol=1e-10)


def test_tilted_frame_is_that_of_ctapipe(points):
    _, _, array = points
    position = np.random.default_rng(1).uniform(-500, 500, (50, 3))
    place = SkyCoord(*position.T, unit="m", frame=ctapipe.GroundFrame())
    frame = ctapipe.TiltedGroundFrame(pointing_direction=coordinate(array))
    expected = place.transform_to(frame)
    found = frames.ground_to_tilted(position, *array)
    np.testing.assert_allclose(found, expected.cartesian.xyz.to_value(u.m).T, atol=1e-9)
    np.testing.assert_allclose(frames.tilted_to_ground(found, *array), position, atol=1e-9)
    plane = SkyCoord(*found.T[:2], np.zeros(50), unit="m", frame=frame)
    ground_point = ctapipe.project_to_ground(plane)
    np.testing.assert_allclose(
        frames.project_to_ground(found[:, 0], found[:, 1], *array),
        [ground_point.x.to_value(u.m), ground_point.y.to_value(u.m)],
        atol=1e-9,
    )


def test_arguments_of_frames_broadcast():
    alt, az = frames.field_to_sky(np.zeros((3, 1)), np.arange(4), 70, 180)
    assert alt.shape == az.shape == (3, 4)
    np.testing.assert_allclose(alt[2], [70, 71, 72, 73])
    assert frames.ground_to_tilted([1.0, 2, 3], [60, 70], 0).shape == (2, 3)
    x, y = frames.project_to_ground(1.0, [2.0, 3.0], 60, 0)
    assert x.shape == y.shape == (2,)
    assert np.isnan(frames.field_to_sky(np.nan, 0, 70, 180)).all()
