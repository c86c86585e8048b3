"""Slurm: one script that is the job array, the job that finalises, and what submits them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from ctabatch.errors import OptionError

from .job import BatchJob, check_word
from .shell import functions

#: Slurm's own default of MaxArraySize; indices of an array are below it.
USUAL_ARRAY_SIZE = 1001


@dataclass(frozen=True)
class SlurmOptions:
    """Options of the jobs, as of sbatch.

    Attributes
    ----------
    time : str
        Limit of a task, for example ``02:00:00``; empty: that of the partition.
    partition, account : str
        Empty: those of the user.
    max_running : int
        Tasks of an array that run at once; 0: no limit.
    array_size : int
        MaxArraySize of the cluster; with more tasks there are several arrays.

    Raises
    ------
    OptionError
    """

    time: str = ""
    partition: str = ""
    account: str = ""
    max_running: int = 0
    array_size: int = USUAL_ARRAY_SIZE

    def __post_init__(self) -> None:
        for name, more in {"time": ":", "partition": ",", "account": "@"}.items():
            if text := getattr(self, name):
                check_word(f"--{name}", text, more=more)
        if self.array_size < 1 or self.max_running < 0:
            raise OptionError("an array holds at least one task, and one of them runs at a time")


_SCRIPT = """\
#!/bin/bash
# {n_tasks} tasks of a plan of ctabatch, then finalise.
#
#   bash {file} submit              all tasks, and finalise to run after them
#   bash {file} submit K            the same from task K on
#   sbatch --array=3,17 {file}      some tasks again
#   sbatch --array=0 {file} finalise
#
# A task that is done is skipped, so all of this may be repeated at any time.
#SBATCH --job-name={name}
#SBATCH --array={array}
#SBATCH --cpus-per-task={cores}
#SBATCH --mem={memory}M
#SBATCH --output={log}
#SBATCH --open-mode=append
#SBATCH --requeue
{directives}
set -uo pipefail

tasks={n_tasks}
array_size={array_size}
at_once={at_once}
logs={logs}
{functions}
# Submits arrays from task $2 on, and finalise, which runs whatever becomes of them and tells it.
submit() {{
  local script=$1 first=$2 last job after=
  mkdir -p -- "$logs" || return
  for ((; first < tasks; first += array_size)); do
    last=$((tasks - first < array_size ? tasks - first - 1 : array_size - 1))
    job=$(sbatch --parsable --array="0-$last$at_once" -- "$script" part "$first") || {{
      echo "tasks from $first on were not submitted; go on with: bash {file} submit $first" >&2
      return 1
    }}
    job=${{job%%;*}}
    after+=:$job
    echo "tasks $first to $((first + last)): job $job"
  done
  # an array of one, since the line above would make many of it
  job=$(sbatch --parsable --array=0 --dependency="afterany$after" -- "$script" finalise) || return
  echo "finalise: job ${{job%%;*}}"
}}

case "${{1:-part}}" in
  part) run_part "$((${{2:-0}} + ${{SLURM_ARRAY_TASK_ID:?no task of an array: use sbatch}}))" ;;
  finalise) exec "${{finalise[@]}}" ;;
  submit) submit "$0" "${{2:-0}}" ;;
  *) echo "unknown word $1: part, finalise or submit" >&2; exit 2 ;;
esac
"""


def files(job: BatchJob, options: SlurmOptions, name: str) -> dict[str, str]:
    """Give the script.

    Parameters
    ----------
    job : BatchJob
    options : SlurmOptions
    name : str
        Name of the file.
    """
    limit = f"%{options.max_running}" if options.max_running else ""
    last = min(job.n_tasks, options.array_size) - 1
    directives = [
        f"#SBATCH --{key}={value}\n"
        for key in ("time", "partition", "account")
        if (value := getattr(options, key))
    ]
    text = _SCRIPT.format(
        file=name,
        name=job.name,
        n_tasks=job.n_tasks,
        array=f"0-{last}{limit}",
        cores=job.cores,
        memory=job.memory,
        log=directive_word(job.logs.replace("%", "%%") + "/%A_%a.log"),
        directives="".join(directives),
        array_size=options.array_size,
        at_once=limit,
        logs=shlex.quote(job.logs),
        functions=functions(job),
    )
    return {name: text}


def directive_word(text: str) -> str:
    """Quote a text for a line of ``#SBATCH``, which no shell reads."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


__all__ = ["USUAL_ARRAY_SIZE", "SlurmOptions", "directive_word", "files"]
