"""Statistics of the values of one image by their definitions."""

import numpy as np


def statistics(values):
    if len(values) < 2 or np.isnan(values).any():
        return np.full(6, np.nan)
    mean = values[0] if np.ptp(values) == 0 else values.mean()
    variance = np.mean((values - mean) ** 2)
    skewness = kurtosis = np.nan
    if variance > 0:
        skewness = np.mean((values - mean) ** 3) / variance**1.5
        kurtosis = np.mean((values - mean) ** 4) / variance**2 - 3
    return np.array([values.max(), values.min(), mean, np.sqrt(variance), skewness, kurtosis])
