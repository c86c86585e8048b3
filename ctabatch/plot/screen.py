"""Figures in windows on a display."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctabatch.errors import OptionError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Backends of matplotlib that open no window.
_FILES_ALONE = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")


def check_display() -> None:
    """Make sure that a window can be opened.

    Raises
    ------
    OptionError
        matplotlib finds no display.
    """
    from matplotlib import pyplot as plt

    backend = plt.get_backend().lower()
    if backend in _FILES_ALONE:
        raise OptionError(
            f"--show: there is no display to open a window on (matplotlib draws with {backend}); "
            "write a file with -o"
        )


def shown_figure() -> Figure:
    """A new figure that `show` opens a window of."""
    from matplotlib import pyplot as plt

    return plt.figure()


def show() -> None:
    """Open the windows and wait until they are closed."""
    from matplotlib import pyplot as plt

    plt.show()


__all__ = ["check_display", "show", "shown_figure"]
