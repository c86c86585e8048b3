"""``ctabatch config``: the configuration of process, complete and explained, or from ctapipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctabatch.errors import OptionError


def command(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Configuration files to check and print as they act together."),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One option; may be repeated."),
    ] = None,
    from_ctapipe: Annotated[
        Path | None,
        typer.Option(help="Translate a configuration file of ctapipe-process (YAML, JSON, TOML)."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file; it must not exist.")
    ] = None,
) -> None:
    """Print the configuration of process: all options with their defaults and meaning.

    With files, or --set, what they make of it together, checked. With --from-ctapipe the
    translation of such a file, and on stderr what could not be translated.

    Exit code 0: done. 1: something was not translated. 2: unusable input or options.

    Examples:
      ctabatch config > process.yaml
      ctabatch config process.yaml --set cleaning.picture_threshold_pe=8
      ctabatch config --from-ctapipe stage1_config.yaml -o process.yaml
    """
    if from_ctapipe is not None and (files or assignments):
        raise OptionError("--from-ctapipe takes no other files and no --set")
    code = 0
    if from_ctapipe is not None:
        text, left = _translated(from_ctapipe)
        for line in left:
            typer.echo(f"not translated: {line}", err=True)
        code = 1 if left else 0
    elif files or assignments:
        text = _together(files or [], assignments or [])
    else:
        from ctabatch.config.default_file import default_file

        text = default_file()
    if output is None:
        typer.echo(text, nl=False)
    else:
        _write_new(output, text)
    raise typer.Exit(code)


def _together(files: list[Path], words: list[str]) -> str:
    from ctabatch.cli.process import read_config
    from ctabatch.config.files import as_yaml

    return as_yaml(read_config(files, words, {}).model_dump(mode="json"))


def _translated(path: Path) -> tuple[str, list[str]]:
    from ctabatch.config import ProcessConfig, validated
    from ctabatch.config.ctapipe_files import from_ctapipe
    from ctabatch.config.files import as_yaml, layers

    found, left = from_ctapipe(layers([path]))
    validated(ProcessConfig, found, str(path))
    return f"# Translated from {path.name}\n{as_yaml(found)}", left


def _write_new(path: Path, text: str) -> None:
    from ctabatch.io.parquet import write_text

    if path.exists():
        raise OptionError(f"{path}: there is such a file already")
    write_text(path, text)


__all__ = ["command"]
