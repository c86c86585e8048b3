"""The command line as a program: exit codes, messages, what is left on disk."""

from __future__ import annotations

import errno
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests import eventio_bytes as eb
from tests.test_damage import decompressed


@pytest.fixture(scope="module")
def muons(example_files):
    return example_files["lst-muons"]


@pytest.fixture(scope="module")
def muon_bytes(muons):
    return decompressed(muons)


def process(cli, *words):
    return cli("process", *words, "-o", "out", "--focal-length", "equivalent")


def summary(cli, *words):
    code, out, _ = process(cli, *words, "--json")
    facts = json.loads(out)
    assert facts["exit_code"] == code
    return code, facts["inputs"]


def visible(folder="out"):
    """All files below a folder but its identity, arrays, and what tells of failures."""
    names = {p.relative_to(folder).as_posix() for p in Path(folder).rglob("*") if p.is_file()}
    aside = ("ctabatch.json", "subarray/", "parts/failed/")
    return {n for n in names if not n.startswith(aside)}


def table(name, folder="out"):
    files = sorted(Path(folder, name).rglob("[!.]*.parquet"))
    return pa.concat_tables([pq.read_table(f, partitioning=None) for f in files])


def unfinished(folder="."):
    return [p for p in Path(folder).rglob("*") if p.name.endswith(".wip")]


def test_a_good_file_is_processed_without_a_word_on_stderr(cli, muons):
    code, out, err = process(cli, muons)
    assert (code, err) == (0, "")
    assert "3" in out
    assert table("dl1/images").num_rows == table("trigger").num_rows == 3
    assert unfinished() == []


def test_the_summary_is_one_json_object(cli, muons):
    code, (done,) = summary(cli, muons)
    assert code == 0
    assert done["status"] == "done"
    assert done["array_events"] == done["telescope_events"] == 3
    assert done["n_losses"] == 0


@pytest.mark.parametrize(
    "compress", [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress]
)
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damaged_compressed_files_keep_their_complete_events(
    compress, damage, cli, muon_bytes, tmp_path
):
    data = bytearray(compress(muon_bytes))
    at = int(0.9 * len(data))
    if damage == "cut":
        del data[at:]
    else:
        data[at] ^= 0x55
    (tmp_path / "f.simtel").write_bytes(data)
    code, _out, err = process(cli, "f.simtel")
    assert code == 1
    assert "lost" in err
    assert "the file is damaged" in err
    found = table("trigger")
    assert found["event_id"].to_pylist()[:2] == [100, 200]
    record = json.loads(next(Path("out/parts").glob("*.json")).read_text())
    assert record["n_losses"] >= 1


def test_flipped_bytes_of_a_plain_file_are_listed_with_their_place(cli, muon_bytes, tmp_path):
    data = bytearray(muon_bytes)
    word = [w for _, k, w, _ in eb.headers(muon_bytes) if k == 2010][1]
    data[word + 9] ^= 0x10
    (tmp_path / "f.simtel").write_bytes(data)
    code, _, err = process(cli, "f.simtel")
    assert code == 1
    assert f"byte {word - 4}" in err
    assert {100, 300} <= set(table("trigger")["event_id"].to_pylist())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"hello, this is text", "not an EventIO file"),
        (eb.SYNC[::-1] + bytes(100), "big-endian"),
        (eb.SYNC, "no run header"),
        (eb.top(70, bytes(8)), "no run header"),
    ],
)
def test_files_of_something_else_are_unusable(content, message, cli, tmp_path):
    (tmp_path / "f.simtel.gz").write_bytes(content)
    code, _, err = process(cli, "f.simtel.gz")
    assert code == 2
    assert message in err
    assert "f.simtel.gz" in err
    assert visible() == set()


def test_a_corsika_file_is_unusable(cli, example_files):
    code, _, err = process(cli, example_files["corsika-one"])
    assert code == 2
    assert "CORSIKA" in err


def test_folders_and_missing_files_are_unusable(cli, tmp_path, muons):
    (tmp_path / "folder").mkdir()
    for name, message in (("folder", "this is a directory"), ("absent", "there is no such file")):
        code, _, err = process(cli, name, muons)
        assert code == 2
        assert message in err
        assert not Path("out").exists()


