"""Where a picture goes: a file, a window, or both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ctabatch.errors import OptionError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


#: Backends of matplotlib that open no window.
_FILES_ALONE = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")


class Picture:
    """One picture to be made; what is wrong with its name is told before any work.

    Parameters
    ----------
    source : str
        The input, after which the file is named unless it has a name.
    kind : str
        What is shown.
    output : Path or None
        The file.
    show : bool
        Open a window; a file is written only if it is named.
    """

    def __init__(self, source: str, kind: str, output: Path | None, *, show: bool) -> None:
        self._source, self._kind, self._output, self._show = source, kind, output, show
        if output is not None:
            from ctabatch.plot.saving import check_picture

            check_picture(output)
        if show:
            _check_display()

    def canvas(self) -> Figure | None:
        """A figure that can be shown in a window; None if there is to be no window."""
        if not self._show:
            return None
        from matplotlib import pyplot as plt

        return plt.figure()

    def finish(self, figure: Figure, which: Sequence[str]) -> Path | None:
        """Write the file and show the window.

        Parameters
        ----------
        figure : Figure
        which : sequence of str
            Parts of the name of a file that has none: what of the input is shown.

        Returns
        -------
        Path or None
            The file, if one was written.
        """
        file = self._output
        if file is None and not self._show:
            file = Path("-".join([_stem(self._source), self._kind, *map(_plain, which)]) + ".png")
        if file is not None:
            from ctabatch.plot.saving import save_figure

            save_figure(figure, file)
        if self._show:
            from matplotlib import pyplot as plt

            plt.show()
        return file


def _stem(source: str) -> str:
    """Name of an input without folder and endings."""
    name = (
        source.partition(":")[2] if source.startswith("example:") else Path(source).resolve().name
    )
    return _plain(re.sub(r"(\.simtel)?(\.(gz|zst|parquet|simtel))?$", "", name)) or "ctabatch"


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+_-]", "-", text)


def _check_display() -> None:
    from matplotlib import pyplot as plt

    backend = plt.get_backend().lower()
    if backend in _FILES_ALONE:
        raise OptionError(
            f"--show: there is no display to open a window on (matplotlib draws with {backend}); "
            "write a file with -o"
        )


__all__ = ["Picture"]
