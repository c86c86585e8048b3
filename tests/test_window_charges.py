"""Extractors whose window does not depend on the neighbours: as loops that anyone can check."""

from __future__ import annotations

import numpy as np
import pytest

from ctabatch.kernels import charges
from tests.naive import calibration as naive_calibration

N_PIXELS, RATE = 9, 0.5
COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
METHODS = {"fixed": charges.FIXED, "local": charges.LOCAL, "global": charges.GLOBAL,
           "sliding": charges.SLIDING}  # fmt: skip


def batch(n_samples, n_gains, seed=3):
    rng = np.random.default_rng(seed)
    shape = (4, n_gains, N_PIXELS, n_samples)
    waveform = rng.normal(300, 12, shape)
    pulse = 400 * np.exp(-((np.arange(n_samples) - 0.6 * n_samples) ** 2) / 4)
    waveform[:, :, ::2] += pulse
    return waveform.round().astype(np.uint16)


def mean_time(samples, begin, otherwise):
    positive = [(s, float(v)) for s, v in enumerate(samples, begin) if v > 0]
    total = sum(v for _, v in positive)
    return sum(s * v for s, v in positive) / total if total > 0 else otherwise


def one_pixel(trace, method, common, width, shift):
    """Charge and time in samples."""
    n = len(trace)
    if method == "sliding":
        width = min(width, n)
        sums = [sum(map(float, trace[b : b + width])) for b in range(n - width + 1)]
        begin = int(np.argmax(sums))
        return sums[begin], mean_time(trace[begin : begin + width], begin, begin + width / 2)
    peak = int(np.argmax(trace)) if method == "local" else common
    begin, end = max(peak - shift, 0), min(peak - shift + width, n)
    window = trace[begin:end] if end > begin else []
    return sum(map(float, window)), mean_time(window, begin, peak)


@COMPILED
@pytest.mark.parametrize("n_gains", [1, 2])
@pytest.mark.parametrize(
    ("method", "fraction"), [*((name, 1.0) for name in METHODS), ("global", 0.5), ("global", 0.01)]
)
@pytest.mark.parametrize(("width", "shift", "peak_index"), [(7, 3, 12), (1, 0, 0), (60, 5, 29)])
def test_charges_are_those_of_the_loops(
    compiled, n_gains, method, fraction, width, shift, peak_index
):
    n_samples = 30
    waveform, rows = batch(n_samples, n_gains), np.array([1, 0, 1, 1])
    rng = np.random.default_rng(9)
    shape = (2, n_gains, N_PIXELS)
    pedestal = rng.normal(300, 3, shape).astype(np.float32)
    factor = rng.uniform(0.01, 0.2, shape).astype(np.float32)
    time_shift = rng.normal(0, 1, shape).astype(np.float32)
    correction = rng.uniform(1, 1.5, (2, n_gains))
    invalid = np.zeros((2, N_PIXELS), bool)
    invalid[1, 4] = True
    read_out = np.ones((4, N_PIXELS), bool)
    read_out[2, 5:7] = False
    indptr, indices = np.zeros(N_PIXELS + 1, np.int32), np.empty(0, np.int32)
    gain = np.zeros((4, N_PIXELS), np.int8)
    image, time = np.full((2, 4, N_PIXELS), -99, np.float32)
    kernel = charges.window_charges if compiled else charges.window_charges.py_func
    kernel(
        waveform, rows, read_out, pedestal, factor, time_shift, correction, np.full(2, RATE),
        invalid, indptr, indices, 520, METHODS[method], peak_index, width, shift, fraction, gain,
        image, time,
    )  # fmt: skip
    for k, row in enumerate(rows):
        chosen, r1 = naive_calibration.calibrate(waveform[k], pedestal[row], factor[row], 520)
        np.testing.assert_array_equal(gain[k], chosen)
        r1[invalid[row] | ~read_out[k]] = 0
        common = peak_index
        if method == "global":
            highest = np.where(invalid[row], -np.inf, r1.max(axis=1))
            n_used = int(fraction * N_PIXELS)
            used = sorted(range(N_PIXELS), key=lambda p: (highest[p], p))[::-1][:n_used]
            used = np.flatnonzero(~invalid[row]) if fraction == 1 else used
            common = int(np.argmax(r1[used].mean(axis=0))) if len(used) else 0
        for p in range(N_PIXELS):
            if invalid[row, p] or not read_out[k, p]:
                assert image[k, p] == time[k, p] == 0  # no neighbour to take the charge of
                continue
            charge, when = one_pixel(r1[p], method, common, width, shift)
            expected = charge * correction[row, chosen[p]]
            assert image[k, p] == pytest.approx(expected, rel=1e-5, abs=1e-4)
            shifted = when / RATE - time_shift[row, chosen[p], p]
            assert time[k, p] == pytest.approx(shifted, rel=1e-5, abs=1e-4)


@COMPILED
def test_the_first_of_equal_maxima_counts(compiled):
    waveform = np.full((1, 1, N_PIXELS, 12), 300, np.uint16)
    waveform[..., [3, 8]] = 310
    ones = np.ones((1, 1, N_PIXELS), np.float32)
    kernel = charges.window_charges if compiled else charges.window_charges.py_func
    for method, expected in (("local", 3), ("global", 3), ("sliding", 3)):
        image, time = np.zeros((2, 1, N_PIXELS), np.float32)
        kernel(
            waveform, np.zeros(1, np.int64), np.zeros((0, N_PIXELS), bool), 300 * ones, ones,
            0 * ones, np.ones((1, 1)), np.ones(1), np.zeros((1, N_PIXELS), bool),
            np.zeros(N_PIXELS + 1, np.int32), np.empty(0, np.int32), 4000, METHODS[method],
            0, 1, 0, 1.0, np.zeros((1, N_PIXELS), np.int8), image, time,
        )  # fmt: skip
        assert (time == expected).all()
        assert (image == 10).all()
