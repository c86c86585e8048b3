"""The image modifier against ctapipe's functions: equal in distribution, in every pixel."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from ctapipe.image.modifications import ImageModifier as TheirModifier
from ctapipe.image.modifications import _add_noise, _smear_psf_randomly
from ctapipe.io import EventSource

import ctabatch
from ctabatch.stages.tuning import ImageModifier
from tests.parity.closeness import Tolerance, assert_close
from tests.parity.ctapipe_oracle import change_shape

#: SST-1M, 1296 pixels; LST and NectarCam; FlashCam; hexagons. ASTRI has squares.
FILES = ("sst1m", "prod6", "gamma-test-large", "astri")
N = 3000


def cameras(path):
    """Camera name -> our geometry, ctapipe's telescope number."""
    with ctabatch.open(path) as source:
        return {
            f"{t.tel_type} {t.tel_id}": (t.geometry, tel_ids[0])
            for name, tel_ids in source.subarray.tel_types.items()
            for t in [source.subarray.telescopes[tel_ids[0]]]
        }


def shower(geometry):
    """Charges with an edge-on shower of some hundred photo-electrons per pixel, noise around."""
    rng = np.random.default_rng(2)
    lon, lat = geometry.fov_lon, geometry.fov_lat
    edge = lon.max()
    light = 120 * np.exp(-(((lon - edge) / 0.4) ** 2) - (lat / 0.3) ** 2)
    return (light + rng.normal(0, 2, lon.size)).astype(np.float32)


def moments(images):
    """Mean, variance, and squared standard errors of both, per pixel."""
    images = images.astype(np.float64)
    n, mean, variance = len(images), images.mean(axis=0), images.var(axis=0)
    fourth = ((images - mean) ** 4).mean(axis=0)
    # a constant pixel has neither; what remains is rounding to single precision
    return mean, variance, variance / n + 1e-10, np.maximum(fourth - variance**2, 0) / n + 1e-10


def assert_same_distribution(name, ours, theirs):
    """Mean and variance of every pixel within 5.5 joint standard errors.

    A camera of 2368 pixels has 4736 comparisons, of which the largest is beyond 5.5 once in 5000
    times for normal errors; those of variances have a longer tail, which 7 makes up for.
    """
    (mean, var, mean_error, var_error), other = moments(ours), moments(theirs)
    pull = np.abs(mean - other[0]) / np.sqrt(mean_error + other[2])
    assert pull.max() < 5.5, f"{name}: means of pixel {pull.argmax()}"
    pull = np.abs(var - other[1]) / np.sqrt(var_error + other[3])
    assert pull.max() < 7, f"{name}: variances of pixel {pull.argmax()}"
    # not only the extremes: the pulls of all pixels scatter as they should
    assert np.sqrt((pull**2).mean()) < 1.25, name


def repeated(modifier, image, geometry, n=N):
    return modifier.modify(np.tile(image, (n, 1)), geometry, 1, np.arange(n), np.ones(n))


@pytest.mark.parametrize("name", FILES)
def test_smeared_charges_have_the_distribution_of_ctapipe(name, example_files):
    with EventSource(example_files[name], focal_length_choice="EQUIVALENT") as source:
        subarray = source.subarray
    for camera, (geometry, tel_id) in cameras(example_files[name]).items():
        image, theirs = shower(geometry), subarray.tel[tel_id].camera.geometry
        if geometry.pixel_shape == "square":  # ctapipe may not know it, see docs/deviations.md
            change_shape(theirs, "square")
        matrix, most = theirs.neighbor_matrix_sparse, theirs.max_neighbors
        expected = np.array([
            _smear_psf_randomly(image, 0.15, matrix.indices, matrix.indptr,
                                np.full(most, 1 / most), seed)
            for seed in range(N)
        ])  # fmt: skip
        ours = repeated(ImageModifier(psf_smear_factor=0.15), image, geometry)
        assert_same_distribution(camera, ours, expected)
        total, their_total = ours.sum(axis=1, dtype=float), expected.sum(axis=1, dtype=float)
        assert total.mean() < image.sum(dtype=float) - 1, camera  # light is lost at the edge
        error = np.hypot(total.std(), their_total.std()) / np.sqrt(N)
        assert abs(total.mean() - their_total.mean()) < 5 * error, camera
        # 2 + 2 (n - 1)^-1 for the variance of a variance of normal numbers
        ratio = total.var() / their_total.var()
        assert ratio == pytest.approx(1, abs=5 * np.sqrt(4 / N)), camera


@pytest.mark.parametrize("correct_bias", [True, False])
def test_noise_has_the_distribution_of_ctapipe(correct_bias, example_files):
    (geometry, _), *_ = cameras(example_files["sst1m"]).values()
    image = shower(geometry)
    level = np.where(image > 8, 14.0, 1.5)
    rng = np.random.default_rng(3)
    expected = np.array([_add_noise(image, level, rng, correct_bias) for _ in range(N)])
    expected[:, image <= 8] += np.float32(0.7)
    ours = repeated(
        ImageModifier(
            noise_transition_charge=8.0, noise_bias_dim_pixels=0.7, noise_level_dim_pixels=1.5,
            noise_level_bright_pixels=14.0, noise_correct_bias=correct_bias,
        ),
        image, geometry,
    )  # fmt: skip
    assert_same_distribution("noise", ours, expected)
    # single charges differ by whole photo-electrons alone: rounding to single precision
    shift = ours.astype(float) - image - np.where(image > 8, 0, 0.7) + correct_bias * level
    assert_close("ImageModifier.noise", shift, np.rint(shift), Tolerance(absolute=5e-5), "sst1m")


@pytest.mark.parametrize("name", ["sst1m", "prod6"])
def test_all_options_together_have_the_distribution_of_ctapipes_component(name, example_files):
    options = {
        "psf_smear_factor": 0.1, "noise_transition_charge": 8.0, "noise_bias_dim_pixels": 0.9,
        "noise_level_dim_pixels": 2.1, "noise_level_bright_pixels": 4.0,
    }  # fmt: skip
    with EventSource(example_files[name], focal_length_choice="EQUIVALENT") as source:
        modifier = TheirModifier(subarray=source.subarray, **options)
    for camera, (geometry, tel_id) in cameras(example_files[name]).items():
        image = shower(geometry)
        expected = np.array([modifier(tel_id, image) for _ in range(N)])
        ours = repeated(ImageModifier(**options), image, geometry)
        assert ours.dtype == expected.dtype
        assert_same_distribution(camera, ours, expected)


def test_the_options_and_their_defaults_are_those_of_ctapipe():
    ours = ImageModifier()
    for name, trait in TheirModifier.class_own_traits(config=True).items():
        default = trait.default()
        if hasattr(default, "attach_subarray"):  # a value per telescope: one pattern for all
            ((_, _, default),) = default
        assert getattr(ours, name) == default, name


def test_neighbours_that_light_is_moved_to_are_those_of_ctapipe(example_files):
    with EventSource(example_files["sst1m"], focal_length_choice="EQUIVALENT") as source:
        theirs = next(iter(source.subarray.tel.values())).camera.geometry
    assert theirs.pix_x.unit == u.m
    (geometry, _), *_ = cameras(example_files["sst1m"]).values()
    for ours, other in zip(
        geometry.neighbors,
        (theirs.neighbor_matrix_sparse.indptr, theirs.neighbor_matrix_sparse.indices),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, other)
