"""Parts of datasets as inputs: the levels that they hold, and the stream of the raw data.

A part is named by its commit record ``DATASET/parts/PART.json``, or by its stored stream
``DATASET/r0_stream/PART.parquet`` if raw data are meant.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ctabatch.errors import InputError

from .dataset_folder import DatasetFolder
from .dataset_identity import IDENTITY
from .location import Location
from .simtel.losses import Account, Loss

#: Table of the stream, and the entry of the commit record that tells what is not in it.
STREAM, ENTRY = "r0_stream", "r0"
#: Levels that processing can start from, the lowest first, and the folder of each.
Level = Literal["r0", "r1", "dl0", "images"]
LEVELS: dict[Level, str] = {"r0": STREAM, "r1": "r1", "dl0": "dl0", "images": "dl1/images"}


@dataclass(frozen=True)
class StoredPart:
    """A committed part with raw data.

    Attributes
    ----------
    root : Path or StorePath
        Folder of the dataset.
    path : Path or StorePath
        File of the stream, ``DATASET/r0_stream/PART.parquet``.
    record : dict
        The commit record.
    """

    root: Location
    path: Location
    record: Mapping[str, Any]

    @property
    def input(self) -> Mapping[str, Any]:
        """Name, size and digest of the file that the part was made from."""
        return dict(self.record["input"])

    @property
    def n_rows(self) -> int:
        """Pieces of the stream."""
        return int(self.record["tables"][f"{STREAM}/{self.path.name}"]["rows"])

    @property
    def allowed_tels(self) -> frozenset[int] | None:
        """Telescopes whose raw data are in the stream; None if all are."""
        tels = self.record[ENTRY]["allowed_tels"]
        return None if tels is None else frozenset(tels)

    @property
    def stopped(self) -> bool:
        """Whether reading stopped at a number of events, before the end of the input."""
        return bool(self.record[ENTRY]["stopped"])

    @property
    def losses(self) -> list[Loss]:
        """What was lost of the stream before it was stored, by place."""
        return [Loss(**loss) for loss in self.record[ENTRY]["losses"]]

    @property
    def n_unlisted(self) -> int:
        """Losses of the stream that are counted only."""
        return int(self.record[ENTRY]["n_losses"]) - len(self.record[ENTRY]["losses"])


def entry(account: Account, allowed_tels: Collection[int] | None, stopped: bool) -> dict[str, Any]:
    """What the commit record tells of a stored stream."""
    return {
        "allowed_tels": None if allowed_tels is None else sorted(allowed_tels),
        "stopped": stopped,
        "n_losses": account.n_of_stream,
        "losses": [loss.as_dict() for loss in account.of_stream],
    }


def part_of(path: Location) -> str:
    """Name of the part of a record or a file; in an object store files have more in their names."""
    return path.stem.partition("@")[0]


def is_stream(path: Location) -> bool:
    """Whether a path is called like the stored stream of a part."""
    return path.suffix == ".parquet" and path.parent.name == STREAM


def is_record(path: Location) -> bool:
    """Whether a path is called like the commit record of a part of a dataset that is there."""
    return path.suffix == ".json" and path.parent.name == "parts" and is_dataset(path.parent.parent)


def is_stored(path: Location) -> bool:
    """Whether a path stands for a part of a dataset."""
    return is_stream(path) or is_record(path)


def is_dataset(path: Location) -> bool:
    """Whether a path is the folder of a dataset."""
    return (path / IDENTITY).is_file()


def part_record(path: Location) -> dict[str, Any]:
    """Commit record of the part that a path stands for.

    Raises
    ------
    InputError
        It belongs to no committed part of a dataset, or its record is no commit record.
    """
    folder = DatasetFolder(path.parent.parent)
    folder.check()
    part = part_of(path)
    record = folder.record(part)
    if record is None:
        raise InputError(f"{path}: part {part} of {folder.root} is not committed")
    try:
        _ = record["input"]["sha256"], record["tables"].items(), record["part"]
    except (KeyError, TypeError, AttributeError) as error:
        where = folder.record_path(part)
        raise InputError(f"{where}: no commit record of a part ({error})") from error
    return record


def stored_part(path: Location) -> StoredPart:
    """The part that a stored stream belongs to.

    Raises
    ------
    InputError
        It belongs to no committed part of a dataset.
    """
    record = part_record(path)
    try:
        part = StoredPart(path.parent.parent, path, record)
        _ = part.n_rows, part.allowed_tels, part.stopped, part.losses, part.n_unlisted
    except (KeyError, TypeError, ValueError) as error:
        where = DatasetFolder(path.parent.parent).record_path(part_of(path))
        raise InputError(f"{where}: tells nothing of stored raw data ({error})") from error
    return part


def origin(path: Location) -> dict[str, Any]:
    """What a commit record tells of an input that is a stored part: what that was made from."""
    if not is_stored(path):
        return {}
    record = part_record(path)
    entries = record.get("activities")
    ids = [e.get("id") for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    return {"stored_from": dict(record["input"]), "stored_activities": ids}


def levels_of(record: Mapping[str, Any]) -> list[Level]:
    """Levels that a part holds, the lowest first.

    A part without telescope events has no tables of them: its configuration tells.
    """
    config = record.get("config", {})
    written = config.get("write", ()) if isinstance(config, dict) else ()
    return [
        level
        for level, folder in LEVELS.items()
        if any(name.startswith(f"{folder}/") for name in record["tables"])
        or (level != "r0" and level in written)
    ]


def level_of(path: Location, wanted: Level | None = None) -> Level:
    """The level of a part that is processed: the one that is wanted, or the lowest.

    Raises
    ------
    InputError
        The part does not hold it, or holds none.
    """
    record = part_record(path)
    levels = levels_of(record)
    if not levels:
        raise InputError(
            f"{path}: part {record['part']} holds no raw data, waveforms or images to process "
            "again, only parts written with --write r0, r1 or images do; from image parameters "
            "ctabatch stereo makes the geometry again"
        )
    if wanted is not None and wanted not in levels:
        raise InputError(
            f"{path}: part {record['part']} holds no {wanted}; processing can start from: "
            f"{', '.join(levels)}"
        )
    return wanted or ("r0" if is_stream(path) else levels[0])


def _records(root: Location) -> list[dict[str, Any]]:
    folder = DatasetFolder(root)
    folder.check()
    records = list(folder.records())
    if not records:
        raise InputError(f"{root}: this dataset holds no finished part")
    return records


def _stream_of(record: Mapping[str, Any]) -> str | None:
    """File of the stored stream of a part, relative to the dataset; None if it has none."""
    return next((name for name in record["tables"] if name.startswith(f"{STREAM}/")), None)


def stored_inputs(root: Location, level: Level | None = None) -> list[Location]:
    """What stands for the parts of a dataset as inputs, sorted by part.

    Raises
    ------
    InputError
        There is no dataset, it has no part, or a part does not hold the level or any.
    """
    paths = []
    for record in _records(root):
        path = DatasetFolder(root).record_path(record["part"])
        is_raw = level_of(path, level) == "r0"
        stream = _stream_of(record) if is_raw else None
        paths.append(path if stream is None else root / stream)
    return paths


def stored_streams(root: Location) -> list[Location]:
    """Stored streams of all parts of a dataset, sorted by part.

    Raises
    ------
    InputError
        There is no dataset, it has no part, or a part holds no raw data.
    """
    streams = []
    for record in _records(root):
        name = _stream_of(record)
        if name is None:
            raise InputError(
                f"{root}: part {record['part']} holds no raw data; only parts written with "
                "--write r0 do"
            )
        streams.append(root / name)
    return streams


def stored_stream(path: Location) -> Location:
    """The stored stream that a path stands for: the file itself, or the only one of a dataset.

    Raises
    ------
    InputError
        The dataset has several parts, or none with raw data.
    """
    if is_stream(path):
        return path
    if is_record(path):
        level_of(path, "r0")
        return path.parent.parent / str(_stream_of(part_record(path)))
    streams = stored_streams(path)
    if len(streams) > 1:
        raise InputError(
            f"{path}: this dataset has {len(streams)} parts; name the stream of one of them, such "
            f"as {streams[0]}"
        )
    return streams[0]


__all__ = [
    "ENTRY", "LEVELS", "STREAM", "Level", "StoredPart", "entry", "is_dataset", "is_record",
    "is_stored", "is_stream", "level_of", "levels_of", "origin", "part_of", "part_record",
    "stored_inputs", "stored_part", "stored_stream", "stored_streams",
]  # fmt: skip
