"""A cluster of Dask to work on: that of an address, or workers of this machine."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ctabatch.errors import OptionError

if TYPE_CHECKING:
    from distributed import Client

#: What stands for workers of this machine.
LOCAL = "local"
#: Seconds to wait for the scheduler to answer.
_ANSWER = 30


def check_scheduler(text: str, jobs: int) -> None:
    """Refuse what is no address of a scheduler, before any work is done.

    Raises
    ------
    OptionError
        Or the library is not installed.
    """
    if text != LOCAL and not re.fullmatch(r"(tcp|tls|ucx|ws|wss)://\S+", text):
        raise OptionError(f"--scheduler {text!r}: write tcp://HOST:PORT or local")
    if text != LOCAL and jobs != 1:
        raise OptionError(f"--jobs is for --scheduler local: {text} has workers of its own")
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise OptionError("--scheduler needs Dask: pip install 'ctabatch[dask]'") from None


@contextlib.contextmanager
def cluster(text: str, jobs: int) -> Iterator[Client]:
    """A client of the cluster; workers of this machine end with the block.

    Parameters
    ----------
    text : str
        Address of the scheduler, or ``local``.
    jobs : int
        Workers of this machine, if it is ``local``.

    Raises
    ------
    OptionError
        Nobody answers.
    """
    import dask
    from distributed import Client, LocalCluster

    from . import dask_worker

    if text != LOCAL:
        try:
            client = Client(text, timeout=_ANSWER, name="ctabatch")
        except (OSError, ValueError) as error:
            raise OptionError(
                f"--scheduler {text}: no scheduler answers there ({error})"
            ) from error
        with client:
            yield client
        return
    settings = {"distributed.scheduler.allowed-failures": 0}
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            processes=True,
            # None would take the usual port, seen from outside and perhaps another's
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,  # deaths of workers are told by us
            preload=[dask_worker.__name__],
        ) as workers,
        Client(workers, name="ctabatch") as client,
    ):
        yield client


def renew_workers(client: Client, jobs: int) -> None:
    """Start workers of this machine in the place of those that Dask has given up.

    It starts a worker again that dies, but only once: not if that dies before it is ready.
    """
    from distributed.core import Status

    own: Any = client.cluster
    if own is None or own.status != Status.running:
        return

    def renew() -> None:
        for name, one in list(own.workers.items()):
            if one.status in {Status.closed, Status.failed}:
                own.workers.pop(name, None)
        own.scale(jobs)

    own.loop.add_callback(renew)


__all__ = ["LOCAL", "check_scheduler", "cluster", "renew_workers"]
