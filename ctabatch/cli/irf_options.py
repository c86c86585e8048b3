"""Options of ``ctabatch irf`` from the words of the command line and a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctabatch.errors import OptionError

if TYPE_CHECKING:
    from ctabatch.irf.options import IrfConfig


def names_in(text: str) -> list[str]:
    """Names between commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def cut_options(
    cuts: str | None,
    gammaness: float | None,
    theta: float | None,
    multiplicity: int | None,
    *,
    none: bool,
) -> dict[str, Any]:
    """The section ``cuts`` of the options."""
    fixed = {"gammaness": gammaness, "theta": theta, "multiplicity": multiplicity}
    given = any(value is not None for value in fixed.values())
    if none:
        if given or cuts not in (None, "none"):
            raise OptionError("--no-cuts excludes other options of cuts")
        return {"kind": "none"}
    if cuts is None:
        return {"kind": "fixed" if given else None, **fixed}
    kinds = ("auto", "optimise", "optimise_gammaness", "percentile", "fixed", "none")
    if cuts in kinds:
        if given and cuts != "fixed":
            raise OptionError(f"--gammaness, --theta and --multiplicity do not go with {cuts}")
        return {"kind": cuts, **fixed}
    if not Path(cuts).exists():
        raise OptionError.unknown_name("kind of cuts, and no file:", cuts, kinds)
    if given:
        raise OptionError("--gammaness, --theta and --multiplicity do not go with a file of cuts")
    return {"kind": "file", "file": cuts}


def irf_config(file: Path | None, changes: dict[str, Any]) -> IrfConfig:
    """The options of the file, with those of the command line above them."""
    from ctabatch.irf.options import load_config

    given: dict[str, Any] = {}
    for name, value in changes.items():
        if isinstance(value, dict) and name != "quality":
            value = {key: one for key, one in value.items() if one is not None} or None
        if value is not None:
            given[name] = value
    text = "" if file is None else _text(file)
    return load_config(text, "options" if file is None else str(file), given)


def _text(file: Path) -> str:
    from ctabatch.io.streams import open_file

    with open_file(file) as stream:
        try:
            return stream.read().decode()
        except UnicodeDecodeError as error:
            raise OptionError(f"{file}: not a text file: {error}") from error


__all__ = ["cut_options", "irf_config", "names_in"]
