"""What all figures of events have in common: colours that everyone can tell apart, and new axes.

Colours are those of M. Okabe and K. Ito, Color Universal Design (2008); colour maps are viridis and
cividis, whose lightness rises evenly, also for colour-blind eyes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
#: Curves on one axes, in order.
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
#: Pixels without a value.
NO_VALUE = "0.82"


def new_figure(width: float, height: float, figure: Figure | None = None) -> Figure:
    """A figure whose labels keep out of each other's way, in inches.

    Parameters
    ----------
    width, height : float
    figure : Figure, optional
        Used instead of a new one, for example one of pyplot, which can be shown.
    """
    from matplotlib.figure import Figure

    made = Figure() if figure is None else figure
    made.set_size_inches(width, height)
    made.set_layout_engine("constrained", w_pad=0.1, h_pad=0.08)
    return made


def axes_or_new(ax: Axes | None, size: tuple[float, float] = (6.6, 5.4)) -> Axes:
    """The axes given, or those of a new figure of pyplot, which notebooks show."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    _, made = plt.subplots(figsize=size, layout="constrained")
    return made


def halo(width: float = 2.5, colour: str = "white") -> list[Any]:
    """Path effect that keeps a thin line visible on any colour."""
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=width, foreground=colour), Normal()]


__all__ = [
    "BLACK",
    "BLUE",
    "COLOURS",
    "NO_VALUE",
    "ORANGE",
    "PURPLE",
    "VERMILION",
    "axes_or_new",
    "halo",
    "new_figure",
]
