"""Twins of the searches along rows and of the sum in chains, in plain loops."""

from __future__ import annotations

import numpy as np


def first_largest(values: list[float]) -> int:
    """Place of the first largest number; NaN is as low as -inf."""
    best, highest = 0, -np.inf
    for s, value in enumerate(values):
        if value > highest:
            best, highest = s, value
    return best


def summed_rows(rows: list[np.ndarray], weight: float) -> np.ndarray:
    """Sum of rows in their precision, the first times a weight."""
    total = rows[0] * rows[0].dtype.type(weight)
    for row in rows[1:]:
        total = total + row
    return total


def fullest_window(trace: np.ndarray, width: int) -> tuple[int, float]:
    """First sample and charge of the window with most charge, from running sums."""
    running = [0.0]
    for value in trace:
        running.append(running[-1] + float(value))
    begin, charge = 0, running[width]
    for s in range(1, len(trace) - width + 1):
        if running[s + width] - running[s] > charge:
            begin, charge = s, running[s + width] - running[s]
    return begin, charge
