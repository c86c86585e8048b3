"""Images with a worse point spread and more noise: the kernels, and what holds exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctabatch.kernels.charge_noise import add_charge_noise
from ctabatch.kernels.psf_smearing import smear_psf
from ctabatch.stages.tuning import ImageModifier
from tests.naive import tuning as naive
from tests.toy_images import read_only, toy_camera

COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])
CAMERA = toy_camera(3)
KEYS = (7, np.array([-3, 12, 12]), np.array([1, 1, 40]))
TUNED = ImageModifier(
    psf_smear_factor=0.3, noise_transition_charge=8.0, noise_bias_dim_pixels=0.4,
    noise_level_dim_pixels=1.7, noise_level_bright_pixels=12.5,
)  # fmt: skip


def images(n, seed=0, camera=CAMERA):
    """Charges from noise below zero to a thousand photo-electrons."""
    rng = np.random.default_rng(seed)
    charge = rng.normal(0, 2, (n, camera.n_pixels)) + 10 ** rng.uniform(-1, 3, (n, camera.n_pixels))
    return read_only(charge, np.float32)


def int64(*keys, n):
    return [read_only(np.broadcast_to(key, n), np.int64) for key in keys]


@COMPILED
@pytest.mark.parametrize("factor", [0.0, 0.05, 0.9])
def test_smearing_is_that_of_the_twin(compiled, factor):
    charge, out = images(3), np.empty((3, CAMERA.n_pixels), np.float32)
    run = smear_psf if compiled else smear_psf.py_func
    run(charge, *int64(*KEYS, n=3), *CAMERA.neighbors, 6, factor, 5, out)
    for k in range(3):
        key = (5, 7, int(KEYS[1][k]), int(KEYS[2][k]))
        expected = naive.smear(charge[k], CAMERA.neighbor_lists, factor, key)
        # sums of whole numbers and one charge: what is lost is rounding to single precision
        np.testing.assert_allclose(out[k], expected, rtol=1e-6, atol=2e-4)


@COMPILED
@pytest.mark.parametrize("correct_bias", [True, False])
def test_charge_noise_is_that_of_the_twin(compiled, correct_bias):
    charge, out = images(3), np.empty((3, CAMERA.n_pixels), np.float32)
    run = add_charge_noise if compiled else add_charge_noise.py_func
    levels = (8.0, 1.7, 12.5, 0.4)
    run(charge, *int64(*KEYS, n=3), *levels, correct_bias, 5, out)
    for k in range(3):
        key = (5, 7, int(KEYS[1][k]), int(KEYS[2][k]))
        expected = naive.add_charge_noise(charge[k], *levels, correct_bias, key)
        np.testing.assert_allclose(out[k], expected, rtol=1e-6, atol=1e-6)  # single precision


def test_without_factor_and_noise_images_stay_the_same_object():
    charge = images(2)
    assert ImageModifier().modify(charge, CAMERA, 1, np.arange(2), np.arange(2)) is charge
    only_bias = ImageModifier(noise_bias_dim_pixels=3.0)  # as in ctapipe, bias comes with noise
    assert only_bias.modify(charge, CAMERA, 1, np.arange(2), np.arange(2)) is charge


@settings(max_examples=30)
@given(cuts=st.sets(st.integers(0, 9)), order=st.permutations(range(9)))
def test_the_bits_do_not_depend_on_how_the_batch_is_cut_or_ordered(cuts, order):
    charge, event, tel = images(9), np.arange(9) // 2, np.arange(9) % 3
    whole = TUNED.modify(charge, CAMERA, 4, event, tel)
    order = np.array(order)
    for rows in np.split(order, sorted(cuts)):
        part = TUNED.modify(charge[rows], CAMERA, 4, event[rows], tel[rows])
        assert part.tobytes() == whole[rows].tobytes()


def test_the_same_seed_gives_the_same_bits_and_every_other_number_others():
    charge = np.repeat(images(1), 5, axis=0)
    obs, event, tel = np.array([[1, 1, 2, 1, 1], [1, 1, 1, 2, 1], [1, 1, 1, 1, 2]])
    first = TUNED.modify(charge, CAMERA, obs, event, tel)
    assert first[0].tobytes() == first[1].tobytes()
    assert len({row.tobytes() for row in first}) == 4
    other = ImageModifier(psf_smear_factor=0.3, rng_seed=2)
    same = ImageModifier(psf_smear_factor=0.3)
    results = [m.modify(charge, CAMERA, 1, event, tel)[0].tobytes() for m in (other, same)]
    assert results[0] != results[1]


def test_smearing_keeps_the_light_inside_and_loses_it_at_the_edge():
    indptr, _ = CAMERA.neighbors
    n_neighbors = np.diff(indptr)
    n, factor, charge = 4000, 0.3, np.float32(64.0)
    only_psf = ImageModifier(psf_smear_factor=factor)
    for pixel in (int(np.argmax(n_neighbors)), int(np.argmin(n_neighbors))):
        image = np.zeros((n, CAMERA.n_pixels), np.float32)
        image[:, pixel] = charge
        out = only_psf.modify(image, CAMERA, 1, np.arange(n), np.ones(n))
        total = out.sum(axis=1)
        missing = 1 - n_neighbors[pixel] / 6
        if missing == 0:
            np.testing.assert_array_equal(total, charge)  # whole numbers: exact
        # a Poisson number of that mean is lost: five standard errors
        mean = charge * factor * missing
        assert abs((charge - total).mean() - mean) <= 5 * np.sqrt(mean / n)


def test_values_that_are_no_numbers_stay_and_do_not_spread():
    image = np.ones((1, CAMERA.n_pixels), np.float32)
    image[0, :3] = np.nan, np.inf, -np.inf
    out = TUNED.modify(image, CAMERA, 1, [1], [1])
    assert np.isnan(out[0, 0])
    assert out[0, 1:3].tolist() == [np.inf, -np.inf]
    assert np.isfinite(out[0, 3:]).all()


def test_a_charge_beyond_all_measure_is_smeared_by_its_mean():
    image = np.zeros((1, CAMERA.n_pixels), np.float32)
    image[0, 0], image[0, 18] = 1e30, 1e17
    out = ImageModifier(psf_smear_factor=0.5).modify(image, CAMERA, 1, [1], [1])
    np.testing.assert_allclose(out[0, [0, 18]], [5e29, 5e16], rtol=1e-6)
    assert np.isfinite(out).all()


def test_pixels_without_data_stay_as_they_are():
    image, read_out = images(4), np.random.default_rng(1).random((4, CAMERA.n_pixels)) < 0.5
    out = TUNED.modify(image, CAMERA, 1, np.arange(4), np.ones(4), read_out)
    np.testing.assert_array_equal(out[~read_out], image[~read_out])
    assert (out[read_out] != image[read_out]).mean() > 0.9


def test_an_empty_batch_and_a_camera_of_one_pixel_are_fine():
    nothing = TUNED.modify(np.empty((0, CAMERA.n_pixels), np.float32), CAMERA, 1, [], [])
    assert nothing.shape == (0, CAMERA.n_pixels)
    alone = toy_camera(0)
    only_psf = ImageModifier(psf_smear_factor=0.5)
    assert only_psf.modify(np.full((1, 1), 50, np.float32), alone, 1, [1], [1]) == 50
