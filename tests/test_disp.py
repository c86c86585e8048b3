"""Disp of a known source, and the direction that a disp points to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.direction_mean import horizontal
from ctabatch.kernels.disp import disp_vectors, true_disp
from tests.naive import disp as naive

TRUE_DISP = pytest.mark.parametrize("kernel", [true_disp, true_disp.py_func])
VECTORS = pytest.mark.parametrize("kernel", [disp_vectors, disp_vectors.py_func])
field = st.floats(-5, 5)
pointing = st.tuples(st.floats(0.2, 1.5), st.floats(-7, 7))


def columns(*values):
    return [np.array(v, float).reshape(-1) for v in values]


def disp_of(kernel, alt, az, image, tel, project=False):
    data = columns(alt, az, *image, *tel)
    out = np.empty(len(data[0]))
    kernel(*data, project, out)
    return out


def vectors_of(kernel, disp, image, tel):
    data = columns(disp, *image, *tel)
    out = np.empty((len(data[0]), 3))
    kernel(*data, out)
    return out


def sky_of(vectors):
    alt, az = np.empty(len(vectors)), np.empty(len(vectors))
    horizontal(vectors, alt, az)
    return alt, az


@TRUE_DISP
@given(
    source=st.tuples(field, field),
    image=st.tuples(field, field, st.floats(-180, 180)),
    tel=pointing,
    project=st.booleans(),
)
def test_disp_is_that_of_the_twin(kernel, source, image, tel, project):
    source_vector = naive.to_sky(*tel) @ naive.vector(*source)
    az, alt = naive.angles(source_vector)
    found = disp_of(kernel, alt, az, image, tel, project)[0]
    expected = naive.true_disp(alt, az, *image, *tel, project)
    along = naive.true_disp(alt, az, *image, *tel, True)
    if abs(along) < 1e-9:  # rounding decides the sign of a source beside the image
        found, expected = abs(found), abs(expected)
    assert found == pytest.approx(expected, abs=1e-9)


@VECTORS
@given(disp=field, image=st.tuples(field, field, st.floats(-180, 180)), tel=pointing)
def test_direction_is_that_of_the_twin(kernel, disp, image, tel):
    found = vectors_of(kernel, disp, image, tel)[0]
    np.testing.assert_allclose(found, naive.disp_vector(disp, *image, *tel), atol=1e-14)


@given(disp=field, image=st.tuples(field, field, st.floats(-180, 180)), tel=pointing)
def test_the_disp_of_the_direction_of_a_disp_is_that_disp(disp, image, tel):
    alt, az = sky_of(vectors_of(disp_vectors, disp, image, tel))
    found = disp_of(true_disp, alt, az, image, tel)[0]
    if abs(disp) < 1e-9:
        found, disp = abs(found), abs(disp)
    assert found == pytest.approx(disp, abs=1e-8)


@TRUE_DISP
def test_the_sign_tells_the_side_of_the_source(kernel):
    tel = np.radians([60.0, 30.0])
    image = (0.0, 1.0, 90.0)  # centroid one degree above the pointing, axis upwards
    assert disp_of(kernel, 62.0, 30.0, image, tel)[0] == pytest.approx(1.0)
    assert disp_of(kernel, 60.5, 30.0, image, tel)[0] == pytest.approx(-0.5)


@TRUE_DISP
def test_the_projection_leaves_out_the_distance_from_the_axis(kernel):
    image, tel = (0.0, 0.0, 0.0), (0.0, 0.0)
    assert disp_of(kernel, 3.0, 4.0, image, tel, project=True)[0] == pytest.approx(4.0)
    assert disp_of(kernel, 3.0, 4.0, image, tel)[0] == pytest.approx(5.0, rel=1e-3)


@TRUE_DISP
@pytest.mark.parametrize("project", [False, True])
def test_an_image_without_orientation_has_no_disp(kernel, project):
    assert np.isnan(disp_of(kernel, 60, 0, (0, 0, np.nan), (1, 0), project)[0])


@TRUE_DISP
def test_an_unknown_source_has_no_disp(kernel):
    assert np.isnan(disp_of(kernel, np.nan, 0, (0, 0, 10), (1, 0))[0])


@VECTORS
def test_an_unknown_disp_points_nowhere(kernel):
    assert np.isnan(vectors_of(kernel, np.nan, (0, 0, 10), (1, 0))).all()


def test_kernels_take_arrays_that_may_not_be_written():
    data = columns(60, 10, 0, 0, 30, 1, 0.1)
    for array in data:
        array.flags.writeable = False
    out = np.empty(1)
    true_disp(*data, False, out)
    assert np.isfinite(out[0])


def random_images(n, seed=0):
    rng = np.random.default_rng(seed)
    image = rng.uniform(-4, 4, n), rng.uniform(-4, 4, n), rng.uniform(-90, 90, n)
    return rng, image, (rng.uniform(0.4, 1.5, n), rng.uniform(0, 2 * np.pi, n))


@pytest.mark.parametrize("project", [False, True])
def test_true_disp_agrees_with_ctapipe(project):
    """Field of view by ctapipe's transformation; 1e-9 deg."""
    import astropy.units as u
    from ctapipe.reco.preprocessing import horizontal_to_telescope

    rng, image, tel = random_images(500)
    alt, az = (
        np.degrees(tel[0]) + rng.uniform(-2, 2, 500),
        np.degrees(tel[1]) + rng.normal(0, 3, 500),
    )
    lon, lat = horizontal_to_telescope(
        alt=alt * u.deg, az=az * u.deg, pointing_alt=tel[0] * u.rad, pointing_az=tel[1] * u.rad
    )
    d_lon, d_lat, psi = lon.value - image[0], lat.value - image[1], np.radians(image[2])
    along = d_lon * np.cos(psi) + d_lat * np.sin(psi)
    expected = along if project else np.hypot(d_lon, d_lat) * np.sign(along)
    np.testing.assert_allclose(
        disp_of(true_disp, alt, az, image, tel, project), expected, atol=1e-9
    )


def test_directions_agree_with_ctapipe():
    """Sky by ctapipe's transformation; 1e-9 deg."""
    import astropy.units as u
    from ctapipe.reco.preprocessing import telescope_to_horizontal

    rng, image, tel = random_images(500, seed=1)
    disp, psi = rng.normal(0, 1, 500), np.radians(image[2])
    expected_alt, expected_az = telescope_to_horizontal(
        lon=(image[0] + disp * np.cos(psi)) * u.deg,
        lat=(image[1] + disp * np.sin(psi)) * u.deg,
        pointing_alt=tel[0] * u.rad,
        pointing_az=tel[1] * u.rad,
    )
    alt, az = sky_of(vectors_of(disp_vectors, disp, image, tel))
    np.testing.assert_allclose(alt, expected_alt.value, atol=1e-9)
    apart = (az - expected_az.value + 180) % 360 - 180
    np.testing.assert_allclose(apart * np.cos(np.radians(alt)), 0, atol=1e-9)