def test_a_file_that_may_not_be_read_is_unusable(cli, muons, monkeypatch):
    open_path = Path.open

    def refuse(path, *args, **kwargs):  # permissions do not stop the user of a container
        if path == muons:
            raise PermissionError(errno.EACCES, "Permission denied")
        return open_path(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    code, _, err = process(cli, muons)
    assert code == 2
    assert "no permission to read this file" in err


def test_a_file_without_events_is_done_with_a_warning(cli, example_files):
    code, _, err = process(cli, example_files["camera-organisation-v2"])
    assert code == 0
    assert "no events with telescope data" in err
    assert table("trigger").num_rows == 0


def test_objects_of_unknown_type_are_a_note(cli, muon_bytes, tmp_path):
    start = next(s for s, k, _, _ in eb.headers(muon_bytes) if k == 2020)
    data = muon_bytes[:start] + eb.top(11_111, bytes(8)) + muon_bytes[start:]
    (tmp_path / "f").write_bytes(data)
    code, _, err = process(cli, "f")
    assert code == 0
    assert "unknown type 11111" in err


def test_raw_data_of_an_unknown_version_are_a_loss(cli, muon_bytes, tmp_path):
    word = next(w for _, k, w, _ in eb.headers(muon_bytes) if k == 2013)
    data = bytearray(muon_bytes)
    data[word + 3] = 1
    (tmp_path / "f").write_bytes(data)
    code, _, err = process(cli, "f")
    assert code == 1
    assert "not supported" in err
    assert table("dl1/images").num_rows == 2


@pytest.mark.parametrize("kind", [2022, 2023])
def test_a_telescope_without_calibration_is_a_loss(kind, cli, muon_bytes, tmp_path):
    start, end = next((s, e) for s, k, _, e in eb.headers(muon_bytes) if k == kind)
    (tmp_path / "f").write_bytes(muon_bytes[:start] + muon_bytes[end:])
    code, (done,) = summary(cli, "f", "--write", "r0,images")
    assert code == 1
    assert done["n_losses"] == 3
    assert "no image" in done["losses"][0]["reason"]
    assert table("r0").num_rows == 3
    assert not list(Path("out").rglob("dl1/images/**/*.parquet"))


def test_of_several_inputs_one_may_be_bad(cli, muons, example_files, tmp_path):
    (tmp_path / "empty").touch()
    code, inputs = summary(cli, muons, "empty", example_files["hv-disabled"])
    assert code == 1
    assert [i["status"] for i in inputs] == ["done", "failed", "done"]
    assert "empty" in inputs[1]["error"]
    assert sorted(set(table("trigger")["obs_id"].to_pylist())) != []
    assert table("trigger").num_rows == 4


def test_the_same_input_twice_is_a_mistake(cli, muons):
    code, _, err = process(cli, muons, muons)
    assert code == 2
    assert "named twice" in err


def test_what_is_there_already_is_refused_skipped_or_replaced(cli, muons):
    assert process(cli, muons)[0] == 0
    before = visible()
    code, _, err = process(cli, muons)
    assert code == 2
    assert "--resume" in err
    assert "--overwrite" in err
    code, (skipped,) = summary(cli, muons, "--resume")
    assert (code, skipped["status"]) == (0, "skipped")
    code, (again,) = summary(cli, muons, "--resume", "--max-events", "1")  # other options
    assert (code, again["status"], again["array_events"]) == (0, "done", 1)
    code, (replaced,) = summary(cli, muons, "--overwrite")
    assert (code, replaced["status"], replaced["array_events"]) == (0, "done", 3)
    assert visible() == before
    assert cli("process", muons, "-o", "out", "--resume", "--overwrite")[0] == 2


def test_overwriting_removes_tables_that_are_no_longer_asked_for(cli, muons):
    process(cli, muons, "--write", "r0,r1,images")
    assert list(Path("out/r1").rglob("*.parquet"))
    process(cli, muons, "--write", "parameters", "--overwrite")
    tables = {name.split("/")[0] for name in visible()}
    assert not tables & {"r0", "r1"}
    assert not list(Path("out/dl1/images").rglob("*.parquet"))


def test_telescopes_and_events_can_be_chosen(cli, example_files):
    file = example_files["sst1m"]
    code, (done,) = summary(cli, file, "--max-events", "4", "--allowed-tels", "1-30,57")
    assert code == 0
    assert done["array_events"] == 4
    tels = set(table("dl1/parameters")["tel_id"].to_pylist())
    assert tels
    assert tels <= {*range(1, 31), 57}
    for wrong in ("1-", "a", "5-3", "0", ""):
        assert process(cli, file, "--allowed-tels", wrong)[0] == 2


@pytest.mark.parametrize(
    ("write", "tables"),
    [
        ("r0", {"r0"}),
        ("r1", {"r1", "calibration"}),
        ("images", {"dl1/images"}),
        ("parameters", {"dl1/parameters"}),
        ("parameters, r0", {"r0", "dl1/parameters"}),
    ],
)
def test_products_are_written_as_asked_for(write, tables, cli, muons):
    assert process(cli, muons, "--write", write)[0] == 0
    found = {name.split("/tel_type=")[0] for name in visible() if "tel_type=" in name}
    assert found == tables


def test_an_unknown_product_is_refused_with_a_hint(cli, muons):
    code, _, err = process(cli, muons, "--write", "image")
    assert code == 2
    assert "Did you mean 'images'" in err
    assert process(cli, muons, "--write", ",")[0] == 2
    assert process(cli, muons, "--max-events", "0")[0] == 2


def test_an_output_of_something_else_is_left_alone(cli, muons, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("precious")
    code, _, err = process(cli, muons)
    assert code == 2
    assert "something else" in err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_an_output_that_is_a_file_is_refused(cli, muons, tmp_path):
    (tmp_path / "out").write_text("precious")
    code, _, err = process(cli, muons)
    assert code == 2
    assert "this is a file" in err
    assert (tmp_path / "out").read_text() == "precious"


def test_info_tells_of_files_and_datasets(cli, muons, example_files):
    code, out, _ = cli("info", muons, "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["array_events"] == facts["telescope_events"] == 3
    assert len(facts["runs"]) == 1
    code, out, _ = cli("info", example_files["laser-calibration-v3"])
    assert code == 1
    assert "lost" in out
    process(cli, muons)
    code, out, _ = cli("info", "out", "--json")
    assert code == 0
    facts = json.loads(out)
    assert facts["tables"]["trigger"]["rows"] == 3
    assert cli("info", "out")[0] == 0
    assert cli("info", "absent")[0] == 2
    Path("other").mkdir()
    assert cli("info", "other")[0] == 2


def test_schema_lists_the_columns_of_the_files(cli, muons):
    code, out, _ = cli("schema", "--json")
    assert code == 0
    described = json.loads(out)
    process(cli, muons)
    for name in ("trigger", "dl1/parameters", "shower", "run", "pointing"):
        assert [c["name"] for c in described[name]["columns"]] == table(name).column_names
    assert cli("schema", "dl1/parameters")[0] == 0
    code, _, err = cli("schema", "dl1/parameter")
    assert code == 2
    assert "Did you mean" in err
