"""Everything that can be chosen about a simulation, checked before any work is done."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import cast

from ctabatch.errors import OptionError
from ctabatch.kernels.cascade_parts import ELECTRON, GAMMA, MUON, PROTON

from .arrays import Array, load_array

#: Primary -> its code in files.
PRIMARIES = {"gamma": GAMMA, "electron": ELECTRON, "muon": MUON, "proton": PROTON}

#: Primary -> energy range (TeV), outer radius of the view cone (deg), largest core distance (m).
_DEFAULTS = {
    "gamma": ((0.02, 50.0), 0.0, 600.0),
    "electron": ((0.02, 50.0), 6.0, 600.0),
    "proton": ((0.05, 100.0), 6.0, 800.0),
    "muon": ((0.01, 1.0), 1.0, 12.0),
}
#: Lowest and highest energy the shower model is made for, TeV.
ENERGY_LIMITS = (0.003, 1000.0)
#: Event numbers are 100 times the number of the shower plus the number of the use.
MAX_USE = 100
MAX_SHOWERS = 2**31 // MAX_USE - 1
#: All uses of a shower are in memory at once; their waveforms may take so many bytes.
MAX_SHOWER_BYTES = 256 << 20


@dataclass(frozen=True)
class SimulationOptions:
    """What to simulate. Values that are None follow from the primary.

    Attributes
    ----------
    primary : {"gamma", "electron", "proton", "muon"}
    n_showers : int
    reuse : int
        Uses of each shower, each with its own core.
    energy_range : (float, float), TeV
    index : float
        Spectral index.
    zenith, azimuth : float, deg
        Pointing of the array; azimuth from north over east.
    viewcone : float, deg
        Directions fill a cone of this radius around the source; 0 is a point source.
    source_offset : float, deg
        From the pointing to the source, along rising azimuth.
    max_core_distance : float, m
        Cores are even over a disc of this radius around the origin of the array; those of muons
        over discs around each telescope.
    array : Array
    seed : int
    min_telescopes : int
        Telescopes needed for an array trigger; by default 2 (1 for muons and single telescopes).
    nsb_scale : float
        Light of the night sky relative to a dark night.
    noise : bool
        Without it waveforms have no night sky, no electronic noise and charges of exactly 1 p.e.
    obs_id : int
    height : float, m
        Of the ground above sea level.
    start_time : int
        Unix time; events follow every millisecond.
    """

    primary: str = "gamma"
    n_showers: int = 100
    reuse: int = 1
    energy_range: tuple[float, float] | None = None
    index: float = -2.0
    zenith: float = 20.0
    azimuth: float = 0.0
    viewcone: float | None = None
    source_offset: float = 0.0
    max_core_distance: float | None = None
    array: Array = field(default_factory=lambda: load_array("lst4"))
    seed: int = 0
    min_telescopes: int | None = None
    nsb_scale: float = 1.0
    noise: bool = True
    obs_id: int = 1
    height: float = 2150.0
    start_time: int = 1_700_000_000

    def __post_init__(self) -> None:
        """Fill in defaults and refuse what cannot be simulated."""
        if self.primary not in PRIMARIES:
            raise OptionError.unknown_name("primary", self.primary, PRIMARIES)
        energies, cone, distance = _DEFAULTS[self.primary]
        mono = self.primary == "muon" or len(self.array.places) == 1
        for name, value in (
            ("energy_range", energies),
            ("viewcone", cone),
            ("max_core_distance", distance),
            ("min_telescopes", 1 if mono else 2),
        ):
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        if len(self.energies) != 2:
            raise OptionError(f"energy range {self.energy_range}: two energies are needed")
        n_telescopes = len(self.array.places)
        low, high = self.energies
        least, most = ENERGY_LIMITS
        _require(
            (least <= low <= high <= most,
             f"energy range {low} to {high} TeV: must rise within {least} to {most} TeV"),
            (1 <= self.n_showers <= MAX_SHOWERS,
             f"{self.n_showers} showers: must be 1 to {MAX_SHOWERS}"),
            (1 <= self.reuse <= MAX_USE, f"reuse {self.reuse}: must be 1 to {MAX_USE}"),
            (-10 <= self.index <= 5, f"spectral index {self.index}: must be -10 to 5"),
            (0 <= self.zenith <= 60, f"zenith {self.zenith} deg: the model holds for 0 to 60"),
            (-360 <= self.azimuth <= 360, f"azimuth {self.azimuth} deg: must be -360 to 360"),
            (0 <= self.cone <= 20, f"view cone {self.viewcone} deg: must be 0 to 20"),
            (0 <= self.source_offset <= 10, f"source offset {self.source_offset} deg: 0 to 10"),
            (0 <= self.core_radius <= 1e5,
             f"core distance {self.max_core_distance} m: must be 0 to 100 km"),
            (0 <= self.seed < 2**63, f"seed {self.seed}: must be 0 to 2**63 - 1"),
            (1 <= self.multiplicity <= n_telescopes,
             f"trigger of {self.min_telescopes} telescopes in an array of {n_telescopes}"),
            (0 <= self.nsb_scale <= 100, f"night sky {self.nsb_scale}: must be 0 to 100"),
            (1 <= self.obs_id < 2**31, f"obs_id {self.obs_id}: must be 1 to 2**31 - 1"),
            (0 <= self.height <= 5500, f"height {self.height} m: must be 0 to 5500"),
            (0 < self.start_time < 2**32, f"start time {self.start_time}"),
        )  # fmt: skip
        size = self.reuse * self.array.bytes_per_event
        if size > MAX_SHOWER_BYTES:
            raise OptionError(
                f"{self.reuse} uses of a shower seen by all telescopes of {self.array.name!r} take "
                f"{size >> 20} MiB, more than {MAX_SHOWER_BYTES >> 20}; use each shower less often"
            )

    @property
    def primary_id(self) -> int:
        """Code of the primary in files."""
        return PRIMARIES[self.primary]

    @property
    def energies(self) -> tuple[float, float]:
        """Energy range in TeV."""
        return cast("tuple[float, float]", self.energy_range)

    @property
    def cone(self) -> float:
        """Radius of the view cone in deg."""
        return cast(float, self.viewcone)

    @property
    def core_radius(self) -> float:
        """Largest core distance in m."""
        return cast(float, self.max_core_distance)

    @property
    def multiplicity(self) -> int:
        """Telescopes needed for an array trigger."""
        return cast(int, self.min_telescopes)

    @property
    def pointing(self) -> tuple[float, float]:
        """Altitude and azimuth of the array, rad, azimuth in 0 to 2 pi."""
        return math.radians(90 - self.zenith), math.radians(self.azimuth % 360)

    @property
    def source(self) -> tuple[float, float]:
        """Altitude and azimuth of the source, rad."""
        altitude, azimuth = self.pointing
        off = math.radians(self.source_offset)
        ahead, right = math.cos(off) * math.cos(altitude), math.sin(off)
        up = math.cos(off) * math.sin(altitude)
        return (
            math.atan2(up, math.hypot(ahead, right)),
            (azimuth + math.atan2(right, ahead)) % (2 * math.pi),
        )


def _require(*conditions: tuple[bool, str]) -> None:
    """Raise with the message of the first condition that does not hold (NaN never does)."""
    for holds, message in conditions:
        if not holds:
            raise OptionError(message)
