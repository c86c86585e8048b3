"""A simulated run: its description, and its events in batches of bounded memory.

Every random number belongs to a shower, a use and a telescope, so events are the same for any size
of batches, any number of threads, and any part of the run that is asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import OptionError
from ctabatch.io.simtel_writer.content import RunContent, SimulatedEvents, TelescopeData

from .cameras import telescope_kind
from .options import SimulationOptions
from .primaries import draw_primaries
from .readout import KindReadout, TelescopeRows, readouts
from .shower_model import Showers
from .triggers import PhotoElectrons, array_trigger, detect, telescope_triggers

#: Showers whose light is drawn together.
BLOCK_SHOWERS = 128
#: A batch ends before it would have more waveforms (bytes) or photo-electrons than this, if it has
#: more than one shower.
BATCH_BYTES, BATCH_PE = 96 << 20, 4_000_000


@dataclass(eq=False)
class TelescopeImages:
    """Telescope events of one kind without waveforms.

    Attributes
    ----------
    event : (n,) int64
        Row in `SimulatedEvents` of the array event.
    tel_id : (n,) int64
    trigger_time : (n,) float32, ns
    true_image : (n, n_pixels) int32
    image, peak_time : (n, n_pixels) float32
        Charges in p.e. with the noise of an extraction window; ns after the start of the readout.
    """

    event: NDArray[np.int64]
    tel_id: NDArray[np.int64]
    trigger_time: NDArray[np.float32]
    true_image: NDArray[np.int32]
    image: NDArray[np.float32]
    peak_time: NDArray[np.float32]


def run_content(options: SimulationOptions) -> RunContent:
    """Everything a file says before its events."""
    altitude, azimuth = options.pointing
    cone = options.cone
    telescopes = [t for readout in readouts(options) for t in readout.telescopes]
    alt, az = options.source
    card = "\n".join(
        f"{f.name} {getattr(options, f.name)}" for f in fields(options) if f.name != "array"
    )
    return RunContent(
        obs_id=options.obs_id,
        array_name=f"Toy-{options.array.name}",
        latitude=0.0,
        longitude=0.0,
        altitude=options.height,
        pointing_azimuth=azimuth,
        pointing_altitude=altitude,
        start_time=options.start_time,
        simulation={
            "shower_prog_start": options.start_time,
            "detector_prog_start": options.start_time,
            "obsheight": options.height,
            "n_showers": options.n_showers,
            "n_use": options.reuse,
            "core_pos_mode": 1,
            "core_range": (0.0, options.core_radius),
            "alt_range": (alt, alt),
            "az_range": (az, az),
            "diffuse": int(cone > 0),
            "viewcone": (0.0, cone),
            "E_range": options.energies,
            "spectral_index": options.index,
            "corsika_bunchsize": 1.0,
            "corsika_wlen_min": 300.0,
            "corsika_wlen_max": 600.0,
        },
        input_card=f"{card}\narray {options.array.name}\n",
        telescopes=tuple(sorted(telescopes, key=lambda telescope: telescope.tel_id)),
    )


def simulate(
    options: SimulationOptions,
    *,
    batch_showers: int = BLOCK_SHOWERS,
    threads: int = 1,
    showers: range | None = None,
) -> Iterator[SimulatedEvents]:
    """Simulate a run with waveforms.

    Parameters
    ----------
    options : SimulationOptions
    batch_showers : int
        At most so many showers in a batch; large batches end earlier, see `BATCH_BYTES`.
    threads : int
        Blocks of showers that are simulated at the same time.
    showers : range, optional
        Numbers of the showers to simulate, from 1; by default all.

    Yields
    ------
    SimulatedEvents
        Batches of showers with all their uses, in ascending order. The `pe_sums` of events in which
        too few telescopes have light for a trigger also count light beside the pixels.
    """
    for batch, _ in _simulate(options, batch_showers, threads, showers, with_waveforms=True):
        yield batch


def image_events(
    options: SimulationOptions,
    *,
    batch_showers: int = BLOCK_SHOWERS,
    threads: int = 1,
    showers: range | None = None,
) -> Iterator[tuple[SimulatedEvents, dict[str, TelescopeImages]]]:
    """Simulate a run without waveforms: images with noise, straight from photo-electrons.

    Parameters are those of `simulate`; the same showers, cores, photo-electrons and triggers come
    out. The events' `telescopes` are empty, images are given by the name of the kind.
    """
    yield from _simulate(options, batch_showers, threads, showers, with_waveforms=False)


def _simulate(
    options: SimulationOptions,
    batch_showers: int,
    threads: int,
    showers: range | None,
    *,
    with_waveforms: bool,
) -> Iterator[tuple[SimulatedEvents, dict[str, TelescopeImages]]]:
    if batch_showers < 1:
        raise OptionError(f"batches of {batch_showers} showers: at least 1 is needed")
    if threads < 1:
        raise OptionError(f"{threads} threads: at least 1 is needed")
    wanted = range(1, options.n_showers + 1) if showers is None else showers
    if wanted.step != 1 or (wanted and not 1 <= wanted[0] <= wanted[-1] <= options.n_showers):
        raise OptionError(f"showers {wanted}: must be consecutive, from 1 to {options.n_showers}")
    kinds = readouts(options)
    blocks = (wanted[i : i + batch_showers] for i in range(0, len(wanted), batch_showers))
    if threads == 1:
        for block in blocks:
            yield from _block(options, kinds, with_waveforms, block)
        return
    with ThreadPoolExecutor(threads, "simulate") as pool:
        waiting: deque[Future[list[Any]]] = deque()
        work = partial(_block, options, kinds, with_waveforms)
        try:
            for block in blocks:
                waiting.append(pool.submit(lambda part: list(work(part)), block))
                if len(waiting) > threads:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _block(
    options: SimulationOptions, kinds: list[KindReadout], with_waveforms: bool, block: range
) -> Iterator[tuple[SimulatedEvents, dict[str, TelescopeImages]]]:
    """Simulate the showers of a block, in as many batches as their size asks for."""
    showers = Showers(options, draw_primaries(options, block.start, len(block)))
    for begin, end in _batches(options, kinds, showers):
        yield _batch(options, kinds, showers, with_waveforms, begin, end)


def _batches(
    options: SimulationOptions, kinds: list[KindReadout], showers: Showers
) -> Iterator[tuple[int, int]]:
    """Rows of showers whose data fit into a batch."""
    count = showers.count.reshape(-1, options.reuse, showers.count.shape[1])
    size = np.zeros(len(count))
    for readout in kinds:
        enough = count[..., readout.tel] >= readout.kind.threshold
        size += enough.sum(axis=(1, 2)) * (readout.kind.bytes_per_event / BATCH_BYTES)
    size = np.maximum(size, count.sum(axis=(1, 2)) / BATCH_PE)
    begin, filled = 0, 0.0
    for row, part in enumerate(size):
        if row > begin and filled + part > 1:
            yield begin, row
            begin, filled = row, 0.0
        filled += part
    yield begin, len(size)


def _batch(
    options: SimulationOptions,
    kinds: list[KindReadout],
    showers: Showers,
    with_waveforms: bool,
    begin: int,
    end: int,
) -> tuple[SimulatedEvents, dict[str, TelescopeImages]]:
    primaries = showers.primaries
    rows = slice(begin * options.reuse, end * options.reuse)
    first = rows.start
    batch = _events(options, showers, begin, end)
    n_events = len(batch.event_id)
    seen: list[tuple[KindReadout, NDArray[np.int64], NDArray[np.int64], PhotoElectrons]] = []
    times = []
    count = showers.count[rows]
    threshold = np.array([telescope_kind(place.kind).threshold for place in options.array.places])
    can_trigger = (count >= threshold).sum(axis=1) >= options.multiplicity
    batch.pe_sums[~can_trigger] = count[~can_trigger]
    for readout in kinds:
        event, column = np.nonzero(count[:, readout.tel] * can_trigger[:, np.newaxis])
        tel = readout.tel[column]
        pe = detect(readout.kind, showers.light(readout.kind, event + first, tel))
        batch.pe_sums[event, tel] = np.diff(pe.offsets)
        time = telescope_triggers(readout.kind, pe)
        fired = np.flatnonzero(np.isfinite(time))
        seen.append((readout, event[fired], tel[fired], pe.take(fired)))
        times.append(time[fired])
    fired_events = np.concatenate([event for _, event, _, _ in seen])
    batch.triggered = array_trigger(n_events, fired_events, options.multiplicity)
    central = np.full(n_events, np.inf)
    np.minimum.at(central, fired_events, np.concatenate(times))
    images: dict[str, TelescopeImages] = {}
    for (readout, event, tel, pe), time in zip(seen, times, strict=True):
        kept = np.flatnonzero(batch.triggered[event])
        if len(kept) == 0:
            continue
        event, tel, time, pe = event[kept], tel[kept], time[kept], pe.take(kept)
        start = np.repeat(time - readout.kind.trigger_delay, np.diff(pe.offsets))
        pe_time = (pe.time - start).astype(np.float32)
        shower = primaries.shower_id[primaries.shower[rows][event]]
        names = TelescopeRows(shower, primaries.use[rows][event], tel)
        trigger_time = (time - central[event]).astype(np.float32)
        if with_waveforms:
            waveform = readout.waveforms(names, pe.offsets, pe.pixel, pe_time)
            batch.telescopes.append(
                TelescopeData(event, tel + 1, waveform, trigger_time, pe.offsets, pe.pixel, pe_time)
            )
        else:
            images[readout.kind.name] = TelescopeImages(
                event, tel + 1, trigger_time,
                *readout.images(names, pe.offsets, pe.pixel, pe_time),
            )  # fmt: skip
    return batch, images


def _events(options: SimulationOptions, showers: Showers, begin: int, end: int) -> SimulatedEvents:
    """Truth of the showers `begin` to `end`, without triggers and telescopes yet."""
    primaries, part = showers.primaries, slice(begin, end)
    rows = slice(begin * options.reuse, end * options.reuse)
    shower = primaries.shower[rows]
    number = (primaries.shower_id[shower] - 1) * options.reuse + primaries.use[rows]
    return SimulatedEvents(
        shower_id=primaries.shower_id[part],
        primary_id=np.full(end - begin, options.primary_id, np.int64),
        energy=primaries.showers[part, 0].copy(),
        altitude=primaries.showers[part, 1].copy(),
        azimuth=primaries.showers[part, 2].copy(),
        starting_grammage=showers.starting_grammage[part],
        x_max=showers.x_max[part],
        h_first_int=showers.h_first_int[part],
        h_max=showers.h_max[part],
        shower=shower - begin,
        event_id=primaries.event_id[rows],
        core_x=primaries.core[rows, 0].copy(),
        core_y=primaries.core[rows, 1].copy(),
        seconds=options.start_time + number // 1000,
        nanoseconds=number % 1000 * 1_000_000,
        triggered=np.zeros(len(number), np.bool_),
        pe_sums=np.zeros((len(number), len(options.array.places)), np.int64),
    )
