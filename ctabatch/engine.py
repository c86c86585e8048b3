"""One input becomes one part of a dataset; many inputs are many parts."""

from __future__ import annotations

import hashlib
import platform
import re
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

import ctabatch
from ctabatch.config import ProcessConfig
from ctabatch.errors import InputError, OptionError
from ctabatch.geometry import GEOMETRY, IMPACT, SUBARRAY, GeometryStep
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.parquet import PartFiles
from ctabatch.io.simtel.batches import RawBatch, raw_batches
from ctabatch.io.simtel.events import Events
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.io.simtel.tables import (
    pointing_batch,
    run_batch,
    shower_batch,
    shower_distribution_batch,
    telescope_trigger_batch,
    trigger_batch,
)
from ctabatch.io.streams import open_file
from ctabatch.kernels.jit import CACHE_FOLDER
from ctabatch.schemas.simulation import RUN, SHOWER
from ctabatch.schemas.trigger import POINTING, TELESCOPE_TRIGGER, TRIGGER
from ctabatch.source import calibrated, calibrated_rows, raw_rows, telescope_events
from ctabatch.stages import dl1
from ctabatch.stages.telescope_groups import TelescopeRows

#: What to do with inputs whose part is in the dataset already.
Existing = Literal["refuse", "resume", "overwrite"]
#: Told (bytes of the input read, bytes in all, telescope events so far).
Progress = Callable[[int, int, int], None]


@dataclass
class PartResult:
    """What became of one input.

    Attributes
    ----------
    input : str
    part : str
        Name of the part; empty if the input could not be used.
    status : {"done", "skipped", "failed"}
    error : str
        Why it failed.
    seconds : float
    record : dict
        The commit record, empty if it failed.
    """

    input: str
    part: str = ""
    status: Literal["done", "skipped", "failed"] = "done"
    error: str = ""
    seconds: float = 0.0
    record: dict[str, Any] = field(default_factory=dict)


class Engine:
    """Processes inputs into a dataset.

    Parameters
    ----------
    output : path
        Folder of the dataset; made if it does not exist.
    config : ProcessConfig
    existing : {"refuse", "resume", "overwrite"}
        What to do with inputs that are in the dataset already: an error, skip those that were
        processed with the same configuration, or process again.

    Raises
    ------
    OutputError
        The folder holds something else or may not be written.
    """

    def __init__(
        self, output: str | Path, config: ProcessConfig, existing: Existing = "refuse"
    ) -> None:
        self.folder = DatasetFolder(output)
        self.folder.create()
        self.config = config
        self.existing = existing

    def run(self, path: Path, progress: Progress | None = None) -> PartResult:
        """Process one input; errors that concern only this input are part of the result.

        Raises
        ------
        OutputError
            The output cannot be written; nothing of this input is visible.
        """
        begin = time.perf_counter()
        try:
            result = self._part(path, progress)
        except (InputError, OptionError) as error:
            result = PartResult(str(path), status="failed", error=str(error))
        result.seconds = time.perf_counter() - begin
        return result

    def _part(self, path: Path, progress: Progress | None) -> PartResult:
        # The digest of a new file is not needed before its part is committed: it is taken beside
        # the work. If there is a part of this name it decides whether there is any work.
        digests = ThreadPoolExecutor(1, thread_name_prefix="ctabatch-digest")
        future = digests.submit(file_digest, path)
        digests.shutdown(wait=False)
        if self.folder.parts_of(part_stem(path)):
            digest, _ = future.result()
            part = part_name(path, digest)
            earlier = self.folder.record(part)
            if earlier is not None:
                same = earlier.get("config_digest") == self.config.digest()
                if self.existing == "resume" and same:
                    return PartResult(str(path), part, "skipped", record=earlier)
                if self.existing == "refuse":
                    raise OptionError(
                        f"{path}: already in {self.folder.root} as part {part}; use --resume to "
                        "skip it or --overwrite to process it again"
                    )
        files = PartFiles(self.folder.root)
        try:
            size = input_size(path)
            writer = _PartWriter(self.folder, files, self.config)
            with (
                warnings.catch_warnings(record=True) as caught,
                SimtelReader(path, **self.config.source.model_dump()) as reader,
            ):
                warnings.simplefilter("always")
                _consume(reader, writer, progress, size)
            digest, size = future.result()
            part = files.part = part_name(path, digest)
            record = {
                "part": part,
                "input": {"name": path.name, "path": str(path), "size": size, "sha256": digest},
                "config_digest": self.config.digest(),
                "config": self.config.model_dump(mode="json"),
                "software": software(),
                **writer.summary(reader),
                "warnings": sorted({str(w.message) for w in caught}),
            }
            self.folder.commit(files, record)
        except BaseException:
            files.discard()
            raise
        for other in self._replaced_by(part, path):
            self.folder.remove(other)
        return PartResult(str(path), part, record=record)

    def _replaced_by(self, part: str, path: Path) -> list[str]:
        """Parts made from an earlier content of the same file."""
        others = []
        for name in self.folder.parts_of(part_stem(path)):
            record = self.folder.record(name) if name != part else None
            if record is not None and record.get("input", {}).get("path") == str(path):
                others.append(name)
        return others


