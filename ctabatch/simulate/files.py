"""Simulated events to a sim_telarray file."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from ctabatch.io.simtel_writer.writer import SimtelWriter

from .options import SimulationOptions
from .run import run_content, simulate

#: Told (showers done, telescope events so far).
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SimulationSummary:
    """What was simulated.

    Attributes
    ----------
    n_showers, n_events, n_triggered, n_telescope_events : int
        Showers, their uses, array events in the file and telescope events in the file.
    n_bytes : int
        Size before compression.
    """

    n_showers: int
    n_events: int
    n_triggered: int
    n_telescope_events: int
    n_bytes: int


def simulate_file(
    options: SimulationOptions,
    target: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SimulationSummary:
    """Simulate showers into a file; memory does not depend on their number.

    If it is interrupted, the file is completed with the events so far.

    Raises
    ------
    OutputError
        The file exists already, or cannot be written.
    """
    with SimtelWriter(target, run_content(options), overwrite=overwrite) as writer:
        for events in simulate(options):
            writer.write(events)
            if progress is not None:
                progress(writer.n_showers, writer.n_telescope_events)
    return SimulationSummary(
        writer.n_showers,
        writer.n_events,
        writer.n_triggered,
        writer.n_telescope_events,
        writer.n_bytes,
    )
