"""What was simulated: numbers, energies, impacts and directions of all showers, seen or not."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.irf.axes import cone_solid_angle
from ctabatch.irf.simulated_energies import EnergyCounts, power_law_integral, simulated_histogram

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SimulatedShowers:
    """Showers drawn from a power law, over a disc of impacts and a cone of directions.

    Attributes
    ----------
    n_showers : float
        Including all uses of each shower.
    energy_min, energy_max : float
        TeV.
    spectral_index : float
        Including its sign, -2 for E^-2.
    max_impact : float
        Radius in m of the disc, perpendicular to the directions, over which cores are spread.
    viewcone_min, viewcone_max : float
        Directions fill the ring between these distances (deg) from the pointing; both 0 if all
        come from one point.
    counts : EnergyCounts, optional
        Numbers by energy as they were drawn. If given they replace the expectation of the power
        law, which then is the distribution inside the bins only.

    Raises
    ------
    InputError
        The numbers contradict each other.
    """

    n_showers: float
    energy_min: float
    energy_max: float
    spectral_index: float
    max_impact: float
    viewcone_min: float = 0.0
    viewcone_max: float = 0.0
    counts: EnergyCounts | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        checks = {
            f"n_showers {self.n_showers:g} must be above 0": self.n_showers > 0,
            f"energies {self.energy_min:g} to {self.energy_max:g} TeV are no range": (
                0 < self.energy_min < self.energy_max
            ),
            f"index {self.spectral_index:g} must be below 0 (it includes its sign)": (
                self.spectral_index < 0
            ),
            f"max_impact {self.max_impact:g} m must be above 0": self.max_impact > 0,
            f"view cone {self.viewcone_min:g} to {self.viewcone_max:g} deg is none": (
                0 <= self.viewcone_min <= self.viewcone_max <= 180
            ),
        }
        numbers = (self.n_showers, self.energy_max, self.spectral_index, self.max_impact)
        if not all(math.isfinite(number) for number in numbers):
            raise InputError(f"simulated showers: a number is not finite: {self}")
        if wrong := [text for text, fine in checks.items() if not fine]:
            raise InputError(f"simulated showers: {'; '.join(wrong)}")

    @property
    def is_diffuse(self) -> bool:
        """Whether directions fill a view cone."""
        return self.viewcone_max > self.viewcone_min

    @property
    def area(self) -> float:
        """Area in m2 over which impacts are spread."""
        return math.pi * self.max_impact**2

    @property
    def solid_angle(self) -> float:
        """Solid angle in sr of the view cone, 0 without one."""
        ends = cone_solid_angle([self.viewcone_min, self.viewcone_max])
        return float(ends[1] - ends[0])

    def expected_in(self, energy_lo: ArrayLike, energy_hi: ArrayLike, /) -> Floats:
        """Showers between energies in TeV; of the power law the expectation.

        Parameters
        ----------
        energy_lo, energy_hi : float64 (n,)
            TeV.
        """
        lo, hi = (np.asarray(e, dtype=np.float64) for e in (energy_lo, energy_hi))
        if self.counts is not None:
            return self.counts.between(lo, hi, self.spectral_index)
        lo, hi = (np.clip(e, self.energy_min, self.energy_max) for e in (lo, hi))
        whole = power_law_integral(self.energy_min, self.energy_max, self.spectral_index)
        return np.asarray(self.n_showers * power_law_integral(lo, hi, self.spectral_index) / whole)

    def per_energy(self, energy: ArrayLike) -> Floats:
        """Showers per TeV at energies in TeV; the power law also gives it outside its range.

        Parameters
        ----------
        energy : float64 (n,)
            TeV.
        """
        at = np.asarray(energy, dtype=np.float64)
        if self.counts is not None:
            return self.counts.per_energy(at, self.spectral_index)
        return np.asarray(self.power_law_norm * at**self.spectral_index)

    @property
    def power_law_norm(self) -> float:
        """Showers per TeV at 1 TeV, of the power law."""
        whole = power_law_integral(self.energy_min, self.energy_max, self.spectral_index)
        return float(self.n_showers / whole)

    def record(self) -> dict[str, float]:
        """The numbers by the names that `parse_simulated` reads."""
        return {
            "n_showers": self.n_showers,
            "energy_min": self.energy_min,
            "energy_max": self.energy_max,
            "index": self.spectral_index,
            "max_impact": self.max_impact,
            "viewcone_min": self.viewcone_min,
            "viewcone_max": self.viewcone_max,
        }


_KEYS = {
    "n_showers": "n_showers",
    "energy_min": "energy_min",
    "energy_max": "energy_max",
    "index": "spectral_index",
    "spectral_index": "spectral_index",
    "max_impact": "max_impact",
    "viewcone_min": "viewcone_min",
    "viewcone_max": "viewcone_max",
}
_NEEDED = ("n_showers", "energy_min", "energy_max", "index", "max_impact")


def parse_simulated(text: str) -> SimulatedShowers:
    """Simulated showers from text.

    Parameters
    ----------
    text : str
        ``n_showers=8e7,energy_min=0.003,energy_max=330,index=-2,max_impact=1900,viewcone_max=10``:
        energies in TeV, max_impact in m, the view cone in deg (both ends 0 if not given). With
        ``table=FILE[HDU]`` the numbers by energy are read from a table (see
        `ctabatch.irf.simulated_energies.simulated_histogram`) and n_showers and the energies need
        not be given; n_showers then scales the table.

    Raises
    ------
    OptionError
        A key is unknown, missing or given twice, or a value is no number.
    InputError
        The numbers contradict each other, or the table cannot be used.
    """
    values: dict[str, float] = {}
    table: str | None = None
    for part in filter(None, (p.strip() for p in text.split(","))):
        key, equals, value = (p.strip() for p in part.partition("="))
        if key not in _KEYS and key != "table":
            raise OptionError.unknown_name("key of simulated showers", key, [*_KEYS, "table"])
        if not equals or not value:
            raise OptionError(f"simulated showers: {part!r} has no value; expected {key}=VALUE")
        if (table is not None) if key == "table" else (_KEYS[key] in values):
            raise OptionError(f"simulated showers: {key} is given twice")
        if key == "table":
            table = value
            continue
        try:
            values[_KEYS[key]] = float(value)
        except ValueError as error:
            raise OptionError(f"simulated showers: {key}={value!r} is no number") from error
    needed = _NEEDED if table is None else ("index", "max_impact")
    if missing := [key for key in needed if _KEYS[key] not in values]:
        raise OptionError(
            f"simulated showers {text!r}: missing {', '.join(f'{key}=' for key in missing)}"
        )
    if table is None:
        return SimulatedShowers(**values)  # type: ignore[arg-type]
    counts = simulated_histogram(table)
    if "n_showers" in values:
        counts = counts.scaled(values["n_showers"] / counts.total)
    ends = {"energy_min": counts.energy_min, "energy_max": counts.energy_max}
    values = {"n_showers": counts.total, **ends, **values}
    return SimulatedShowers(**values, counts=counts)
