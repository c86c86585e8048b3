"""`ctabatch validate`: each kind of damage is made, found and named; repair removes leftovers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctabatch.errors import InputError
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.parquet import file_crc32
from ctabatch.io.part_lock import part_lock
from ctabatch.io.writer_identity import writer_token
from ctabatch.upkeep.findings import Report
from ctabatch.upkeep.key_ranges import Box, Ranges
from ctabatch.upkeep.keys import KeyCheck
from ctabatch.upkeep.validate import remove_leftovers, validate
from tests.toy_dataset import SUBARRAY, write_dataset, write_part

TYPE = "LST_A_Cam"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("toy") / "whole")


@pytest.fixture
def root(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "dataset")


def part(root, k=0):
    return DatasetFolder(root).recorded()[k]


def file(root, table, k=0):
    return root / table / f"{part(root, k)}.parquet"


def problems(root, **options):
    return [(one.kind, one.file, one.what) for one in validate(root, **options)[0].problems]


def only(root, **options):
    found = problems(root, **options)
    assert len(found) == 1, found
    return found[0]


def rewrite(root, path, table, *, record=True):
    """Replace a file; the record follows, as if the program had written it so."""
    pq.write_table(table, path)
    if record:
        name = path.relative_to(root).as_posix()
        for where in (root / "parts").rglob("*.json"):
            facts = json.loads(where.read_text())
            if name in facts["tables"]:
                size = path.stat().st_size
                facts["tables"][name] = {
                    "rows": len(table), "bytes": size, "crc32": file_crc32(path)
                }  # fmt: skip
                where.write_text(json.dumps(facts))


def edit(root, change, k=0):
    path = DatasetFolder(root).record_path(part(root, k))
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def read(path):
    return pq.read_table(path, partitioning=None)


def test_a_whole_dataset_has_no_findings(root):
    report, removable = validate(root, deep=True)
    assert report.findings == []
    assert removable == []
    assert report.checked["records"] == 6  # three parts and their predictions
    assert report.checked["files"] > 50


def test_a_folder_that_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(InputError, match="no ctabatch dataset"):
        validate(tmp_path)


def test_an_identity_of_a_later_format_is_refused(root):
    (root / "ctabatch.json").write_text('{"format": "ctabatch dataset", "format_version": 99}')
    with pytest.raises(InputError, match="version 99"):
        validate(root)


@pytest.mark.parametrize("text", ["{", "[]", "null", '"x"', "{}", "\x00"])
def test_a_record_that_is_no_record_is_found(root, text):
    path = DatasetFolder(root).record_path(part(root))
    path.write_text(text)
    found = problems(root)
    assert ("record", f"parts/{path.name}") in [one[:2] for one in found]
    # the files of that part are needed to mend it: none is called a leftover
    assert not [one for one in found if one[0] == "leftover"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r.pop("input"), "no entry input"),
        (lambda r: r.update(array_events="many"), "array_events"),
        (lambda r: r.update(part="other"), "of part 'other'"),
        (lambda r: r.update(tables={}), "names no tables"),
        (
            lambda r: r["tables"].update({"../x.parquet": {"rows": 1, "bytes": 1}}),
            "not the name of a table",
        ),
        (
            lambda r: r["tables"].update({"/etc/x.parquet": {"rows": 1, "bytes": 1}}),
            "not the name of a table",
        ),
        (
            lambda r: r["tables"].update({"a/x.parquet": {"rows": -1, "bytes": 1}}),
            "rows or bytes of",
        ),
        (lambda r: r.update(array_events=r["array_events"] + 1), "rows of table trigger"),
        (lambda r: r.update(telescope_events=1), "by telescope type"),
    ],
)
def test_a_record_of_another_form_or_with_other_counts_is_found(root, change, words):
    edit(root, change)
    name = f"parts/{part(root)}.json"
    assert any(k == "record" and f == name and words in what for k, f, what in problems(root))


def test_a_file_that_two_records_name_is_found(root):
    name = file(root, "trigger", 1).relative_to(root).as_posix()
    facts = DatasetFolder(root).record(part(root, 1))["tables"][name]
    edit(root, lambda r: r["tables"].update({name: facts}))
    assert any("is a file of" in what for _, _, what in problems(root))


def test_a_file_that_is_gone_is_found(root):
    path = file(root, "dl2/impact/tel_type=" + TYPE)
    path.unlink()
    kind, name, what = only(root)
    assert (kind, name) == ("file", path.relative_to(root).as_posix())
    assert "gone" in what


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_cut_anywhere_is_found(whole, root, data):
    source = data.draw(st.sampled_from(sorted(whole.rglob("*.parquet"))))
    size = data.draw(st.integers(0, source.stat().st_size - 1))
    path = root / source.relative_to(whole)
    path.write_bytes(source.read_bytes()[:size])
    found = problems(root)
    shutil.copy(source, path)
    name = path.relative_to(root).as_posix()
    assert name in [one[1] for one in found]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_bit_is_found_when_every_byte_is_read(whole, root, data):
    sources = [p for p in sorted(whole.rglob("*.parquet")) if "subarray/" not in str(p)[-60:]]
    source = data.draw(st.sampled_from([p for p in sources if p.parts[-3] != "subarray"]))
    content = bytearray(source.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    path = root / source.relative_to(whole)
    path.write_bytes(bytes(content))
    found = problems(root, deep=True)
    shutil.copy(source, path)
    assert ("checksum", path.relative_to(root).as_posix()) in [one[:2] for one in found]


def test_rows_that_were_dropped_are_found(root):
    path = file(root, "shower")
    rewrite(root, path, read(path).slice(1), record=False)
    assert any("19 rows, 20 were written" in what for _, _, what in problems(root))


def test_a_record_without_checksums_is_told_and_no_finding(root):
    edit(root, lambda r: [facts.pop("crc32") for facts in r["tables"].values()])
    report, _ = validate(root, deep=True)
    assert report.problems == []
    assert len(report.findings) == 1
    assert "no checksum" in report.findings[0].what


def changed(table, name, field=None, values=None):
    at = table.schema.get_field_index(name)
    field = field or table.schema.field(at)
    return table.set_column(at, field, table[name] if values is None else values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop_columns(["true_energy"]), "true_energy is missing"),
        (lambda t: t.append_column("more", pa.array([1] * len(t))), "more is not declared"),
        (
            lambda t: changed(t, "true_energy", t.schema.field("true_energy").with_metadata(
                {**t.schema.field("true_energy").metadata, b"unit": b"GeV"})),
            "is in 'GeV', declared in 'TeV'",
        ),
        (
            lambda t: changed(t, "true_alt", t.schema.field("true_alt").with_type(pa.float16()),
                              t["true_alt"].cast(pa.float16(), safe=False)),
            "true_alt is halffloat",
        ),
        (
            lambda t: changed(t, "true_alt", t.schema.field("true_alt").with_nullable(True)),
            "true_alt may be null",
        ),
        (
            lambda t: t.replace_schema_metadata(
                {**t.schema.metadata, b"ctabatch.schema_version": b"0"}),
            "schema version 0",
        ),
        (
            lambda t: t.replace_schema_metadata({**t.schema.metadata, b"ctabatch.table": b"x"}),
            "says it is table 'x'",
        ),
    ],
)  # fmt: skip
def test_a_schema_other_than_declared_is_found(root, change, words):
    path = file(root, "shower")
    rewrite(root, path, change(read(path)))
    kind, name, what = only(root)
    assert (kind, name) == ("schema", path.relative_to(root).as_posix())
    assert words in what


def test_a_row_twice_in_a_file_is_found(root):
    path = file(root, "dl2/geometry")
    rows = read(path)
    rewrite(root, path, pa.concat_tables([rows, rows.slice(3, 1)]))
    kind, _, what = only(root)
    assert kind == "keys"
    assert what.startswith("2 rows have a key that another row has too, the first obs_id 1")


def test_the_same_events_in_two_parts_are_found_once_for_the_pair(root):
    name = write_part(root, 1, range(1, 21), stem="again")  # the same data under another name
    kind, where, what = only(root)
    assert kind == "keys"
    assert {where, f"parts/{name}.json"} <= {f"parts/{one}.json" for one in (name, part(root, 1))}
    assert what.startswith("20 rows of table trigger and in ")
    assert what.endswith("too, the first obs_id 1, event_id 1")


def test_other_events_of_the_same_observation_are_no_finding(root):
    write_part(root, 1, range(100, 110), stem="more")
    assert problems(root) == []


@pytest.mark.parametrize(
    ("table", "joins"),
    [
        ("trigger", ("shower", "telescope_trigger", "dl2/geometry", "dl2/subarray/model=X")),
        ("dl1/images/tel_type=" + TYPE, ("dl1/parameters",)),
        ("dl1/parameters/tel_type=" + TYPE, ("dl2/telescope/model=X", "dl2/impact")),
    ],
)
def test_rows_that_lost_what_they_join_are_found(root, table, joins):
    path = file(root, table)
    rewrite(root, path, read(path).slice(0, len(read(path)) - 2))
    lost = {name for kind, name, what in problems(root) if kind == "keys" and "no row in" in what}
    for one in joins:
        assert any(name.startswith(f"{one}/") for name in lost), one


def test_an_array_that_is_gone_is_found(root):
    (root / "subarray" / "optics" / f"{SUBARRAY}.parquet").unlink()
    kind, name, what = only(root)
    assert (kind, name) == ("subarray", f"subarray/optics/{SUBARRAY}.parquet")
    assert "needs it" in what


def leave_behind(root, age):
    """Leftovers of each kind that writers leave when they are killed."""
    shower = root / "shower"
    made = [
        shower / ".1234abcd.wip",
        root / "parts" / ".x.json.1234abcd.wip",
        shower / "gone-00000000.parquet",
        root / "parts" / "dl2" / "X" / "gone-00000000.json",
    ]
    for path in made:
        path.write_bytes(b"{}")
        os.utime(path, (time.time() - age, time.time() - age))
    return {path.relative_to(root).as_posix() for path in made}


def test_leftovers_are_listed_and_removed_on_request_alone(root):
    before = {path for path in root.rglob("*") if path.is_file()}
    names = leave_behind(root, age=7200)
    report, removable = validate(root)
    assert {one.file for one in report.problems if one.kind == "leftover"} == names
    assert set(removable) == names
    assert removable[0].startswith("parts/")  # records go first
    remove_leftovers(root, removable, report)
    assert {path for path in root.rglob("*") if path.is_file()} == before
    assert problems(root) == []


def test_leftovers_of_a_writer_that_may_be_alive_stay(root):
    names = leave_behind(root, age=60)
    report, removable = validate(root)
    assert removable == []
    assert {one.file for one in report.problems} == names
    assert all("may be alive" in one.what for one in report.problems)
    assert set(validate(root, now=True)[1]) == names


def test_work_in_progress_of_this_process_stays_and_of_one_that_ended_goes(root):
    mine = root / "shower" / f".{writer_token()}.wip"
    code = "from ctabatch.io.writer_identity import writer_token; print(writer_token())"
    words = [sys.executable, "-c", code]
    dead = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    theirs = root / "shower" / f".{dead}.wip"
    for path in (mine, theirs):
        path.write_bytes(b"")
    os.utime(mine, (0, 0))  # old, but its writer is there
    _, removable = validate(root)
    assert removable == [theirs.relative_to(root).as_posix()]


def test_a_file_without_a_record_stays_while_its_part_is_committed(root):
    path = root / "shower" / "new-00000000.parquet"
    path.write_bytes(b"")
    with part_lock(root, "new-00000000"):
        os.utime(path, (0, 0))
        assert validate(root)[1] == []
    lock = root / "parts" / ".new-00000000.lock"
    lock.write_bytes(b"")  # as a killed writer leaves it
    os.utime(path)
    assert validate(root)[1] == ["shower/new-00000000.parquet"]


def test_files_of_productions_are_no_leftovers(root):
    for name in ("index.parquet", "failed/x-1.json", "summary/plan.json", ".x-1.lock"):
        (root / "parts" / name).parent.mkdir(exist_ok=True)
        (root / "parts" / name).write_text("{}")
    assert problems(root) == []


def test_files_of_strangers_are_told_and_never_removed(root):
    (root / "notes.txt").write_text("mine")
    report, removable = validate(root, now=True)
    assert removable == []
    assert report.problems == []
    assert [one.file for one in report.findings] == ["notes.txt"]


def test_repair_removes_nothing_that_is_committed(root, cli):
    file(root, "shower").write_bytes(b"damaged")
    leave_behind(root, age=7200)
    committed = {path for path in root.rglob("*") if path.is_file() and path.parent.name == "X"}
    code, out, _ = cli("validate", root, "--repair")
    assert code == 1  # the damage is still there
    assert "removing shower/.1234abcd.wip" in out
    assert "not readable as Parquet" in out
    assert file(root, "shower").exists()
    assert {path for path in committed if path.name.startswith("run")} <= set(root.rglob("*"))


def test_the_command_tells_and_exits_by_what_it_found(root, cli):
    code, out, _ = cli("validate", root)
    assert code == 0
    assert "consistent" in out
    file(root, "shower").unlink()
    code, out, _ = cli("validate", root, "--json")
    assert code == 1
    facts = json.loads(out)
    assert not facts["consistent"]
    assert facts["findings"][0].keys() == {"kind", "file", "what", "todo"}
    code, _, err = cli("validate", root / "nothing")
    assert code == 2
    assert "no ctabatch dataset" in err


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 200), group=st.integers(1, 30))
def test_boxes_hold_every_row_once_however_small(tmp_path, limit, group):
    rng = np.random.default_rng([limit, group])
    obs, event = rng.integers(-2, 3, 150), rng.integers(-50, 50, 150)
    table = pa.table({"obs_id": pa.array(obs, pa.int32()), "event_id": event})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=group)
    ranges = Ranges()
    with pq.ParquetFile(tmp_path / "x.parquet") as opened:
        ranges.add(opened, 0)
    boxes = list(ranges.boxes(limit))
    assert [box[:3] for box in boxes] == sorted(box[:3] for box in boxes)
    times = np.zeros(150, int)
    for box in boxes:
        times += (obs >= box[0]) & (obs <= box[1]) & (event >= box[2]) & (event <= box[3])
        assert ranges.files(box) == [0]
    assert (times == 1).all()
    assert ranges.files(Box(9, 9, 0, 0)) == []


def test_small_boxes_find_what_one_box_finds(root):
    write_part(root, 1, range(10, 31), stem="overlap")
    names = sorted(p.relative_to(root).as_posix() for p in root.rglob("*.parquet")
                   if p.parts[-2] in ("trigger", "shower", "telescope_trigger"))  # fmt: skip
    found = []
    for limit in (10**6, 20):
        ranges, report = Ranges(), Report()
        for number, name in enumerate(names):
            with pq.ParquetFile(root / name) as opened:
                ranges.add(opened, number)
        KeyCheck(root, {n: n.split("/")[1] for n in names}, ranges, report).run(limit)
        found.append(report.findings)
    assert found[0] == found[1]
    assert any("11 rows of table trigger" in one.what for one in found[0])
