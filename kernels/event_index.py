"""From the object table to events: which objects belong to which array and telescope event.

Order in a file: an MC shower [2020], then for each use of it an MC event [2021], its true images
[1204 with 1208], their sums [2026] and, if it triggered, the array event [2010] with the trigger
block [2009], one container per telescope [22xx] and tracking positions [21xx]. Calibration events
are array events inside [2028], their photo-electrons inside [2034]; in older files they are array
events before the first shower. Source: sim_telarray io_hess format, ``write_hess_event``.
"""

from __future__ import annotations

import numpy as np

from .bytes import f32, i32
from .jit import kernel
from .object_table import CONTENT, ID, INTACT, LEVEL, PARENT, SIZE, STATE, TYPE, VERSION

#: Columns of the table of array events.
ROW, TRIGGER_ROW, NUMBER, CALIBRATION, MC, PE_SUM_ROW, WHOLE = range(7)
N_EVENT_COLUMNS = 7
#: Values of CALIBRATION besides the calibration type (>= 0) of the container.
NO_CALIBRATION, UNTYPED_CALIBRATION = -2, -1

#: Columns of the table of telescope events. All *_ROW are rows of the object table, -1 if absent.
EVENT, TEL_ID, HEADER_ROW, ADC_ROW, TIMING_ROW, TRIGGERED_PIXELS_ROW = range(6)
SELECTED_PIXELS_ROW, PIXEL_TIMES_ROW, TRACKING_ROW, TRUE_IMAGE_ROW = range(6, 10)
N_AUXILIARY, CONTAINER_ROW = 10, 11
N_TELESCOPE_COLUMNS = 12

#: Columns of the simulated events: integers, then floats.
MC_EVENT_ID, MC_SHOWER_ID, MC_PRIMARY = range(3)
N_MC_INTEGERS = 3
ENERGY, AZ, ALT, STARTING_GRAMMAGE, H_FIRST_INT, X_MAX, CORE_X, CORE_Y, AREA_WEIGHT = range(9)
N_MC_FLOATS = 9

MC_SHOWER, MC_EVENT, PE_SUM, TELESCOPE_DATA, PHOTOELECTRONS = 2020, 2021, 2026, 1204, 1208
ARRAY_EVENT, TRIGGER, CALIBRATION_EVENT, CALIBRATION_PE = 2010, 2009, 2028, 2034
STEREO = 2015
HEADER, SUMS, SAMPLES, TIMING, PIXEL_LIST, PIXEL_TIMES = 2011, 2012, 2013, 2016, 2027, 2032
DIGITAL_TRACES, ANALOG_TRACES = 2029, 2030