def _consume(
    reader: SimtelReader, writer: _PartWriter, progress: Progress | None, size: int
) -> None:
    for events in reader:
        writer.take(events, reader)
        if progress is not None:
            progress(min(reader.position, size), size, writer.n_telescope_events)
    writer.finish(reader)
    if progress is not None:
        progress(size, size, writer.n_telescope_events)


#: Telescope events, their rows of dl1/parameters and the raw data they come from.
_Parametrised = tuple[dl1.TelescopeEvents, pa.RecordBatch, RawBatch]


class _PartWriter:
    """Sends the rows of one input to the tables of its part."""

    def __init__(self, folder: DatasetFolder, files: PartFiles, config: ProcessConfig) -> None:
        self.folder, self.files, self.config = folder, files, config
        self.options = config.dl1_options()
        self.geometry = GeometryStep(config.stereo) if "geometry" in config.write else None
        self.n_array_events = 0
        self.n_telescope_events = 0
        self.event_types: Counter[int] = Counter()
        self.tel_types: Counter[str] = Counter()
        self.incomplete_events: list[int] = []
        for table, schema in {
            "run": RUN,
            "trigger": TRIGGER,
            "telescope_trigger": TELESCOPE_TRIGGER,
            "pointing": POINTING,
            "shower": SHOWER,
        }.items():
            files.require(table, schema)
        if self.geometry is not None:
            files.require(GEOMETRY, self.geometry.geometry_schema)

    def take(self, events: Events, reader: SimtelReader) -> None:
        """Write everything about the events of one block."""
        self.files.write("trigger", trigger_batch(events))
        self.files.write("telescope_trigger", telescope_trigger_batch(events))
        self.files.write("pointing", pointing_batch(events))
        self.files.write("shower", shower_batch(events))
        self.n_array_events += len(events)
        self.event_types.update(events.event_type.tolist())
        self.incomplete_events += events.event_id[~events.whole].tolist()
        parametrised = []
        for raw in raw_batches(events, reader.account):
            rows = self._telescopes(raw, reader)
            if rows is not None:
                parametrised.append(rows)
        if self.geometry is not None:
            self._showers(self.geometry, events, parametrised)

    def _showers(
        self, step: GeometryStep, events: Events, parametrised: list[_Parametrised]
    ) -> None:
        """Reconstruct the array events of a block and write their geometry."""
        azimuth, altitude = events.run.array_pointing
        n_events = len(events)
        rows = []
        for telescopes, parameters, raw in parametrised:
            usable = step.usable(parameters) & (events.event_type[raw.event] == SUBARRAY)
            rows.append(
                TelescopeRows(
                    event=raw.event,
                    tel_id=telescopes.tel_id,
                    position=telescopes.position,
                    pointing=telescopes.pointing,
                    camera_radius=telescopes.geometry.radius_deg,
                    usable=usable,
                    parameters=parameters,
                )
            )
        geometry, impact = step.run(
            np.full(n_events, events.run.obs_id, np.int32),
            events.event_id,
            np.tile([altitude, azimuth], (n_events, 1)),
            np.full(n_events, events.run.subarray.reference_location[2]),
            rows,
        )
        self.files.write(GEOMETRY, geometry)
        for (_, parameters, raw), columns in zip(parametrised, impact, strict=True):
            table = f"{IMPACT}/tel_type={raw.tel_type}"
            self.files.write(table, step.impact_rows(parameters, columns))

    def _telescopes(self, raw: RawBatch, reader: SimtelReader) -> _Parametrised | None:
        folder = f"tel_type={raw.tel_type}"
        self.n_telescope_events += len(raw)
        self.tel_types[raw.tel_type] += len(raw)
        products = self.config.write
        if "r0" in products:
            self.files.write(f"r0/{folder}", raw_rows(raw))
        if products == ("r0",):
            return None
        raw = calibrated(raw, reader.account)
        if len(raw) == 0:
            return None
        if "r1" in products:
            self.files.write(f"r1/{folder}", calibrated_rows(raw, self.options))
        if not {"images", "parameters", "geometry"} & set(products):
            return None
        telescopes = telescope_events(raw)
        images, parameters = dl1.process(
            telescopes,
            self.options,
            with_parameters="parameters" in products or "geometry" in products,
        )
        if "images" in products:
            self.files.write(f"dl1/images/{folder}", images)
        if "parameters" in products:
            self.files.write(f"dl1/parameters/{folder}", parameters)
        return None if parameters is None else (telescopes, parameters, raw)

    def finish(self, reader: SimtelReader) -> None:
        """Write what is known only at the end of the file: runs, arrays, histograms."""
        for run in reader.runs:
            self.folder.add_subarray(run.subarray)
            self.files.write("run", run_batch(run))
            distribution = shower_distribution_batch(run)
            if distribution is not None:
                self.files.write("shower_distribution", distribution)
            elif not reader.stopped:
                reader.account.note("runs without histograms of the simulated showers")

    def summary(self, reader: SimtelReader) -> dict[str, Any]:
        """Counts and losses for the commit record."""
        account = reader.account
        missing = {run.obs_id: list(run.subarray.incomplete) for run in reader.runs}
        return {
            "obs_ids": [run.obs_id for run in reader.runs],
            "array_events": self.n_array_events,
            "telescope_events": self.n_telescope_events,
            "by_event_type": {str(k): v for k, v in sorted(self.event_types.items())},
            "by_tel_type": dict(sorted(self.tel_types.items())),
            "stopped_by_max_events": reader.stopped,
            "incomplete_events": self.incomplete_events,
            **({} if self.geometry is None else self.geometry.summary()),
            "telescopes_without_description": {str(k): v for k, v in missing.items() if v},
            "n_losses": account.n_losses,
            "losses": [loss.as_dict() for loss in account.losses],
            "notes": dict(account.notes),
        }


