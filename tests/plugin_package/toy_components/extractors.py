"""Extractors, good and bad."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctabatch.stages.charges import Charges
from ctabatch.stages.component import option


@dataclass(frozen=True)
class TallestSample:
    """The largest sample of each pixel."""

    factor: float = option(1.0, "What charges are multiplied with", gt=0)

    def extract(self, traces):
        """Charges of all pixels."""
        return Charges(
            traces.samples.max(axis=2) * self.factor, traces.samples.argmax(axis=2), traces.gain
        )


@dataclass(frozen=True)
class Raising:
    """Fails for images of more than so many pixels."""

    at: int = option(0, "Pixels that are still good", ge=0)

    def extract(self, traces):
        """Charges, or an error."""
        if traces.samples.shape[1] > self.at:
            raise ZeroDivisionError("no pixels left to divide by")
        return Charges(traces.samples[..., 0], traces.samples[..., 0], traces.gain)


@dataclass(frozen=True)
class OfWrongShape:
    """Gives one pixel too few."""

    def extract(self, traces):
        """Charges of other pixels."""
        image = np.zeros((len(traces.samples), traces.samples.shape[1] - 1))
        return Charges(image, image, traces.gain)


class NoDataclass:
    """Has the method, but options that nobody can list."""

    def extract(self, traces):
        """Charges of all pixels."""
        return Charges(traces.samples[..., 0], traces.samples[..., 0], traces.gain)
