"""What a word of the command line names, as inputs: every part of a dataset, or a file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from pathlib import Path

from ctabatch.errors import InputError
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.dataset_identity import IDENTITY
from ctabatch.io.location import Location, StorePath, location
from ctabatch.io.streams import open_file

from .activity import Input
from .of_parts import part_inputs
from .record import RECORD, document_of

_CHUNK = 1 << 20


def inputs_at(word: str | Location, role: str, prefixes: Collection[str] = ()) -> list[Input]:
    """The inputs behind a dataset or an event table.

    Parameters
    ----------
    word : str or location
        Folder or URI of a dataset, or a file, perhaps with an HDU or a node behind its name.
    role : str
    prefixes : collection of str
        Predictions that are read: then they are the inputs, which name the parts in turn.

    Raises
    ------
    InputError
        It cannot be read.
    """
    path = location(word)
    if (path / IDENTITY).is_file():
        return dataset_inputs(path, role, prefixes)
    if isinstance(path, StorePath):
        raise InputError(f"{path}: no ctabatch dataset (no {IDENTITY} in it)")
    return [file_input(file_of(str(word)), role)]


def dataset_inputs(root: Location, role: str, prefixes: Collection[str] = ()) -> list[Input]:
    """All committed parts of a dataset, or the predictions for them."""
    folder = DatasetFolder(root)
    found: list[Input] = []
    for record in folder.records():
        own = [folder.prediction_record(prefix, record["part"]) for prefix in sorted(prefixes)]
        predictions = [one for one in own if one is not None]
        for one in predictions or [record]:
            found += part_inputs(one, role)
    return found


def responses_input(path: Path) -> list[Input]:
    """Responses that are read: the folder of ``ctabatch irf``, or a FITS file of another origin."""
    record = path / RECORD
    if not path.is_dir():
        return [file_input(path, "responses")]
    try:
        document = document_of(record.read_bytes())
    except OSError:
        document = None
    if document is None:
        return [file_input(one, "responses") for one in sorted(path.rglob("irf.fits"))]
    name = str(document.get("product", {}).get("table", "irf"))
    return [Input("responses", "responses", name, activity=str(document["activity"].get("id", "")))]


def file_input(path: Path, role: str) -> Input:
    """A file by its digest.

    Raises
    ------
    InputError
        It cannot be read.
    """
    digest, size = file_digest(path)
    return Input(role, "file", path.name, digest, size)


def file_digest(path: Location) -> tuple[str, int]:
    """sha256 and size of a file.

    Raises
    ------
    InputError
        It cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    with open_file(path) as file:
        try:
            while piece := file.read(_CHUNK):
                digest.update(piece)
                size += len(piece)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}") from error
    return digest.hexdigest(), size


def file_of(address: str) -> Path:
    """The file of an address such as ``FILE.fits[HDU]`` or ``FILE.h5::/table``."""
    plain = re.sub(r"\[[^\]/]*\]$", "", address.partition("::")[0])
    return Path(address) if Path(address).is_file() else Path(plain)


__all__ = ["dataset_inputs", "file_digest", "file_input", "file_of", "inputs_at", "responses_input"]
