"""Least trimmed squares by trying all subsets: the exact optimum, for few points."""

from itertools import combinations

import numpy as np


def trimmed_sum(x, y, slope, intercept):
    """Sum of the int(0.85 n) smallest squared residuals."""
    return np.sort((y - slope * x - intercept) ** 2)[: int(0.85 * len(x))].sum()


def smallest_trimmed_sum(x, y):
    best = np.inf
    for subset in combinations(range(len(x)), int(0.85 * len(x))):
        u, v = x[list(subset)], y[list(subset)]
        if np.ptp(u) < 1e-7:
            continue
        slope, intercept = np.polyfit(u - u.mean(), v, 1)
        best = min(best, trimmed_sum(x, y, slope, intercept - slope * u.mean()))
    return best
