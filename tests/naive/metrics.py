"""Metrics of predictions, one event or one pair of events at a time."""

from itertools import pairwise

import numpy as np


def weighted_quantile(values, fraction, weight):
    """Walk along the sorted values; neighbours are apart by the mean of their weights."""
    rows = sorted(zip(values, weight, strict=True), key=lambda r: r[0])
    steps = [0.5 * (a[1] + b[1]) for a, b in pairwise(rows)]
    way = fraction * sum(steps)
    for ((low, _), (high, _)), step in zip(pairwise(rows), steps, strict=True):
        if way <= step:
            return low + (high - low) * way / step
        way -= step
    return rows[-1][0]


def auc(score, label, weight):
    """Weighted fraction of signal-background pairs in the right order, ties count half."""
    right = total = 0.0
    for s, is_signal, w in zip(score, label, weight, strict=True):
        for b, other, v in zip(score, label, weight, strict=True):
            if is_signal and not other:
                total += w * v
                right += w * v * (1.0 if s > b else 0.5 if s == b else 0.0)
    return right / total if total else np.nan


def in_bin(energy, low, high):
    return [i for i, e in enumerate(energy) if low <= e < high]
