"""Bins and counts of events, one event at a time."""

import numpy as np


def bin_index(values, edges):
    out = []
    for x in values:
        if np.isnan(x) or x > edges[-1]:
            out.append(len(edges))
        elif x == edges[-1]:
            out.append(len(edges) - 1)
        else:
            out.append(sum(edge <= x for edge in edges))
    return out


def cell(bins, group, sizes):
    return int(np.ravel_multi_index((group, *bins), (group + 1, *sizes)))


def weights(cells, selected, weight, shower, n_cells):
    """Sums and squares from a dictionary of the uses of each shower in each cell."""
    uses = {}
    for c, s, w, number in zip(cells, selected, weight, shower, strict=True):
        if s:
            uses[c, number] = uses.get((c, number), 0.0) + w
    sums, squares = np.zeros(n_cells), np.zeros(n_cells)
    for (c, _), total in uses.items():
        sums[c] += total
        squares[c] += total**2
    return sums, squares


def match_values(values, known):
    """Numbers, and how many values are not known."""
    out = [known.index(value) if value in known else -1 for value in values]
    return out, out.count(-1)


def paired_numbers(number, code, table):
    out = [int(table[pair]) for pair in zip(number, code, strict=True)]
    return out, sum(value < 0 for value in out)


def table_codes(values, low, table):
    out = [int(table[v - low]) if low <= v < low + len(table) else -1 for v in values]
    return out, sum(code < 0 for code in out)
