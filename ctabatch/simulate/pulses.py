"""Shape of the pulse of one photo-electron."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

#: Times within a sample at which pulses are tabulated.
N_PHASES = 64


@dataclass(frozen=True)
class Pulse:
    """A pulse whose two flanks are halves of normal curves.

    Its time is its centre of gravity. Sample s of a readout is the mean from ``(s - 1/2)`` to
    ``(s + 1/2)`` times `time_slice`.

    Attributes
    ----------
    rise, fall : float, ns
        Standard deviations of the flanks.
    time_slice : float, ns
        Width of a sample.
    step : float, ns
        Step of the reference pulse; `time_slice` is a multiple.
    """

    rise: float
    fall: float
    time_slice: float
    step: float

    @property
    def start(self) -> float:
        """Time of the peak after the start of the reference pulse, ns: whole samples."""
        return math.ceil(4 * self.rise / self.time_slice) * self.time_slice

    @property
    def duration(self) -> float:
        """Of the reference pulse, ns: whole samples."""
        return self.start + math.ceil(4 * self.fall / self.time_slice) * self.time_slice

    @property
    def mean(self) -> float:
        """Centre of gravity after the peak, ns (of the split normal distribution)."""
        return math.sqrt(2 / math.pi) * (self.fall - self.rise)

    @cached_property
    def reference(self) -> NDArray[np.float32]:
        """Pulse height in steps of `step`, (n,), largest 1."""
        time = np.arange(round(self.duration / self.step)) * self.step - self.start
        width = np.where(time < 0, self.rise, self.fall)
        return np.asarray(np.exp(-0.5 * (time / width) ** 2), np.float32)

    def _integral(self, time: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of the charge up to a time (ns, 0 at the centre of gravity)."""
        after = time + self.mean
        width = np.where(after < 0, self.rise, self.fall)
        half = np.array([math.erf(t) for t in (after / width / math.sqrt(2)).ravel()])
        below = self.rise / (self.rise + self.fall)
        return below + half.reshape(time.shape) * np.where(after < 0, below, 1 - below)

    @property
    def first_sample(self) -> int:
        """Sample of the first value in `samples`, relative to the one the pulse's time is in."""
        return -math.ceil((4.5 * self.rise + self.mean) / self.time_slice)

    @cached_property
    def samples(self) -> NDArray[np.float32]:
        """Charge in each sample, (N_PHASES, length); every row sums to 1.

        Row k is for pulses at ``(k + 1/2) / N_PHASES`` of the way from one sample to the next.
        """
        n = math.ceil(4.5 * self.fall / self.time_slice) + 2 - self.first_sample
        edges = (self.first_sample + np.arange(n + 1) - 0.5) * self.time_slice
        phase = (np.arange(N_PHASES) + 0.5) / N_PHASES * self.time_slice
        charge = np.diff(self._integral(edges - phase[:, np.newaxis]), axis=1)
        return np.asarray(charge / charge.sum(axis=1, keepdims=True), np.float32)

    def noise_gain(self, charge_order: int) -> float:
        """Variance of a sample per photo-electron and sample of random light.

        Campbell's theorem: the sum of squares of the pulse, averaged over its phase, times the mean
        square of single charges.
        """
        squares = (self.samples.astype(np.float64) ** 2).sum(axis=1).mean()
        return float(squares * (1 + 1 / charge_order))
