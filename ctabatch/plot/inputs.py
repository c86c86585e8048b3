"""Array events from whatever holds them: a sim_telarray file, an example, or a dataset."""

from __future__ import annotations

from typing import Literal

from ctabatch.config import ProcessConfig
from ctabatch.dataset import Dataset
from ctabatch.errors import InputError, OptionError
from ctabatch.io.examples import resolve
from ctabatch.io.location import Location, location
from ctabatch.io.simtel.losses import Account
from ctabatch.io.stored_parts import STREAM, is_dataset, stored_streams

from .event_data import ArrayEvent, Wanted
from .simtel_events import find_in_simtel
from .stored_events import (
    IMAGES,
    PARAMETERS,
    WAVEFORMS,
    find_in_dataset,
    find_without_images,
    has_table,
    stored_config,
)

#: What of the events is to be shown.
Need = Literal["images", "waveforms", "raw waveforms", "array"]
_HOW = {
    "images": "it has no images; process its input with --write images,parameters",
    "waveforms": "it has no waveforms; process its input with --write r1,images,parameters, or "
    "keep the raw data with --write r0",
    "raw waveforms": "it has no raw waveforms; process its input with --write r0, or name the "
    "sim_telarray file",
    "array": "it has no images and no image parameters; process its input with --write "
    "images,parameters,geometry",
}
_TABLES = {"images": [[IMAGES]], "waveforms": [[WAVEFORMS, IMAGES]], "raw waveforms": [],
           "array": [[IMAGES], [PARAMETERS]]}  # fmt: skip


def find_event(
    source: str | Location,
    wanted: Wanted | None = None,
    *,
    need: Need = "images",
    config: ProcessConfig | None = None,
    account: Account | None = None,
) -> ArrayEvent:
    """The first array event with images that is meant.

    Parameters
    ----------
    source : path or "example:NAME"
        A sim_telarray file; a dataset with what is needed, or with raw data.
    wanted : Wanted, optional
        Observation, event and telescope; by default the first event.
    need : {"images", "waveforms", "raw waveforms", "array"}
        What is to be shown.
    config : ProcessConfig, optional
        How images are made. By default as `ctabatch process` makes them; from raw data in a
        dataset, as the options of the dataset say.
    account : Account, optional
        Told what could not be read.

    Raises
    ------
    InputError
        The input cannot be read or does not hold what is needed; says what to write.
    OptionError
        There is no such event or telescope, or options are given for images that are made already.
    """
    wanted = Wanted() if wanted is None else wanted
    account = Account() if account is None else account
    path = location(resolve(str(source)) or source)
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder")
    if not path.is_dir():
        return find_in_simtel([path], config or ProcessConfig(), wanted, account)
    dataset = Dataset(path)
    stored = any(all(has_table(dataset, t) for t in group) for group in _TABLES[need])
    if stored and config is None:
        search = find_without_images if need == "array" else find_in_dataset
        return search(dataset, wanted)
    if STREAM in dataset.tables and is_dataset(path):
        return find_in_simtel(
            stored_streams(path), config or stored_config(dataset), wanted, account
        )
    if stored:
        raise OptionError(
            f"{path}: its images are made already, and it has no raw data to make others from: "
            "leave the options for processing away"
        )
    raise InputError(f"{path}: this dataset cannot be shown: {_HOW[need]}")


__all__ = ["Need", "find_event"]
