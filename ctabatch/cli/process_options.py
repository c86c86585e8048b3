"""The options of ``ctabatch process``, which ``ctabatch plan`` has too, and what they mean."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctabatch.errors import OptionError

if TYPE_CHECKING:
    from ctabatch.config import ProcessConfig
    from ctabatch.engine import Existing
    from ctabatch.io.location import Location
    from ctabatch.io.stored_parts import Level

Files = Annotated[
    list[str],
    typer.Argument(
        help="sim_telarray files (plain, .gz, .zst), example:NAME, datasets to process, or "
        "@LIST.txt: a file with one of these per line."
    ),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder or URI of the dataset; made if needed.")
]
Write = Annotated[
    str | None,
    typer.Option(
        help="What to write, comma-separated: r0, r1, r1_gains, dl0 (waveforms), images, "
        "parameters, muons (rings), geometry (of the showers).  \\[images,parameters,geometry]"
    ),
]
ConfigFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--config",
        help="YAML or TOML file with options; may be repeated, later ones override. See "
        "ctabatch config.",
    ),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="One option, such as cleaning.picture_threshold_pe=8; may be repeated.",
    ),
]
MaxEvents = Annotated[
    int | None, typer.Option(min=1, help="Stop after so many array events of each file.")
]
AllowedTels = Annotated[
    str | None, typer.Option(help="Read only these telescopes, for example 1-4,7.")
]
FocalLength = Annotated[
    str | None,
    typer.Option(
        help="effective (falls back to equivalent, with a warning, where a file has none) or "
        "equivalent.  \\[effective]"
    ),
]
FromLevel = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="LEVEL",
        help="Level of a dataset to start from: r0, r1, dl0 or images.  \\[the lowest there is]",
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Process inputs again that are in the dataset.")
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Skip inputs that are in the dataset with these options."),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1, help="Threads that compute; the output does not depend on it.  \\[all cores]"
    ),
]
Memory = Annotated[
    int | None, typer.Option(help="MiB of memory that each process is held below.  \\[700]")
]
Retries = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="How often an input is tried again whose worker process died; then it is reported "
        "as failed and the rest goes on.  \\[1]",
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option("--log", help="Append a line of JSON for every input: counts, times, memory."),
]
Profile = Annotated[
    bool, typer.Option("--profile", help="Print the CPU time of every stage at the end.")
]


def configuration(
    write: str | None,
    config_files: list[Path] | None,
    assignments: list[str] | None,
    max_events: int | None,
    allowed_tels: str | None,
    focal_length: str | None,
    level: str | None,
) -> ProcessConfig:
    """Configuration that the options ask for.

    Raises
    ------
    OptionError
    """
    from ctabatch.config import products
    from ctabatch.io.stored_parts import LEVELS

    options: dict[str, Any] = {}
    if write is not None:
        options["write"] = products(write)
        if not options["write"]:
            raise OptionError("--write names nothing to write")
    if focal_length is not None and focal_length not in ("effective", "equivalent"):
        raise OptionError.unknown_name("focal length", focal_length, ("effective", "equivalent"))
    if level is not None and level not in LEVELS:
        raise OptionError.unknown_name("level", level, LEVELS)
    source = {
        "focal_length": focal_length,
        "allowed_tels": None if allowed_tels is None else telescope_list(allowed_tels),
        "max_events": max_events,
        "level": level,
    }
    options["source"] = {key: value for key, value in source.items() if value is not None}
    return read_config(config_files or (), assignments or (), options)


def existing_parts(overwrite: bool, resume: bool) -> Existing:
    """What to do with inputs that are in the dataset already.

    Raises
    ------
    OptionError
        Both are asked for.
    """
    if overwrite and resume:
        raise OptionError("--overwrite and --resume exclude each other")
    return "overwrite" if overwrite else "resume" if resume else "refuse"


def named_inputs(words: Iterable[str], level: Level | None) -> list[Location]:
    """Paths of all inputs that are named, checked before any work is done.

    Raises
    ------
    InputError
        One is missing, a folder of something else, or named twice.
    """
    from ctabatch.engine import check_inputs
    from ctabatch.production.plan import listed

    paths = [path for text in listed(words) for path in input_paths(text, level)]
    check_inputs(paths)
    return paths


def read_config(
    files: Iterable[Path], words: Iterable[str], options: dict[str, Any]
) -> ProcessConfig:
    """Configuration of files, overridden by assignments, overridden by options.

    Raises
    ------
    OptionError
        A file is not readable, or something is not valid.
    """
    from ctabatch.config import ProcessConfig, validated
    from ctabatch.config.files import assignments, layers
    from ctabatch.config.strict import merged

    files = list(files)
    found = merged(merged(layers(files), assignments(words)), options)
    return validated(ProcessConfig, found, ", ".join(map(str, files)) or "options")


def input_paths(text: str, level: Level | None = None) -> list[Location]:
    """Paths of an input: a file, or what stands for the parts of a dataset.

    Raises
    ------
    InputError
        A part of the dataset does not hold the level, or none to start from.
    """
    from ctabatch.io.stored_parts import is_dataset, stored_inputs

    path = input_path(text)
    return stored_inputs(path, level) if is_dataset(path) else [path]


def input_path(text: str) -> Location:
    """Path or URI of an input; ``example:NAME`` is fetched if needed."""
    from ctabatch.io import examples
    from ctabatch.io.location import location

    if text.startswith(examples.PREFIX):
        from ctabatch.cli.examples import fetch_with_progress

        name = text.removeprefix(examples.PREFIX)
        examples.known(name)
        fetch_with_progress()
        return examples.path(name)
    return location(text)


def telescope_list(text: str) -> tuple[int, ...]:
    """Telescopes of a list like ``1-4,7``.

    Raises
    ------
    OptionError
        The text is no such list.
    """
    tels: set[int] = set()
    for item in text.split(","):
        first, dash, last = item.strip().partition("-")
        try:
            begin = int(first)
            end = int(last) if dash else begin
        except ValueError:
            raise OptionError(
                f"--allowed-tels {text!r}: {item.strip()!r} is no telescope; write 1-4,7"
            ) from None
        if not 0 < begin <= end < 1 << 15:
            raise OptionError(f"--allowed-tels {text!r}: {item.strip()!r} is no range; write 1-4,7")
        tels.update(range(begin, end + 1))
    return tuple(sorted(tels))


__all__ = ["configuration", "existing_parts", "input_path", "input_paths", "named_inputs",
           "read_config", "telescope_list"]  # fmt: skip
