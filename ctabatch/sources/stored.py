"""Parts of a dataset, from calibrated waveforms or images on, as blocks of events."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.io.location import Location
from ctabatch.io.part_tables import tables_of
from ctabatch.io.simtel.losses import Account
from ctabatch.io.simtel.prefetch import prefetched
from ctabatch.io.stored_parts import LEVELS, Level, part_record
from ctabatch.io.table_file import TableFile
from ctabatch.schemas.keys import TELESCOPE_KEYS

from .protocol import EventBlock, KindOf, SourceOptions
from .stored_array import StoredRun, stored_runs
from .stored_calibration import COLUMNS, StoredCalibration
from .stored_events import EVENT_TABLES, StoredEvents, is_allowed
from .stored_images import IMAGE_COLUMNS, TRUE_COLUMNS, image_level
from .stored_plans import LevelRows, StoredPlan, plans_of
from .stored_rows import KeyedFile, Rows, block_ends
from .stored_waveforms import REDUCED_COLUMNS, WAVEFORM_COLUMNS, waveform_level

_KEYS = [field.name for field in TELESCOPE_KEYS]
_COLUMNS = {"r1": WAVEFORM_COLUMNS, "dl0": REDUCED_COLUMNS, "images": IMAGE_COLUMNS}
_OTHER_TELS = "telescopes to be read that were left out when the part was made"


class StoredSource:
    """The telescope events of a part at one level.

    Parameters
    ----------
    path : Path
        Anything that stands for the part, see `stored_parts`.
    level : {"r1", "dl0", "images"}
    options : SourceOptions
    ahead : bool
        Read ahead in a thread.

    Raises
    ------
    InputError
        A table is missing or damaged (also while iterating).
    OptionError
        None of the telescopes are in the part, which was limited to others.
    """

    def __init__(
        self, path: Location, level: Level, options: SourceOptions, *, ahead: bool = True
    ) -> None:
        self.account = Account()
        # what is written as r1 must hold all pixels
        self.levels = frozenset({"r1": {"r1", "dl0"}, "dl0": {"dl0"}}.get(level, ()))
        self.about: dict[str, Any] = {}
        self._level, self._options, self._ahead = level, options, ahead
        self.part = tables_of(path.parent.parent, part_record(path))
        self._allowed = self._telescopes()
        self.stopped = self._is_cut = False
        self._n_events = 0
        self._steps: Generator[EventBlock] | None = None
        with ExitStack() as stack:
            self._all_runs = stored_runs(self.part, options)
            self._run_of = {run.obs_id: k for k, run in enumerate(self._all_runs)}
            self._last_run = len(self._all_runs) - 1
            self._open(stack)
            self._files = stack.pop_all()

    def _open(self, stack: ExitStack) -> None:
        trigger = self._table(stack, "trigger", EVENT_TABLES["trigger"].names)
        if len(trigger) != 1:
            raise InputError(f"{self.part.root}: part {self.part.name} has no table trigger")
        keys = [trigger[0].numbers(name) for name in ("obs_id", "event_id")]
        self._obs_id = keys[0]
        unknown = set(np.unique(self._obs_id).tolist()) - set(self._run_of)
        if unknown:
            raise InputError(f"{trigger[0].path}: events of run {min(unknown)}, which is unknown")
        self._events: dict[str, KeyedFile] = {}
        for name, schema in EVENT_TABLES.items():
            found = trigger if name == "trigger" else self._table(stack, name, schema.names)
            if len(found) != 1:
                raise InputError(f"{self.part.root}: part {self.part.name} has no table {name}")
            self._events[name] = KeyedFile(found[0], *keys)
        columns = _COLUMNS[self._level]
        self._telescope_files = self._of_types(stack, LEVELS[self._level], columns, keys)
        self._truths: list[tuple[str, KeyedFile]] = []
        self._calibrations: list[tuple[str, StoredCalibration]] = []
        if self._level != "images":
            self._truths = self._of_types(stack, LEVELS["images"], TRUE_COLUMNS, keys)
            coefficients = self._of_types(stack, "calibration", COLUMNS, keys)
            self._calibrations = [(name, StoredCalibration(file)) for name, file in coefficients]

    def _of_types(
        self, stack: ExitStack, folder: str, columns: Sequence[str], keys: list[NDArray[np.int64]]
    ) -> list[tuple[str, KeyedFile]]:
        """Files of a table of all telescope types, with their type."""
        prefix = f"{folder}/tel_type="
        return [
            (table.removeprefix(prefix), KeyedFile(file, *keys))
            for table in sorted(self.part.tables)
            if table.startswith(prefix)
            for file in self._table(stack, table, [*_KEYS, *columns])
        ]

    def _table(self, stack: ExitStack, table: str, columns: Sequence[str]) -> list[TableFile]:
        files = []
        for path in self.part.tables.get(table, ()):
            files.append(TableFile(path, self.part.file_rows(path), columns))
            stack.callback(files[-1].close)
        return files

    def _telescopes(self) -> frozenset[int] | None:
        """Telescopes that are read."""
        wanted = self._options.allowed_tels
        config = self.part.record.get("config", {})
        before = config.get("source", {}).get("allowed_tels") if isinstance(config, dict) else None
        if wanted is None or before is None:
            return None if wanted is None else frozenset(wanted)
        if not set(wanted) & set(before):
            raise OptionError(
                f"{self.part.root}: part {self.part.name} was made of telescopes "
                f"{sorted(before)}, none of which is to be read"
            )
        self.account.note(_OTHER_TELS, len(set(wanted) - set(before)))
        return frozenset(wanted) & frozenset(before)

    @property
    def runs(self) -> list[StoredRun]:
        """Runs so far; the one in which reading stopped is not whole."""
        runs = self._all_runs[: self._last_run + 1]
        if self._is_cut:
            runs[-1] = replace(runs[-1], is_whole=False)
        return runs

    @property
    def _all_files(self) -> list[TableFile]:
        return [one.file for one in self._keyed]

    @property
    def _keyed(self) -> list[KeyedFile]:
        """All that is read block by block."""
        of_telescopes = (file for _, file in (*self._telescope_files, *self._truths))
        return [*self._events.values(), *of_telescopes]

    @property
    def size(self) -> int:
        return sum(file.size for file in self._all_files)

    @property
    def position(self) -> int:
        return sum(file.position for file in self._all_files)

    def stored_entry(self) -> dict[str, Any]:
        """Nothing: there is no stream."""
        return {}

    def __iter__(self) -> Iterator[EventBlock]:
        self._steps = self._walk()
        yield from self._steps

    def _walk(self) -> Generator[EventBlock]:
        blocks = self._blocks()
        for tables, levels in prefetched(blocks) if self._ahead else blocks:
            yield from self._events_of(tables, levels)
            if self.stopped:
                return
        self.stopped = bool(self.part.record.get("stopped_by_max_events", False))

    def _blocks(self) -> Iterator[tuple[dict[str, Rows], list[LevelRows]]]:
        """Rows of all tables, block by block."""
        begin = 0
        for end in block_ends(self._keyed, len(self._obs_id)):
            tables = {name: file.take(begin, end) for name, file in self._events.items()}
            truths = [(name, file.take(begin, end)) for name, file in self._truths]
            yield (
                tables,
                [
                    self._level_rows(tel_type, file.take(begin, end), begin, truths)
                    for tel_type, file in self._telescope_files
                ],
            )
            begin = end

    def _level_rows(
        self, tel_type: str, rows: Rows, first: int, truths: list[tuple[str, Rows]]
    ) -> LevelRows:
        if self._level == "images":
            return image_level(tel_type, rows)
        calibrations = [one for name, one in self._calibrations if name == tel_type]
        own = [one for name, one in truths if name == tel_type]
        return waveform_level(tel_type, rows, first, calibrations, own)

    def _events_of(self, tables: dict[str, Rows], levels: list[LevelRows]) -> Iterator[EventBlock]:
        """Events of a block, run by run."""
        keep = self._wanted(tables)
        obs_id = tables["trigger"].numbers("obs_id")[keep]
        for own in np.split(keep, np.flatnonzero(np.diff(obs_id)) + 1):
            if not len(own):
                continue
            left = self._options.max_events
            if left is not None and self._n_events + len(own) >= left:
                own, self.stopped = own[: left - self._n_events], True
                self._is_cut = True
            self._n_events += len(own)
            number = self._run_of[int(tables["trigger"].numbers("obs_id")[own[0]])]
            run = self._all_runs[number]
            events = StoredEvents(run, tables, own, self._allowed)
            n_rows = sum(len(events.own(level.rows, of_telescopes=True)) for level in levels)
            self.account.note(
                f"telescope events without {self._level} in the part",
                max(events.n_telescope_events - n_rows, 0),
            )
            yield EventBlock(
                obs_id=run.obs_id,
                event_id=events.event_id,
                event_type=events.event_type,
                whole=events.whole,
                subarray=run.subarray,
                array_pointing=run.array_pointing,
                tables=events.tables,
                plans=partial(_plans, events, levels),
            )
            if self.stopped:
                self._last_run = number
                return

    def _wanted(self, tables: dict[str, Rows]) -> NDArray[np.int64]:
        """Events of a block with a telescope that is read, see `pointing` of files."""
        n_events = len(tables["trigger"])
        if self._allowed is None:
            return np.arange(n_events)
        pointing = tables["pointing"]
        with_data = np.zeros(n_events, np.bool_)
        with_data[pointing.event[is_allowed(pointing, self._allowed)]] = True
        self.account.note("array events without telescope data", int((~with_data).sum()))
        return np.flatnonzero(with_data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._steps is not None:
            self._steps.close()
        self._files.close()


def _plans(events: StoredEvents, levels: list[LevelRows], kind_of: KindOf) -> Iterator[StoredPlan]:
    for level in levels:
        yield from plans_of(events, level, kind_of)


__all__ = ["StoredSource"]
