"""Events that pass each combination of cuts of a grid."""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def fill_cut_grid(
    bins: np.ndarray,
    multiplicity: np.ndarray,
    gammaness: np.ndarray,
    theta: np.ndarray,
    weight: np.ndarray,
    multiplicity_cuts: np.ndarray,
    gammaness_cuts: np.ndarray,
    theta_cuts: np.ndarray,
    out_counts: np.ndarray,
    out_weights: np.ndarray,
) -> None:
    """Add each event to the tightest cuts that it passes, for each cut in multiplicity.

    An event passes what is at or above a cut in multiplicity and gammaness, and at or below one in
    theta. The sum along the last two axes up to a cell is what passes the cuts of the cell.

    Parameters
    ----------
    bins : int (n_events,)
        Bin of each event in what the cuts depend on.
    multiplicity : int (n_events,)
    gammaness, theta, weight : float (n_events,)
        An event whose gammaness or theta is NaN passes nothing.
    multiplicity_cuts : int64 (n_m,)
        Not decreasing.
    gammaness_cuts : float64 (n_m, n_bins, n_g)
        Not increasing along the last axis: the tightest first.
    theta_cuts : float64 (n_m, n_bins, n_t)
        Not decreasing along the last axis: the tightest first.
    out_counts : int64 (n_bins, n_m, n_g, n_t)
        Added to: number of events.
    out_weights : float64 (n_bins, n_m, n_g, n_t)
        Added to: sum of their weights.

    Notes
    -----
    Source: definition. One pass over the events replaces one per cell of the grid.

    Examples
    --------
    >>> import numpy as np
    >>> counts, weights = np.zeros((1, 1, 2, 1), np.int64), np.zeros((1, 1, 2, 1))
    >>> fill_cut_grid(np.array([0, 0]), np.array([4, 2]), np.array([0.7, 0.9]), np.zeros(2),
    ...               np.array([1.0, 3.0]), np.array([2]), np.array([[[0.8, 0.5]]]),
    ...               np.array([[[0.1]]]), counts, weights)
    >>> weights.ravel().tolist()
    [3.0, 1.0]
    """
    n_m, n_g, n_t = multiplicity_cuts.shape[0], gammaness_cuts.shape[2], theta_cuts.shape[2]
    for i in range(bins.shape[0]):
        b = bins[i]
        for m in range(n_m):
            if multiplicity[i] < multiplicity_cuts[m]:
                break
            g = 0
            while g < n_g and not gammaness[i] >= gammaness_cuts[m, b, g]:
                g += 1
            t = 0
            while t < n_t and not theta[i] <= theta_cuts[m, b, t]:
                t += 1
            if g < n_g and t < n_t:
                out_counts[b, m, g, t] += 1
                out_weights[b, m, g, t] += weight[i]
