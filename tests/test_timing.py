"""Timing parameters."""

import astropy.units as u
import numpy as np
import pytest
from ctapipe.containers import HillasParametersContainer
from ctapipe.image.timing import timing_parameters

from ctabatch.kernels.hillas import hillas
from ctabatch.kernels.timing import COLUMNS, timing
from tests.naive import timing as naive
from tests.naive.trimmed_line import trimmed_sum
from tests.toy_images import each, ragged, toy_camera

CAMERA = toy_camera()
KERNELS = pytest.mark.parametrize("kernel", [timing, timing.py_func])
INTERCEPT, DEVIATION, SLOPE = (
    COLUMNS.index(f"timing_{n}") for n in ("intercept", "deviation", "slope")
)


def ellipses(offsets, pixels, charge):
    out = np.empty((len(offsets) - 1, 14))
    hillas(offsets, pixels, charge, CAMERA.fov_lon, CAMERA.fov_lat, CAMERA.area_deg2, out)
    return out


def run(kernel, offsets, pixels, times, parameters):
    out = np.zeros((len(offsets) - 1, len(COLUMNS)))
    kernel(offsets, pixels, times, CAMERA.fov_lon, CAMERA.fov_lat, parameters, out)
    return out


def test_timing_is_the_same_compiled_and_interpreted():
    offsets, pixels, charge, times = ragged(CAMERA, n_images=12)
    parameters = ellipses(offsets, pixels, charge)
    np.testing.assert_allclose(
        run(timing, offsets, pixels, times, parameters),
        run(timing.py_func, offsets, pixels, times, parameters),
        rtol=1e-9,
    )


@KERNELS
def test_timing_deviation_is_that_of_all_pixels(kernel):
    offsets, pixels, charge, times = ragged(CAMERA, n_images=12, seed=4)
    parameters = ellipses(offsets, pixels, charge)
    out = run(kernel, offsets, pixels, times, parameters)
    for row, ellipse, image in zip(out, parameters, each(offsets), strict=True):
        assert np.isfinite(row).all() == (image.stop - image.start > 2)
        if np.isfinite(row[SLOPE]):
            p = pixels[image]
            along = naive.along_axis(CAMERA.fov_lon[p], CAMERA.fov_lat[p], ellipse)
            expected = naive.deviation(along, times[image], row[SLOPE], row[INTERCEPT])
            assert row[DEVIATION] == pytest.approx(expected)


def test_timing_fits_at_least_as_well_as_ctapipe():
    offsets, pixels, charge, times = ragged(CAMERA, n_images=60, seed=5)
    parameters = ellipses(offsets, pixels, charge)
    out = run(timing, offsets, pixels, times, parameters)
    for row, ellipse, image in zip(out, parameters, each(offsets), strict=True):
        p = pixels[image]
        if len(p) < 3:
            assert np.isnan(row).all()
            continue
        container = HillasParametersContainer(
            fov_lon=ellipse[3] * u.deg,
            fov_lat=ellipse[4] * u.deg,
            length=ellipse[7] * u.deg,
            width=ellipse[9] * u.deg,
            psi=ellipse[11] * u.deg,
        )
        theirs = timing_parameters(CAMERA.ctapipe[p], charge[image], times[image], container)
        along = naive.along_axis(CAMERA.fov_lon[p], CAMERA.fov_lat[p], ellipse)
        ours = trimmed_sum(along, times[image], row[SLOPE], row[INTERCEPT])
        slope = theirs.slope.to_value(1 / u.deg)
        assert ours <= 1.01 * trimmed_sum(along, times[image], slope, theirs.intercept) + 1e-9


def test_timing_of_an_image_does_not_depend_on_other_images():
    offsets, pixels, charge, times = ragged(CAMERA, n_images=10)
    parameters = ellipses(offsets, pixels, charge)
    together = run(timing, offsets, pixels, times, parameters)
    for i, image in enumerate(each(offsets)):
        alone = run(
            timing,
            np.array([0, image.stop - image.start]),
            pixels[image],
            times[image],
            parameters[i : i + 1],
        )
        np.testing.assert_array_equal(alone[0], together[i])


@KERNELS
def test_timing_ignores_a_few_pixels_with_wrong_times(kernel):
    pixels = np.arange(100, 110)
    offsets, charge = np.array([0, 10]), np.ones(10)
    parameters = ellipses(offsets, pixels, charge)
    along = naive.along_axis(CAMERA.fov_lon[pixels], CAMERA.fov_lat[pixels], parameters[0])
    times = 5 * along + 30
    times[4] = 500
    row = run(kernel, offsets, pixels, times, parameters)[0]
    assert row[SLOPE] == pytest.approx(5)
    assert row[INTERCEPT] == pytest.approx(30)
    assert row[DEVIATION] > 100


@KERNELS
def test_timing_with_a_missing_time_keeps_the_line_and_has_no_deviation(kernel):
    pixels = np.arange(100, 110)
    offsets, charge = np.array([0, 10]), np.ones(10)
    parameters = ellipses(offsets, pixels, charge)
    along = naive.along_axis(CAMERA.fov_lon[pixels], CAMERA.fov_lat[pixels], parameters[0])
    times = 5 * along + 30
    times[4] = np.nan
    row = run(kernel, offsets, pixels, times, parameters)[0]
    assert row[SLOPE] == pytest.approx(5)
    assert np.isnan(row[DEVIATION])


@KERNELS
@pytest.mark.parametrize("n", [0, 1, 2])
def test_timing_of_fewer_than_three_pixels_is_nan(kernel, n):
    offsets, pixels = np.array([0, n]), np.arange(n)
    parameters = ellipses(offsets, pixels, np.ones(n))
    assert np.isnan(run(kernel, offsets, pixels, np.ones(n), parameters)).all()
