"""How many events per second a simulated event stands for, in the wanted spectrum."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError

Floats = NDArray[np.float64]
_CM2 = 1e4


class Spectrum(Protocol):
    """Flux in 1/(TeV s cm2), or per sr of it, at energies in TeV."""

    def flux(self, energy: Floats) -> Floats:
        """Flux at energies of shape (n,)."""


class Showers(Protocol):
    """What was simulated: see `ctabatch.irf.simulated.SimulatedShowers`."""

    def per_energy(self, energy: Floats, /) -> Floats:
        """Showers per TeV at energies in TeV."""

    @property
    def max_impact(self) -> float: ...
    @property
    def viewcone_min(self) -> float: ...
    @property
    def viewcone_max(self) -> float: ...


def signal_rate(energy: Floats, showers: Showers, spectrum: Spectrum, share: float) -> Floats:
    """Events per second for which each event of a point source stands, shape (n,).

    Parameters
    ----------
    energy : array of shape (n,), TeV
    showers : Showers
    spectrum : Spectrum
        In 1/(TeV s cm2).
    share : float
        Part of the simulated showers whose directions are used.
    """
    area = np.pi * showers.max_impact**2 * _CM2
    return spectrum.flux(energy) * area / (share * showers.per_energy(energy))


def diffuse_rate(energy: Floats, showers: Showers, spectrum: Spectrum) -> Floats:
    """Events per second for which each event of a diffuse flux in 1/(TeV s cm2 sr) stands."""
    cone = solid_angle(showers.viewcone_min, showers.viewcone_max)
    if cone <= 0:
        raise InputError(
            "background simulated as a point source has no solid angle; simulate a view cone"
        )
    area = np.pi * showers.max_impact**2 * _CM2
    return spectrum.flux(energy) * area * cone / showers.per_energy(energy)


def solid_angle(inner: float, outer: float) -> float:
    """Solid angle in sr between two cones with opening angles in deg."""
    # a difference of squares of sines keeps all digits of small angles
    return float(4 * np.pi * (np.sin(np.radians(outer / 2)) ** 2
                              - np.sin(np.radians(inner / 2)) ** 2))  # fmt: skip
