"""Readout description and the correction for the finite integration window."""

from __future__ import annotations

import numpy as np
import pytest

from ctabatch.errors import InputError
from ctabatch.instrument.readout import CameraReadout


def readout(pulse: np.ndarray, step: float = 0.25, rate: float = 1.0, n_channels: int = 1):
    return CameraReadout(rate, pulse, step, n_channels, n_pixels=4, n_samples=40)


def gaussian(n: int, center: float, sigma: float) -> np.ndarray:
    return np.exp(-0.5 * ((np.arange(n) - center) / sigma) ** 2)[np.newaxis]


def test_correction_is_one_when_the_window_holds_the_whole_pulse() -> None:
    correction = readout(gaussian(80, 40, 4)).integration_correction(20, 10)
    np.testing.assert_allclose(correction, [1.0])


def test_correction_of_a_box_pulse_is_the_ratio_of_lengths() -> None:
    pulse = np.zeros((1, 80))
    pulse[0, 40:56] = 1  # four samples long
    np.testing.assert_allclose(readout(pulse).integration_correction(1, 0), [4.0])
    np.testing.assert_allclose(readout(pulse).integration_correction(2, 0), [2.0])


def test_window_that_would_start_before_the_pulse_keeps_its_width() -> None:
    pulse = np.array([[4.0, 2.0, 1.0, 1.0, 0.0]]).repeat(4, axis=1)
    # the last edge of the rebinned pulse is at 4 ns, so the samples are 4, 2, 1, 1 (times 4)
    np.testing.assert_allclose(readout(pulse).integration_correction(2, 3), [8 / 6])


def test_correction_without_reference_pulse_is_one() -> None:
    assert readout(np.empty((1, 0))).integration_correction(7, 3).tolist() == [1.0]
    assert readout(gaussian(8, 4, 1), step=0.0).integration_correction(7, 3).tolist() == [1.0]


def test_correction_of_an_empty_window_is_one() -> None:
    assert readout(gaussian(80, 40, 4)).integration_correction(0, 0).tolist() == [1.0]


def test_correction_of_a_pulse_shorter_than_a_sample_is_one() -> None:
    assert readout(gaussian(3, 1, 1)).integration_correction(7, 3).tolist() == [1.0]


def test_one_reference_pulse_serves_both_gains() -> None:
    both = readout(gaussian(80, 40, 12), n_channels=2)
    assert both.reference_pulse.shape == (2, 80)
    correction = both.integration_correction(7, 3)
    assert correction[0] == correction[1] > 1


def test_reference_pulse_is_read_only() -> None:
    assert not readout(gaussian(80, 40, 4)).reference_pulse.flags.writeable


@pytest.mark.parametrize("time_slice", [0.0, -1.0, np.nan])
def test_unusable_time_slice_is_refused(time_slice: float) -> None:
    with pytest.raises(InputError):
        CameraReadout.from_simtel(
            {"time_slice": np.float32(time_slice), "sum_bins": 4}, {"n_gains": 1, "n_pixels": 4}
        )


@pytest.mark.parametrize(("width", "shift"), [(7, 3), (7, 0), (5, 2), (28, 12), (1, 0), (99, 50)])
@pytest.mark.parametrize("rate", [1.0, 0.25, 0.5, 1 / 0.9765625, 1 / 3.0030031204223633])
def test_correction_agrees_with_ctapipe(width: int, shift: int, rate: float) -> None:
    """Relative tolerance 1e-12."""
    pytest.importorskip("ctapipe")
    from ctapipe.image.extractor import integration_correction

    rng = np.random.default_rng(3)
    pulse = gaussian(300, 100, 30) - 0.1 * gaussian(300, 200, 30)
    pulse = np.concatenate([pulse, pulse + rng.normal(0, 0.01, pulse.shape)])
    step = float(np.float32(0.1))
    mine = readout(pulse, step, rate, n_channels=2).integration_correction(width, shift)
    reference = integration_correction(pulse, step, 1 / rate, width, shift)
    np.testing.assert_allclose(mine, reference, rtol=1e-12, atol=0)
