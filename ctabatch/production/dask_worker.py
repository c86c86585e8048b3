"""What workers of Dask are asked to do: functions of plain data that they import by name."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
import traceback
from dataclasses import asdict
from typing import Any

import ctabatch
from ctabatch.errors import CtabatchError
from ctabatch.io.writer_identity import machine

#: A worker may have several threads and several clients, but warnings and memory are the process's.
_ONE_AT_A_TIME = threading.Lock()


def dask_setup(worker: object) -> None:  # noqa: ARG001 - as Dask calls it
    """Prepare a worker of this machine.

    Ctrl-C is for the client, which ends its workers. They leave without tearing down: what is
    skipped frees memory that the end of the process frees too, and takes seconds.
    """
    with contextlib.suppress(ValueError):  # not in the main thread, which alone has handlers
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit.register(os._exit, 0)


def worker_facts() -> dict[str, Any]:
    """Version of ctabatch, and which process this is."""
    return {"ctabatch": str(ctabatch.__version__), "pid": os.getpid(), "machine": machine()}


def process_input(plan: dict[str, Any], again: bool, profile: bool) -> dict[str, Any]:
    """Process the only input of a plan.

    Parameters
    ----------
    plan : dict
        The fields of a `Plan`.
    again : bool
        Whether it may have been begun before: a part that is there is then not refused.
    profile : bool
        Measure the CPU time of the stages.

    Returns
    -------
    dict
        ``result`` (as of `run_task`, without the text of the configuration), or what went wrong:
        ``error``, of the class ``kind``. Errors are told as text, since those of other packages
        need not exist where the client is.
    """
    from .plan import Plan
    from .task import run_input, task_engine

    try:
        with _ONE_AT_A_TIME:
            asked = Plan(**plan)
            engine = task_engine(asked, again=again, profile=profile)
            result = asdict(run_input(engine, asked.inputs[0]))
    except CtabatchError as error:
        return {"kind": type(error).__name__, "error": str(error)}
    except Exception as error:  # noqa: BLE001 - told in full, by the client
        text = "".join(traceback.format_exception(error)).strip()
        return {"kind": "", "error": f"{type(error).__name__}: {error}", "traceback": text}
    record = {name: value for name, value in result["record"].items() if name != "config"}
    return {"result": {**result, "record": record}}


__all__ = ["dask_setup", "process_input", "worker_facts"]
