"""Calibrated waveforms kept in a dataset: processed again they give what the file gives.

Equal to the last bit: the samples are stored in the single precision in which they are computed,
and everything behind them is the same code.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctabatch.calibration_rows import Calibrated, CalibrationRows
from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.io.table_file import TableFile
from ctabatch.sources.protocol import EventBlock
from ctabatch.sources.stored_calibration import COLUMNS, StoredCalibration
from ctabatch.sources.stored_rows import KeyedFile
from tests.same_tables import check_same, read
from tests.test_stored_images import FILES, file_of, two_types  # noqa: F401 - fixtures
from tests.test_stored_images import process as process_with
from tests.test_stored_images import run as run_with
from tests.test_stored_images import stored as stored_with
from tests.test_stored_r0 import digests

WRITE = ("r1", "images", "parameters", "geometry")
process = partial(process_with, write=WRITE)
run = partial(run_with, write=WRITE)
stored = partial(stored_with, write=WRITE)


@pytest.mark.parametrize("name", FILES)
def test_stored_waveforms_give_the_same_in_all_columns_as_the_file(name, file_of, tmp_path):  # noqa: F811
    part = stored(file_of(name), tmp_path / "simtel")
    found = process(part, tmp_path / "again")
    check_same(tmp_path / "again", tmp_path / "simtel")
    assert found["input"]["level"] == "r1"
    assert found["n_losses"] == 0


@pytest.mark.parametrize(
    "extraction",
    [
        {"extractor": "LocalPeakWindowSum", "window_width": 5, "window_shift": 2},
        {"extractor": "GlobalPeakWindowSum"},
        {"extractor": "FixedWindowSum", "peak_index": 12},
        {"extractor": "SlidingWindowMaxSum"},
        {"extractor": {"*": "FullWaveformSum", "LST*": "NeighborPeakWindowSum"}},
    ],
    ids=lambda options: str(options["extractor"]),
)
def test_every_extractor_gives_the_same_from_waveforms_as_from_the_file(
    extraction,
    file_of,  # noqa: F811
    tmp_path,
):
    part = stored(file_of("prod6"), tmp_path / "r1", write=("r1",))
    write = ("parameters", "geometry")
    process(file_of("prod6"), tmp_path / "simtel", write=write, extraction=extraction)
    process(part, tmp_path / "again", write=write, extraction=extraction)
    # the simulated images are in dl1/images, which this part does not have
    for path in sorted((tmp_path / "simtel").rglob("dl1/parameters/*/*.parquet")):
        expected, found = (read(p) for p in (path, tmp_path / "again" / path.relative_to(
            tmp_path / "simtel")))  # fmt: skip
        for column in expected.schema.names:
            if column.startswith("true_") and "impact" not in column:
                assert found[column].null_count == len(found)
                continue
            a, b = (t[column].combine_chunks() for t in (expected, found))
            assert a.null_count == b.null_count
            np.testing.assert_array_equal(
                a.drop_null().to_numpy(), b.drop_null().to_numpy(), err_msg=column
            )
    check_same(tmp_path / "again", tmp_path / "simtel", but=("dl1",))


@pytest.mark.parametrize("name", ["simulated", "prod6"])
def test_any_number_of_threads_gives_the_same_bytes(name, file_of, tmp_path):  # noqa: F811
    part = stored(file_of(name), tmp_path / "simtel")
    process(part, tmp_path / "1", threads=1)
    process(part, tmp_path / "2", threads=2)
    assert digests(tmp_path / "2") == digests(tmp_path / "1")


@pytest.mark.parametrize("options", [{"max_events": 5}, {"allowed_tels": (2, 30, 57, 61)}])
def test_a_choice_of_events_and_telescopes_is_that_of_the_file(options, file_of, tmp_path):  # noqa: F811
    part = stored(file_of("sst1m"), tmp_path / "whole")
    process(file_of("sst1m"), tmp_path / "simtel", **options)
    process(part, tmp_path / "again", **options)
    check_same(tmp_path / "again", tmp_path / "simtel")


def test_a_part_without_coefficients_is_refused(file_of, tmp_path):  # noqa: F811
    part = stored(file_of("lst-muons"), tmp_path / "r1")
    (path,) = (tmp_path / "r1" / "calibration").rglob("*.parquet")
    path.unlink()
    result = run(part, tmp_path / "gone")
    assert result.status == "failed"
    assert str(path) in result.error
    text = part.read_text()
    name = path.relative_to(tmp_path / "r1").as_posix()
    part.write_text(text.replace(name, name.replace("calibration", "other")))
    result = run(part, tmp_path / "none")
    assert result.status == "failed"
    assert "made again" in result.error


@pytest.mark.parametrize("gain", [-1, 2, 100])
def test_a_gain_channel_that_does_not_exist_is_refused(gain, file_of, tmp_path):  # noqa: F811
    part = stored(file_of("lst-muons"), tmp_path / "r1")
    (path,) = (tmp_path / "r1" / "r1").rglob("*.parquet")
    table = read(path)
    at = table.schema.get_field_index("selected_gain_channel")
    dtype = table.schema.field(at).type
    values = np.zeros((len(table), *dtype.shape), np.int8)
    values[-1, -1] = gain
    lists = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), type=dtype.storage_type)
    column = pa.ExtensionArray.from_storage(dtype, lists)
    pq.write_table(table.set_column(at, table.schema.field(at), column), path)
    result = run(part, tmp_path / "out")
    assert result.status == "failed"
    assert str(path) in result.error
    assert f"gain channel {gain}" in result.error


def test_coefficients_are_stored_where_they_change_and_found_again(tmp_path):
    rng = np.random.default_rng(1)

    def calibration(shifts):
        n = len(shifts)
        ones = np.ones((n, 2, 3), np.float32)
        return CameraCalibration(
            tel_ids=np.arange(1, n + 1), pedestal=ones, dc_to_pe=ones,
            time_shift=ones * np.array(shifts, np.float32)[:, None, None],
            n_summed=np.full(n, 30), readouts=(), invalid_pixels=np.zeros((n, 3), bool),
        )  # fmt: skip

    # of the two telescopes only the second changes, with the second and the fourth block
    blocks = [calibration([0, 1]), calibration([0, 2]), calibration([0, 2]), calibration([0, 1])]
    log, rows, expected = CalibrationRows(), [], []
    for number, one in enumerate(blocks):
        event_id = np.arange(10) + 10 * number
        event, tel_id = np.repeat(np.arange(10), 2), np.tile([1, 2], 10)
        order = rng.permutation(20)
        block = EventBlock(1, event_id, event_id, event_id > 0, None, (0.0, 0.0), {}, None)
        halves = [
            Calibrated("T", event[half], tel_id[half], one, one.rows(tel_id[half]))
            for half in (order[:7], order[7:])
        ]
        rows += [row for _, row in log.of_block(block, halves)]
        expected += [
            (e, t, one.time_shift[t - 1, 0, 0])
            for e, t in zip(event + 10 * number, tel_id, strict=True)
        ]
    table = pa.Table.from_batches(rows)
    assert table["event_id"].to_pylist() == [0, 0, 10, 30]
    assert table["tel_id"].to_pylist() == [1, 2, 2, 2]
    pq.write_table(table, tmp_path / "c.parquet")
    names = ["obs_id", "event_id", "tel_id", *COLUMNS]
    file = TableFile(tmp_path / "c.parquet", 4, names)
    stored_rows = StoredCalibration(KeyedFile(file, np.ones(40, np.int64), np.arange(40)))
    file.close()
    event, tel_id, shift = (np.array(values) for values in zip(*expected, strict=True))
    found = stored_rows.rows(event, tel_id)
    assert (found >= 0).all()
    stored_shifts = table["time_shift"].combine_chunks().to_numpy_ndarray()
    np.testing.assert_array_equal(stored_shifts[found, 0, 0], shift)
    assert (stored_rows.rows(event, tel_id + 5) == -1).all()
