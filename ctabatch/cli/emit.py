"""``ctabatch emit``: ready files for batch systems and workflow engines."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctabatch.cli import emit_options as options
from ctabatch.errors import OptionError

if TYPE_CHECKING:
    from ctabatch.emit.job import BatchJob

command = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@command.callback()
def _group() -> None:
    """Write a ready file for a batch system, which runs the tasks of a plan, then finalises.

    Examples:
      ctabatch plan @inputs.txt -o dl1 --inputs-per-task 50
      ctabatch emit slurm dl1.plan.json
      ctabatch emit snakemake dl1.plan.json
    """


#: MiB between what the process is held below and what is asked for.
_SPARE = 300


@command.command("slurm")
def slurm(
    plan: options.PlanFile,
    output: options.Output = None,
    time: Annotated[
        str, typer.Option(help="Time limit of a task, as of sbatch: 02:00:00 or 1-12.")
    ] = "",
    cores: options.Cores = None,
    memory: options.Memory = None,
    partition: options.Partition = "",
    account: options.Account = "",
    max_running: Annotated[
        int, typer.Option(min=0, help="Tasks of an array that run at once; 0: no limit.")
    ] = 0,
    array_size: Annotated[
        int,
        typer.Option(
            min=1,
            help="MaxArraySize of the cluster (scontrol show config). More tasks than that become "
            "several arrays.",
        ),
    ] = 1001,
    log_folder: options.LogFolder = None,
    program: options.Program = None,
    variables: options.Variables = None,
    name: options.Name = None,
    retries: options.Retries = None,
    overwrite: options.Overwrite = False,
) -> None:
    """One script for sbatch: the job array, and with the word submit all arrays and finalise.

    Examples:
      ctabatch emit slurm dl1.plan.json --time 02:00:00 --partition long
      bash dl1.sbatch submit
      sbatch --array=3,17 dl1.sbatch
    """
    from ctabatch.emit.slurm import SlurmOptions, files

    job = _job(plan, cores, memory, log_folder, program, variables, name, retries)
    asked = SlurmOptions(time, partition, account, max_running, array_size)
    path = _output(plan, output, job, ".sbatch")
    _write(path, files(job, asked, path.name), overwrite, job)
    typer.echo(f"submit with: {_in_folder(f'bash {path.name} submit', path)}")


@command.command("htcondor")
def htcondor(
    plan: options.PlanFile,
    output: options.Output = None,
    time: Annotated[
        int, typer.Option(min=0, help="Seconds a task may run before it is held; 0: no limit.")
    ] = 0,
    cores: options.Cores = None,
    memory: options.Memory = None,
    account: options.Account = "",
    max_running: Annotated[
        int, typer.Option(min=0, help="Tasks in the queue at once; 0: no limit.")
    ] = 0,
    log_folder: options.LogFolder = None,
    program: options.Program = None,
    variables: options.Variables = None,
    name: options.Name = None,
    retries: options.Retries = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Submit files, a script that they call, and a DAG in which finalise comes last.

    The output is NAME.sub, a cluster of jobs; beside it are written NAME.dag, which needs
    NAME-part.sub and NAME-finalise.sub, and NAME.sh.

    Examples:
      ctabatch emit htcondor dl1.plan.json --max-running 500
      condor_submit_dag dl1.dag
    """
    from ctabatch.emit.htcondor import HTCondorOptions, files

    job = _job(plan, cores, memory, log_folder, program, _with_cache(variables), name, retries)
    asked = HTCondorOptions(time, account, max_running)
    path = _output(plan, output, job, ".sub")
    _write(path, files(job, asked, path.name), overwrite, job)
    typer.echo(f"submit with: {_in_folder(f'condor_submit_dag {path.stem}.dag', path)}")


@command.command("snakemake")
def snakemake(
    plan: options.PlanFile,
    output: options.Output = None,
    time: Annotated[
        int, typer.Option(min=0, help="Minutes of a task, for batch systems; 0: none are asked.")
    ] = 0,
    cores: options.Cores = None,
    memory: options.Memory = None,
    partition: options.Partition = "",
    account: options.Account = "",
    log_folder: options.LogFolder = None,
    program: options.Program = None,
    variables: options.Variables = None,
    name: options.Name = None,
    retries: options.Retries = None,
    overwrite: options.Overwrite = False,
) -> None:
    """A Snakefile with a rule for every task and one that finalises, which is the target.

    Tasks that are done leave empty files in PLAN.tasks: a run that was stopped goes on.

    Examples:
      ctabatch emit snakemake dl1.plan.json --cores 2
      snakemake -s dl1.smk --cores 8 --keep-going
    """
    from ctabatch.emit.snakemake import SnakemakeOptions, files

    job = _job(plan, cores, memory, log_folder, program, variables, name, retries)
    path = _output(plan, output, job, ".smk")
    text = files(job, SnakemakeOptions(time, partition, account), path.name)
    _write(path, text, overwrite, job)
    typer.echo(
        f"run with: {_in_folder(f'snakemake -s {path.name} --cores all --keep-going', path)}"
    )


