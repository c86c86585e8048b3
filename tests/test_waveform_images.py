"""Charges of calibrated waveforms: those of the raw waveforms that they were calibrated from."""

import numpy as np
import pytest

from ctabatch.errors import InputError
from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.instrument.readout import CameraReadout
from ctabatch.kernels import waveform_charges as wc
from ctabatch.stages.extract import ExtractionOptions, calibrate, extract
from ctabatch.stages.extractors.neighbor_peak import NeighborPeakWindowSum
from ctabatch.stages.extractors.windows import FixedWindowSum
from ctabatch.stages.reducers import WINDOW_SUMS
from ctabatch.stages.waveform_images import waveform_images
from tests.naive import peak_window as naive

N_SAMPLES, N_GAINS = 20, 2
COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])


def camera(rings=2):
    q, r = np.meshgrid(np.arange(-rings, rings + 1), np.arange(-rings, rings + 1))
    inside = np.abs(q + r) <= rings
    x, y = (q + r / 2)[inside] * 0.05, (r * np.sqrt(3) / 2)[inside] * 0.05
    return CameraGeometry("toy", x, y, np.full(x.shape, 2e-3), "hexagon", 0.0, 0.0, 28.0)


GEOMETRY = camera()
N_PIXELS = GEOMETRY.n_pixels


def calibration(seed=1):
    rng = np.random.default_rng(seed)
    shape = (2, N_GAINS, N_PIXELS)
    pulses = np.exp(-((np.arange(40) - 15) ** 2) / np.array([[20], [30]]))
    readout = CameraReadout(1.0, pulses, 0.5, N_GAINS, N_PIXELS, N_SAMPLES)
    return CameraCalibration(
        tel_ids=np.array([1, 2]),
        pedestal=rng.normal(300, 3, shape).astype(np.float32),
        dc_to_pe=rng.uniform(0.01, 0.2, shape).astype(np.float32),
        time_shift=rng.normal(0, 1, shape).astype(np.float32),
        n_summed=np.ones(2, np.int64),
        readouts=(readout, readout),
        invalid_pixels=np.zeros((2, N_PIXELS), bool),
    )


def raw(n_events, seed=2):
    rng = np.random.default_rng(seed)
    samples = rng.normal(300, 12, (n_events, N_GAINS, N_PIXELS, N_SAMPLES))
    samples[:, :, ::3] += 300 * np.exp(-((np.arange(N_SAMPLES) - 12) ** 2) / 4)
    return samples.round().astype(np.uint16)


@pytest.mark.parametrize("extractor", list(WINDOW_SUMS))
def test_charges_are_those_of_the_raw_waveforms(extractor):
    """Exactly: the same windows of the same samples."""
    fixed = FixedWindowSum(peak_index=11)
    one = fixed if extractor == "FixedWindowSum" else WINDOW_SUMS[extractor]()
    options = ExtractionOptions(extractor=one, gain_threshold=580)
    rows = np.array([1, 0, 1])
    charges = extract(raw(3), rows, None, calibration(), GEOMETRY, options)
    waveform, gain = calibrate(raw(3), rows, calibration(), options)
    assert set(np.unique(gain)) == {0, 1}
    image = waveform_images(waveform, gain, rows, calibration(), GEOMETRY, one)
    np.testing.assert_array_equal(image, charges.image)


@COMPILED
def test_charges_around_the_peak_of_neighbours_are_those_of_the_twin(compiled):
    """Sums are in single precision here, in double in the twin."""
    waveform = np.random.default_rng(4).normal(1, 3, (2, N_PIXELS, N_SAMPLES)).astype(np.float32)
    gain, image = np.zeros((2, N_PIXELS), np.int8), np.empty((2, N_PIXELS), np.float32)
    correction = np.array([[1.1, 1.2], [1.3, 1.4]])
    kernel = wc.waveform_charges if compiled else wc.waveform_charges.py_func
    kernel(waveform, gain, np.array([1, 0]), correction, GEOMETRY.neighbor_table, wc.NEIGHBORS, 0,
           7, 3, 1.0, image)  # fmt: skip
    indptr, indices = GEOMETRY.neighbors
    neighbors = np.split(indices, indptr[1:-1])
    for k, factor in enumerate((1.3, 1.1)):
        expected, _ = naive.charges(waveform[k], neighbors, factor, np.zeros(N_PIXELS), 1.0, 7, 3)
        np.testing.assert_allclose(image[k], expected, rtol=1e-5, atol=1e-4)


def test_no_events_and_no_samples_have_no_charge():
    nothing = np.empty((0, N_PIXELS), np.int8)
    options, rows = NeighborPeakWindowSum(), np.empty(0, np.int64)
    waveform = np.empty((0, N_PIXELS, N_SAMPLES), np.float32)
    image = waveform_images(waveform, nothing, rows, calibration(), GEOMETRY, options)
    assert image.shape == (0, N_PIXELS)
    empty, gain = np.empty((1, N_PIXELS, 0), np.float32), np.zeros((1, N_PIXELS), np.int8)
    image = waveform_images(empty, gain, np.zeros(1, np.int64), calibration(), GEOMETRY, options)
    assert not image.any()


def test_arrays_that_do_not_fit_are_refused():
    options, rows = NeighborPeakWindowSum(), np.zeros(1, np.int64)
    waveform = np.zeros((1, N_PIXELS, N_SAMPLES), np.float32)
    gain = np.zeros((1, N_PIXELS), np.int8)
    for arguments in ((waveform[:, 1:], gain, rows), (waveform, gain[:, 1:], rows),
                      (waveform, gain + 2, rows), (waveform, gain - 1, rows),
                      (waveform, gain, rows - 1), (waveform, gain, rows[:0])):  # fmt: skip
        with pytest.raises(InputError, match=r"expected|camera"):
            waveform_images(*arguments, calibration(), GEOMETRY, options)
