"""A cleaner."""

from __future__ import annotations

from dataclasses import dataclass

from ctabatch.stages.component import option


@dataclass(frozen=True)
class AboveThreshold:
    """Every pixel above one threshold."""

    threshold: float = option(10.0, "Smallest charge", unit="p.e.")

    def clean(self, image, peak_time, geometry):
        """Masks of a batch."""
        del peak_time, geometry
        return image >= self.threshold
