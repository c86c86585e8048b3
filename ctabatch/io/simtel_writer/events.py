"""Simulated showers and array events as objects.

Each shower is followed by its uses; what belongs to a triggered use comes behind its MC event: true
photo-electrons, their sums, and the array event with its trigger, telescope events and tracking.
Source: sim_telarray io_hess format, ``write_hess_mc_shower``, ``write_hess_mc_event``,
``write_hess_centralevent``, ``write_hess_televt_head``, ``write_hess_trackevent``; CORSIKA IACT
extension for the photo-electrons.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .content import RunContent, SimulatedEvents
from .descriptions import monitoring
from .framing import Buffer, Object, array, container, f32, i32, leaf
from .raw_data import EncodedTelescope, RawDataEncoder

#: Telescope events and array events encoded at once, which bounds the memory.
TELESCOPES_AT_ONCE, EVENTS_AT_ONCE = 64, 4096

#: Trigger type of all telescopes: a majority of pixels.
MAJORITY = 0x01
RAW_POSITION = 0x100
#: Speed of light in the air of the observatories, cm/ns: sim_telarray writes it with each event.
SPEED_OF_LIGHT = 29.97

_SHOWER = struct.Struct("<i9fhxx")
_MC_EVENT = struct.Struct("<iff")
_TELESCOPE_HEAD = struct.Struct("<6ihff")


def container_type(base: int, tel_id: int) -> int:
    """Type of a container that belongs to one telescope."""
    return base + tel_id % 100 + 1000 * (tel_id // 100)


class EventObjects:
    """Turns batches of simulated events into objects; knows what was written before.

    Parameters
    ----------
    run : RunContent
    zero_suppression : bool
    """

    def __init__(self, run: RunContent, zero_suppression: bool) -> None:
        self.run = run
        self.index = {t.tel_id: k for k, t in enumerate(run.telescopes)}
        self._encoder = RawDataEncoder(zero_suppression)
        self._monitoring_written = False
        self._tracking = [b for t in run.telescopes for b in self._track(t.tel_id)]
        self._wavefront = f32(run.pointing_azimuth, run.pointing_altitude, SPEED_OF_LIGHT)

    def objects(self, events: SimulatedEvents) -> Iterator[tuple[slice, list[Object]]]:
        """Objects of a batch, in pieces that hold complete array events, and which these are."""
        n_telescopes = np.zeros(len(events.event_id), np.int64)
        for data in events.telescopes:
            np.add.at(n_telescopes, data.event, 1)
        before = np.concatenate([[0], np.cumsum(n_telescopes)])
        orders = [np.lexsort((data.tel_id, data.event)) for data in events.telescopes]
        begin, shower = 0, 0
        while begin < len(events.event_id):
            full = int(np.searchsorted(before, before[begin] + TELESCOPES_AT_ONCE, "right")) - 1
            end = min(max(full, begin + 1), begin + EVENTS_AT_ONCE, len(events.event_id))
            yield slice(begin, end), self._piece(events, orders, begin, end, shower)
            shower = int(events.shower[end - 1]) + 1
            begin = end
        if shower < len(events.shower_id):  # showers without any use
            rest = [_shower(events, k) for k in range(shower, len(events.shower_id))]
            yield slice(begin, begin), rest

    def _piece(
        self,
        events: SimulatedEvents,
        orders: Sequence[NDArray[np.int64]],
        begin: int,
        end: int,
        shower: int,
    ) -> list[Object]:
        """Events ``begin`` to ``end``; `shower` is the first that is not in the file yet."""
        telescopes: dict[int, list[EncodedTelescope]] = {}
        for kind, (data, order) in enumerate(zip(events.telescopes, orders, strict=True)):
            first, last = np.searchsorted(data.event[order], [begin, end])
            rows = order[first:last]
            if len(rows):
                encoded = self._encoder.encode(kind, data, rows)
                for event, telescope in zip(data.event[rows].tolist(), encoded, strict=True):
                    telescopes.setdefault(event, []).append(telescope)
        objects: list[Object] = []
        columns = (events.shower, events.event_id, events.core_x, events.core_y)
        uses = zip(*(column[begin:end].tolist() for column in columns), strict=True)
        for event, (row, event_id, core_x, core_y) in enumerate(uses, begin):
            while shower <= row:
                objects.append(_shower(events, shower))
                shower += 1
            shower_id = int(events.shower_id[row])
            content = _MC_EVENT.pack(shower_id, core_x, core_y)
            objects.append(leaf(2021, content, version=1, ident=event_id))
            if events.triggered[event]:
                tels = sorted(telescopes.get(event, []), key=lambda t: self.index[t.tel_id])
                objects += self._triggered(events, event, shower_id, tels)
        return objects

    def _triggered(
        self, events: SimulatedEvents, event: int, shower_id: int, tels: list[EncodedTelescope]
    ) -> list[Object]:
        event_id = int(events.event_id[event])
        images = [b for t in tels for b in self._image(t)]
        objects = [container(1204, images, ident=event_id)]
        if not self._monitoring_written:
            objects += monitoring(self.run)
            self._monitoring_written = True
        if len(events.pe_sums):
            objects.append(_photoelectron_sums(event_id, shower_id, events.pe_sums[event]))
        time = (int(events.seconds[event]), int(events.nanoseconds[event]))
        children: list[Buffer] = [*self._trigger(event_id, time, tels)]
        for telescope in tels:
            children += _telescope_event(event_id, time, telescope)
        objects.append(container(2010, children + self._tracking, ident=event_id))
        return objects

    def _trigger(
        self, event_id: int, time: tuple[int, int], tels: Iterable[EncodedTelescope]
    ) -> Object:
        ids, times = [t.tel_id for t in tels], [t.trigger_time for t in tels]
        pattern = sum(1 << (i - 1) for i in ids if i < 32)
        n = len(ids)
        content = i32(*time, *time, pattern, pattern)
        content += struct.pack(f"<h{n}h{n}fh{n}h", n, *ids, *times, n, *ids)
        content += bytes([MAJORITY]) * n + self._wavefront
        return leaf(2009, content, version=3, ident=event_id)

    def _image(self, telescope: EncodedTelescope) -> Object:
        # photo-electrons are labelled by the place in the run header, not by the telescope number
        version, ident = telescope.photoelectron_version, self.index[telescope.tel_id]
        return leaf(1208, telescope.photoelectrons, version=version, ident=ident)

    def _track(self, tel_id: int) -> Object:
        """All telescopes point to the same direction all the time."""
        ident = tel_id & 0xFF | (tel_id & 0x3F00) << 16 | RAW_POSITION
        content = f32(self.run.pointing_azimuth, self.run.pointing_altitude)
        return leaf(container_type(2100, tel_id), content, ident=ident)


def _shower(events: SimulatedEvents, row: int) -> Object:
    x_max = float(events.x_max[row])
    content = _SHOWER.pack(
        int(events.primary_id[row]), float(events.energy[row]), float(events.azimuth[row]),
        float(events.altitude[row]), float(events.starting_grammage[row]),
        float(events.h_first_int[row]), x_max, float(events.h_max[row]), x_max, x_max, 0,
    )  # fmt: skip
    return leaf(2020, content, version=1, ident=int(events.shower_id[row]))


def _photoelectron_sums(event_id: int, shower_id: int, sums: NDArray[np.int64]) -> Object:
    """Only the photo-electrons: numbers of pixels and of photons stay 0."""
    n = len(sums)
    content = i32(shower_id, n) + array(sums, "<i4") + bytes(4 * n) + bytes(5 * 4 * n)
    return leaf(2026, content, version=2, ident=event_id)


def _telescope_event(event_id: int, time: tuple[int, int], telescope: EncodedTelescope) -> Object:
    """Header and raw data."""
    tel_id = telescope.tel_id
    head = _TELESCOPE_HEAD.pack(event_id, event_id, *time, *time, 1, 0.0, telescope.trigger_time)
    ident = telescope.adc_mode | tel_id << 12
    children = leaf(2011, head, version=3, ident=tel_id)
    children += leaf(telescope.adc_type, telescope.adc, version=3, ident=ident)
    return container(container_type(2200, tel_id), children, version=1, ident=event_id)
