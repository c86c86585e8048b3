"""Sums over eight windows side by side equal the plain loop, to the last bit."""

from __future__ import annotations

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from ctabatch.kernels.jit import kernel
from ctabatch.kernels.window_lanes import WINDOWS, window_sums


@kernel
def compiled(values, place, first, count, sums):
    return window_sums(values, place, first, count, sums)


@st.composite
def windows(draw):
    finite = st.floats(-1e4, 1e4, width=32) | st.just(np.float32(np.nan))
    values = draw(hnp.arrays(np.float32, 96, elements=finite))
    place = draw(hnp.arrays(np.int64, WINDOWS, elements=st.integers(0, 64)))
    count = draw(hnp.arrays(np.int32, WINDOWS, elements=st.integers(-3, 32)))
    return values, place, place % 7 + 0.0, count


@given(windows())
def test_the_compiled_form_equals_the_plain_loop(case):
    values, place, first, count = case
    found, expected = np.full((2, 3 * WINDOWS), 7.0)
    assert compiled(values, place, first, count, found) == max(count.max(), 0)
    for lane in range(WINDOWS):
        total = positive = weighted = 0.0
        for k in range(max(count[lane], 0)):
            value = float(values[place[lane] + k])
            total += value
            if value > 0:
                positive += value
                weighted += value * (first[lane] + k)
        expected[lane::WINDOWS] = total, positive, weighted
    np.testing.assert_array_equal(found, expected)
    plain = np.empty(3 * WINDOWS)
    window_sums(values, place, first, count, plain)
    np.testing.assert_array_equal(plain, expected)
