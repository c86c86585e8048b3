"""Images kept in a dataset: processed again they give what the file gives, whatever the options."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.io.stored_parts import stored_inputs
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.files import simulate_file
from ctabatch.simulate.options import SimulationOptions
from tests.same_tables import check_same, read, tables
from tests.test_stored_r0 import digests, told

WRITE = ("images", "parameters", "geometry")
#: Muons, samples, sums, two gains, several runs and cut, calibration events, several camera types.
FILES = [
    "lst-muons", "sst1m", "astri", "prod6", "gamma-test-large", "laser-calibration-v3",
    "pixel-monitoring", "calibration-true", "hv-disabled", "simulated",
]  # fmt: skip


@pytest.fixture(scope="module")
def two_types(tmp_path_factory):
    """A simulated file of two telescope types, several blocks long."""
    path = tmp_path_factory.mktemp("levels") / "gammas.simtel.zst"
    options = SimulationOptions(n_showers=400, array=load_array("alpha-north"), seed=4)
    simulate_file(options, path)
    return path


@pytest.fixture
def file_of(example_files, two_types):
    return lambda name: two_types if name == "simulated" else example_files[name]


def run(path, root, write=WRITE, threads=1, *, existing="refuse", cleaning=None, extraction=None,
        **source):  # fmt: skip
    config = {"write": write, "source": {"focal_length": "equivalent", **source}}
    config |= {"cleaning": cleaning} if cleaning else {}
    config |= {"extraction": extraction} if extraction else {}
    return Engine(root, ProcessConfig.model_validate(config), existing, threads=threads).run(path)


def process(path, root, *args, **kwargs):
    result = run(path, root, *args, **kwargs)
    assert result.status == "done", result.error
    return result.record


def stored(path, root, write=WRITE, **source):
    """What stands for the part that a file became."""
    process(path, root, write, **source)
    (part,) = stored_inputs(root)
    return part


@pytest.mark.parametrize("name", FILES)
def test_stored_images_give_the_same_in_all_columns_as_the_file(name, file_of, tmp_path):
    part = stored(file_of(name), tmp_path / "simtel")
    found = process(part, tmp_path / "again")
    assert len(tables(tmp_path / "simtel")) > 6
    check_same(tmp_path / "again", tmp_path / "simtel")
    (record,) = (tmp_path / "simtel" / "parts").glob("*.json")
    expected = json.loads(record.read_text())
    unlike = {"n_losses", "losses", "notes", "config_digest"}
    for key in told(expected).keys() - unlike:
        assert found[key] == expected[key], key
    assert found["n_losses"] == 0
    assert found["input"]["sha256"] == expected["input"]["sha256"]
    assert found["input"]["level"] == "images"
    assert found["input"]["stored_from"]["path"] == str(file_of(name))


@pytest.mark.parametrize("name", ["prod6", "gamma-test-large"])
def test_other_thresholds_give_the_same_from_images_as_from_the_file(name, file_of, tmp_path):
    part = stored(file_of(name), tmp_path / "simtel")
    cleaning = {"picture_threshold_pe": {"*": 6, "LST*": 8}, "boundary_threshold_pe": 3}
    process(file_of(name), tmp_path / "expected", cleaning=cleaning)
    process(part, tmp_path / "again", cleaning=cleaning)
    check_same(tmp_path / "again", tmp_path / "expected")
    masks = [
        sum(t["morphology_n_pixels"].to_numpy().sum() for t in map(read, found))
        for found in (
            (tmp_path / root / "dl1" / "parameters").rglob("*.parquet")
            for root in ("simtel", "again")
        )
    ]
    assert masks[0] < masks[1]  # lower thresholds did something


@pytest.mark.parametrize("level", ["r1", "images"])
def test_rows_that_do_not_follow_the_order_of_events_are_found_by_their_keys(
    level, file_of, tmp_path
):
    # telescopes of one type with options of their own get batches of their own
    process(file_of("sst1m"), tmp_path / "probe", ("images",))
    (images,) = (tmp_path / "probe" / "dl1" / "images").rglob("*.parquet")
    tels = read(images)["tel_id"].to_pylist()
    cleaning = {"picture_threshold_pe": {"*": 7, str(tels[0]): 9, str(tels[5]): 8}}
    write = ("r1", *WRITE) if level == "r1" else WRITE
    part = stored(file_of("sst1m"), tmp_path / "mixed", write, cleaning=cleaning)
    (images,) = (tmp_path / "mixed" / "dl1" / "images").rglob("*.parquet")
    events = read(images)["event_id"].to_numpy()
    assert (events[1:] < events[:-1]).any()
    process(part, tmp_path / "again", write, cleaning=cleaning, level=level)
    check_same(tmp_path / "again", tmp_path / "mixed")
    process(part, tmp_path / "usual", WRITE, level=level)
    process(file_of("sst1m"), tmp_path / "simtel")
    check_same(tmp_path / "usual", tmp_path / "simtel")


@pytest.mark.parametrize("name", ["simulated", "prod6"])
def test_any_number_of_threads_gives_the_same_bytes(name, file_of, tmp_path):
    part = stored(file_of(name), tmp_path / "simtel")
    process(part, tmp_path / "1", threads=1)
    process(part, tmp_path / "2", threads=2)
    assert digests(tmp_path / "2") == digests(tmp_path / "1")


@pytest.mark.parametrize(
    "options", [{"max_events": 5}, {"allowed_tels": (2, 30, 57, 61)}, {"max_events": 1000}]
)
def test_a_choice_of_events_and_telescopes_is_that_of_the_file(options, file_of, tmp_path):
    part = stored(file_of("sst1m"), tmp_path / "whole")
    expected = process(file_of("sst1m"), tmp_path / "simtel", **options)
    found = process(part, tmp_path / "again", **options)
    check_same(tmp_path / "again", tmp_path / "simtel")
    for key in ("array_events", "telescope_events", "stopped_by_max_events", "notes"):
        assert found[key] == expected[key], key
    cut = stored(file_of("sst1m"), tmp_path / "cut", **options)
    assert (
        process(cut, tmp_path / "of_cut")["stopped_by_max_events"]
        == (expected["stopped_by_max_events"])
    )
    check_same(tmp_path / "of_cut", tmp_path / "simtel")


def test_the_effective_focal_length_can_be_had_from_images_of_the_other(file_of, tmp_path):
    part = stored(file_of("prod6"), tmp_path / "equivalent")
    process(file_of("prod6"), tmp_path / "simtel", focal_length="effective")
    process(part, tmp_path / "again", focal_length="effective")
    check_same(tmp_path / "again", tmp_path / "simtel")


def test_telescopes_that_the_part_was_not_made_of_are_refused(file_of, tmp_path):
    part = stored(file_of("sst1m"), tmp_path / "some", allowed_tels=(2, 30, 57))
    result = run(part, tmp_path / "none", allowed_tels=(61,))
    assert result.status == "failed"
    assert "[2, 30, 57]" in result.error
    record = process(part, tmp_path / "less", allowed_tels=(30, 61))
    assert [what for what in record["notes"] if "left out" in what]


def test_the_level_can_be_chosen_and_must_be_there(cli, example_files, tmp_path):
    file = example_files["lst-muons"]
    write = "r0,images,parameters,geometry"
    assert cli("process", file, "-o", "both", "--write", write)[0] == 0
    for level in ("r0", "images"):
        assert cli("process", "both", "-o", level, "--from", level)[0] == 0
        (record,) = (tmp_path / level / "parts").glob("*.json")
        assert json.loads(record.read_text())["input"]["level"] == level
        check_same(tmp_path / level, tmp_path / "both", but=("r0",))
    assert cli("process", "both", "-o", "lowest")[0] == 0
    (record,) = (tmp_path / "lowest" / "parts").glob("*.json")
    assert json.loads(record.read_text())["input"]["level"] == "r0"
    code, _, err = cli("process", "both", "-o", "no", "--from", "r1")
    assert code == 2
    assert "r0, images" in err
    code, _, err = cli("process", "both", "-o", "no", "--from", "r9")
    assert code == 2
    assert "'r1'" in err
    code, _, err = cli("process", file, "-o", "no", "--from", "images")
    assert code == 2
    assert "this is none" in err
    for product in ("r0", "r1"):
        code, _, err = cli("process", "images", "-o", "no", "--write", f"{product},images")
        assert code == 2
        assert f"{product} cannot be written from images" in err


def test_a_part_of_parameters_points_to_the_command_for_their_geometry(file_of, tmp_path):
    process(file_of("lst-muons"), tmp_path / "bare", ("parameters",))
    (record,) = (tmp_path / "bare" / "parts").glob("*.json")
    result = run(record, tmp_path / "out")
    assert result.status == "failed"
    assert "ctabatch stereo" in result.error


def test_a_dataset_cannot_take_what_is_made_of_it(file_of, tmp_path):
    part = stored(file_of("lst-muons"), tmp_path / "own")
    result = run(part, tmp_path / "own", existing="overwrite")
    assert result.status == "failed"
    assert "its own dataset" in result.error


@pytest.mark.parametrize("table", ["trigger", "pointing", "shower", "run", "dl1", "subarray"])
@pytest.mark.parametrize("damage", ["gone", "cut", "flip"])
def test_damaged_files_are_named(table, damage, file_of, tmp_path):
    part = stored(file_of("sst1m"), tmp_path / "whole")
    pattern = "images/*/*.parquet" if table == "dl1" else "**/*.parquet"
    path = sorted((tmp_path / "whole" / table).glob(pattern))[0]
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    else:  # inside of a page, of which there is a checksum
        at = len(whole) // 3 if table == "dl1" else 60
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
    result = run(part, tmp_path / "out")
    assert result.status == "failed", damage
    assert str(path) in result.error


def test_rows_that_belong_to_no_event_are_refused(file_of, tmp_path):
    part = stored(file_of("sst1m"), tmp_path / "whole")
    (path,) = (tmp_path / "whole" / "dl1" / "images").rglob("*.parquet")
    table = read(path)
    keys = table["event_id"].to_numpy() + 7
    table = table.set_column(1, table.schema.field(1), [keys])
    pq.write_table(table, path)
    result = run(part, tmp_path / "out")
    assert result.status == "failed"
    assert str(path) in result.error
