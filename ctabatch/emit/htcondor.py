"""HTCondor: a script, submit files that call it, and a DAG in which finalise comes last.

Paths with odd characters stand in the script alone, quoted for bash; the submit files name it and a
folder for logs.
"""

from __future__ import annotations

from dataclasses import dataclass

from ctabatch.errors import OptionError

from .job import BatchJob, check_word
from .shell import script


@dataclass(frozen=True)
class HTCondorOptions:
    """Options of the jobs.

    Attributes
    ----------
    time : int
        Seconds that a task may run before it is held; 0: no limit.
    account : str
        Accounting group; empty: none.
    max_running : int
        Tasks in the queue at once, waiting or running; 0: no limit.

    Raises
    ------
    OptionError
    """

    time: int = 0
    account: str = ""
    max_running: int = 0

    def __post_init__(self) -> None:
        if self.account:
            check_word("--account", self.account, more="@")
        if self.time < 0 or self.max_running < 0:
            raise OptionError("--time and --max-running are at least 0")


_SUBMIT = """\
# {what}
# {how}
executable = {stem}.sh
arguments = {arguments}
should_transfer_files = YES
when_to_transfer_output = ON_EXIT
transfer_output_files = ""
request_cpus = {cores}
request_memory = {memory}MB
output = {logs}/{log}.out
error = {logs}/{log}.err
log = {logs}/{stem}.log
batch_name = {name}
{more}{queue}
"""


def files(job: BatchJob, options: HTCondorOptions, name: str) -> dict[str, str]:
    """Give the script, the submit files and the DAG.

    Parameters
    ----------
    job : BatchJob
    options : HTCondorOptions
    name : str
        Name of the submit file of the job array, ``STEM.sub``; the others are ``STEM.dag``,
        ``STEM-part.sub``, ``STEM-finalise.sub`` and ``STEM.sh``.
    """
    stem = check_word("the name of the submit file", name).removesuffix(".sub")

    def submit(what: str, how: str, arguments: str, log: str, queue: str, more: str = "") -> str:
        if options.time:
            more += f"allowed_execute_duration = {options.time}\n"
        if options.account:
            more += f"accounting_group = {options.account}\n"
        return _SUBMIT.format(
            what=what, how=how, arguments=arguments, log=log, queue=queue, more=more, stem=stem,
            cores=job.cores, memory=job.memory, logs=submit_value(job.logs), name=job.name,
        )  # fmt: skip

    n = job.n_tasks
    limit = f"max_materialize = {options.max_running}\n" if options.max_running else ""
    return {
        f"{stem}.sub": submit(
            f"{n} tasks of a plan of ctabatch as one cluster of jobs, without finalise.",
            f"condor_submit {stem}.sub",
            "part $(Process)", "part-$(Process)", f"queue {n}", limit,
        ),
        f"{stem}-part.sub": submit(
            f"A task of {stem}.dag, which sets k.",
            f"One again: condor_submit k=3 {stem}-part.sub",
            "part $(k)", "part-$(k)", "queue",
        ),
        f"{stem}-finalise.sub": submit(
            f"The end of {stem}.dag: checks that nothing is missing.",
            f"condor_submit {stem}-finalise.sub",
            "finalise", "finalise", "queue",
        ),
        f"{stem}.dag": _dag(job, options, stem),
        f"{stem}.sh": script(job),
    }  # fmt: skip


def _dag(job: BatchJob, options: HTCondorOptions, stem: str) -> str:
    lines = [
        f"# {job.n_tasks} tasks of a plan of ctabatch, then finalise; from this folder:",
        f"#   condor_submit_dag {stem}.dag",
        "# Submitted again after a failure, it runs what failed.",
    ]
    for k in range(job.n_tasks):
        lines += [f"JOB part{k} {stem}-part.sub", f'VARS part{k} k="{k}"']
    lines.append(f"RETRY ALL_NODES {job.retries}")
    if options.max_running:
        lines += ["CATEGORY ALL_NODES parts", f"MAXJOBS parts {options.max_running}"]
    # runs whatever becomes of the tasks, and tells it
    lines.append(f"FINAL finalise {stem}-finalise.sub")
    return "\n".join(lines) + "\n"


def submit_value(text: str) -> str:
    """Quote a text for the right side of a line: a dollar sign would begin a macro.

    Raises
    ------
    OptionError
        It begins or ends with what HTCondor cuts off, or takes for a continued line.
    """
    if text != text.strip() or text.endswith("\\"):
        raise OptionError(f"{text!r}: HTCondor takes no blank or backslash at the end of a path")
    return text.replace("$", "$(DOLLAR)")


__all__ = ["HTCondorOptions", "files", "submit_value"]
