"""Gain selection and calibration of one event, pixel by pixel."""

import numpy as np


def calibrate(waveform, pedestal, factor, threshold):
    """(gain, r1) of one event; gain 1 where any sample of gain 0 exceeds the threshold."""
    n_gains, n_pixels, _ = waveform.shape
    gain = [int(n_gains > 1 and waveform[0, p].max() > threshold) for p in range(n_pixels)]
    r1 = [
        (waveform[g, p].astype(np.float32) - pedestal[g, p]) * factor[g, p]
        for p, g in enumerate(gain)
    ]
    return np.array(gain), np.array(r1)


def calibrated(waveform, gain, pedestal, factor):
    """Samples of the selected gain of one event, which are all there is of it, calibrated."""
    return np.array(
        [(waveform[0, p] - pedestal[g, p]) * factor[g, p] for p, g in enumerate(gain)], np.float32
    )
