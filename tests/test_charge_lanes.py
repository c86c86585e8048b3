"""Charges and times of eight windows side by side equal the plain loop, to the last bit."""

from __future__ import annotations

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from ctabatch.kernels.charge_lanes import block_charges, pixel_charge
from ctabatch.kernels.jit import kernel


@kernel
def compiled(
    values, stride, n_samples, peak, gain, correction, time_shift, rate, width, shift, rest, image,
    time,
):  # fmt: skip
    block_charges(
        values, stride, n_samples, peak, gain, correction, time_shift, rate, width, shift, rest,
        image, time,
    )  # fmt: skip


@st.composite
def cases(draw):
    n_pixels, n_samples = draw(st.integers(1, 20)), draw(st.integers(1, 40))
    n_gains, stride = draw(st.integers(1, 2)), -(-n_samples // 16) * 16
    value = st.floats(-1e4, 1e4, width=32) | st.sampled_from(
        [np.float32(np.nan), np.float32(np.inf)]
    )
    values = draw(hnp.arrays(np.float32, (n_pixels + 1) * stride, elements=value))
    peak = draw(hnp.arrays(np.int64, n_pixels, elements=st.integers(0, n_samples)))
    gain = draw(hnp.arrays(np.int8, n_pixels, elements=st.integers(0, n_gains - 1)))
    correction = np.array([1.1, 0.7][:n_gains])
    shifts = np.arange(n_gains * n_pixels, dtype=np.float32).reshape(n_gains, n_pixels)
    far = st.sampled_from([1 << 31, 5 + (1 << 32), 10**12])
    width = draw(st.integers(1, n_samples) | far)
    shift = draw(st.integers(-3, 12) | far | far.map(lambda s: -s))
    rest = draw(st.sampled_from([0.0, 3.5]))
    return (values, stride, n_samples, peak, gain, correction, shifts, 0.25, width, shift, rest)


def expected(values, stride, n_samples, peak, gain, correction, shifts, rate, width, shift, rest):
    """Image and time, by the definition."""
    image, time = np.empty((2, len(peak)), np.float32)
    for p, at in enumerate(peak.tolist()):
        begin = min(max(0, at - shift), n_samples)
        end = min(at - shift + width, n_samples)
        charge = positive = weighted = 0.0
        for s in range(begin, end):
            value = float(values[p * stride + s])
            charge += value
            if value > 0:
                positive += value
                weighted += value * s
        with np.errstate(invalid="ignore"):
            mean = np.float64(weighted) / positive if positive > 0 else at + rest
            image[p] = np.float32(float(np.float32(charge)) * correction[gain[p]])
            ns = np.float32(float(np.float32(mean)) / rate)
            time[p] = ns - shifts[gain[p], p]
    return image, time


@pytest.mark.parametrize("function", [compiled, block_charges], ids=["compiled", "python"])
@given(case=cases())
def test_charges_and_times_are_those_of_the_definition(function, case):
    image, time = np.full((2, len(case[3])), 7, np.float32)
    with np.errstate(invalid="ignore"):
        function(*case, image, time)
    for found, wanted in zip((image, time), expected(*case), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_one_pixel_alone():
    values = np.array([0, 1, 4, 1, 0, 0, 0, 0], np.float32)
    image, time = np.zeros((2, 1), np.float32)
    peak, gain = np.array([2]), np.zeros(1, np.int8)
    shift = np.full((1, 1), 0.5, np.float32)
    pixel_charge(
        values, 8, 5, 0, peak, gain, np.array([2.0]), shift, 0.5, 3, 1, 0.0, image, time
    )  # fmt: skip
    assert image[0] == 12
    assert time[0] == 3.5
