"""One input becomes one part of a dataset; many inputs are many parts."""

from __future__ import annotations

import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from ctabatch.config import ProcessConfig
from ctabatch.errors import ComponentError, CtabatchError, InputError, OptionError
from ctabatch.input_digest import InputDigest
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.location import Location
from ctabatch.io.parquet import PartFiles
from ctabatch.io.part_lock import part_lock
from ctabatch.io.stored_parts import is_stored, part_of
from ctabatch.kernels.code_files import SUFFIX
from ctabatch.kernels.jit import CACHE_FOLDER, CACHED
from ctabatch.memory import USUAL, MemoryBound, peak
from ctabatch.ordered_pool import OrderedPool
from ctabatch.part_writer import BatchRows, PartWriter
from ctabatch.provenance.activity import moment
from ctabatch.provenance.of_parts import process_activity
from ctabatch.provenance.product import of_tables
from ctabatch.provenance.software import software
from ctabatch.recycled_arrays import RecycledArrays
from ctabatch.sources.opened import open_input
from ctabatch.sources.protocol import EventBlock, EventSource, SourceOptions
from ctabatch.sources.triggered import triggered_block
from ctabatch.stage_times import StageTimes, Timed, untimed

#: What to do with inputs whose part is in the dataset already.
Existing = Literal["refuse", "resume", "overwrite"]
#: Told (bytes of the input read, bytes in all, telescope events so far).
Progress = Callable[[int, int, int], None]


