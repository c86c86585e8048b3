"""Kernels of the cleaners beyond two thresholds, each with its twin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ctabatch.kernels.coincidence_cleaning import bright_cleaning, coincidence_cleaning
from ctabatch.kernels.fact_cleaning import fact_cleaning
from ctabatch.kernels.mars_cleaning import mars_cleaning
from ctabatch.kernels.pixel_tailcuts import pixel_tailcuts
from ctabatch.kernels.tailcuts import tailcuts
from ctabatch.kernels.time_constrained import time_constrained_cleaning
from tests.naive import cleaning as naive
from tests.toy_images import read_only, toy_camera

SMALL = toy_camera(rings=2)
SHAPE = (2, SMALL.n_pixels)
#: Charges and times at, above and below the limits, and what is no number.
CHARGES = arrays(
    np.float32, SHAPE, elements=st.sampled_from([0, 4, 5, 7, 10, 11, 25, np.nan, np.inf, -np.inf])
)
TIMES = arrays(
    np.float32, SHAPE,
    elements=st.sampled_from([10, 11, 11.5, 13, 15, 16, 30, np.nan, np.inf, -np.inf]),
)  # fmt: skip
MASKS = arrays(np.bool_, SHAPE)
THRESHOLDS = {"picture": st.sampled_from([10.0, 5.0, 4.0]), "boundary": st.sampled_from([5.0, 9.0])}
LEAST = st.integers(-1, 3)


def both(kernel):
    return pytest.mark.parametrize("kernel", [kernel, kernel.py_func], ids=["compiled", "plain"])


def run(kernel, *arguments):
    """The mask a kernel writes into an array that held something else."""
    mask = np.ones(SHAPE, bool)
    with np.errstate(all="ignore"):  # infinite times have no difference
        kernel(*map(fixed, arguments), mask)
    return mask


def fixed(argument):
    return read_only(argument) if isinstance(argument, np.ndarray) else argument


def same(masks, twin):
    for k, mask in enumerate(masks):
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(mask, twin(k))


@both(mars_cleaning)
@given(image=CHARGES, least=LEAST, isolated=st.booleans(), **THRESHOLDS)
def test_mars_cleaning_agrees_with_its_twin(kernel, image, picture, boundary, least, isolated):
    masks = run(kernel, image, *SMALL.neighbors, picture, boundary, least, isolated)
    options = (SMALL.neighbor_lists, picture, boundary, least, isolated)
    same(masks, lambda k: naive.mars(image[k], *options))


@both(fact_cleaning)
@given(image=CHARGES, time=TIMES, least=LEAST, limit=st.sampled_from([0, 2, 4.1]), **THRESHOLDS)
def test_fact_cleaning_agrees_with_its_twin(kernel, image, time, picture, boundary, least, limit):
    masks = run(kernel, image, time, *SMALL.neighbors, picture, boundary, least, limit)
    options = (SMALL.neighbor_lists, picture, boundary, least, limit)
    same(masks, lambda k: naive.fact(image[k], time[k], *options))


@both(time_constrained_cleaning)
@given(image=CHARGES, time=TIMES, least=LEAST, core=st.sampled_from([0, 1.3, 4.5]),
       limit=st.sampled_from([0, 1.5, 4.1]), **THRESHOLDS)  # fmt: skip
def test_time_constrained_cleaning_agrees_with_its_twin(
    kernel, image, time, picture, boundary, least, core, limit
):
    masks = run(kernel, image, time, *SMALL.neighbors, picture, boundary, least, core, limit)
    options = (SMALL.neighbor_lists, picture, boundary, least, core, limit)
    same(masks, lambda k: naive.time_constrained(image[k], time[k], *options))


@both(coincidence_cleaning)
@given(mask=MASKS, time=TIMES, least=LEAST, limit=st.sampled_from([0, 1.5, 4.1]))
def test_coincidence_cleaning_agrees_with_its_twin(kernel, mask, time, least, limit):
    found = mask.copy()
    with np.errstate(all="ignore"):
        kernel(found, read_only(time), *SMALL.neighbors, least, limit)
    options = (SMALL.neighbor_lists, least, limit)
    same(found, lambda k: naive.coincidence(mask[k], time[k], *options))


@both(bright_cleaning)
@given(image=CHARGES, mask=MASKS, threshold=st.sampled_from([0.0, 10.0, 20.0]),
       fraction=st.sampled_from([0.0, 0.3, 1.0]), number=st.integers(1, 40))  # fmt: skip
def test_bright_cleaning_agrees_with_its_twin(kernel, image, mask, threshold, fraction, number):
    mask &= ~np.isnan(image)
    found = mask.copy()
    with np.errstate(all="ignore"):
        kernel(read_only(image), threshold, fraction, number, found)
    selected = mask.any(axis=1)
    image, before = image[selected], mask[selected]
    options = (threshold, fraction, number)
    same(found[selected], lambda k: naive.bright(image[k], *options, before[k]))
    assert not found[~selected].any()


@both(pixel_tailcuts)
@given(
    image=CHARGES, picture=st.sampled_from([10.0, 5.0, 4.0]), least=LEAST, isolated=st.booleans()
)
def test_equal_thresholds_of_all_pixels_are_two_threshold_cleaning(
    kernel, image, picture, least, isolated
):
    thresholds = np.full((1, SMALL.n_pixels), picture)
    options = (*SMALL.neighbors, 5.0, least, isolated)
    expected = run(tailcuts, image, *SMALL.neighbors, picture, 5.0, least, isolated)
    np.testing.assert_array_equal(run(kernel, image, thresholds, *options), expected)
    np.testing.assert_array_equal(run(kernel, image, thresholds.repeat(2, 0), *options), expected)


@both(pixel_tailcuts)
@given(
    image=CHARGES,
    thresholds=arrays(np.float32, SHAPE, elements=st.sampled_from([4, 10, np.nan])),
    least=LEAST,
    isolated=st.booleans(),
)
def test_pixel_thresholds_agree_with_shifted_charges(kernel, image, thresholds, least, isolated):
    """A boundary below all charges leaves the picture thresholds alone to decide."""
    options = (*SMALL.neighbors, -1e30, least, isolated)
    passing = np.where(image >= thresholds, np.float32(1), np.float32(0))
    passing[np.isnan(image) | (image == -np.inf)] = np.nan
    expected = run(tailcuts, passing, *SMALL.neighbors, 1.0, -1e30, least, isolated)
    np.testing.assert_array_equal(run(kernel, image, thresholds, *options), expected)


def test_kernels_take_no_images():
    image = np.empty((0, SMALL.n_pixels), np.float32)
    mask = np.empty(image.shape, bool)
    for kernel in (fact_cleaning, fact_cleaning.py_func):
        kernel(image, image, *SMALL.neighbors, 4.0, 2.0, 2, 5.0, mask)
    for kernel in (time_constrained_cleaning, time_constrained_cleaning.py_func):
        kernel(image, image, *SMALL.neighbors, 4.0, 2.0, 2, 5.0, 1.0, mask)
    bright_cleaning(image, 1.0, 1.0, 3, mask)
    coincidence_cleaning(mask, image, *SMALL.neighbors, 1, 1.0)
    mars_cleaning(image, *SMALL.neighbors, 4.0, 2.0, 2, False, mask)


def test_cleaning_forgets_one_image_before_the_next():
    image = np.zeros(SHAPE, np.float32)
    image[0] = 30
    time = np.zeros(SHAPE, np.float32)
    for kernel, limits in ((fact_cleaning, (5.0,)), (time_constrained_cleaning, (4.5, 1.5))):
        found = run(kernel, image, time, *SMALL.neighbors, 10.0, 5.0, 1, *limits)
        assert found[0].all()
        assert not found[1].any()