@kernel
def telescope_of(object_type: int, base: int) -> int:
    """Telescope of a container type ``base + tel % 100 + 1000 (tel // 100)``, -1 if it is none."""
    offset = object_type - base
    if offset < 0 or offset % 1000 > 99:
        return np.int64(-1)
    return 100 * (offset // 1000) + offset % 1000


@kernel
def _read_shower(
    data: np.ndarray, pos: int, size: int, version: int, integers: np.ndarray, floats: np.ndarray
) -> bool:
    """Parse the fixed part of an MC shower; False if the object is too short."""
    n_words = 10 if version >= 1 else 6
    floats[:] = np.nan
    if size < 4 * n_words:
        return False
    integers[MC_PRIMARY] = i32(data, pos)
    floats[ENERGY] = f32(data, pos + 4)
    floats[AZ] = f32(data, pos + 8)
    floats[ALT] = f32(data, pos + 12)
    pos += 16
    if version >= 1:
        floats[STARTING_GRAMMAGE] = f32(data, pos)
        pos += 4
    floats[H_FIRST_INT] = f32(data, pos)
    floats[X_MAX] = f32(data, pos + 4)
    return True


@kernel
def _set_row(table: np.ndarray, row: int, values: np.ndarray) -> None:
    """Assign a row; numba's own assignment of arrays compiles strings for a message of an error."""
    for column in range(values.shape[0]):
        table[row, column] = values[column]


@kernel
def index_events(
    data: np.ndarray,
    table: np.ndarray,
    begin: int,
    end: int,
    has_shower: bool,
    has_event: bool,
    pending: np.ndarray,
    integers: np.ndarray,
    floats: np.ndarray,
    events: np.ndarray,
    telescopes: np.ndarray,
) -> tuple[int, int, int, bool, bool, int]:
    """Assemble the array events, telescope events and simulated events of some objects.

    Parameters
    ----------
    data : uint8 (n,)
    table : int64 (n_rows, 9)
        Object table; rows ``begin`` to ``end`` are used.
    has_shower : bool
        Whether an MC shower or MC event came before.
    has_event : bool
        Whether the MC event in row 0 of `integers` waits for its array event.
    pending : int64 (3,)
        Read and written: rows of photo-electron sums, true images and calibration true images that
        wait for their array event, -1 for none.
    integers : int64 (n_mc + 2, 3); floats : float64 (n_mc + 2, 9)
        Simulated events. Row 0 is read: the shower and event in force before `begin`. Each MC event
        adds a row; the row behind the last one is written too: the shower then in force.
    events : int64 (n_events, 7); telescopes : int64 (n_telescopes, 12)
        Written, columns as the constants of this module. Unused entries are -1.

    Returns
    -------
    n_events, n_telescopes, n_mc, has_shower, has_event, n_foreign : int
        `n_mc` counts row 0; `n_foreign` the objects inside events that are of no known type.
    """
    n_events = n_telescopes = n_foreign = 0
    n_mc = 1
    shower_integers = integers[0].copy()
    shower_floats = floats[0].copy()
    pe_sum, true_images, calibration_images = pending[0], pending[1], pending[2]
    calibration = np.int64(NO_CALIBRATION)
    current = current_row = telescope = telescope_row = np.int64(-1)
    for row in range(begin, end):
        kind, level, parent = table[row, TYPE], table[row, LEVEL], table[row, PARENT]
        content, size, version = table[row, CONTENT], table[row, SIZE], table[row, VERSION]
        if level == 0:
            current = current_row = telescope = telescope_row = np.int64(-1)
            calibration = np.int64(NO_CALIBRATION)
        if kind == MC_SHOWER and level == 0:
            has_shower = True
            if table[row, STATE] == INTACT and _read_shower(
                data, content, size, version, shower_integers, shower_floats
            ):
                shower_integers[MC_SHOWER_ID] = table[row, ID]
            else:
                shower_integers[MC_SHOWER_ID] = shower_integers[MC_PRIMARY] = -1
                shower_floats[:] = np.nan
        elif kind == MC_EVENT and level == 0:
            has_shower = True
            has_event = table[row, STATE] == INTACT and size >= 12
            pe_sum = true_images = np.int64(-1)
            if not has_event:
                continue
            shower_integers[MC_EVENT_ID] = table[row, ID]
            if i32(data, content) != shower_integers[MC_SHOWER_ID]:  # its shower was lost
                shower_integers[MC_SHOWER_ID] = i32(data, content)
                shower_integers[MC_PRIMARY] = -1
                shower_floats[:] = np.nan
            shower_floats[CORE_X] = f32(data, content + 4)
            shower_floats[CORE_Y] = f32(data, content + 8)
            shower_floats[AREA_WEIGHT] = np.nan
            if version >= 2 and size >= 16:
                shower_floats[AREA_WEIGHT] = f32(data, content + 12)
            _set_row(integers, n_mc, shower_integers)
            _set_row(floats, n_mc, shower_floats)
            n_mc += 1
        elif kind == PE_SUM and level == 0:
            pe_sum = row
        elif kind == TELESCOPE_DATA and level == 0:
            true_images = row
        elif kind == CALIBRATION_PE and level == 0:
            calibration_images = row
        elif kind == CALIBRATION_EVENT and level == 0:
            calibration = table[row, ID]
        elif kind == ARRAY_EVENT:
            current, current_row = n_events, row
            telescope = telescope_row = np.int64(-1)
            n_events += 1
            events[current, :] = -1
            events[current, ROW] = row
            events[current, NUMBER] = table[row, ID]
            events[current, MC] = n_mc - 1 if has_event else -1
            events[current, PE_SUM_ROW] = pe_sum
            top = row if level == 0 else parent
            events[current, WHOLE] = table[top, STATE] == INTACT
            if level == 0 and not has_shower:
                calibration = np.int64(UNTYPED_CALIBRATION)
            events[current, CALIBRATION] = calibration
            if calibration != NO_CALIBRATION:
                events[current, MC] = -1
                events[current, PE_SUM_ROW] = -1
            images = true_images
            if calibration != NO_CALIBRATION:
                images, calibration_images = calibration_images, np.int64(-1)
            else:  # one simulated event makes one array event: the next must bring its own
                has_event = False
                pe_sum = true_images = np.int64(-1)
            first_telescope = n_telescopes
        elif current >= 0 and parent == current_row:
            telescope = telescope_row = np.int64(-1)
            tel_id = telescope_of(kind, 2200)
            tracked = telescope_of(kind, 2100)
            if kind == TRIGGER:
                events[current, TRIGGER_ROW] = row
                if table[row, ID] != 0:
                    events[current, NUMBER] = table[row, ID]
            elif tel_id > 0:
                telescope, telescope_row = n_telescopes, row
                n_telescopes += 1
                telescopes[telescope, :] = -1
                telescopes[telescope, EVENT] = current
                telescopes[telescope, TEL_ID] = tel_id
                telescopes[telescope, N_AUXILIARY] = 0
                telescopes[telescope, CONTAINER_ROW] = row
                if images >= 0:
                    telescopes[telescope, TRUE_IMAGE_ROW] = images
            elif tracked > 0:
                for k in range(first_telescope, n_telescopes):
                    if telescopes[k, TEL_ID] == tracked:
                        telescopes[k, TRACKING_ROW] = row
            elif kind != STEREO:
                n_foreign += 1
        elif telescope >= 0 and parent == telescope_row:
            if kind == HEADER:
                telescopes[telescope, HEADER_ROW] = row
            elif kind == SAMPLES or (kind == SUMS and telescopes[telescope, ADC_ROW] < 0):
                telescopes[telescope, ADC_ROW] = row
            elif kind == TIMING:
                telescopes[telescope, TIMING_ROW] = row
            elif kind == PIXEL_LIST:
                code = table[row, ID] // 1000000
                if code == 0:
                    telescopes[telescope, TRIGGERED_PIXELS_ROW] = row
                elif code == 1:
                    telescopes[telescope, SELECTED_PIXELS_ROW] = row
            elif kind == PIXEL_TIMES:
                telescopes[telescope, PIXEL_TIMES_ROW] = row
            elif kind == DIGITAL_TRACES or kind == ANALOG_TRACES:
                telescopes[telescope, N_AUXILIARY] += 1
            elif kind < 2011 or kind > 2033:
                n_foreign += 1
    pending[0], pending[1], pending[2] = pe_sum, true_images, calibration_images
    _set_row(integers, n_mc, shower_integers)
    _set_row(floats, n_mc, shower_floats)
    return n_events, n_telescopes, n_mc, has_shower, has_event, n_foreign


@kernel
def link_true_images(
    table: np.ndarray, tel_id_of_image: np.ndarray, telescopes: np.ndarray, n_telescopes: int
) -> None:
    """Replace the photo-electron container of each telescope event by the image of its telescope.

    Parameters
    ----------
    table : int64 (n_rows, 9)
    tel_id_of_image : int64 (n_images,)
        Telescope of each image number: images are numbered from 0 in the order of the run header.
    telescopes : int64 (n, 12)
        Column TRUE_IMAGE_ROW: in, row of the container or -1; out, row of the [1208] or -1.
    n_telescopes : int
    """
    for k in range(n_telescopes):
        row = telescopes[k, TRUE_IMAGE_ROW]
        telescopes[k, TRUE_IMAGE_ROW] = -1
        if row < 0:
            continue
        row += 1
        while row < table.shape[0] and table[row, LEVEL] > 0:
            if table[row, TYPE] == PHOTOELECTRONS:
                image = table[row, ID] % 1000
                if image < tel_id_of_image.shape[0]:
                    if tel_id_of_image[image] == telescopes[k, TEL_ID]:
                        telescopes[k, TRUE_IMAGE_ROW] = row
                        break
            row += 1
