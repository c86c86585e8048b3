"""Head-tail signs that the telescopes of an event agree on."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ctabatch.kernels.disp_signs import resolve_signs
from ctabatch.kernels.sign_search import best_choice
from tests.naive import combination as naive
from tests.naive.disp import disp_vector

SEARCHES = pytest.mark.parametrize("kernel", [best_choice, best_choice.py_func])
KERNELS = pytest.mark.parametrize("kernel", [resolve_signs, resolve_signs.py_func])
POINTING = (1.2, 0.3)
ENUMERATE, CROSS = 99, 0


def search(kernel, points, cost, weight, enumerated, start=None):
    n = len(weight)
    best = np.zeros(n, np.int64) if start is None else np.array(start)
    x, y = (np.ascontiguousarray(points[:, :, i]) for i in range(2))
    kernel(x, y, cost, weight, enumerated, np.empty((n, 3)), np.empty(n, np.int64), best)
    return best


def random_problem(rng, n, spread):
    points = rng.normal(0, spread, (n, 2, 2))
    p = rng.uniform(0.02, 0.98, n)
    return points, -np.log(np.stack([p, 1 - p], 1)), rng.exponential(1, n) + 1e-3


coordinate = st.integers(-4, 4).map(float)  # on a lattice, so that lines meet and run parallel
telescope = st.tuples(
    st.tuples(*[coordinate] * 4),
    st.sampled_from([0.02, 0.3, 0.5, 0.98]),
    st.sampled_from([1.0, 0.25]),
)


@SEARCHES
@pytest.mark.parametrize("enumerated", [ENUMERATE, CROSS], ids=["enumerated", "crossings"])
@given(telescopes=st.lists(telescope, min_size=2, max_size=5))
@example(telescopes=[((0.0, 0.0, 0.0, 0.0), 0.3, 1.0)] * 3)  # no line at all
@example(telescopes=[((-2.0, 1.0, 2.0, 1.0), 0.3, 1.0), ((-3.0, 0.0, 1.0, 0.0), 0.98, 0.25)])
def test_the_choice_costs_as_little_as_the_best_of_the_twin(kernel, enumerated, telescopes):
    points = np.array([t[0] for t in telescopes]).reshape(-1, 2, 2)
    p = np.array([t[1] for t in telescopes])
    cost, weight = -np.log(np.stack([p, 1 - p], 1)), np.array([t[2] for t in telescopes])
    found = search(kernel, points, cost, weight, enumerated)
    expected = naive.best_choice(points, cost, weight)
    least = naive.choice_cost(points, cost, weight, expected)
    assert naive.choice_cost(points, cost, weight, found) == pytest.approx(least, abs=1e-7)


@pytest.mark.parametrize("spread", [0.5, 2.0, 20.0])
@pytest.mark.parametrize("n", [2, 3, 5, 8, 11, 13])
def test_crossings_find_the_optimum_of_all_combinations_every_time(n, spread):
    rng = np.random.default_rng(n)
    for _ in range(200):
        problem = random_problem(rng, n, spread)
        found, expected = (search(best_choice, *problem, limit) for limit in (CROSS, ENUMERATE))
        assert found.tolist() == expected.tolist()


def test_crossings_find_the_optimum_of_parallel_images():
    rng = np.random.default_rng(5)
    for n in (2, 4, 9):
        for _ in range(100):
            points, cost, weight = random_problem(rng, n, 2.0)
            points[:, 1, 1] = points[:, 0, 1]  # all images along x
            found, expected = (search(best_choice, points, cost, weight, e) for e in (0, 99))
            assert found.tolist() == expected.tolist()


@SEARCHES
@pytest.mark.parametrize("enumerated", [ENUMERATE, CROSS])
@pytest.mark.parametrize("start", [[0, 0], [1, 1]])
def test_a_tie_keeps_the_choice_it_started_from(kernel, enumerated, start):
    points = np.array([[[-1.0, 0.0], [1.0, 0.0]]] * 2)
    assert search(kernel, points, np.zeros((2, 2)), np.ones(2), enumerated, start).tolist() == start


def event(images, source=(0.4, -0.2), flip=()):
    """Candidates of telescopes whose images (angle deg, disp deg) point to a source."""
    plus, minus = [], []
    for i, (angle, disp) in enumerate(images):
        psi = np.radians(angle)
        lon, lat = source[0] - disp * np.cos(psi), source[1] - disp * np.sin(psi)
        pair = [disp_vector(s * disp, lon, lat, angle, *POINTING) for s in (1, -1)]
        first, second = pair[::-1] if i in flip else pair
        plus.append(first)
        minus.append(second)
    return np.array(plus), np.array(minus)


def signs(kernel, plus, minus, p_plus, *, weight=None, valid=None, offsets=None, scale=0.2):
    n = len(plus)
    out = np.full(n, 77, np.int8)
    kernel(
        np.array([0, n] if offsets is None else offsets),
        plus,
        minus,
        np.array(p_plus, float),
        np.ones(n, bool) if valid is None else np.array(valid),
        np.ones(n) if weight is None else np.array(weight, float),
        scale,
        0.02,
        out,
    )
    return out.tolist()


@KERNELS
def test_two_telescopes_correct_the_wrong_sign_of_the_third(kernel):
    plus, minus = event([(0, 1.0), (60, 0.8), (130, 1.2)], flip=[2])
    assert signs(kernel, plus, minus, [0.8, 0.7, 0.9]) == [1, 1, -1]


@KERNELS
def test_crossing_images_outvote_two_wrong_signs_of_two(kernel):
    plus, minus = event([(0, 1.0), (90, 0.8)], flip=[0, 1])
    assert signs(kernel, plus, minus, [0.6, 0.6]) == [-1, -1]


@KERNELS
def test_the_more_probable_sign_decides_where_directions_cannot(kernel):
    # images on top of each other: both heads or both tails fit equally well
    plus, minus = event([(30, 1.0), (30, 1.0)])
    assert signs(kernel, plus, minus, [0.9, 0.4]) == [1, 1]
    assert signs(kernel, plus, minus, [0.1, 0.6]) == [-1, -1]


@KERNELS
def test_a_lone_telescope_keeps_its_more_probable_sign(kernel):
    plus, minus = event([(30, 1.0)])
    assert signs(kernel, plus, minus, [0.4]) == [-1]
    assert signs(kernel, plus, minus, [0.5]) == [1]


@KERNELS
def test_telescopes_that_do_not_count_get_no_sign(kernel):
    plus, minus = event([(0, 1.0), (60, 0.8), (130, 1.2), (20, 1.0), (80, 1.0), (99, 1.0)])
    minus[3, 1] = np.nan
    found = signs(
        kernel,
        plus,
        minus,
        [0.4, np.nan, 0.9, 0.9, 0.9, 0.9],
        valid=[True, True, False, True, True, True],
        weight=[1, 1, 1, 1, 0, np.inf],
    )
    assert found == [-1, 0, 0, 0, 0, 0]


@KERNELS
def test_events_are_resolved_on_their_own(kernel):
    plus, minus = event([(0, 1.0), (60, 0.8), (130, 1.2), (40, 1.0)], flip=[2, 3])
    p = [0.8, 0.7, 0.9, 0.9]
    assert signs(kernel, plus, minus, p, offsets=[0, 0, 3, 4, 4]) == [1, 1, -1, 1]


@KERNELS
def test_a_faint_image_does_not_overrule_a_bright_one(kernel):
    # two telescopes that cannot agree: the sign that changes is that of the faint image
    plus, minus = event([(0, 1.0), (0, 0.1)], flip=[1])
    faint_first = signs(kernel, plus, minus, [0.6, 0.6], weight=[1e-3, 1.0])
    bright_first = signs(kernel, plus, minus, [0.6, 0.6], weight=[1.0, 1e-3])
    assert faint_first[1] == 1
    assert bright_first[0] == 1


@pytest.mark.parametrize("n", [2, 4, 7, 8, 12])
def test_signs_minimise_the_cost_on_the_sphere(n):
    """No combination of the twin, with angles on the sphere, is cheaper by more than 2 %."""
    import itertools

    rng = np.random.default_rng(n)
    for _ in range(10):
        images = np.stack([rng.uniform(-90, 90, n), rng.uniform(0.2, 2, n)], 1)
        plus, minus = event(images, rng.uniform(-2, 2, 2), np.flatnonzero(rng.random(n) < 0.3))
        p, weight = rng.uniform(0.3, 1, n), rng.exponential(1, n)
        found = np.array(signs(resolve_signs, plus, minus, p, weight=weight))
        trials = itertools.product((1, -1), repeat=n) if n < 8 else flips(found)
        costs = [naive.signs_cost(plus, minus, p, weight, 0.2, 0.02, np.array(t)) for t in trials]
        ours = naive.signs_cost(plus, minus, p, weight, 0.2, 0.02, found)
        assert ours <= min(costs) * 1.02 + 1e-9


def flips(sign):
    """All signs that differ in one or two places."""
    n = len(sign)
    for i in range(n):
        for j in range(i + 1):
            other = sign.copy()
            other[i] *= -1
            other[j] *= -1 if i != j else 1
            yield other


@KERNELS
@pytest.mark.parametrize("alt", [np.pi / 2, 0.0, -np.pi / 2])
def test_signs_are_resolved_at_the_zenith_and_the_horizon(kernel, alt):
    pairs = []
    for angle, disp in [(0, 1.0), (60, 0.8), (130, 1.2)]:
        psi = np.radians(angle)
        lon, lat = -disp * np.cos(psi), -disp * np.sin(psi)
        pairs.append([disp_vector(s * disp, lon, lat, angle, alt, 0.7) for s in (1, -1)])
    plus, minus = np.array(pairs).transpose(1, 0, 2).copy()
    assert signs(kernel, plus, minus, [0.9, 0.2, 0.7]) == [1, 1, 1]