def file_digest(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file.

    Raises
    ------
    InputError
        It cannot be read.
    """
    with open_file(path) as file:
        try:
            digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
            return digest, file.tell()
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}") from error


def input_size(path: Path) -> int:
    """Size of a file.

    Raises
    ------
    InputError
        It is gone.
    """
    try:
        return path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error


def part_stem(path: Path) -> str:
    """Name of a file as the beginning of its part's name."""
    stem = re.sub(r"\.(simtel|gz|zst|zstd)", "", path.name)
    return (re.sub(r"[^A-Za-z0-9_.+-]+", "-", stem).strip("-.") or "part")[:120]


def part_name(path: Path, digest: str) -> str:
    """Name of the part that an input becomes: the stem of the file and the start of its digest."""
    return f"{part_stem(path)}-{digest[:8]}"


def software() -> dict[str, str]:
    """Versions of everything that shapes the numbers."""
    packages = ("eventio", "numba", "numpy", "polars", "pyarrow")
    return {
        "ctabatch": str(ctabatch.__version__),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def kernels_are_compiled() -> bool:
    """Whether the machine code of this version's kernels is cached already."""
    return any(Path(CACHE_FOLDER).rglob("*.nbi"))


def check_inputs(paths: Iterable[Path]) -> None:
    """Refuse inputs that are missing, folders, or named twice, before any work is done.

    Raises
    ------
    InputError
    """
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: there is no such file")
        if path.is_dir():
            raise InputError(f"{path}: this is a directory: name the files in it")
        resolved = path.resolve()
        if resolved in seen:
            raise InputError(f"{path}: named twice")
        seen.add(resolved)


__all__ = ["Engine", "Existing", "PartResult", "check_inputs", "part_name"]
