"""Combination of the telescopes of one event, with numpy's average and all sign combinations."""

import itertools

import numpy as np


def mean_and_std(values, valid, weight, logarithmic=False):
    """Mean, population standard deviation, number of rows."""
    values = np.asarray(values, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        used = np.log(values) if logarithmic else values
    keep = valid & np.isfinite(used) & np.isfinite(weight) & (weight > 0)
    if not keep.any():
        return np.nan, np.nan, 0
    mean = np.average(used[keep], weights=weight[keep])
    std = np.sqrt(np.average((used[keep] - mean) ** 2, weights=weight[keep]))
    return np.exp(mean) if logarithmic else mean, std, keep.sum()


def direction(vectors, valid, weight):
    """Mean vector, sqrt(-2 ln R) in deg, number of rows."""
    keep = valid & np.isfinite(vectors).all(axis=1) & np.isfinite(weight) & (weight > 0)
    if not keep.any():
        return np.full(3, np.nan), np.nan, 0
    mean = np.average(vectors[keep], axis=0, weights=weight[keep])
    length = min(np.linalg.norm(mean), 1.0)
    return mean, np.degrees(np.sqrt(-2 * np.log(length))), keep.sum()


def choice_cost(points, cost, weight, choice):
    """Weighted squared distances from the weighted mean, halved, and the costs of the points."""
    rows = np.arange(len(choice))
    chosen = points[rows, choice]
    mean = np.average(chosen, axis=0, weights=weight)
    return 0.5 * weight @ ((chosen - mean) ** 2).sum(axis=1) + cost[rows, choice].sum()


def best_choice(points, cost, weight):
    """The cheapest of all 2^n choices, `points` (n, 2, 2): telescope, candidate, coordinate."""
    choices = [np.array(c) for c in itertools.product((0, 1), repeat=len(weight))]
    return min(choices, key=lambda c: choice_cost(points, cost, weight, c))


def signs_cost(plus, minus, p_plus, weight, scale, floor, sign):
    """Cost of signs with angles on the sphere instead of the tangent plane; scale in deg."""
    p = np.clip(p_plus, floor, 1 - floor)
    chosen = np.where(sign[:, None] > 0, plus, minus)
    mean = np.average(chosen, axis=0, weights=weight)
    mean /= np.linalg.norm(mean)
    apart = 2 * np.arcsin(np.linalg.norm(chosen - mean, axis=1) / 2)
    squares = (apart / np.radians(scale)) ** 2
    return 0.5 * (weight / weight.max()) @ squares - np.log(np.where(sign > 0, p, 1 - p)).sum()