class AlreadyThereError(OptionError):
    """The dataset has a part of this input, and nothing was said about what to do then."""


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
    is_there : bool
        Whether it failed because the dataset has its part already.
    attempts : int
        How often it was begun.
    started, ended : str
        UTC.
    memory : int
        Largest memory that the process has had so far, in bytes.
    stages : dict
        CPU seconds by stage, if they were asked for.
    """

    input: str
    part: str = ""
    status: Literal["done", "skipped", "failed"] = "done"
    error: str = ""
    seconds: float = 0.0
    record: dict[str, Any] = field(default_factory=dict)
    is_there: bool = False
    attempts: int = 1
    started: str = ""
    ended: str = ""
    memory: int = 0
    stages: dict[str, float] = field(default_factory=dict)


class Engine:
    """Processes inputs into a dataset.

    Parameters
    ----------
    output : path or URI
        Folder of the dataset; made if it does not exist.
    config : ProcessConfig
    existing : {"refuse", "resume", "overwrite"}
        What to do with inputs that are in the dataset already: an error, skip those that were
        processed with the same configuration, or process again.
    threads : int, optional
        Threads that decode and compute, besides one that reads and one that writes; 1 does all in
        one thread. By default one per core. The output does not depend on it.
    memory : int
        MiB that the process is held below; see `MemoryBound`.
    profile : bool
        Measure the CPU time of the stages. What has threads of its own else, reading and writing,
        is done in one thread then, in which it can be told apart.

    Raises
    ------
    OutputError
        The folder holds something else or may not be written.
    """

    def __init__(
        self,
        output: str | Location,
        config: ProcessConfig,
        existing: Existing = "refuse",
        *,
        threads: int | None = None,
        memory: int = USUAL,
        profile: bool = False,
    ) -> None:
        self.folder = DatasetFolder(output)
        self.folder.create()
        self.config = config
        self.existing = existing
        self.threads = available_cores() if threads is None else threads
        self.depth = self.threads + 1
        self.memory = MemoryBound(memory)
        self.times = StageTimes() if profile else None
        self._arrays = RecycledArrays()

    def run(self, path: Location, progress: Progress | None = None) -> PartResult:
        """Process one input; errors that concern only this input are part of the result.

        Raises
        ------
        OutputError
            The output cannot be written; nothing of this input is visible.
        """
        begin, started = time.perf_counter(), _utc()
        if self.times is not None:
            self.times = StageTimes()
        try:
            result = self._part(path, progress)
        except (ComponentError, InputError, OptionError) as error:
            there = isinstance(error, AlreadyThereError)
            result = PartResult(str(path), status="failed", error=str(error), is_there=there)
        result.seconds = time.perf_counter() - begin
        result.stages = {} if self.times is None else self.times.rounded()
        result.started, result.ended, result.memory = started, _utc(), peak()
        return result

    @property
    def _timed(self) -> Timed:
        return untimed if self.times is None else self.times

    def _part(self, path: Location, progress: Progress | None) -> PartResult:
        if is_stored(path) and path.parent.parent.resolve() == self.folder.root.resolve():
            raise OptionError(f"{path}: its own dataset cannot take what is made of it")
        # The digest of a new file is not needed before its part is committed: it is taken beside
        # the work. If there is a part of this name it decides whether there is any work.
        input_digest = InputDigest(path, self._timed)
        try:
            return self._new_part(path, input_digest, progress)
        except BaseException as error:
            if not isinstance(error, CtabatchError | KeyboardInterrupt):
                error.add_note(f"while {path} was processed")
            raise
        finally:
            input_digest.cancel()

    def _new_part(
        self, path: Location, input_digest: InputDigest, progress: Progress | None
    ) -> PartResult:
        earlier = None
        merged = self.folder.merged(part_stem(path))
        if merged or self.folder.parts_of(part_stem(path)):
            digest, _ = input_digest.result()
            part = part_name(path, digest)
            earlier = merged.get(part) or self.folder.record(part)
            if earlier is not None:
                same = earlier.get("config_digest") == self.config.digest()
                if self.existing == "resume" and same:
                    return PartResult(str(path), part, "skipped", record=earlier)
                if self.existing == "refuse":
                    raise AlreadyThereError(
                        f"{path}: already in {self.folder.root} as part {part}; use --resume to "
                        "skip it or --overwrite to process it again"
                    )
            if part in merged or str(path) in {one["input"].get("path") for one in merged.values()}:
                raise OptionError(
                    f"{path}: its part was merged with others by ctabatch compact and cannot be "
                    "replaced alone: process all inputs into a new dataset"
                )
        own_threads = self.threads > 1 and self.times is None
        timed, begin = self._timed, moment()
        files = PartFiles(self.folder.root, own_thread=own_threads)
        try:
            writer = PartWriter(self.folder, files, self.config, self._arrays.empty, timed)
            with (
                warnings.catch_warnings(record=True, action="always") as caught,
                self._open(path, writer, ahead=own_threads) as source,
            ):
                self._consume(source, writer, progress)
            digest, size = input_digest.result()
            part = files.part = part_name(path, digest)
            record = {
                "part": part,
                "input": {
                    "name": path.name,
                    "path": str(path),
                    "size": size,
                    "sha256": digest,
                    **source.about,
                },
                "config_digest": self.config.digest(),
                "config": self.config.model_dump(mode="json"),
                "software": software("eventio"),
                **writer.summary(source),
                "warnings": sorted({str(w.message) for w in caught}),
            }
            activity = process_activity(record, begin)
            files.about, record["activities"] = of_tables(activity, part), [activity.entry()]
            with timed("write"):
                other = self._committed(files, record, before=earlier)
        except BaseException:
            files.discard()
            raise
        if other is not None:
            return PartResult(str(path), part, "skipped", record=other)
        for replaced in self._replaced_by(part, path):
            self.folder.remove(replaced)
        return PartResult(str(path), part, record=record)

    def _committed(
        self, files: PartFiles, record: dict[str, Any], before: dict[str, Any] | None
    ) -> dict[str, Any] | None:
        """Commit a part; gives the record of another process that was faster with the same."""
        with part_lock(self.folder.root, files.part):
            try:
                now = self.folder.record(files.part) if self.existing != "overwrite" else None
                if now is not None and now != before and _is_same(now, record):
                    files.discard()
                    return now
                self.folder.commit(files, record)
            except BaseException:
                files.discard()  # while nobody else commits files of these names
                raise
        return None

    def _open(self, path: Location, writer: PartWriter, *, ahead: bool) -> EventSource:
        options = self.config.source
        with self._timed("read"):
            source = open_input(
                path,
                SourceOptions(options.focal_length, options.allowed_tels, options.max_events),
                level=options.level,
                ahead=ahead,
                empty=self._arrays.empty,
                keep=writer.keep,
            )
        for name in ("r1", "r1_gains", "dl0"):
            needed = "r0" if name == "r1_gains" else name
            if name in self.config.write and needed not in source.levels:
                source.__exit__()
                what = source.about.get("level", "this input")
                lack = "raw data" if needed == "r0" else "waveforms of all pixels"
                raise OptionError(
                    f"{path}: {name} cannot be written from {what}: there are no {lack}"
                )
        return source

    def _consume(self, source: EventSource, writer: PartWriter, progress: Progress | None) -> None:
        """Read blocks of events, compute their batches in threads, write what is done in order."""
        asked = self.config.trigger
        trigger = asked.software_trigger() if asked.has_effect else None
        pool: OrderedPool[EventBlock, BatchRows] = OrderedPool(self.threads, self.depth)
        blocks = iter(source) if self.times is None else self.times.items("read", iter(source))
        timed = self._timed
        with pool:
            for found in blocks:
                block = found
                if trigger is not None:
                    block = triggered_block(found, trigger, source.account)
                for done, rows in pool.give(block, writer.plan(block)):
                    with timed("write"):
                        writer.take(done, rows)
                    if progress is not None:
                        progress(
                            min(source.position, source.size),
                            source.size,
                            writer.n_telescope_events,
                        )
                if self.memory.is_near():
                    for done, rows in pool.rest():
                        with timed("write"):
                            writer.take(done, rows)
                    self._arrays.forget()
            for done, rows in pool.rest():
                with timed("write"):
                    writer.take(done, rows)
        with timed("write"):
            writer.finish(source)
        if progress is not None:
            progress(source.size, source.size, writer.n_telescope_events)

    def _replaced_by(self, part: str, path: Location) -> list[str]:
        """Parts made from an earlier content of the same file."""
        others = []
        for name in self.folder.parts_of(part_stem(path)):
            record = self.folder.record(name) if name != part else None
            if record is not None and record.get("input", {}).get("path") == str(path):
                others.append(name)
        return others


def _is_same(record: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(record.get("config_digest") == other.get("config_digest"))


def _utc() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def available_cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1


def part_stem(path: Location) -> str:
    """Name of a file as the beginning of its part's name; a stored part keeps its name."""
    if is_stored(path):
        return part_of(path).rpartition("-")[0]
    stem = re.sub(r"\.(simtel|gz|zst|zstd)", "", path.name)
    return (re.sub(r"[^A-Za-z0-9_.+-]+", "-", stem).strip("-.") or "part")[:120]


def part_name(path: Location, digest: str) -> str:
    """Name of the part that an input becomes: the stem of the file and the start of its digest."""
    return f"{part_stem(path)}-{digest[:8]}"


def kernels_can_be_kept() -> bool:
    """Whether there is a place to cache machine code."""
    return CACHED


def kernels_are_compiled(kernel: str = "peak_window.neighbor_peak_charges") -> bool:
    """Whether the machine code of this version's kernels is cached already.

    Other commands leave that of theirs: what is looked for is a kernel that this engine alone uses.
    """
    own = f"{kernel}-*.py{sys.version_info[0]}{sys.version_info[1]}.*{SUFFIX}"
    return any(Path(CACHE_FOLDER).rglob(own))


def check_inputs(paths: Iterable[Location]) -> None:
    """Refuse inputs that are missing, folders, or named twice, before any work is done.

    Raises
    ------
    InputError
    """
    seen: set[Location] = set()
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
