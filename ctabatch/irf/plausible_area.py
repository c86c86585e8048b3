"""Whether effective areas before cuts are of a size that some array has."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.irf.axes import Axis, cone_solid_angle
from ctabatch.irf.simulated import SimulatedShowers

Floats = NDArray[np.float64]
#: A telescope sees gamma rays above 1 TeV inside their pool of light, of some 100 m radius: 3e4 m2.
#: Whatever an array is, it detects a third of these somewhere.
FLOOR_M2 = 1e4
#: No array detects more than all showers, so a number of showers that is 100 times too large cannot
#: give more than this. Simulations spread cores as far as showers of the highest energies are seen;
#: arrays then see between 3 % (one telescope) and 50 % of them.
FLOOR_FRACTION = 0.01
#: Where the floors hold, TeV, and the events that a bin must hold to be judged.
_ABOVE, _WELL_FILLED = 1.0, 10


def largest_area(
    sample: pl.DataFrame, stride: int, axis: Axis, showers: SimulatedShowers, where: str
) -> tuple[float | None, float | None, list[str]]:
    """The largest effective area of well-filled regions above 1 TeV, in m2 and as part.

    Parameters
    ----------
    sample : DataFrame
        true_energy and true_offset of every n-th event.
    stride : int
        This n.
    axis : Axis
        Bins of true energy.
    showers : SimulatedShowers
    where : str
        For messages.

    Returns
    -------
    area, fraction : float or None
        None if no bin can be judged.
    notes : list of str
    """
    high = axis.lo >= _ABOVE * (1 - 1e-9)
    inner, outer = showers.viewcone_min, showers.viewcone_max
    if showers.is_diffuse:
        rings = Axis("offset", np.linspace(inner, outer, max(round(outer - inner), 1) + 1), "deg")
        share = np.diff(cone_solid_angle(rings.edges)) / showers.solid_angle
    else:
        rings, share = Axis("offset", np.array([0.0, 180.0]), "deg"), np.ones(1)
    bins = np.zeros((axis.n_bins + 2, rings.n_bins + 2))
    indices = (
        axis.index(sample["true_energy"].to_numpy()),
        rings.index(sample["true_offset"].to_numpy()),
    )
    np.add.at(bins, indices, 1)
    counts = bins[1:-1, 1:-1][high]
    expected = (showers.expected_in(axis.lo, axis.hi)[:, None] * share)[high]
    found = []
    # single bins, and where events are few all above an energy, all within an offset
    for shape in (lambda a: a, _above, _within, lambda a: _within(_above(a))):
        n, showers_there = shape(counts), shape(expected)
        judged = (n >= _WELL_FILLED) & (showers_there > 0)
        found += (n[judged] * stride / showers_there[judged]).tolist()
    if not found:
        note = (
            f"{where}too few events above {_ABOVE:g} TeV to judge whether the number of simulated "
            "showers is plausible"
        )
        return None, None, [note]
    fraction = float(max(found))
    return fraction * showers.area, fraction, []


def _above(bins: Floats) -> Floats:
    """Sums over all higher energies."""
    return np.asarray(bins[::-1].cumsum(axis=0)[::-1])


def _within(bins: Floats) -> Floats:
    """Sums over all smaller offsets."""
    return np.asarray(bins.cumsum(axis=1))


def check_area(area: float, fraction: float, showers: SimulatedShowers, where: str) -> None:
    """Refuse a largest effective area that is too small for any array.

    Raises
    ------
    InputError
        With the numbers, and how to go on.
    """
    floor = max(FLOOR_M2, FLOOR_FRACTION * showers.area)
    if area >= floor:
        return
    raise InputError(
        f"{where}the largest effective area above {_ABOVE:g} TeV, before cuts, would be {area:.3g} "
        f"m2, {100 * fraction:.2g} % of the simulated area; any array reaches {floor:.3g} m2. The "
        f"{showers.n_showers:.4g} simulated showers are probably not those of these events: a "
        f"number {floor / area:.1f} or more times smaller would be plausible. State the right one "
        "(n_showers=), or leave out the audit (--no-audit) if you know that it is right"
    )
