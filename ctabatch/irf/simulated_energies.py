"""Simulated showers by energy: integrals of power laws, and numbers read from tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctabatch.errors import InputError

if TYPE_CHECKING:
    from ctabatch.io.event_tables import EventTable

Floats = NDArray[np.float64]
#: Names of the columns: lower edges, upper edges, numbers; upper or lower case.
LOW = ("mc_energ_lo", "energ_lo", "energy_lo", "energy_low", "true_energy_low", "lo", "low")
HIGH = ("mc_energ_hi", "energ_hi", "energy_hi", "energy_high", "true_energy_high", "hi", "high")
NUMBER = ("events", "n_events", "n_simulated", "n_showers", "n_entries", "counts", "n")


def power_law_integral(lo: ArrayLike, hi: ArrayLike, index: float) -> Floats:
    """Integral of E^index between energies."""
    lo, hi = (np.asarray(e, dtype=np.float64) for e in (lo, hi))
    power = index + 1
    if power == 0:
        return np.asarray(np.log(hi / lo))
    return np.asarray((hi**power - lo**power) / power)


@dataclass(frozen=True, eq=False)
class EnergyCounts:
    """Numbers of simulated showers in bins of energy.

    Attributes
    ----------
    lo, hi : float64 (n,)
        TeV, in rising order, without gaps.
    number : float64 (n,)
    """

    lo: Floats
    hi: Floats
    number: Floats

    @property
    def total(self) -> float:
        return float(self.number.sum())

    @property
    def energy_min(self) -> float:
        """Lower edge of the first bin with showers, in TeV."""
        return float(self.lo[np.flatnonzero(self.number)[0]])

    @property
    def energy_max(self) -> float:
        """Upper edge of the last bin with showers, in TeV."""
        return float(self.hi[np.flatnonzero(self.number)[-1]])

    def scaled(self, factor: float) -> EnergyCounts:
        """The same distribution, some factor as many."""
        return replace(self, number=self.number * factor)

    def between(self, lo: Floats, hi: Floats, index: float) -> Floats:
        """Showers between energies (n,) in TeV; inside a bin they follow E^index."""
        edges = np.append(self.lo, self.hi[-1])
        below = np.append(0.0, np.cumsum(self.number))

        def cumulative(energy: Floats) -> Floats:
            at = np.clip(energy, edges[0], edges[-1])
            k = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, len(self.lo) - 1)
            part = power_law_integral(self.lo[k], at, index)
            part = part / power_law_integral(self.lo[k], self.hi[k], index)
            return np.asarray(below[k] + self.number[k] * part)

        return cumulative(hi) - cumulative(lo)

    def per_energy(self, energy: Floats, index: float) -> Floats:
        """Showers per TeV at energies (n,) in TeV, 0 outside the bins."""
        k = np.searchsorted(self.lo, energy, side="right") - 1
        inside = (k >= 0) & (energy <= self.hi[-1])
        k = np.clip(k, 0, len(self.lo) - 1)
        density = self.number[k] / power_law_integral(self.lo[k], self.hi[k], index)
        return np.where(inside, density * energy**index, 0.0)


def simulated_histogram(address: str) -> EnergyCounts:
    """Numbers of simulated showers by energy from a table.

    Parameters
    ----------
    address : str
        As of `ctabatch.io.event_tables.open_table`, for example ``FILE.fits[SIMULATED EVENTS]``.
        It has columns of lower and upper bin edges (`LOW`, `HIGH`) and of numbers (`NUMBER`).

    Raises
    ------
    InputError
        A column is missing, or the bins overlap, have gaps or hold no showers.
    """
    from ctabatch.io.event_tables import open_table
    from ctabatch.irf.units import conversion

    table = open_table(address)
    lo, hi, number = (_column(table, names) for names in (LOW, HIGH, NUMBER))
    rows = table.read([lo, hi, number])
    factor = [conversion(table.units.get(c, ""), "TeV", f"{address}, column {c}") or 1.0
              for c in (lo, hi)]  # fmt: skip
    low, high = (
        rows[c].to_numpy().astype(np.float64) * f for c, f in zip((lo, hi), factor, strict=True)
    )
    counts = rows[number].to_numpy().astype(np.float64)
    order = np.argsort(low)
    low, high, counts = low[order], high[order], counts[order]
    if len(low) == 0 or not (low[0] > 0 and (high > low).all()):
        raise InputError(f"{address}: columns {lo} and {hi} hold no bins of energies above 0")
    # single-precision edges of neighbours differ in their last digits
    if not np.allclose(low[1:], high[:-1], rtol=1e-5):
        raise InputError(f"{address}: the bins of columns {lo} and {hi} overlap or have gaps")
    if not np.isfinite(counts).all() or (counts < 0).any() or not counts.any():
        raise InputError(f"{address}: column {number} holds no numbers of showers")
    return EnergyCounts(low, np.append(low[1:], high[-1]), counts)


def _column(table: EventTable, names: tuple[str, ...]) -> str:
    by_lower = {name.lower(): name for name in reversed(table.columns)}
    for name in names:
        if name in by_lower:
            return by_lower[name]
    raise InputError(
        f"{table.address}: no table of simulated showers: it needs a column "
        f"{' or '.join(n.upper() for n in names[:3])}; it has {', '.join(table.columns)}"
    )
