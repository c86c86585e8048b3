"""The tables of one part: blocks of events in, rows of every table out, in order."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.calibration_rows import Calibrated, CalibrationRows
from ctabatch.config import ProcessConfig
from ctabatch.errors import ComponentError, CtabatchError, OptionError
from ctabatch.geometry import GEOMETRY, IMPACT, SUBARRAY, GeometryStep
from ctabatch.image_quality import ImageQuality, cut_flow_rows
from ctabatch.instrument.optics import OpticsDescription
from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.parquet import PartFiles
from ctabatch.io.stored_parts import ENTRY, STREAM
from ctabatch.noise_file import with_recorded_noise
from ctabatch.schemas.simulation import RUN, SHOWER
from ctabatch.schemas.trigger import POINTING, TELESCOPE_TRIGGER, TRIGGER
from ctabatch.source import calibrated_rows, rows_of_all_gains
from ctabatch.sources.protocol import EventBlock, EventSource, TelescopePlan
from ctabatch.stage_times import Timed, untimed
from ctabatch.stages import dl1
from ctabatch.stages.events import TelescopeEvents
from ctabatch.stages.telescope_groups import TelescopeRows
from ctabatch.stages.tuning.recorded_noise import RecordedNoise
from ctabatch.stages.waveforms import reduced, with_noise


@dataclass(frozen=True, eq=False)
class Parametrised:
    """What the geometry needs of a batch.

    Attributes
    ----------
    telescopes : TelescopeEvents
    parameters : RecordBatch
    event : (n,) int64
        Row of the array event that each telescope event belongs to.
    """

    telescopes: TelescopeEvents
    parameters: pa.RecordBatch
    event: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.event)


@dataclass(frozen=True, eq=False)
class BatchRows:
    """What the telescope events of one batch became.

    Attributes
    ----------
    tel_type : str
    n_rows : int
        Telescope events that could be decoded.
    tables : list of (str, RecordBatch)
        Name of a table without the telescope type, and its rows.
    parametrised : Parametrised or None
        If parameters were computed.
    calibrated : Calibrated or None
        If calibrated waveforms are written.
    bytes_saved : int
        What the waveforms of dropped pixels would take in memory.
    """

    tel_type: str
    n_rows: int
    tables: list[tuple[str, pa.RecordBatch]]
    parametrised: Parametrised | None = None
    calibrated: Calibrated | None = None
    bytes_saved: int = 0


class PartWriter:
    """Sends the rows of one input to the tables of its part.

    `plan` and `take` belong to one thread; the tasks that `plan` gives may run in any.
    """

    def __init__(
        self,
        folder: DatasetFolder,
        files: PartFiles,
        config: ProcessConfig,
        empty: Callable[..., NDArray[Any]] = np.empty,
        timed: Timed = untimed,
    ) -> None:
        self.folder, self.files, self.config = folder, files, config
        self._empty, self._timed = empty, timed
        self._options: dict[tuple[str, int], dl1.Dl1Options] = {}
        self._noise: dict[str, RecordedNoise] = {}
        self._checked: SubarrayDescription | None = None
        self.geometry = GeometryStep(config.stereo) if "geometry" in config.write else None
        if config.trigger.has_effect and "r0" in config.write:
            raise OptionError(
                "r0 is the input as it is: write it without the options of the trigger, and give "
                "these when the dataset is processed"
            )
        self.image_quality = ImageQuality(config.parameters.quality)
        self.n_array_events = 0
        self.n_showers = 0
        self.event_ids: list[int] = []
        self.bytes_saved = 0
        self.n_telescope_events = 0
        self.event_types: Counter[int] = Counter()
        self.tel_types: Counter[str] = Counter()
        self.incomplete_events: list[int] = []
        self._calibration = CalibrationRows()
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

    def options(self, tel_type: str, tel_id: int) -> dl1.Dl1Options:
        """Options of one telescope."""
        key = tel_type, tel_id
        if key not in self._options:
            self._options[key] = own = with_recorded_noise(
                self.config.dl1_options(tel_type, tel_id)
            )
            if (noise := own.waveforms.recorded) is not None:
                self._noise[noise.name] = noise
        return self._options[key]

    def _check(self, subarray: SubarrayDescription) -> None:
        """Refuse options for telescopes that the array does not have, once per array."""
        if subarray is not self._checked:
            known = {tel_id: one.tel_type for tel_id, one in subarray.telescopes.items()}
            self.config.check_telescopes(known)
            self._checked = subarray
            self._warn_of_long_windows(subarray)

    def _warn_of_long_windows(self, subarray: SubarrayDescription) -> None:
        """Tell of windows that are longer than the readout: they are cut, as in ctapipe."""
        told = set()
        for tel_id, one in subarray.telescopes.items():
            extractor = self.options(one.tel_type, tel_id).extraction.extractor
            width, n_samples = getattr(extractor, "window_width", 0), one.readout.n_samples
            if 1 < n_samples < width and one.tel_type not in told:
                told.add(one.tel_type)
                warnings.warn(
                    f"extraction.window_width {width} is more than the {n_samples} samples of "
                    f"{one.tel_type}: windows are cut",
                    stacklevel=2,
                )

    @property
    def keep(self) -> Callable[[pa.RecordBatch], None] | None:
        """Where the stream of the input goes; None if it is not to be stored."""
        return self._keep if "r0" in self.config.write else None

    def _keep(self, piece: pa.RecordBatch) -> None:
        self.files.write(STREAM, piece)

    def plan(self, block: EventBlock) -> list[Callable[[], BatchRows]]:
        """The tasks that compute the batches of a block."""
        self._check(block.subarray)
        optics = {tel_id: one.optics for tel_id, one in block.subarray.telescopes.items()}
        return [_Task(self, plan, optics) for plan in block.plans(self.options)]

    def take(self, block: EventBlock, batches: list[BatchRows]) -> None:
        """Write everything about the events of one block."""
        for table, rows in block.tables.items():
            self.files.write(table, rows)
        self.n_array_events += len(block)
        self.n_showers += len(block.tables.get("shower", ()))
        if len(block):
            ends = [*self.event_ids, int(block.event_id.min()), int(block.event_id.max())]
            self.event_ids = [min(ends), max(ends)]
        self.event_types.update(block.event_type.tolist())
        self.incomplete_events += block.event_id[~block.whole].tolist()
        for batch in batches:
            if batch.n_rows:
                self.n_telescope_events += batch.n_rows
                self.bytes_saved += batch.bytes_saved
                self.tel_types[batch.tel_type] += batch.n_rows
            for table, rows in batch.tables:
                self.files.write(f"{table}/tel_type={batch.tel_type}", rows)
        calibrated = [batch.calibrated for batch in batches if batch.calibrated is not None]
        for tel_type, row in self._calibration.of_block(block, calibrated):
            self.files.write(f"calibration/tel_type={tel_type}", row)
        if self.geometry is not None:
            self._showers(self.geometry, block, batches)

    def rows(self, plan: TelescopePlan, optics: Mapping[int, OpticsDescription]) -> BatchRows:
        """Rows of all tables that are made from one batch; `optics` by telescope."""
        timed = self._timed
        with timed("decode"):
            raw = plan.load(self._empty)
        n_rows, products = len(raw), set(self.config.write)
        tables: list[tuple[str, pa.RecordBatch]] = []
        if n_rows == 0:
            return BatchRows(raw.tel_type, 0, tables)
        if "r0" in products:
            tables.append(("r0", raw.raw_rows()))
        if products == {"r0"}:
            return BatchRows(raw.tel_type, n_rows, tables)
        with timed("decode"):
            telescopes, event = raw.telescopes()
        if len(telescopes) == 0:
            return BatchRows(raw.tel_type, n_rows, tables)
        options = self.options(raw.tel_type, int(telescopes.tel_id[0]))
        used = None
        if "r1_gains" in products and telescopes.gain is None:
            tables.append(("r1_gains", rows_of_all_gains(telescopes)))
        saved = 0
        with timed("extract"):
            telescopes = with_noise(telescopes, options.waveforms, options.extraction)
            if "r1" in products:
                tables.append(("r1", calibrated_rows(telescopes, options)))
            if telescopes.charges is None and ("dl0" in products or options.waveforms.reduces):
                smaller = reduced(telescopes, options.waveforms, options.extraction)
                telescopes, saved = smaller.events, smaller.bytes_saved
                if "dl0" in products:
                    tables.append(("dl0", smaller.rows()))
        if {"r1", "dl0"} & products:
            used = Calibrated(
                raw.tel_type,
                event,
                telescopes.tel_id,
                telescopes.calibration,
                telescopes.calibration_row,
            )
        if not {"images", "parameters", "muons", "geometry"} & products:
            return BatchRows(raw.tel_type, n_rows, tables, None, used, saved)
        wanted = bool({"parameters", "geometry"} & products)
        charges, mask = dl1.cleaned(telescopes, options, self._empty, timed)
        if "images" in products:
            with timed("write"):
                saturated = dl1.saturated_pixels(telescopes, charges, options)
                tables.append(("dl1/images", dl1.image_rows(telescopes, charges, mask, saturated)))
        if "muons" in products:
            from ctabatch.stages.muon import muon_rows  # kernels that others have no use for

            mirror = optics[int(telescopes.tel_id[0])]
            with timed("muons"):
                rings = muon_rows(telescopes, charges.image, mask, mirror, options.muons)
            tables.append(("dl1/muon", rings))
        parameters = None
        if wanted:
            with timed("parametrise"):
                parameters = self.image_quality(
                    dl1.parameter_rows(telescopes, charges, mask, options.frame)
                )
        if parameters is not None and "parameters" in products:
            tables.append(("dl1/parameters", parameters))
        if parameters is None:
            return BatchRows(raw.tel_type, n_rows, tables, None, used, saved)
        # the geometry needs no waveforms: let go of them
        rest = Parametrised(telescopes.without_waveforms(), parameters, event)
        return BatchRows(raw.tel_type, n_rows, tables, rest, used, saved)

    def _showers(self, step: GeometryStep, block: EventBlock, batches: list[BatchRows]) -> None:
        """Reconstruct the array events of a block and write their geometry."""
        azimuth, altitude = block.array_pointing
        n_events = len(block)
        used = [(b.tel_type, b.parametrised) for b in batches if b.parametrised is not None]
        tables = [batch.parameters for _, batch in used]
        with self._timed("stereo"):
            usable = step.usable(pa.Table.from_batches(tables)) if tables else np.empty(0, np.bool_)
        ends = np.cumsum([len(batch) for _, batch in used])
        rows = [
            TelescopeRows(
                event=batch.event,
                tel_id=batch.telescopes.tel_id,
                position=batch.telescopes.position,
                pointing=batch.telescopes.pointing,
                camera_radius=batch.telescopes.geometry.radius_deg,
                usable=usable[end - len(batch) : end] & (block.event_type[batch.event] == SUBARRAY),
                parameters=batch.parameters,
            )
            for (_, batch), end in zip(used, ends, strict=True)
        ]
        with self._timed("stereo"):
            geometry, impact = step.run(
                np.full(n_events, block.obs_id, np.int32),
                block.event_id,
                np.tile([altitude, azimuth], (n_events, 1)),
                np.full(n_events, block.reference_height),
                rows,
            )
        self.files.write(GEOMETRY, geometry)
        for (tel_type, batch), columns in zip(used, impact, strict=True):
            distances = step.impact_rows(batch.parameters, columns)
            self.files.write(f"{IMPACT}/tel_type={tel_type}", distances)

    def finish(self, source: EventSource) -> None:
        """Write what is known only at the end of the input: runs, arrays, histograms."""
        for run in source.runs:
            self.folder.add_subarray(run.subarray)
            self.files.write("run", run.rows())
            distribution = run.shower_distribution()
            if distribution is not None:
                self.files.write("shower_distribution", distribution)
            elif not source.stopped:
                source.account.note("runs without histograms of the simulated showers")

        for rows in self._cut_flows():
            self.files.write("cut_flow", rows)

    def _cut_flows(self) -> Iterator[pa.RecordBatch]:
        if self.image_quality.criteria:
            quality = self.image_quality
            yield cut_flow_rows("parameters", quality.criteria, quality.cut_flow)
        if self.geometry is not None:
            step = self.geometry
            yield cut_flow_rows("stereo", step.options.quality, step.cut_flow)

    def summary(self, source: EventSource) -> dict[str, Any]:
        """Counts and losses for the commit record."""
        account, runs = source.account, source.runs
        missing = {run.obs_id: list(run.subarray.incomplete) for run in runs}
        return {
            "obs_ids": [run.obs_id for run in runs],
            "event_ids": self.event_ids,
            "simulated": self.n_showers > 0,
            "array_events": self.n_array_events,
            "telescope_events": self.n_telescope_events,
            "by_event_type": {str(k): v for k, v in sorted(self.event_types.items())},
            "by_tel_type": dict(sorted(self.tel_types.items())),
            "stopped_by_max_events": source.stopped,
            **({} if self.keep is None else {ENTRY: source.stored_entry()}),
            "incomplete_events": self.incomplete_events,
            **({} if self.geometry is None else self.geometry.summary()),
            **({"noise": self._noise_files()} if self._noise else {}),
            **({"bytes_saved_by_reduction": self.bytes_saved} if self.bytes_saved else {}),
            "telescopes_without_description": {str(k): v for k, v in missing.items() if v},
            "n_losses": account.n_losses,
            "losses": [loss.as_dict() for loss in account.losses],
            "notes": dict(account.notes),
        }

    def _noise_files(self) -> list[dict[str, Any]]:
        """Files whose waveforms were added to those of the input."""
        return [
            {"path": name, "size": noise.size, "sha256": noise.sha256}
            for name, noise in sorted(self._noise.items())
        ]


class _Task:
    """The computation of one batch."""

    def __init__(
        self, writer: PartWriter, plan: TelescopePlan, optics: Mapping[int, OpticsDescription]
    ) -> None:
        self._writer, self._plan, self._optics = writer, plan, optics

    def __call__(self) -> BatchRows:
        try:
            return self._writer.rows(self._plan, self._optics)
        except ComponentError as error:
            raise ComponentError(f"{error}, in {self._plan}") from error
        except CtabatchError:
            raise
        except Exception as error:
            error.add_note(f"in {self._plan}")
            raise


__all__ = ["BatchRows", "PartWriter"]
