"""Snakemake: a rule for every task, and one that finalises, which is the target.

A task that is done leaves an empty file beside the plan, so a run that was stopped goes on. The
plan is an input of all rules: after it was changed every task runs again, and skips what is done.
"""

from __future__ import annotations

from dataclasses import dataclass

from ctabatch.errors import OptionError

from .job import LAST_GOOD_CODE, BatchJob, check_word


@dataclass(frozen=True)
class SnakemakeOptions:
    """Resources of a task, for the plugins of Snakemake that know batch systems.

    Attributes
    ----------
    time : int
        Minutes; 0: none are asked for.
    partition, account : str
        Of Slurm; empty: those of the user.

    Raises
    ------
    OptionError
    """

    time: int = 0
    partition: str = ""
    account: str = ""

    def __post_init__(self) -> None:
        for name, more in {"partition": ",", "account": "@"}.items():
            if text := getattr(self, name):
                check_word(f"--{name}", text, more=more)
        if self.time < 0:
            raise OptionError(f"--time {self.time}: minutes, at least 0")


_SNAKEFILE = '''\
"""{n_tasks} tasks of a plan of ctabatch, then finalise.

    snakemake -s {file} --cores 8 --keep-going
"""

PLAN = {plan}
PART = {part}
FINALISE = {finalise}
DONE = {done}
LOGS = {logs}
TASKS = range({n_tasks})


rule finalise:
    input:
        plan=PLAN,
        parts=[f"{{DONE}}/{{k}}.done" for k in TASKS],
    output:
        touch(f"{{DONE}}/finalise.done"),
    log:
        f"{{LOGS}}/finalise.log",
    params:
        words=FINALISE,
    shell:
        "{{params.words:q}} > {{log:q}} 2>&1 || [ $? -eq {good} ]"


# Exit code {good} is a task that is done, but something was lost, which finalise tells.
rule part:
    input:
        plan=PLAN,
    output:
        touch(DONE + "/{{k}}.done"),
    log:
        LOGS + "/part-{{k}}.log",
    params:
        words=PART,
    wildcard_constraints:
        k="[0-9]+",
    threads: {cores}
    retries: {retries}
    resources:
        mem_mb={memory},
{resources}    shell:
        "{{params.words:q}} {{wildcards.k}} > {{log:q}} 2>&1 || [ $? -eq {good} ]"
'''


def files(job: BatchJob, options: SnakemakeOptions, name: str) -> dict[str, str]:
    """Give the Snakefile.

    Parameters
    ----------
    job : BatchJob
    options : SnakemakeOptions
    name : str
        Name of the file.

    Raises
    ------
    OptionError
        A path holds a brace.
    """
    for text in (*job.program, job.plan, job.logs):
        if "{" in text or "}" in text:
            raise OptionError(f"{text}: Snakemake takes braces in paths for wildcards; rename it")
    resources = {
        "runtime": options.time or None,
        "slurm_partition": options.partition or None,
        "slurm_account": options.account or None,
    }
    text = _SNAKEFILE.format(
        file=name,
        n_tasks=job.n_tasks,
        plan=ascii(job.plan),
        part=ascii(list(job.part)),
        finalise=ascii(list(job.finalise)),
        done=ascii(f"{job.plan}.tasks"),
        logs=ascii(job.logs),
        good=LAST_GOOD_CODE,
        cores=job.cores,
        memory=job.memory,
        retries=job.retries,
        resources="".join(
            f"        {key}={value!a},\n" for key, value in resources.items() if value
        ),
    )
    return {name: text}


__all__ = ["SnakemakeOptions", "files"]
