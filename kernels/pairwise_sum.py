"""Sum of single-precision numbers in the order in which numpy adds them.

Up to 128 numbers are added in eight interleaved chains, longer rows are halved first. The rounding
of a baseline or a variance is then that of ``numpy.mean`` and ``numpy.var``.
"""

from __future__ import annotations

import numpy as np

from .jit import kernel

BLOCK = 128
CHAINS = 8


@kernel
def pairwise_sum(values: np.ndarray) -> np.float32:
    """Sum of a row.

    Parameters
    ----------
    values : float32 (n,)

    Returns
    -------
    float32
        0 for an empty row.

    Notes
    -----
    Source: pairwise summation, N. J. Higham, SIAM J. Sci. Comput. 14 (1993) 783.
    """
    n = values.shape[0]
    if n < CHAINS:
        total = np.float32(0)
        for s in range(n):
            total += values[s]
        return total
    if n <= BLOCK:
        a, b, c, d = values[0], values[1], values[2], values[3]
        e, f, g, h = values[4], values[5], values[6], values[7]
        whole = n - n % CHAINS
        for s in range(CHAINS, whole, CHAINS):
            a += values[s]
            b += values[s + 1]
            c += values[s + 2]
            d += values[s + 3]
            e += values[s + 4]
            f += values[s + 5]
            g += values[s + 6]
            h += values[s + 7]
        total = ((a + b) + (c + d)) + ((e + f) + (g + h))
        for s in range(whole, n):
            total += values[s]
        return total
    half = n // 2
    half -= half % CHAINS
    return pairwise_sum(values[:half]) + pairwise_sum(values[half:])


__all__ = ["BLOCK", "CHAINS", "pairwise_sum"]
