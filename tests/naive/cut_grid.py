"""Events that pass each combination of cuts, cell by cell."""

import numpy as np


def passing(bins, multiplicity, gammaness, theta, weight, m_cuts, g_cuts, t_cuts):
    """Counts and sums of weights of what passes the cuts of each cell (n_bins, n_m, n_g, n_t)."""
    shape = (g_cuts.shape[1], len(m_cuts), g_cuts.shape[2], t_cuts.shape[2])
    counts, sums = np.zeros(shape, np.int64), np.zeros(shape)
    for b, m, g, t in np.ndindex(shape):
        for i in range(len(bins)):
            if (
                bins[i] == b
                and multiplicity[i] >= m_cuts[m]
                and gammaness[i] >= g_cuts[m, b, g]
                and theta[i] <= t_cuts[m, b, t]
            ):
                counts[b, m, g, t] += 1
                sums[b, m, g, t] += weight[i]
    return counts, sums
