"""The array from above: telescopes, which of them triggered, and where the shower fell."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from ctabatch.instrument.subarray import SubarrayDescription

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def array_view(
    ax: Axes,
    subarray: SubarrayDescription,
    *,
    triggered: Collection[int] = (),
    core: tuple[float, float] | None = None,
    title: str = "",
) -> Axes:
    """Draw telescopes as circles of their mirror's size, doubled.

    Parameters
    ----------
    ax : Axes
    subarray : SubarrayDescription
    triggered : collection of int
        Telescopes to fill.
    core : tuple of float, optional
        True core position, north and west in m.
    """
    from matplotlib.patches import Circle

    reach = 50.0
    for tel_id, telescope in subarray.telescopes.items():
        north, west, _ = telescope.position
        radius = 2 * np.sqrt(telescope.optics.mirror_area / np.pi)
        filled = tel_id in triggered
        ax.add_patch(
            Circle((-west, north), radius, fill=filled, color="tab:orange" if filled else "0.5")
        )
        ax.annotate(str(tel_id), (-west, north + 1.2 * radius), ha="center", fontsize="small")
        reach = max(reach, abs(north) + 2 * radius, abs(west) + 2 * radius)
    if core is not None:
        ax.plot(-core[1], core[0], "*", color="magenta", ms=12, mec="black", mew=0.5)
        reach = max(reach, 1.1 * abs(core[0]), 1.1 * abs(core[1]))
    ax.set(
        xlim=(-reach, reach),
        ylim=(-reach, reach),
        aspect="equal",
        xlabel="east / m",
        ylabel="north / m",
        title=title,
    )
    return ax
