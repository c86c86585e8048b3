"""Sums over pixels in bins of true charge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ctabatch.errors import OptionError
from ctabatch.kernels.charge_sums import ABOVE, BELOW, NEGATIVE, NOT_READ_OUT, charge_sums
from ctabatch.verify.charge_bins import ChargeBins
from tests.naive import charge_sums as naive

KERNELS = pytest.mark.parametrize("kernel", [charge_sums, charge_sums.py_func])
BINS = ChargeBins(2.0, 300.0, 4)


def run(kernel, image, true_image, use=None, read_out=None, bins=BINS):
    n, n_pixels = image.shape
    edges = bins.edges()
    sums, counts = np.zeros((len(edges), 9)), np.zeros((len(edges), 2), np.int64)
    left_out = np.zeros(4, np.int64)
    kernel(
        image.astype(np.float32),
        true_image.astype(np.int32),
        np.ones(n, bool) if use is None else use,
        np.empty((0, n_pixels), bool) if read_out is None else read_out,
        bins.row_of_charge(),
        sums,
        counts,
        left_out,
    )
    return sums, counts, left_out


def toy_images(seed=0, n=20, n_pixels=50):
    rng = np.random.default_rng(seed)
    true = np.floor(10 ** rng.uniform(-1, 2.7, (n, n_pixels))).astype(np.int32)
    image = rng.normal(true, np.sqrt(true) + 1).astype(np.float32)
    image[rng.random(image.shape) < 0.01] = np.nan
    return image, true


@KERNELS
def test_sums_agree_with_numpy_bin_by_bin(kernel):
    image, true = toy_images()
    image[3, 4], image[5, 6] = np.inf, -np.inf
    sums, counts, left_out = run(kernel, image, true)
    for row, (low, high) in enumerate(BINS.edges()):
        expected, n, n_not_finite = naive.charge_sums(image, true, low, high)
        assert counts[row].tolist() == [n, n_not_finite]
        # numpy adds in another order
        np.testing.assert_allclose(sums[row], expected, rtol=1e-11, atol=1e-9)
    assert left_out[BELOW] == (true == 1).sum()
    assert left_out[ABOVE] == (true >= 300).sum()
    assert counts.sum() + left_out.sum() == image.size


@given(data=st.data())
def test_every_pixel_is_counted_once_whatever_the_images_hold(data):
    shape = data.draw(st.tuples(st.integers(0, 4), st.integers(0, 9)))
    floats = st.floats(width=32, allow_nan=True, allow_infinity=True)
    image = data.draw(arrays(np.float32, shape, elements=floats))
    true = data.draw(arrays(np.int32, shape, elements=st.integers(-(2**31), 2**31 - 1)))
    true = np.where(data.draw(arrays(bool, shape)), true % 400, true)
    use = data.draw(arrays(bool, shape[0]))
    read_out = data.draw(arrays(bool, shape))
    sums, counts, left_out = run(charge_sums, image, true, use, read_out)
    assert counts.sum() + left_out.sum() == use.sum() * shape[1]
    assert left_out[NOT_READ_OUT] == (~read_out[use]).sum()
    assert left_out[NEGATIVE] == (read_out & (true < 0))[use].sum()
    assert np.isfinite(sums).all()


@KERNELS
def test_images_that_are_not_used_add_nothing(kernel):
    image, true = toy_images()
    results = run(kernel, image, true, use=np.zeros(len(image), bool))
    assert all(not result.any() for result in results)


@KERNELS
def test_pixels_without_photo_electrons_have_a_row_of_their_own(kernel):
    image = np.array([[1.0, -3.0, 7.0]])
    sums, counts, _ = run(kernel, image, np.array([[0, 0, 5]]))
    assert counts[0].tolist() == [2, 0]
    assert sums[0].tolist() == [0, 0, 0, -2, 10, 82, 0, 0, 0]


@given(st.floats(1, 50), st.floats(1.01, 1e4), st.integers(1, 60))
def test_bins_hold_every_whole_charge_between_the_ends_once(low, factor, per_decade):
    bins = ChargeBins(low, low * factor, per_decade)
    edges, rows = bins.edges(), bins.row_of_charge()
    assert (edges[1:, 0] >= edges[:-1, 1] - 1e-9).all()
    charges = np.arange(len(rows))
    inside = (charges == 0) | (charges >= low)
    assert ((rows >= 0) == inside).all()
    row = rows[inside]
    assert (np.diff(row) >= 0).all()
    assert sorted(set(row)) == list(range(len(edges)))  # no bin is without a whole charge
    assert (edges[row, 0] <= charges[inside]).all()
    assert (charges[inside] < edges[row, 1]).all()


def test_edges_that_are_powers_of_ten_are_whole_numbers():
    edges = ChargeBins(1.0, 10_000.0, 10).edges()
    assert {1.0, 10.0, 100.0, 1000.0} <= set(edges[:, 0])
    assert edges[-1, 1] == 10_000.0


@pytest.mark.parametrize(
    "options",
    [
        (0.5, 10.0, 5), (10.0, 10.0, 5), (10.0, 1.0, 5), (1.0, 1e9, 5), (1.0, 10.0, 0),
        (float("nan"), 10.0, 5), (1.0, float("inf"), 5),
    ],
)  # fmt: skip
def test_bins_that_cannot_be_are_refused(options):
    with pytest.raises(OptionError):
        ChargeBins(*options)
