"""The vector form of the peak search is its plain loop, and ctapipe's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.jit import kernel
from ctabatch.kernels.peak_lanes import LANES, N_ROWS, first_maximum


@kernel
def compiled(rows, stride, numbers, begin, n_samples):
    return first_maximum(rows, stride, numbers, begin, n_samples)


BOTH = pytest.mark.parametrize("function", [compiled, first_maximum], ids=["compiled", "python"])


def table(samples: np.ndarray) -> tuple[np.ndarray, int]:
    """Rows padded as the kernel wants them, a row of zeros behind them, and their stride."""
    n_rows, n_samples = samples.shape
    stride = -(-n_samples // LANES) * LANES
    rows = np.zeros((n_rows + 1, stride), np.float32)
    rows[:n_rows, :n_samples] = samples
    return rows.reshape(-1), stride


@given(st.integers(1, 70), st.integers(0, 10_000), st.integers(1, 6))
def test_vectors_and_loop_find_the_same_sample(n_samples: int, seed: int, n_levels: int) -> None:
    rng = np.random.default_rng(seed)
    samples = rng.integers(0, n_levels, (9, n_samples)).astype(np.float32) - 1  # many ties
    rows, stride = table(samples + rng.normal(0, 1e-8, samples.shape).astype(np.float32))
    numbers = rng.integers(0, 10, 3 * N_ROWS).astype(np.uint32)
    for begin in range(0, len(numbers), N_ROWS):
        found = compiled(rows, stride, numbers, begin, n_samples)
        assert found == first_maximum(rows, stride, numbers, begin, n_samples)


@BOTH
def test_padding_never_wins(function) -> None:
    rows, stride = table(np.full((2, 5), -3, np.float32))
    numbers = np.array([0, 1, 2, 2, 2, 2], np.uint32)
    assert function(rows, stride, numbers, 0, 5) == 0


@BOTH
def test_sums_that_differ_only_beyond_single_precision_are_equal(function) -> None:
    samples = np.array([[1, 1], [2.0**-26, 2.0**-25]], np.float32)
    rows, stride = table(samples)
    assert samples.astype(np.float64).sum(axis=0).argmax() == 1
    assert function(rows, stride, np.array([0, 1, 2, 2, 2, 2], np.uint32), 0, 2) == 0


@given(st.integers(0, 10_000))
def test_the_peak_is_the_one_that_ctapipe_finds(seed: int) -> None:
    from ctapipe.image.extractor import neighbor_average_maximum

    rng = np.random.default_rng(seed)
    noise = rng.integers(-4, 5, (7, 40)) * np.float32(0.1)  # sums equal but for rounding
    waveform = noise.astype(np.float32)
    rows, stride = table(waveform)
    numbers = np.arange(1, 7, dtype=np.uint32)
    theirs = neighbor_average_maximum(
        waveform[None], np.arange(1, 7, dtype=np.int32), np.array([0, *[6] * 7], np.int32), 0,
        np.zeros((1, 7), bool),
    )  # fmt: skip
    assert compiled(rows, stride, numbers, 0, 40) == theirs[0, 0]
