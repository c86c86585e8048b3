"""The first array events of a run of ``ctabatch process`` as pictures, while it goes on."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

from ctabatch.config import ProcessConfig
from ctabatch.errors import InputError
from ctabatch.io.dataset_identity import IDENTITY
from ctabatch.io.location import Location, local_path


class Display:
    """Draws the first array events with images, before each input is processed as a whole.

    The pictures are made with the options of the run, so options that do not fit the data are seen
    after seconds and not after hours. They are read from the input for themselves: the dataset may
    be one without images, and its tables depend on nothing that is drawn.

    Parameters
    ----------
    n_events : int
        Events to draw, of all inputs together.
    folder : Path
        Gets the pictures. Not the folder of the dataset, which holds its tables alone.
    config : ProcessConfig

    Attributes
    ----------
    files : list of Path
        Pictures written so far.

    Raises
    ------
    InputError
        The folder is that of a dataset.
    """

    def __init__(self, n_events: int, folder: Path, config: ProcessConfig) -> None:
        if (folder / IDENTITY).exists():
            raise InputError(f"--display-to {folder}: this is a dataset; name a folder of its own")
        self._n_events, self._folder, self._config = n_events, folder, config
        self.files: list[Path] = []

    def report(self) -> str:
        """One line for the user."""
        return f"{len(self.files)} pictures in {self._folder}"

    def show(self, path: Location) -> None:
        """Draw the first events of an input, as many as are still to be drawn.

        An input that cannot be read is left to the processing, which tells what is wrong.
        """
        missing = self._n_events - len(self.files)
        if missing <= 0:
            return
        from ctabatch.plot.event_data import Wanted
        from ctabatch.plot.pictures import event_picture
        from ctabatch.plot.saving import save_figure
        from ctabatch.plot.simtel_events import SimtelEvents

        stem = re.sub(r"(\.simtel)?(\.(gz|zst|parquet|simtel))?$", "", path.name)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # processing collects and tells them
                with SimtelEvents(path, self._config) as source:
                    for event in source.matching(Wanted()):
                        name = f"{stem}-obs{event.obs_id}-event{event.event_id}.png"
                        save_figure(event_picture(event), self._folder / name, dpi=100)
                        self.files.append(self._folder / name)
                        missing -= 1
                        if missing == 0:
                            return
        except InputError:
            return


def display_for(
    n_events: int | None, folder: Path | None, output: Path, config: ProcessConfig
) -> Display | None:
    """The display of a run; None if no events are to be drawn.

    Parameters
    ----------
    n_events : int or None
    folder : Path or None
        ``OUTPUT-display``, beside the dataset, by default.
    output : Path
        Folder of the dataset.
    config : ProcessConfig
    """
    if n_events is None:
        return None
    if folder is None:
        whole = local_path(output, "pictures; with --display-to they").resolve()
        folder = whole.with_name(f"{whole.name}-display")
    return Display(n_events, local_path(folder, "the pictures"), config)


__all__ = ["Display", "display_for"]
