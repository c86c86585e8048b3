"""Folders of trained models: one JSON card, and tables of trees and metrics. Data, never code.

::

    MODELS/models.json              the card: all that is known about the models; written last
    MODELS/trees/NAME.parquet       the trees of a model
    MODELS/NAME.parquet             further tables, such as metrics

The card holds the sha256 of every other file and its own digest, so a damaged or edited folder is
noticed before any of it is used. A folder appears, and is replaced, as a whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from ctabatch.errors import InputError, OptionError

from .location import local_path
from .parquet import write_table
from .parquet_bounds import bounded_file
from .whole_folder import whole_folder

FORMAT, FORMAT_VERSION = "ctabatch models", 1
#: Bytes of a card and of another file, memory that a table may take, and nodes of a forest.
MOST_CARD, MOST_FILE, MOST_TREES, MOST_NODES = 64 << 20, 1 << 30, 2 << 30, 1 << 25
CARD = "models.json"


def write_models(
    folder: str | Path,
    card: Mapping[str, Any],
    trees: Mapping[str, pa.Table],
    tables: Mapping[str, pa.Table] | None = None,
    *,
    overwrite: bool = False,
    about: Callable[[str], Mapping[str, str]] | None = None,
    further_files: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Write a folder of models.

    Parameters
    ----------
    folder : path
    card : mapping
        JSON content. ``models`` is a list of entries that have at least a name; format, version,
        files and digests are filled in here.
    trees : mapping
        Name of a model -> its trees. A name may have parts divided by "/".
    tables : mapping, optional
        Name -> further table.
    overwrite : bool
        Replace models that are there.
    about : callable, optional
        Name of a table -> more key-value metadata of its file.
    further_files : mapping, optional
        Name -> text of files that the card does not name.

    Returns
    -------
    dict
        The card as written.

    Raises
    ------
    OptionError
        A model without trees or trees without model, an unusable name, or a card that is not JSON.
    OutputError
        The folder exists, or cannot be written.
    """
    folder = Path(folder)
    card = _as_json(card)
    names = [str(entry["name"]) for entry in card["models"]]
    if sorted(names) != sorted(trees):
        raise OptionError(f"models {sorted(names)} do not fit the trees of {sorted(trees)}")
    with whole_folder(folder, CARD, "models", overwrite=overwrite) as wip:
        entries = []
        for entry in card["models"]:
            table = trees[entry["name"]]
            file = _write_table(wip, f"trees/{entry['name']}", table, about)
            known = {**file, "n_trees": _n_trees(table), "n_nodes": len(table)}
            entries.append(_with_digest({**entry, "trees": known}))
        further = [
            {"name": name, **_write_table(wip, name, table, about), "n_rows": len(table)}
            for name, table in (tables or {}).items()
        ]
        whole = _with_digest(
            {
                "format": FORMAT,
                "format_version": FORMAT_VERSION,
                **card,
                "models": entries,
                "tables": further,
            }
        )
        for name, text in (further_files or {}).items():
            (wip / name).write_text(text, encoding="utf-8")
        (wip / CARD).write_bytes(_text(whole))
    return whole


def read_models(folder: str | Path) -> tuple[dict[str, Any], dict[str, pa.Table]]:
    """The card of a folder and the trees of its models, all checked against their digests.

    Returns
    -------
    tuple
        The card, and name of a model -> table of trees. What the tables hold is checked by
        ``Trees.from_table``.

    Raises
    ------
    InputError
        There are no models, a file is missing, damaged or edited, or of a newer version.
    """
    folder = Path(folder)
    card = read_card(folder)
    trees = {entry["name"]: _read_table(folder, entry["trees"]) for entry in card["models"]}
    for entry in card["tables"]:
        _read_bytes(folder, entry)
    return card, trees


def read_card(folder: str | Path) -> dict[str, Any]:
    """The card alone; its digest is checked, the other files are not opened.

    Raises
    ------
    InputError
        As for `read_models`.
    """
    path = local_path(folder, "models") / CARD
    try:
        text = _bounded_bytes(path, MOST_CARD)
    except OSError as error:
        raise InputError(f"{folder}: no models (no readable {CARD} in it)") from error
    try:
        card = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: digest mismatch: damaged, no JSON: {error}") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise InputError(f"{path}: damaged, or not of format {FORMAT!r}")
    version = card.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise InputError(
            f"{path}: format version {version!r}; this version of ctabatch reads up to "
            f"{FORMAT_VERSION}"
        )
    try:
        # every byte counts, not only what the content means
        intact = card.get("digest") == _digest(card) and _text(card) == text
    except (ValueError, RecursionError):  # NaN, or too deep
        intact = False
    if not intact:
        raise InputError(f"{path}: digest mismatch: the card was damaged or edited")
    _check_form(path, card)
    return card


