"""Neighbours by looking at every pair of pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence


def neighbors(x: Sequence[float], y: Sequence[float], square: bool) -> list[list[int]]:
    """List of neighbours of every pixel, ascending."""
    n_nearest, ratio = (4, 1.5) if square else (6, 1.4)
    result = []
    for i in range(len(x)):
        ranked = []
        for j in range(len(x)):
            dx, dy = abs(x[j] - x[i]), abs(y[j] - y[i])
            d = dx + dy if square else math.sqrt(dx * dx + dy * dy)
            if j != i and math.isfinite(d):
                ranked.append((d, j))
        ranked.sort()
        result.append(sorted(j for d, j in ranked[:n_nearest] if d < ratio * ranked[0][0]))
    return result
