"""Parts of datasets that hold the raw data of their input, so that it can be processed again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctabatch.errors import InputError

from .dataset_folder import IDENTITY, DatasetFolder
from .simtel.losses import Account, Loss

#: Table of the stream, and the entry of the commit record that tells what is not in it.
STREAM, ENTRY = "r0_stream", "r0"


@dataclass(frozen=True)
class StoredPart:
    """A committed part with raw data.

    Attributes
    ----------
    root : Path
        Folder of the dataset.
    path : Path
        File of the stream, ``DATASET/r0_stream/PART.parquet``.
    record : dict
        The commit record.
    """

    root: Path
    path: Path
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


def is_stored(path: Path) -> bool:
    """Whether a path is called like the stored stream of a part."""
    return path.suffix == ".parquet" and path.parent.name == STREAM


def is_dataset(path: Path) -> bool:
    """Whether a path is the folder of a dataset."""
    return (path / IDENTITY).is_file()


def stored_part(path: Path) -> StoredPart:
    """The part that a stored stream belongs to.

    Raises
    ------
    InputError
        It belongs to no committed part of a dataset.
    """
    root = path.parent.parent
    folder = DatasetFolder(root)
    folder.check()
    record = folder.record(path.stem)
    if record is None:
        raise InputError(f"{path}: part {path.stem} of {root} is not committed")
    try:
        part = StoredPart(root, path, record)
        _ = part.n_rows, part.allowed_tels, part.stopped, part.losses, part.n_unlisted, part.input
    except (KeyError, TypeError, ValueError) as error:
        where = folder.record_path(path.stem)
        raise InputError(f"{where}: tells nothing of stored raw data ({error})") from error
    return part


def origin(path: Path) -> dict[str, Any]:
    """What a commit record tells of an input that is a stored stream: what that was made from."""
    return {"stored_from": dict(stored_part(path).input)} if is_stored(path) else {}


def stored_streams(root: Path) -> list[Path]:
    """Stored streams of all parts of a dataset, sorted by part.

    Raises
    ------
    InputError
        There is no dataset, it has no part, or a part holds no raw data.
    """
    folder = DatasetFolder(root)
    folder.check()
    streams = []
    for record in folder.records():
        name = f"{STREAM}/{record['part']}.parquet"
        if name not in record["tables"]:
            raise InputError(
                f"{root}: part {record['part']} holds no raw data to process again; only parts "
                "written with --write r0 do"
            )
        streams.append(folder.root / name)
    if not streams:
        raise InputError(f"{root}: this dataset holds no finished part")
    return streams


def stored_stream(path: Path) -> Path:
    """The stored stream that a path stands for: the file itself, or the only one of a dataset.

    Raises
    ------
    InputError
        The dataset has several parts, or none with raw data.
    """
    if is_stored(path):
        return path
    streams = stored_streams(path)
    if len(streams) > 1:
        raise InputError(
            f"{path}: this dataset has {len(streams)} parts; name the stream of one of them, such "
            f"as {streams[0]}"
        )
    return streams[0]


__all__ = [
    "ENTRY", "STREAM", "StoredPart", "entry", "is_dataset", "is_stored", "origin", "stored_part",
    "stored_stream", "stored_streams",
]  # fmt: skip
