"""A forest, row by row: from the root to a leaf."""

import numpy as np


def predict(x, feature, threshold, left, right, value, root):
    sums = np.zeros(len(x))
    for i, row in enumerate(x):
        for node in root:
            while feature[node] >= 0:
                below = float(row[feature[node]]) <= threshold[node]
                node = left[node] if below else right[node]
            sums[i] += value[node]
        if np.isnan(row).any():
            sums[i] = np.nan
    return sums
