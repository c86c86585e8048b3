"""Where a picture goes: a file, a window, or both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
            from ctabatch.plot.screen import check_display

            check_display()

    def canvas(self) -> Figure | None:
        """A figure that can be shown in a window; None if there is to be no window."""
        if not self._show:
            return None
        from ctabatch.plot.screen import shown_figure

        return shown_figure()

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
            from ctabatch.plot.screen import show

            show()
        return file


def _stem(source: str) -> str:
    """Name of an input without folder and endings."""
    name = (
        source.partition(":")[2] if source.startswith("example:") else Path(source).resolve().name
    )
    return _plain(re.sub(r"(\.simtel)?(\.(gz|zst|parquet|simtel))?$", "", name)) or "ctabatch"


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+_-]", "-", text)


__all__ = ["Picture"]
