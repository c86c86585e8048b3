"""Charge and time of one event around the peak of the neighbours, pixel by pixel."""

import numpy as np


def charges(r1, neighbors, correction, time_shift, sampling_rate, width, shift):
    """(image, peak_time) without gains: correction is a number, time_shift one per pixel."""
    n_pixels, n_samples = r1.shape
    image, time = np.zeros(n_pixels), np.zeros(n_pixels)
    for p in range(n_pixels):
        total = sum((r1[n] for n in neighbors[p]), np.zeros(n_samples, np.float32))
        peak = int(np.argmax(total))
        window = [s for s in range(peak - shift, peak - shift + width) if 0 <= s < n_samples]
        values = r1[p, window].astype(float)
        image[p] = values.sum() * correction
        positive = values > 0
        weights = values[positive]
        if weights.size:
            time[p] = (weights * np.array(window)[positive]).sum() / weights.sum()
        else:
            time[p] = peak
        time[p] = time[p] / sampling_rate - time_shift[p]
    return image, time


def replace_invalid(invalid, neighbors, values):
    out = values.copy()
    for p in np.flatnonzero(invalid):
        good = [values[n] for n in neighbors[p] if not invalid[n]]
        out[p] = np.mean(good) if good else 0
    return out