def read_result(folder: str | Path, name: str) -> pa.Table:
    """One of the further tables.

    Raises
    ------
    InputError
        As for `read_models`.
    OptionError
        There is none of this name.
    """
    entries = {entry["name"]: entry for entry in read_card(folder)["tables"]}
    if name not in entries:
        raise OptionError.unknown_name("table of models", name, entries)
    return _read_table(Path(folder), entries[name])


def _write_table(
    root: Path,
    name: str,
    table: pa.Table,
    about: Callable[[str], Mapping[str, str]] | None,
) -> dict[str, str]:
    """Write a table below a folder; its file name and sha256."""
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise OptionError(f"{name!r} cannot be the name of a table of models")
    file = "/".join(quote(part, safe=" +=@") for part in parts) + ".parquet"
    path = root / file
    if path.exists():
        raise OptionError(f"two tables of models are called {name!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, table, None if about is None else about(name))
    return {"file": file, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _bounded_bytes(path: Path, most: int) -> bytes:
    """Content of a file that is not larger than it may be."""
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise InputError(f"{path}: more than {most >> 20} MiB are no models")
    return content


def _read_bytes(folder: Path, entry: Mapping[str, Any]) -> bytes:
    """Content of a file whose digest agrees with the card."""
    path = folder / entry["file"]
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{folder / CARD}: {entry['file']!r} lies outside of the folder")
        content = _bounded_bytes(path, MOST_FILE)
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path}: cannot be read, but the card names it: {error}") from error
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise InputError(f"{path}: digest mismatch: the file was damaged or edited")
    return content


def _read_table(folder: Path, entry: Mapping[str, Any]) -> pa.Table:
    content = _read_bytes(folder, entry)
    # pyarrow's read_table would first import all of pyarrow.dataset and pyarrow.compute
    name = folder / entry["file"]
    with bounded_file(pa.BufferReader(content), name, MOST_TREES, "no Parquet table") as file:
        if file.metadata.num_rows > MOST_NODES:
            raise ValueError(f"more than {MOST_NODES:,} nodes")
        return file.read(use_threads=False)


def _check_form(path: Path, card: Mapping[str, Any]) -> None:
    """Check the parts of the card that name files."""
    models, tables = card.get("models"), card.get("tables")
    if not isinstance(models, list) or not isinstance(tables, list):
        raise InputError(f"{path}: models and tables must be lists")
    seen: set[tuple[str, str]] = set()
    for kind, entries in (("model", models), ("table", tables)):
        for entry in entries:
            file = entry
            if kind == "model" and isinstance(entry, dict):
                file = entry.get("trees")
            if not (isinstance(entry, dict) and isinstance(file, dict)) or not all(
                isinstance(value, str)
                for value in (entry.get("name"), file.get("file"), file.get("sha256"))
            ):
                raise InputError(f"{path}: a {kind} needs a name, a file and its sha256: {entry!r}")
            _check_file_name(path, file["file"])
            if (kind, entry["name"]) in seen:
                raise InputError(f"{path}: two {kind}s are called {entry['name']!r}")
            seen.add((kind, entry["name"]))


def _check_file_name(path: Path, file: str) -> None:
    """Refuse names that could lead out of the folder, on any system."""
    relative = PurePosixPath(file)
    unsafe = relative.is_absolute() or ".." in relative.parts or relative.suffix != ".parquet"
    if unsafe or any(letter in file for letter in "\\:\0"):
        raise InputError(f"{path}: {file!r} is not the name of a file in this folder")


def _n_trees(table: pa.Table) -> int:
    return len(table.column("tree").unique())


def _with_digest(content: Mapping[str, Any]) -> dict[str, Any]:
    content = {key: value for key, value in content.items() if key != "digest"}
    return {**content, "digest": _digest(content)}


def _as_json(card: Mapping[str, Any]) -> dict[str, Any]:
    """The card as it will be read back: keys are strings, tuples are lists."""
    try:
        return dict(json.loads(json.dumps(card, allow_nan=False)))
    except (TypeError, ValueError, RecursionError) as error:
        raise OptionError(f"the card of the models is not JSON: {error}") from error


def _digest(content: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON without the key "digest"."""
    rest = {key: value for key, value in content.items() if key != "digest"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _text(card: Mapping[str, Any]) -> bytes:
    return (json.dumps(card, indent=1, allow_nan=False) + "\n").encode()
