"""Weighted means of numbers and of directions over groups of telescopes."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.direction_mean import direction_mean, horizontal, unit_vectors
from ctabatch.kernels.weighted_mean import weighted_mean
from tests.naive import combination as naive

MEANS = pytest.mark.parametrize("kernel", [weighted_mean, weighted_mean.py_func])
DIRECTIONS = pytest.mark.parametrize("kernel", [direction_mean, direction_mean.py_func])

awkward = st.sampled_from([0.0, -1.0, np.nan, np.inf])
row = st.tuples(st.floats(-50, 50) | awkward, st.booleans(), st.floats(1e-6, 1e6) | awkward)
groups = st.lists(st.lists(row, max_size=5), max_size=6)


def ragged(lists):
    offsets = np.cumsum([0, *map(len, lists)])
    rows = [r for group in lists for r in group]
    values, valid, weight = (np.array([r[i] for r in rows], t) for i, t in enumerate("d?d"))
    return offsets, values, valid, weight


def means(kernel, offsets, values, valid, weight, logarithmic=False):
    n = len(offsets) - 1
    out = np.zeros(n), np.zeros(n), np.zeros(n, np.int32)
    kernel(offsets, values, valid, weight, logarithmic, *out)
    return out


def directions(kernel, offsets, vectors, valid, weight):
    n = len(offsets) - 1
    out = np.zeros((n, 3)), np.zeros(n), np.zeros(n, np.int32)
    kernel(offsets, vectors, valid, weight, *out)
    return out


def vectors_of(alt, az):
    out = np.empty((len(alt), 3))
    unit_vectors(np.array(alt, float), np.array(az, float), out)
    return out


@MEANS
@pytest.mark.parametrize("logarithmic", [False, True])
@given(lists=groups)
def test_means_are_those_of_the_twin(kernel, logarithmic, lists):
    offsets, values, valid, weight = ragged(lists)
    found = means(kernel, offsets, values, valid, weight, logarithmic)
    for g, (start, stop) in enumerate(pairwise(offsets)):
        s = slice(start, stop)
        expected = naive.mean_and_std(values[s], valid[s], weight[s], logarithmic)
        for ours, theirs in zip(found, expected, strict=True):
            assert ours[g] == pytest.approx(theirs, rel=1e-9, abs=1e-6, nan_ok=True)


@MEANS
def test_a_lone_telescope_is_its_own_mean_without_spread(kernel):
    mean, std, n = means(
        kernel, np.array([0, 1]), np.array([3.7]), np.array([True]), np.array([9.0])
    )
    assert (mean[0], std[0], n[0]) == (3.7, 0.0, 1)


@MEANS
def test_an_event_without_valid_telescopes_has_no_mean(kernel):
    mean, std, n = means(kernel, np.array([0, 0, 1]), np.ones(1), np.zeros(1, bool), np.ones(1))
    assert np.isnan(mean).all()
    assert np.isnan(std).all()
    assert n.tolist() == [0, 0]


@MEANS
def test_huge_and_tiny_weights_neither_overflow_nor_vanish(kernel):
    offsets, values = np.array([0, 2, 4]), np.array([1.0, 3.0, 1.0, 3.0])
    weight = np.array([1e308, 1e308, 1e-308, 1e-308])
    mean, std, _ = means(kernel, offsets, values, values > 0, weight)
    assert mean.tolist() == [2.0, 2.0]
    assert std.tolist() == [1.0, 1.0]


@MEANS
def test_the_logarithmic_mean_is_geometric(kernel):
    values = np.array([1.0, 100.0])
    mean, std, _ = means(kernel, np.array([0, 2]), values, values > 0, np.ones(2), True)
    assert mean[0] == pytest.approx(10.0)
    assert std[0] == pytest.approx(np.log(10.0))


@DIRECTIONS
@given(
    lists=st.lists(
        st.lists(
            st.tuples(
                st.floats(20, 89) | st.just(np.nan),
                st.floats(-400, 400),
                st.booleans(),
                st.floats(1e-3, 1e3) | awkward,
            ),
            max_size=4,
        ),
        max_size=5,
    )
)
def test_directions_are_those_of_the_twin(kernel, lists):
    offsets = np.cumsum([0, *map(len, lists)])
    rows = [r for group in lists for r in group]
    alt, az, valid, weight = (np.array([r[i] for r in rows], t) for i, t in enumerate("dd?d"))
    vectors = vectors_of(alt, az)
    vector, spread, n = directions(kernel, offsets, vectors, valid, weight)
    for g, (start, stop) in enumerate(pairwise(offsets)):
        s = slice(start, stop)
        mean, apart, count = naive.direction(vectors[s], valid[s], weight[s])
        np.testing.assert_allclose(vector[g], mean, rtol=1e-12, atol=1e-12)
        assert n[g] == count
        # the twin takes the length of the mean from 1: 1e-16 there are 1e-6 deg here
        assert spread[g] == pytest.approx(apart, rel=1e-6, abs=5e-6, nan_ok=True)


@DIRECTIONS
def test_the_spread_of_two_close_directions_is_not_rounding_noise(kernel):
    apart = 2e-7  # deg; the length of the mean is 1 - 1e-18
    vectors = vectors_of([70.0, 70.0 + apart], [0.0, 0.0])
    _, spread, _ = directions(kernel, np.array([0, 2]), vectors, np.ones(2, bool), np.ones(2))
    assert spread[0] == pytest.approx(apart / 2, rel=1e-6)


@DIRECTIONS
def test_one_direction_has_no_spread(kernel):
    vectors = vectors_of([33.3], [44.4])
    vector, spread, n = directions(kernel, np.array([0, 1]), vectors, np.ones(1, bool), np.ones(1))
    assert spread[0] == 0.0
    assert n[0] == 1
    np.testing.assert_array_equal(vector, vectors)


@DIRECTIONS
def test_opposite_directions_have_infinite_spread(kernel):
    vectors = np.array([[1.0, 0, 0], [-1.0, 0, 0]])
    _, spread, _ = directions(kernel, np.array([0, 2]), vectors, np.ones(2, bool), np.ones(2))
    assert np.isposinf(spread[0])


@pytest.mark.parametrize(
    "kernels", [(unit_vectors, horizontal), (unit_vectors.py_func, horizontal.py_func)]
)
@given(alt=st.floats(-89, 89), az=st.floats(-720, 720))
def test_angles_come_back_from_unit_vectors(kernels, alt, az):
    there, back = kernels
    vector, found_alt, found_az = np.empty((1, 3)), np.empty(1), np.empty(1)
    there(np.array([alt]), np.array([az]), vector)
    back(vector, found_alt, found_az)
    assert found_alt[0] == pytest.approx(alt, abs=1e-9)
    assert 0 <= found_az[0] < 360
    assert (found_az[0] - az + 180) % 360 - 180 == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("kernel", [horizontal, horizontal.py_func])
def test_azimuth_just_below_north_stays_below_360(kernel):
    alt, az = np.empty(1), np.empty(1)
    kernel(np.array([[1.0, -1e-30, 0.0]]), alt, az)
    assert az[0] == 0.0
