"""Sorting of short arrays inside kernels: by counting, or heapsort, without recursion.

numpy's sort does the same, but numba compiles it anew into every kernel that calls it, which took a
quarter of the time of the first start; this compiles in a tenth of that. To count for each value
how many are smaller takes a square of comparisons, but eight at once and none that the processor
could guess wrong: up to some hundred values that is faster than any other way.
"""

from __future__ import annotations

import numpy as np

from .jit import kernel

#: Up to so many values are sorted by counting.
_COUNTED = 1024


@kernel
def _by_counting(values: np.ndarray, order: np.ndarray) -> None:
    """Write the indices that sort an array; equal values keep their order."""
    n, one = np.uint64(values.size), np.uint64(1)
    for i in range(n):
        value, smaller = values[i], 0
        for j in range(i):
            smaller += int(values[j] <= value)
        for j in range(i + one, n):
            smaller += int(values[j] < value)
        order[smaller] = i


@kernel
def _sift_down(values: np.ndarray, order: np.ndarray, root: int, end: int) -> None:
    """Let the entry at `root` sink in the heap ``order[:end]``, largest on top."""
    entry = order[root]
    while True:
        child = 2 * root + 1
        if child >= end:
            break
        right = child + 1
        if right < end:
            a, b = order[child], order[right]
            if values[a] < values[b] or (values[a] == values[b] and a < b):
                child = right
        a = order[child]
        if not (values[entry] < values[a] or (values[entry] == values[a] and entry < a)):
            break
        order[root] = a
        root = child
    order[root] = entry


@kernel
def sorted_order(values: np.ndarray) -> np.ndarray:
    """Indices that sort an array; equal values keep their order.

    Parameters
    ----------
    values : float64 (n,)
        Without NaN.

    Returns
    -------
    int64 (n,)

    Notes
    -----
    Source: J. W. J. Williams, Comm. ACM 7 (1964) 347 (heapsort).

    Examples
    --------
    >>> import numpy as np
    >>> sorted_order(np.array([3.0, 1.0, 2.0, 1.0])).tolist()
    [1, 3, 2, 0]
    """
    n = values.size
    order = np.empty(n, np.int64)
    for i in range(n):
        order[i] = i  # with NaN the order is any, but all are places of the array
    if n <= _COUNTED:
        _by_counting(values, order)
        return order
    for root in range(n // 2 - 1, -1, -1):
        _sift_down(values, order, root, n)
    for end in range(n - 1, 0, -1):
        order[0], order[end] = order[end], order[0]
        _sift_down(values, order, 0, end)
    return order
