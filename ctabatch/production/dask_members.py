"""Workers of a cluster of Dask that can be used: they come and go, and versions may differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ctabatch
from ctabatch.errors import CtabatchError, OptionError
from ctabatch.io.writer_identity import machine, remove_unfinished_of

from .dask_worker import worker_facts

if TYPE_CHECKING:
    from distributed import Client


@dataclass
class Members:
    """Workers with the version of ctabatch that is here.

    Parameters
    ----------
    client : distributed.Client
    root : Path
        Folder of the dataset.
    tell : callable
        Given sentences about what the user may want to know: no workers, or unusable ones.

    Attributes
    ----------
    facts : dict
        Address of each usable worker -> its `worker_facts`.
    """

    client: Client
    root: Path
    tell: Callable[[str], None]
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    _unusable: set[str] = field(default_factory=set)
    _absent: set[str] = field(default_factory=set)
    _said: set[str] = field(default_factory=set)

    def check_scheduler(self) -> None:
        """Find out whether the scheduler can pass on what workers are asked.

        Raises
        ------
        OptionError
        """
        try:
            self.client.run_on_scheduler(worker_facts)
        except Exception as error:
            raise OptionError(
                f"the scheduler of Dask has no usable ctabatch ({type(error).__name__}: {error}); "
                f"install ctabatch {ctabatch.__version__} there and on all workers"
            ) from error

    def look(self, working: set[str]) -> set[str]:
        """Find workers that came, and give those that went.

        Parameters
        ----------
        working : set of str
            Workers that have something to do.

        Raises
        ------
        CtabatchError
            The scheduler is gone, or all workers are unusable.
        """
        try:
            present = set(self.client.nthreads())
        except OSError as error:
            raise CtabatchError(
                f"the scheduler of Dask is gone ({error}); run again with --resume"
            ) from error
        absent = (working | set(self.facts)) - present
        gone = absent & self._absent  # twice: the event that tells more may be on its way
        self._absent = absent
        self._unusable &= present
        if new := present - set(self.facts) - self._unusable:
            self._meet(new)
        if not present:
            self._say("no workers yet: waiting for some to join the scheduler")
        elif present == self._unusable:
            raise OptionError("no worker can be used; " + "; ".join(sorted(self._said)))
        return gone

    def forget(self, worker: str) -> None:
        """Remove a worker that is gone, and what it left unfinished if it was on this machine."""
        facts = self.facts.pop(worker, None)
        if facts is not None and facts["machine"] == machine():
            remove_unfinished_of(self.root, facts["pid"])

    def _meet(self, workers: set[str]) -> None:
        """Ask new workers for their version; others than this one are not used."""
        answers = self.client.run(worker_facts, workers=sorted(workers), on_error="return")
        mine = str(ctabatch.__version__)
        for worker, facts in answers.items():
            if isinstance(facts, dict) and facts["ctabatch"] == mine:
                self.facts[worker] = facts
            elif not isinstance(facts, OSError):  # else it has gone again
                self._unusable.add(worker)
                found = (
                    f"ctabatch {facts['ctabatch']}"
                    if isinstance(facts, dict)
                    else f"no usable ctabatch ({type(facts).__name__}: {facts})"
                )
                self._say(
                    f"worker {worker} has {found}, here is ctabatch {mine}: it gets no work; "
                    "install the same version there"
                )

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.tell(text)


__all__ = ["Members"]
