"""Sums over pixels of extracted against true charge, in bins of true charge."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel

#: Columns of the sums, in this order: powers of the true charge Q, of the difference D in p.e. and
#: of D / Q. In the row without photo-electrons those that divide by Q stay 0.
SUMS = ("q", "1/q", "1/q^2", "d", "d^2", "d^4", "d/q", "(d/q)^2", "(d/q)^4")
#: Columns of the counts of each bin.
N_USED, N_NOT_FINITE = 0, 1
#: Places in the counts of pixels that are in no bin.
NOT_READ_OUT, BELOW, ABOVE, NEGATIVE = 0, 1, 2, 3


@kernel
def charge_sums(
    image: np.ndarray,
    true_image: np.ndarray,
    use: np.ndarray,
    read_out: np.ndarray,
    row_of_charge: np.ndarray,
    sums: np.ndarray,
    counts: np.ndarray,
    left_out: np.ndarray,
) -> None:
    """Add the pixels of a batch of images to sums per bin of true charge.

    Parameters
    ----------
    image : float32 (n_events, n_pixels), p.e.
    true_image : int32 (n_events, n_pixels), p.e.
    use : bool (n_events,)
        Images to add.
    read_out : bool (n_events, n_pixels), or (0, n_pixels) if all pixels are
        Others are left out.
    row_of_charge : int32 (n_charges,)
        Row of `sums` for each true charge from 0 p.e. on, -1 for none.
    sums : float64 (n_rows, 9)
        Added to: `SUMS`, over pixels with finite charge.
    counts : int64 (n_rows, 2)
        Added to: pixels with finite charge, and others.
    left_out : int64 (4,)
        Added to: pixels that are not read out, that have a true charge of no row, above all rows,
        and below 0.

    Notes
    -----
    Source: definition. Charges are widened to float64 before the difference is taken.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[1.5, 2.0]], np.float32)
    >>> true, row = np.array([[1, 2]], np.int32), np.array([-1, 0, 0], np.int32)
    >>> sums, counts = np.zeros((1, 9)), np.zeros((1, 2), np.int64)
    >>> left, all_read = np.zeros(4, np.int64), np.empty((0, 2), bool)
    >>> charge_sums(image, true, np.ones(1, bool), all_read, row, sums, counts, left)
    >>> counts.tolist(), sums[0, :5].tolist()
    ([[2, 0]], [3.0, 1.5, 1.25, 0.5, 0.25])
    """
    n_events, n_pixels = image.shape
    n_charges = row_of_charge.shape[0]
    masked = read_out.shape[0] > 0
    for i in range(n_events):
        if not use[i]:
            continue
        for p in range(n_pixels):
            if masked and not read_out[i, p]:
                left_out[NOT_READ_OUT] += 1
                continue
            true = true_image[i, p]
            if true < 0:
                left_out[NEGATIVE] += 1
                continue
            if true >= n_charges:
                left_out[ABOVE] += 1
                continue
            row = row_of_charge[true]
            if row < 0:
                left_out[BELOW] += 1
                continue
            charge = float(image[i, p])
            if not math.isfinite(charge):
                counts[row, N_NOT_FINITE] += 1
                continue
            counts[row, N_USED] += 1
            difference = charge - true
            square = difference * difference
            out = sums[row]
            out[3] += difference
            out[4] += square
            out[5] += square * square
            if true > 0:
                inverse = 1.0 / true
                relative = difference * inverse
                square = relative * relative
                out[0] += true
                out[1] += inverse
                out[2] += inverse * inverse
                out[6] += relative
                out[7] += square
                out[8] += square * square


__all__ = ["ABOVE", "BELOW", "NEGATIVE", "NOT_READ_OUT", "N_NOT_FINITE", "N_USED", "SUMS",
           "charge_sums"]  # fmt: skip