@command.command("cwl")
def cwl(
    plan: options.PlanFile,
    output: options.Output = None,
    cores: options.Cores = None,
    memory: options.Memory = None,
    program: options.Program = None,
    variables: options.Variables = None,
    name: options.Name = None,
    overwrite: options.Overwrite = False,
) -> None:
    """A workflow of the Common Workflow Language 1.2: a scatter over the tasks, then finalise.

    Examples:
      ctabatch emit cwl dl1.plan.json
      cwltool --parallel dl1.cwl
      cwltool dl1.cwl --tasks 3 --tasks 17
    """
    from ctabatch.emit.cwl import files

    job = _job(plan, cores, memory, None, program, _with_cache(variables), name, 0)
    path = _output(plan, output, job, ".cwl")
    _write(path, files(job, path.name), overwrite, None)
    typer.echo(f"run with: {_in_folder(f'cwltool --parallel {path.name}', path)}")


def _job(
    plan_file: Path,
    cores: int | None,
    memory: int | None,
    log_folder: Path | None,
    program: str | None,
    variables: list[str] | None,
    name: str | None,
    retries: int | None,
) -> BatchJob:
    from ctabatch.emit.job import BatchJob, job_name
    from ctabatch.production.plan import Plan, absolute

    plan = Plan.read(plan_file)
    path = absolute(plan_file)
    logs = f"{path.removesuffix('.json')}-logs" if log_folder is None else log_folder
    return BatchJob(
        program=_program(program, variables or []),
        plan=path,
        name=job_name(path) if name is None else name,
        n_tasks=plan.n_tasks,
        cores=cores or plan.threads or 1,
        memory=memory or plan.memory + _SPARE,
        retries=plan.retries if retries is None else retries,
        logs=absolute(logs),
    )


def _program(text: str | None, variables: list[str]) -> tuple[str, ...]:
    """Words that start ctabatch, after ``env`` with the variables, if there are any."""
    if text is None:
        words = [sys.executable, "-m", "ctabatch"]
    else:
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise OptionError(f"--program {text!r}: {error}") from None
    for assignment in variables:
        if not re.match(r"[A-Za-z_][A-Za-z0-9_]*=", assignment):
            raise OptionError(f"--env {assignment!r}: write NAME=VALUE")
    if variables and words and "=" in words[0]:
        raise OptionError(f"--program {words[0]!r}: with '=' in it this would be a variable")
    return ("env", *variables, *words) if variables else tuple(words)


def _with_cache(variables: list[str] | None) -> list[str]:
    """Keep the folder of compiled kernels where tasks do not have the user's environment."""
    variables = variables or []
    if any(text.startswith(("XDG_CACHE_HOME=", "NUMBA_CACHE_DIR=")) for text in variables):
        return variables
    cache = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return [f"XDG_CACHE_HOME={cache}", *variables]


def _output(plan: Path, output: Path | None, job: BatchJob, suffix: str) -> Path:
    from ctabatch.emit.job import check_word

    path = plan.with_name(f"{job.name}{suffix}") if output is None else output
    check_word("the name of the file", path.name)
    if path.suffix != suffix and suffix == ".sub":
        raise OptionError(f"--output {path}: its name must end with {suffix}")
    return path


def _write(path: Path, texts: Mapping[str, str], overwrite: bool, job: BatchJob | None) -> None:
    """Write files beside each other; scripts may be executed. Make the folder for logs of a job."""
    from ctabatch.io.parquet import write_text, writing

    paths = {path.with_name(name): text for name, text in texts.items()}
    for one in paths:
        if one.exists() and not overwrite:
            raise OptionError(f"{one}: there is such a file already; --overwrite replaces it")
    with writing(path.parent):
        if job is not None:
            Path(job.logs).mkdir(parents=True, exist_ok=True)
        for one, text in paths.items():
            write_text(one, text)
            if text.startswith("#!"):
                one.chmod(0o755)
    typer.echo("written: " + ", ".join(map(str, paths)))


def _in_folder(words: str, path: Path) -> str:
    folder = path.parent
    return words if folder == Path() else f"cd {shlex.quote(str(folder))} && {words}"


__all__ = ["command"]
