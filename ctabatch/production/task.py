"""Run the inputs of one task of a plan in this process; all arguments and results are data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ctabatch.io.location import Location, location

from .failures import forget_failure, record_failure
from .plan import Plan, absolute

if TYPE_CHECKING:
    from ctabatch.engine import Engine, PartResult, Progress

#: Told (index of the input in the task, bytes read, bytes in all, telescope events so far).
TaskProgress = Callable[[int, int, int, int], None]


def task_engine(plan: Plan, *, again: bool = True, profile: bool = False) -> Engine:
    """The engine for the tasks of a plan.

    Parameters
    ----------
    plan : Plan
    again : bool
        Whether the task may have been run before: inputs whose part is there with the same options
        are skipped then, not refused.
    profile : bool
        Measure the CPU time of the stages.
    """
    from ctabatch.engine import Engine

    existing: Any = "resume" if again and plan.existing == "refuse" else plan.existing
    threads = plan.threads or None
    return Engine(
        plan.output,
        plan.process_config(),
        existing,
        threads=threads,
        memory=plan.memory,
        profile=profile,
    )


def run_task(
    plan: Plan,
    k: int,
    progress: TaskProgress | None = None,
    tell: Callable[[PartResult], None] | None = None,
    *,
    profile: bool = False,
) -> list[dict[str, Any]]:
    """Process the inputs of task `k`.

    Parameters
    ----------
    plan : Plan
    k : int
        From 0.
    progress : callable, optional
    tell : callable, optional
        Given each result when it is there.
    profile : bool
        Measure the CPU time of the stages.

    Returns
    -------
    list of dict
        One for each input, in order: the attributes of `ctabatch.engine.PartResult`.

    Raises
    ------
    OptionError
        There is no such task, or the configuration is not valid.
    OutputError
        The dataset cannot be written: other tasks will not fare better.
    """
    inputs = plan.task(k)
    engine = task_engine(plan, profile=profile)
    results = []
    for index, text in enumerate(inputs):
        told: Progress | None = None
        if progress is not None:

            def told(done: int, size: int, n: int, index: int = index) -> None:
                progress(index, done, size, n)

        result = run_input(engine, text, told)
        if tell is not None:
            tell(result)
        results.append(asdict(result))
    return results


def run_input(engine: Engine, path: str | Location, progress: Progress | None = None) -> PartResult:
    """Process one input; a failure leaves its record in the dataset, a success removes it."""
    result = engine.run(location(path), progress)
    note(engine, result)
    return result


def set_aside(plan: Plan, path: str, why: str, kind: str, attempts: int) -> PartResult:
    """The result of an input that is not tried again, with its record of failure."""
    from ctabatch.engine import PartResult, part_stem

    error = f"{path}: {why}; set aside after {attempts} attempts"
    whole = absolute(path)
    stem = part_stem(location(whole))
    record_failure(plan.output, whole, stem, error, kind=kind, attempts=attempts)
    return PartResult(path, status="failed", error=error, attempts=attempts)


def note(engine: Engine, result: PartResult) -> None:
    """Keep the records of failures true after a result."""
    from ctabatch.engine import part_stem

    path = absolute(result.input)
    stem = part_stem(location(result.input))
    if result.status != "failed":
        forget_failure(engine.folder.root, path, stem)
    elif not result.is_there:
        record_failure(engine.folder.root, path, stem, result.error)


__all__ = ["TaskProgress", "run_input", "run_task", "set_aside", "task_engine"]
