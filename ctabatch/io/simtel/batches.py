"""Telescope events of one type, decoded into tensors: the batches that every stage works on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.kernels import adc
from ctabatch.kernels import event_index as ei
from ctabatch.kernels import object_table as ot
from ctabatch.kernels.photoelectrons import OK, read_pe_sums, read_true_images

from .events import Events
from .losses import Account, Loss

#: Telescope events decoded at once: small enough that their samples stay in the processor's cache.
BATCH_SIZE = 64
#: Samples in a batch: suppressed pixels take none in the file, so its length bounds nothing. The
#: largest genuine batch (64 telescope events of 11 328 pixels and 128 samples) has 93 million.
MOST_VALUES = 1 << 27


@dataclass(eq=False)
class RawBatch:
    """Raw data of telescope events of one shape.

    Attributes
    ----------
    subarray : SubarrayDescription
    tel_type : str
    geometry : CameraGeometry
    calibration : CameraCalibration
        As it stood at the place of these events in the stream.
    events : Events
        The array events these belong to.
    event : (n,) int64
        Row in `events` of each telescope event.
    telescope : (n,) int64
        Row in ``events.telescopes`` of each telescope event.
    obs_id : int
    event_id, tel_id : (n,) int64
    calibration_row : (n,) int64
        Row in `calibration`, -1 for telescopes without one.
    waveform : (n, n_gains, n_pixels, n_samples) uint16, or uint32 for sums
        ADC counts; gain 0 is the high gain. Sums have one sample.
    is_sum : bool
    read_out : (n, n_pixels) bool or None
        Pixels that are in the file; None if all are.
    true_image : (n, n_pixels) int32 or None
        Photo-electrons; -1 in all pixels of telescope events without; None if no event has one.
    true_image_sum : (n,) int64
        Photo-electrons in the whole camera, -1 where unknown.
    """

    subarray: SubarrayDescription
    tel_type: str
    geometry: CameraGeometry
    calibration: CameraCalibration
    events: Events
    event: NDArray[np.int64]
    telescope: NDArray[np.int64]
    obs_id: int
    event_id: NDArray[np.int64]
    tel_id: NDArray[np.int64]
    calibration_row: NDArray[np.int64]
    waveform: NDArray[Any]
    is_sum: bool
    read_out: NDArray[np.bool_] | None
    true_image: NDArray[np.int32] | None
    true_image_sum: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.event_id)

    def take(self, keep: NDArray[np.bool_]) -> RawBatch:
        """The batch of some of its rows."""
        if keep.all():
            return self
        per_row = (
            "event", "telescope", "event_id", "tel_id", "calibration_row", "waveform", "read_out",
            "true_image", "true_image_sum",
        )  # fmt: skip
        values = dict(self.__dict__)
        for name in per_row:
            if values[name] is not None:
                values[name] = values[name][keep]
        return RawBatch(**values)


@dataclass(frozen=True, eq=False)
class BatchPlan:
    """Telescope events of a block that are to be decoded together.

    Everything that may change as the file is read on is in it already, so `decode` may run in any
    thread at any time.
    """

    events: Events
    rows: NDArray[np.int64]
    tel_type: str
    kind: int
    shape: tuple[int, ...]
    calibration: CameraCalibration
    account: Account

    def __str__(self) -> str:
        telescopes = self.events.telescopes[self.rows]
        event_id = self.events.event_id[telescopes[:, ei.EVENT]]
        return (
            f"{len(self.rows)} telescope events of {self.tel_type}, events {event_id.min()} to "
            f"{event_id.max()} in the block at byte {self.events.block.offset}"
        )

    def decode(self, empty: Callable[..., NDArray[Any]] = np.empty) -> RawBatch:
        """The batch; rows that cannot be decoded are left out and reported.

        Parameters
        ----------
        empty : callable
            Makes the arrays of samples and true images, as `numpy.empty` does.
        """
        return _decode(self, empty)


def raw_batches(
    events: Events,
    account: Account,
    batch_size: int = BATCH_SIZE,
    kind_of: Callable[[str, int], Hashable] | None = None,
) -> Iterator[RawBatch]:
    """Decode the telescope events of a block, grouped by telescope type, shape and geometry.

    Telescope events that cannot be decoded are left out and reported, the others are not affected.
    """
    for plan in batch_plans(events, account, batch_size, kind_of):
        batch = plan.decode()
        if len(batch):
            yield batch


def batch_plans(
    events: Events,
    account: Account,
    batch_size: int = BATCH_SIZE,
    kind_of: Callable[[str, int], Hashable] | None = None,
) -> Iterator[BatchPlan]:
    """What `raw_batches` decodes, in the same order.

    Parameters
    ----------
    events : Events
    account : Account
    batch_size : int
    kind_of : callable, optional
        Of telescope type and id; telescopes for which it differs get batches of their own.
    """
    run, subarray = events.run, events.run.subarray
    telescopes, shapes = events.telescopes, _shapes(events)
    rows = telescopes[:, ei.ADC_ROW]
    kinds, idents = events.objects(rows, ot.TYPE, ot.ID)
    # events of one telescope are mostly alike: each kind is looked at once
    facts = np.column_stack(
        [telescopes[:, ei.TEL_ID], kinds, (idents >> 12) & 0xFFFF, rows < 0, shapes]
    )
    same: dict[tuple[int, ...], list[int]] = {}
    for k, fact in enumerate(map(tuple, facts.tolist())):
        same.setdefault(fact, []).append(k)
    groups: dict[tuple[Any, ...], list[int]] = {}
    for members in same.values():
        k = members[0]
        description = subarray.telescopes.get(int(telescopes[k, ei.TEL_ID]))
        problem = _problem(shapes[k], description, int(rows[k]), int(idents[k]))
        if problem or description is None:
            for member in members:
                why = problem or "its description is incomplete"
                _leave_out(events, member, why, account)
            continue
        shape = tuple(int(v) for v in shapes[k, : adc.N_SAMPLES + 1])
        tel_type, tel_id = description.tel_type, description.tel_id
        own = None if kind_of is None else kind_of(tel_type, tel_id)
        key = (tel_type, int(kinds[k]), shape, id(description.geometry), own)
        groups.setdefault(key, []).extend(members)
    groups = {key: sorted(members) for key, members in sorted(
        groups.items(), key=lambda item: min(item[1]))}  # fmt: skip
    for (tel_type, kind, shape, _, _), members in groups.items():
        calibration = run.calibration(tel_type, shape[adc.N_GAINS], shape[adc.N_PIXELS])
        n_rows = max(1, min(batch_size, MOST_VALUES // int(np.prod(shape[:3]))))
        for begin in range(0, len(members), n_rows):
            chosen = np.array(members[begin : begin + n_rows], np.int64)
            yield BatchPlan(events, chosen, tel_type, kind, shape, calibration, account)


def _shapes(events: Events) -> NDArray[np.int64]:
    rows = events.telescopes[:, ei.ADC_ROW]
    types, versions, ids, offsets, sizes = events.objects(
        rows, ot.TYPE, ot.VERSION, ot.ID, ot.CONTENT, ot.SIZE
    )
    shapes = np.empty((len(rows), 5), np.int64)
    adc.adc_shapes(events.block.data, types, versions, ids, offsets, sizes, shapes)
    return shapes


def _problem(shape: NDArray[np.int64], description: Any, row: int, ident: int) -> str | None:
    """Why a telescope event cannot be decoded; None if it can."""
    if description is None:
        return "the description of this telescope is incomplete"
    if row < 0:
        return "no ADC samples [2013] or sums [2012]"
    if (ident >> 12) & 0xFFFF != description.tel_id:
        return f"raw data are labelled as those of telescope {(ident >> 12) & 0xFFFF}"
    if shape[adc.STATUS] == adc.UNSUPPORTED:
        return "raw data in an encoding that is not supported (data reduction or pixel list)"
    if shape[adc.STATUS] != adc.OK:
        return "malformed raw data"
    if shape[adc.N_PIXELS] != description.geometry.n_pixels:
        return (
            f"raw data of {shape[adc.N_PIXELS]} pixels, "
            f"the camera has {description.geometry.n_pixels}"
        )
    suppressed = shape[adc.ZERO_SUPPRESSION]
    if suppressed and shape[adc.N_SAMPLES] > max(description.readout.n_samples, 1024):
        return f"zero-suppressed data of {shape[adc.N_SAMPLES]} samples are not credible"
    n_values = int(shape[adc.N_GAINS] * shape[adc.N_PIXELS] * shape[adc.N_SAMPLES])
    if suppressed and n_values > MOST_VALUES:
        return f"zero-suppressed data of {n_values:,} samples in all are not credible"
    return None


def _leave_out(events: Events, k: int, problem: str, account: Account) -> None:
    row = int(events.telescopes[k, ei.ADC_ROW])
    if row < 0:
        row = int(events.telescopes[k, ei.CONTAINER_ROW])
    _report(events, k, f"telescope event left out: {problem}", account, row)


def _report(events: Events, k: int, problem: str, account: Account, row: int) -> None:
    telescope = events.telescopes[k]
    found = events.block.table[row]
    place, size, kind, ident = (
        int(found[column]) for column in (ot.START, ot.SIZE, ot.TYPE, ot.ID)
    )
    event_id, tel_id = events.event_id[telescope[ei.EVENT]], telescope[ei.TEL_ID]
    place += events.block.offset
    account.lose(Loss(problem, place, size, kind, ident, int(event_id), int(tel_id)))


def _decode(plan: BatchPlan, empty: Callable[..., NDArray[Any]]) -> RawBatch:
    events, rows, account = plan.events, plan.rows, plan.account
    telescopes = events.telescopes[rows]
    subarray = events.run.subarray
    n_gains, n_pixels, n_samples = plan.shape[:3]
    ids, offsets, sizes = events.objects(telescopes[:, ei.ADC_ROW], ot.ID, ot.CONTENT, ot.SIZE)
    suppressed = bool((ids & 0x1F).any())
    is_sum = plan.kind == adc.SUMS
    shape = (len(rows), n_gains, n_pixels, n_samples)
    waveform = empty(shape, np.uint32 if is_sum else np.uint16)
    if suppressed:
        waveform[:] = 0
    read_out = np.empty((len(rows), n_pixels), np.bool_)
    status = np.empty(len(rows), np.int64)
    decode = adc.decode_sums if is_sum else adc.decode_samples
    decode(events.block.data, ids, offsets, sizes, waveform, read_out, status)
    true_image, true_image_sum = _truth(events, rows, n_pixels, account, empty)
    tel_id = telescopes[:, ei.TEL_ID].copy()
    batch = RawBatch(
        subarray=subarray,
        tel_type=plan.tel_type,
        geometry=subarray.telescopes[int(tel_id[0])].geometry,
        calibration=plan.calibration,
        events=events,
        event=telescopes[:, ei.EVENT].copy(),
        telescope=rows,
        obs_id=events.run.obs_id,
        event_id=events.event_id[telescopes[:, ei.EVENT]],
        tel_id=tel_id,
        calibration_row=plan.calibration.rows(tel_id),
        waveform=waveform,
        is_sum=is_sum,
        read_out=read_out if suppressed else None,
        true_image=true_image,
        true_image_sum=true_image_sum,
    )
    for k in np.flatnonzero(status != adc.OK):
        _leave_out(events, int(rows[k]), "malformed raw data", account)
    return batch.take(status == adc.OK)


def _truth(
    events: Events,
    k: NDArray[np.int64],
    n_pixels: int,
    account: Account,
    empty: Callable[..., NDArray[Any]],
) -> tuple[NDArray[np.int32] | None, NDArray[np.int64]]:
    telescopes = events.telescopes[k]
    sums = np.full(len(telescopes), -1, np.int64)
    rows = events.pe_sum_row[telescopes[:, ei.EVENT]]
    offsets, sizes = events.objects(rows, ot.CONTENT, ot.SIZE)
    positions = events.run.positions[telescopes[:, ei.TEL_ID]]
    read_pe_sums(events.block.data, offsets, sizes, positions, sums)
    rows = telescopes[:, ei.TRUE_IMAGE_ROW]
    if not (rows >= 0).any():
        return None, sums
    versions, offsets, sizes = events.objects(rows, ot.VERSION, ot.CONTENT, ot.SIZE)
    images = empty((len(telescopes), n_pixels), np.int32)
    status = np.empty(len(telescopes), np.int64)
    read_true_images(events.block.data, versions, offsets, sizes, images, status)
    for bad in np.flatnonzero(status != OK):
        _report(events, int(k[bad]), "malformed true photo-electrons", account, int(rows[bad]))
    return images, sums
