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


def calibrate_all_gains(waveform, pedestal, factor):
    """r1 of all gains of one event."""
    return np.array([
        [(samples.astype(np.float32) - base) * scale
         for samples, base, scale in zip(*of_gain, strict=True)]
        for of_gain in zip(waveform, pedestal, factor, strict=True)
    ])  # fmt: skip


def saturated(waveform, gain, highest):
    """Pixels of one event whose selected gain has a sample at its highest value or above."""
    return [any(v >= highest[g] for v in waveform[g, p]) for p, g in enumerate(gain)]


def calibrated(waveform, gain, pedestal, factor):
    """Samples of the selected gain of one event, which are all there is of it, calibrated."""
    return np.array(
        [(waveform[0, p] - pedestal[g, p]) * factor[g, p] for p, g in enumerate(gain)], np.float32
    )
