"""Cells of values, one value at a time."""

import math


def cell(x, shift, first, n_cells):
    """Index of a cell, from the number of doubles between 0 and x."""
    key = 0 if x == 0 else math.copysign(_doubles_up_to(abs(x)), x)
    if math.copysign(1.0, x) < 0:
        key -= 1  # -0 is the one below 0
    return min(max(int(key) // 2**shift - first, 0), n_cells - 1)


def _doubles_up_to(x):
    if math.isinf(x):
        return 0x7FF << 52
    fraction, exponent = math.frexp(x)
    if exponent < -1021:  # below the normal numbers, which are a fixed distance apart
        return int(math.ldexp(x, 1074))
    return ((exponent + 1022) << 52) + int((2 * fraction - 1) * 2**52)


def values_in(values, rows, selected, row, wanted, shift, first, n_cells):
    """The values of one cell of one row."""
    return [
        x
        for x, r, s in zip(values, rows, selected, strict=True)
        if s and not math.isnan(x) and r == row and cell(x, shift, first, n_cells) == wanted
    ]


def moments(values, rows, selected, row, origin):
    own = [
        x - origin
        for x, r, s in zip(values, rows, selected, strict=True)
        if s and not math.isnan(x) and r == row
    ]
    return sum(own), sum(x * x for x in own)
