"""Bins of true charge, and the sums over pixels in them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import OptionError
from ctabatch.kernels.charge_sums import NEGATIVE, SUMS, charge_sums

#: A table with a place for each charge is kept in memory: 4 bytes a photo-electron.
MOST_CHARGE = 10_000_000


@dataclass(frozen=True)
class ChargeBins:
    """Logarithmic bins of true charge.

    Charges are whole numbers, so bins that hold none are left out; the row of pixels without
    photo-electrons comes first.

    Attributes
    ----------
    min_charge, max_charge : float, p.e.
        Lower edge of the first bin and upper edge of the last one; exclusive, as that of all bins.
    per_decade : int
        Bins by factor of ten.
    """

    min_charge: float = 1.0
    max_charge: float = 10_000.0
    per_decade: int = 10

    def __post_init__(self) -> None:
        """Refuse bins that cannot be.

        Raises
        ------
        OptionError
            With the values that are valid.
        """
        if not 1 <= self.min_charge < self.max_charge <= MOST_CHARGE:
            raise OptionError(
                f"charges from {self.min_charge:g} to {self.max_charge:g} p.e.: the smallest is at "
                f"least 1 and the largest above it, at most {MOST_CHARGE:,}"
            )
        if not 1 <= self.per_decade <= 1000:
            raise OptionError(f"{self.per_decade} bins per decade: 1 to 1000")

    def edges(self) -> NDArray[np.float64]:
        """Lower and upper edges of all rows, (n_rows, 2), p.e.; the first is of 0."""
        n = math.log10(self.max_charge / self.min_charge) * self.per_decade
        powers = np.arange(math.ceil(round(n, 9)) + 1) / self.per_decade
        # rounded, so that an edge that is a whole number in truth is one
        edges = np.round(self.min_charge * 10.0**powers, 9)
        edges[0], edges[-1] = self.min_charge, self.max_charge
        pairs = np.stack([edges[:-1], edges[1:]], axis=1)
        filled = np.ceil(pairs[:, 0]) < pairs[:, 1]
        return np.concatenate([[[0.0, 1.0]], pairs[filled]])

    def row_of_charge(self) -> NDArray[np.int32]:
        """Row of each whole charge below the largest one; -1 for none."""
        rows = np.full(math.ceil(self.max_charge), -1, np.int32)
        for row, (low, high) in enumerate(self.edges()):
            rows[math.ceil(low) : math.ceil(high)] = row
        return rows


@dataclass(eq=False)
class ChargeSums:
    """Sums over the pixels of images, and what was left out.

    Attributes
    ----------
    bins : ChargeBins
    n_images, n_without_truth, n_failed : int
        Images used, without true photo-electrons, and with truth but failed charge extraction.
    """

    bins: ChargeBins
    n_images: int = 0
    n_without_truth: int = 0
    n_failed: int = 0
    sums: NDArray[np.float64] = field(init=False)
    counts: NDArray[np.int64] = field(init=False)
    left_out: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self._rows = self.bins.row_of_charge()
        n_rows = len(self.bins.edges())
        self.sums = np.zeros((n_rows, len(SUMS)))
        self.counts = np.zeros((n_rows, 2), np.int64)
        self.left_out = np.zeros(NEGATIVE + 1, np.int64)

    def add(
        self,
        image: NDArray[np.float32],
        true_image: NDArray[np.int32],
        has_truth: NDArray[np.bool_],
        is_valid: NDArray[np.bool_],
        read_out: NDArray[np.bool_] | None = None,
    ) -> None:
        """Add a batch of images.

        Parameters
        ----------
        image : (n, n_pixels) float32, p.e.
        true_image : (n, n_pixels) int32, p.e.
        has_truth, is_valid : (n,) bool
            Images that lack either are counted only.
        read_out : (n, n_pixels) bool, optional
            Pixels with data; by default all.
        """
        use = has_truth & is_valid
        self.n_images += int(use.sum())
        self.n_without_truth += int((~has_truth).sum())
        self.n_failed += int((has_truth & ~is_valid).sum())
        if read_out is None:
            read_out = np.empty((0, image.shape[1]), np.bool_)
        charge_sums(image, true_image, use, read_out, self._rows, self.sums, self.counts,
                    self.left_out)  # fmt: skip


__all__ = ["ChargeBins", "ChargeSums"]
