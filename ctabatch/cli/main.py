"""Entry point: finds the command that was asked for and imports nothing else.

``ctabatch --help`` must answer at once, so the list below holds one line per command, and only the
module of the command that is run is imported. Every such module exposes ``command``: a function, or
a `typer.Typer` of functions.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, NoReturn

import typer

import ctabatch
from ctabatch.errors import CtabatchError

#: Exit codes besides 0: see `run`.
UNUSABLE, INTERNAL, INTERRUPTED = 2, 70, 130

#: Name -> the line that ``ctabatch --help`` shows, in order of use.
COMMANDS = {
    "demo": "Run the whole chain on simulated showers; needs no network.",
    "examples": "Fetch and list the public example simtel files.",
    "simulate": "Write toy showers as a sim_telarray file.",
    "process": "Turn sim_telarray files into a Parquet dataset: images, parameters, geometry.",
    "plan": "Write the tasks of a production to a file, for batch systems.",
    "run-part": "Run one task of a plan.",
    "finalise": "Check that a plan is done, name what is missing, index the dataset.",
    "emit": "Write files for Slurm, HTCondor, Snakemake or CWL that run a plan.",
    "stereo": "Reconstruct showers again from stored image parameters.",
    "train": "Learn energy, gamma/hadron separation and direction from datasets.",
    "apply": "Add the predictions of trained models to datasets.",
    "irf": "Optimise cuts; compute instrument responses and benchmarks.",
    "dl3": "Write event lists and responses for gammapy, or check such a folder.",
    "config": "Print the configuration of process, complete and explained, or from ctapipe.",
    "verify": "Compare results with the truth of simulations: charge resolution.",
    "plot": "Draw cameras, waveforms, the array, or distributions of image parameters.",
    "info": "Summarise a sim_telarray file or a dataset.",
    "validate": "Check a dataset: records, files, schemas, keys; remove leftovers.",
    "compact": "Merge the many small parts of a dataset into a few, sorted by event.",
    "query": "Ask a dataset in SQL: a table, CSV, Parquet or JSON.",
    "diff": "Compare two datasets: tables, columns, rows, worst deviations.",
    "schema": "Show the columns of every table, with unit, description and source.",
}


def build_app(wanted: str | None = None) -> typer.Typer:
    """Build the application with the command ``wanted`` imported and the others only named."""
    app = typer.Typer(
        name="ctabatch",
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name, summary in COMMANDS.items():
        if name == wanted:
            command = _load(name)
            if isinstance(command, typer.Typer):  # a command with commands of its own
                app.add_typer(command, name=name)
            else:
                app.command(name)(command)
        else:
            app.command(name, help=summary)(_named_only)
    return app


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Exit codes: 0 done, 1 finished with losses that the command lists, 2 unusable input or options
    (one message on stderr), 70 an error of the program itself (with its traceback), 130
    interrupted.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after ``ctabatch``; those of the process by default.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        build_app(_command_in(words))(args=words, prog_name="ctabatch")
    except CtabatchError as error:
        _say(f"error: {error}")
        sys.exit(UNUSABLE)
    except KeyboardInterrupt:
        _say("interrupted")
        sys.exit(INTERRUPTED)
    except MemoryError as error:
        where = "; ".join(getattr(error, "__notes__", []))
        _say(f"error: not enough memory{where and ': '}{where}")
        sys.exit(UNUSABLE)
    except Exception:  # noqa: BLE001 - told in full, with an exit code of its own
        traceback.print_exc()
        _say("this is an error of ctabatch itself: please report it with the lines above")
        sys.exit(INTERNAL)
    sys.exit(0)


def main() -> NoReturn:
    """Run the command line as the program: as `run`, but leave without tearing down.

    Taking apart numba's compiler and all modules at the end took a third of the time of a short
    run. Functions registered for the exit are called and output is flushed; what is skipped frees
    memory that the end of the process frees too.
    """
    code: object = 0
    try:
        run()
    except SystemExit as left:
        code = left.code
    if code is not None and not isinstance(code, int):
        _say(str(code))
        code = 1
    atexit._run_exitfuncs()
    with contextlib.suppress(BrokenPipeError):  # whoever read the output has seen enough
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code or 0)


def _command_in(words: Sequence[str]) -> str | None:
    """Return the first word that is no option: no option before the command takes a value."""
    return next((word for word in words if not word.startswith("-")), None)


def _load(name: str) -> typer.Typer | Callable[..., object]:
    module = importlib.import_module(f"ctabatch.cli.{name.replace('-', '_')}")
    command: typer.Typer | Callable[..., object] = module.command
    return command


def _named_only() -> None:
    """Stand in for a command that was not asked for; only its name and summary are shown."""
    raise AssertionError("a command that was not asked for cannot run")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"ctabatch {ctabatch.__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Turn Cherenkov-telescope data into columns: sim_telarray files to Parquet."""


def _say(message: str) -> None:
    typer.echo(f"ctabatch: {message}", err=True)
