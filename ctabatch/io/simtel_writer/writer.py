"""`SimtelWriter`: simulated events to a sim_telarray file, streamed."""

from __future__ import annotations

import os
from types import TracebackType
from typing import BinaryIO, Self

import ctabatch
from ctabatch.errors import OutputError

from .content import RunContent, SimulatedEvents
from .descriptions import descriptions
from .events import EventObjects
from .framing import top
from .histograms import ShowerHistograms
from .output import OutputFile
from .validity import check_events, check_run


class SimtelWriter:
    """Writes one sim_telarray file; a context manager.

    The file takes its name when it is complete. If the block is left by an exception, the file is
    completed with the events written so far; without any, and where it cannot be completed (disk
    full), no file is left.

    Parameters
    ----------
    target : path or binary file object
        A name ending in ``.zst`` or ``.gz`` is compressed; a file object gets plain bytes.
    run : RunContent
    zero_suppression : bool
        Of telescope data that say which pixels were read out, write only these.
    overwrite : bool
        Whether an existing file may be replaced.

    Attributes
    ----------
    n_showers, n_events, n_triggered, n_telescope_events, n_bytes : int
        Written so far; bytes before compression.

    Raises
    ------
    OptionError
        The content cannot be expressed in the format; nothing was written.
    OutputError
        The file exists already, or cannot be written.

    Examples
    --------
    >>> with SimtelWriter("gammas.simtel.zst", run) as writer:  # doctest: +SKIP
    ...     for events in batches:
    ...         writer.write(events)
    """

    def __init__(
        self,
        target: str | os.PathLike[str] | BinaryIO,
        run: RunContent,
        *,
        zero_suppression: bool = False,
        overwrite: bool = False,
    ) -> None:
        check_run(run)
        self.run = run
        self.n_showers = self.n_events = self.n_triggered = 0
        self.n_telescope_events = self.n_bytes = 0
        program = f"ctabatch {ctabatch.__version__}"
        head = top(descriptions(run, program, zero_suppression))
        self._events = EventObjects(run, zero_suppression)
        self._histograms = ShowerHistograms(run)
        self._open = True
        self._output = OutputFile(target, overwrite)
        self._put(head)

    def write(self, events: SimulatedEvents) -> None:
        """Append showers with all their uses.

        Nothing of a batch that cannot be expressed is written.
        """
        if not self._open:
            raise OutputError(f"{self._output.name}: the file is closed")
        check_events(self.run, events)
        for part, objects in self._events.objects(events):
            self._put(top(objects))
            self._histograms.fill(events, part)
            self.n_events += part.stop - part.start
        self.n_showers += len(events.shower_id)
        self.n_triggered += int(events.triggered.sum())
        self.n_telescope_events += sum(len(data.event) for data in events.telescopes)

    def close(self) -> None:
        """Write the histograms and publish the file; does nothing the second time."""
        if not self._open:
            return
        self._put(top([self._histograms.object()]))
        self._open = False
        try:
            self._output.publish()
        except BaseException:
            self._output.discard()
            raise

    def _put(self, data: bytes) -> None:
        try:
            self._output.write(data)
        except BaseException:  # a piece may be written half: such a file cannot be completed
            self._open = False
            self._output.discard()
            raise
        self.n_bytes += len(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None and self.n_events == 0 and self._open:
            self._open = False
            self._output.discard()
            return
        self.close()
