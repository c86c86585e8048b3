"""The documents of provenance that files and folders carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ctabatch.errors import InputError
from ctabatch.io.commit_records import read_records
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.dataset_identity import IDENTITY
from ctabatch.io.location import Location, parquet_source
from ctabatch.io.merged_parts import inner_records

from .activity import Input
from .hints import hinted_places
from .product import CARD, KEY
from .record import RECORD, document_of

#: Largest file that is read as a record or a card.
_MOST_BYTES = 1 << 28
_FITS = (".fits", ".fits.gz", ".fit")


@dataclass(frozen=True)
class Made:
    """A product and the activity that made it, as the product or a record tells.

    Attributes
    ----------
    name : str
    path : Path or StorePath
    activity : mapping
        name, id, software; start and stop, if a record tells.
    inputs : tuple of Input
    configuration : mapping
    places : tuple of str
        Where the inputs were when it was made: hints.
    digest : str
        Of the card of models.
    """

    name: str
    path: Location
    activity: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    configuration: Mapping[str, Any] = field(default_factory=dict)
    places: tuple[str, ...] = ()
    digest: str = ""

    @property
    def id(self) -> str:
        """Of the activity; empty if none is known."""
        return str(self.activity.get("id", ""))


def of_file(path: Location) -> Made | None:
    """What a Parquet or FITS file carries; None if it carries nothing.

    Raises
    ------
    InputError
        The file is not readable.
    """
    text: bytes | str | None = None
    if path.suffix == ".parquet":
        try:
            metadata = pq.read_metadata(parquet_source(path)).metadata or {}
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{path}: not readable: {error}") from error
        text = metadata.get(KEY.encode())
    elif path.name.endswith(_FITS):
        text = _card(path)
    document = None if text is None else document_of(text)
    if document is None:
        return None
    made = _of_document(path.name, path, document)
    above: Sequence[Location] = path.parents
    for folder in above[:4]:  # lists of inputs stand in full in the record
        whole = of_folder(folder)
        if whole is not None and whole.id == made.id:
            inputs, activity = whole.inputs, {**made.activity, **whole.activity}
            return Made(
                path.name, path, activity, inputs, whole.configuration, whole.places, whole.digest
            )
    return made


def _card(path: Location) -> str | None:
    from astropy.io import fits

    try:
        with path.open("rb") as file:
            return str(fits.getheader(file, 0).get(CARD, "")) or None
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise InputError(f"{path}: not readable as FITS: {error}") from error


def of_folder(folder: Location) -> Made | None:
    """What the record in a folder of models, responses or event lists tells."""
    document = _read(folder / RECORD)
    if document is None:
        return None
    card = _read(folder / "models.json", any_json=True) or {}
    return _of_document(folder.name, folder, document, str(card.get("digest", "")))


def _of_document(name: str, path: Location, document: Mapping[str, Any], digest: str = "") -> Made:
    entries, places = document.get("inputs"), document.get("places")
    configuration = document.get("configuration")
    return Made(
        name,
        path,
        document["activity"],
        _inputs(entries),
        configuration if isinstance(configuration, dict) else {},
        tuple(p for p in places if isinstance(p, str)) if isinstance(places, list) else (),
        digest,
    )


def _inputs(entries: Any) -> tuple[Input, ...]:
    found = entries if isinstance(entries, list) else []
    return tuple(Input.of_dict(one) for one in found if isinstance(one, dict))


def of_dataset(root: Location) -> Iterator[Made]:
    """Every activity that the commit records of a dataset tell of.

    Raises
    ------
    InputError
        There is no dataset, or a record is not readable.
    """
    folder = DatasetFolder(root)
    folder.check()
    prefixes = folder.prefixes()
    paths = [
        path
        for part in folder.parts()
        for path in (
            folder.record_path(part),
            *(folder.prediction_path(prefix, part) for prefix in prefixes),
        )
    ]
    for record in filter(None, read_records(paths)):
        yield from of_record(root, record)


def of_record(root: Location, record: Mapping[str, Any]) -> Iterator[Made]:
    """The activities of a commit record, and of the records of parts that were merged into it.

    Of a record of an earlier version it is one without inputs.
    """
    for inner in inner_records(dict(record)):
        yield from of_record(root, inner)
    part = str(record.get("part", ""))
    origin = record.get("input")
    origin = origin if isinstance(origin, dict) else {}
    models = record.get("models")
    hints = (origin.get("path"), models.get("folder") if isinstance(models, dict) else None)
    places = hinted_places(root, (hint for hint in hints if isinstance(hint, str)))
    entries = record.get("activities")
    known = [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    configuration = {"digest": record.get("config_digest"), "options": record.get("config")}
    for entry in known:
        activity = {key: entry.get(key) for key in ("name", "id", "start", "stop", "software")}
        yield Made(part, root, activity, _inputs(entry.get("inputs")), configuration, places)
    if not known:
        size = origin.get("size")
        name, digest = str(origin.get("name", part)), str(origin.get("sha256", ""))
        inputs = (Input("events", "file", name, digest, size if isinstance(size, int) else None),)
        yield Made(part, root, {}, inputs if origin else (), configuration, places)


def is_dataset(path: Location) -> bool:
    """Whether a folder is a dataset."""
    return (path / IDENTITY).is_file()


def _read(path: Location, *, any_json: bool = False) -> dict[str, Any] | None:
    """A JSON object in a file of bounded size; None if there is none."""
    import json

    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        text = path.read_bytes()
        if not any_json:
            return document_of(text)
        found = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


__all__ = ["Made", "is_dataset", "of_dataset", "of_file", "of_folder", "of_record"]
