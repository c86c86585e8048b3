"""Charges around the peak of the neighbours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.peak_window import neighbor_peak_charges, replace_invalid
from tests.naive import calibration as naive_calibration
from tests.naive import peak_window as naive

COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])
N_PIXELS = 12
#: A ring in which pixel 11 has no neighbour.
NEIGHBORS = [sorted({(p - 1) % 11, (p + 1) % 11}) for p in range(11)] + [[]]
TABLE = np.array([[*n, *[N_PIXELS] * (6 - len(n))] for n in NEIGHBORS], np.uint32)
INDPTR = np.concatenate([[0], np.cumsum([len(n) for n in NEIGHBORS])]).astype(np.int32)
INDICES = np.array([n for row in NEIGHBORS for n in row], np.int32)


def batch(n_samples, n_gains, seed=0):
    rng = np.random.default_rng(seed)
    waveform = rng.integers(280, 330, (3, n_gains, N_PIXELS, n_samples)).astype(np.uint16)
    for k in range(3):
        for p in range(N_PIXELS):
            waveform[k, :, p, rng.integers(0, n_samples)] += np.uint16(rng.integers(0, 5000))
    return waveform, np.array([0, 1, 0])


def run(compiled, waveform, rows, *, width=7, shift=3, invalid=(), read_out=None, threshold=4000):
    _, n_gains, n_pixels, _ = waveform.shape
    rng = np.random.default_rng(9)
    pedestal = rng.normal(300, 3, (2, n_gains, n_pixels)).astype(np.float32)
    factor = rng.uniform(0.01, 0.2, (2, n_gains, n_pixels)).astype(np.float32)
    time_shift = rng.normal(0, 1, (2, n_gains, n_pixels)).astype(np.float32)
    correction, rate = np.array([[1.1, 1.2][:n_gains]] * 2), np.array([1.0, 0.5])
    bad = np.zeros((2, n_pixels), bool)
    bad[:, list(invalid)] = True
    gain = np.zeros((3, n_pixels), np.int8)
    image, time = (np.full((3, n_pixels), -99, np.float32) for _ in range(2))
    kernel = neighbor_peak_charges if compiled else neighbor_peak_charges.py_func
    kernel(
        waveform, rows, np.zeros((0, n_pixels), bool) if read_out is None else read_out,
        pedestal, factor, time_shift, correction, rate, bad, TABLE, INDPTR, INDICES,
        threshold, width, shift, gain, image, time,
    )  # fmt: skip
    expected = []
    for k, row in enumerate(rows):
        chosen, r1 = naive_calibration.calibrate(waveform[k], pedestal[row], factor[row], threshold)
        np.testing.assert_array_equal(gain[k], chosen)
        r1[bad[row]] = 0
        if read_out is not None:
            r1[~read_out[k]] = 0
        each = np.arange(n_pixels)
        one, when = naive.charges(
            r1, NEIGHBORS, 1.0, time_shift[row][chosen, each], rate[row], width, shift
        )
        one *= correction[row][chosen]
        if read_out is not None:
            one[~read_out[k]] = when[~read_out[k]] = 0
        one = naive.replace_invalid(bad[row], NEIGHBORS, one)
        when = naive.replace_invalid(bad[row], NEIGHBORS, when)
        expected.append((one, when))
    return image, time, expected


@COMPILED
@pytest.mark.parametrize("n_gains", [1, 2])
@pytest.mark.parametrize("n_samples", [1, 5, 30, 40, 128])
@pytest.mark.parametrize(("width", "shift"), [(7, 3), (1, 0), (50, 10), (3, -2)])
def test_charges_are_those_of_the_twin(compiled, n_samples, n_gains, width, shift):
    image, time, expected = run(compiled, *batch(n_samples, n_gains), width=width, shift=shift)
    for k, (one, when) in enumerate(expected):
        np.testing.assert_allclose(image[k], one, rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(time[k], when, rtol=1e-5, atol=1e-4)


@COMPILED
def test_invalid_pixels_get_the_mean_of_their_valid_neighbours(compiled):
    image, time, expected = run(compiled, *batch(30, 2), invalid=(2, 3, 11))
    for k, (one, when) in enumerate(expected):
        np.testing.assert_allclose(image[k], one, rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(time[k], when, rtol=1e-5, atol=1e-4)
        assert image[k, 11] == time[k, 11] == 0  # it has no neighbour


@COMPILED
def test_pixels_that_were_not_read_out_have_no_charge(compiled):
    read_out = np.ones((3, N_PIXELS), bool)
    read_out[0, [0, 5]] = read_out[2] = False
    image, time, expected = run(compiled, *batch(30, 1), read_out=read_out)
    assert (image[~read_out] == 0).all()
    assert (time[~read_out] == 0).all()
    for k, (one, when) in enumerate(expected):
        np.testing.assert_allclose(image[k], one, rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(time[k], when, rtol=1e-5, atol=1e-4)


@COMPILED
@given(seed=st.integers(0, 1000))
def test_replacement_does_not_depend_on_its_order(compiled, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=N_PIXELS).astype(np.float32)
    invalid = rng.random(N_PIXELS) < 0.4
    expected = naive.replace_invalid(invalid, NEIGHBORS, values)
    (replace_invalid if compiled else replace_invalid.py_func)(invalid, INDPTR, INDICES, values)
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)


def test_charges_agree_with_ctapipe():
    from ctapipe.image.extractor import extract_around_peak, neighbor_average_maximum

    waveform, rows = batch(30, 1)
    ones = np.ones((2, 1, N_PIXELS), np.float32)
    image, time = np.zeros((3, N_PIXELS), np.float32), np.zeros((3, N_PIXELS), np.float32)
    neighbor_peak_charges(
        waveform, rows, np.zeros((0, N_PIXELS), bool), 300 * ones, 0.1 * ones, 0 * ones,
        np.ones((2, 1)), np.ones(2), np.zeros((2, N_PIXELS), bool), TABLE, INDPTR, INDICES,
        4000, 7, 3, np.zeros((3, N_PIXELS), np.int8), image, time,
    )  # fmt: skip
    for k in range(3):
        r1 = ((waveform[k, 0].astype(np.float32) - 300) * np.float32(0.1)).astype(np.float32)
        peaks = neighbor_average_maximum(r1[None], INDICES, INDPTR, 0, np.zeros((1, 12), bool))[0]
        for p in range(11):
            charge, when = extract_around_peak(r1[p], peaks[p], 7, 3, 1.0)
            assert image[k, p] == pytest.approx(charge, rel=1e-5, abs=1e-4)
            assert time[k, p] == pytest.approx(when, rel=1e-5, abs=1e-4)
