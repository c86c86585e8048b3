"""Random numbers: the published generator, the right distributions, one stream per purpose."""

import numpy as np
import pytest
from scipy import stats

from ctabatch.kernels import random_streams as rs
from ctabatch.kernels.random_streams import next_bits, next_uniform, start_stream
from tests.naive import simulation as naive


def draws(draw, n, *arguments, seed=1):
    state = np.empty(1, np.uint64)
    start_stream(state, seed, 0, 0, 0, 0)
    return np.array([draw(state, *arguments) for _ in range(n)])


def test_the_generator_is_splitmix64():
    # first outputs for seed 1234567, as in the reference implementation's common test vector
    state = np.array([1234567], np.uint64)
    assert [int(next_bits(state)) for _ in range(3)] == [
        6457827717110365317, 3203168211198807973, 9817491932198370423
    ]  # fmt: skip


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("numbers", [(0, 0, 0, 0, 0), (7, 1, 2, 3, 4), (2**63 - 1, 9, 99, 5, 3)])
def test_a_stream_is_the_one_of_its_numbers(plain, numbers):
    state = np.empty(1, np.uint64)
    start, draw = (start_stream, next_bits)
    if plain:
        start, draw = start.py_func, draw.py_func
    with np.errstate(over="ignore"):
        start(state, *numbers)
        seen = [int(draw(state)) for _ in range(5)]
    assert seen == naive.bits(naive.start_stream(*numbers), 5)


def test_streams_of_neighbouring_numbers_differ():
    state, first = np.empty(1, np.uint64), set()
    for shower in range(20):
        for use in range(20):
            for purpose in range(10):
                start_stream(state, 3, shower, use, 1, purpose)
                first.add(int(next_bits(state)))
    assert len(first) == 4000


def test_uniform_numbers_are_those_of_the_plain_generator():
    start = naive.start_stream(1, 0, 0, 0, 0)
    assert draws(next_uniform, 5).tolist() == naive.uniforms(start, 5)


@pytest.mark.parametrize(
    ("draw", "arguments", "distribution"),
    [
        (rs.next_uniform, (), stats.uniform()),
        (rs.next_exponential, (), stats.expon()),
        (rs.next_normal, (), stats.norm()),
        (rs.next_erlang, (8,), stats.gamma(8, scale=1 / 8)),
    ],
)
@pytest.mark.parametrize("plain", [False, True])
def test_continuous_numbers_follow_their_distribution(draw, arguments, distribution, plain):
    sample = draws(draw.py_func if plain else draw, 20_000, *arguments)
    assert stats.kstest(sample, distribution.cdf).pvalue > 1e-3


@pytest.mark.parametrize("mean", [0.3, 4.0, 9.99, 10.0, 37.5, 4000.0])
@pytest.mark.parametrize("plain", [False, True])
def test_poisson_numbers_follow_their_distribution(mean, plain):
    sample = draws(rs.next_poisson.py_func if plain else rs.next_poisson, 20_000, mean)
    edges = np.unique(stats.poisson.ppf(np.linspace(0.02, 0.98, 15), mean))
    expected = np.diff(np.concatenate([[0], stats.poisson.cdf(edges, mean), [1]]))
    seen = np.bincount(np.searchsorted(edges, sample), minlength=len(edges) + 1)
    assert stats.chisquare(seen, expected * len(sample)).pvalue > 1e-3


@pytest.mark.parametrize("mean", [0.0, -1.0, np.nan])
def test_a_poisson_number_without_a_positive_mean_is_zero(mean):
    assert draws(rs.next_poisson, 1, mean)[0] == 0
