"""A worker process: inputs come in as lines of JSON, results go out as lines of JSON.

It ends when its standard input does, whatever it is doing: nobody would take its results.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import asdict
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from ctabatch.errors import OutputError

from .plan import Plan

if TYPE_CHECKING:
    from ctabatch.engine import Engine

#: Seconds between two words about the progress of an input.
_TELL = 0.1
#: Seconds in which a worker whose parent is gone tidies up.
GRACE = 0.7


class Worker:
    """Takes inputs from one stream and tells of them on another.

    Parameters
    ----------
    commands, replies : int
        File descriptors.
    """

    def __init__(self, commands: int, replies: int) -> None:
        self._commands, self._replies = commands, replies
        self._queue: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._last = 0.0

    def serve(self) -> None:
        """Work until there are no more commands."""
        threading.Thread(target=self._listen, name="commands", daemon=True).start()
        first = self._queue.get()
        if first is None:
            return
        from .task import task_engine

        plan = Plan.from_values(first["plan"])
        engine = task_engine(plan, again=False, profile=first["profile"])
        self._tell(ready=os.getpid())
        while (command := self._queue.get()) is not None:
            self._process(engine, plan, command["input"], again=command["again"])

    def _process(self, engine: Engine, plan: Plan, text: str, *, again: bool) -> None:
        from .task import run_input

        self._tell(started=text)
        engine.existing = "resume" if again and plan.existing == "refuse" else plan.existing  # type: ignore[assignment]
        try:
            result = run_input(engine, text, self._progress)
        except OutputError as error:
            self._tell(output_error=str(error))
        except Exception as error:  # noqa: BLE001 - told in full, by the parent
            traceback.print_exc()
            notes = "; ".join(getattr(error, "__notes__", []))
            self._tell(broken=f"{type(error).__name__}: {error}" + (f" ({notes})" if notes else ""))
        else:
            self._tell(result=asdict(result))

    def _progress(self, done: int, size: int, n: int) -> None:
        now = time.monotonic()
        if now - self._last > _TELL:
            self._last = now
            self._tell(progress=[done, size, n])

    def _tell(self, **message: Any) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self._replies, data) :]

    def _listen(self) -> None:
        with os.fdopen(self._commands, "rb") as lines:
            for line in lines:
                self._queue.put(json.loads(line))
        self._queue.put(None)
        time.sleep(0.05)  # one that has nothing to do leaves by itself
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(GRACE)
        os._exit(1)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Serve on the standard streams; whatever else prints goes to standard error."""
    faulthandler.enable()
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    replies = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    code = 0
    try:
        Worker(sys.stdin.fileno(), replies).serve()
    except (KeyboardInterrupt, BrokenPipeError):
        code = 130
    except BaseException:  # noqa: BLE001 - the parent tells it
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
