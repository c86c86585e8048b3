"""`ctabatch compact` by URI: what it makes of folders, and every event once whatever happens.

Faults are put in by a proxy in front of a real server; the network that goes for good at some
request is, for the store, a process that is killed there.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pyarrow.parquet as pq
import pytest

import ctabatch
from ctabatch.errors import CtabatchError, InputError, OutputError
from ctabatch.io import store_file
from ctabatch.io.compaction_claim import PART
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.dataset_identity import IDENTITY, UNFINISHED, identity_text
from ctabatch.io.location import location
from ctabatch.io.merged_parts import replaced_by
from ctabatch.io.stored_parts import part_of
from ctabatch.io.writer_identity import machine, process_start
from ctabatch.upkeep import compact as compact_module
from ctabatch.upkeep.compact import compact
from ctabatch.upkeep.deviations import Tolerance
from ctabatch.upkeep.diff import diff
from ctabatch.upkeep.diff_inputs import configurations, tables
from ctabatch.upkeep.validate import remove_leftovers, validate

from .faulty_proxy import Fault, FaultyProxy
from .object_store import settings, variables
from .same_tables import check_same_table
from .toy_dataset import write_dataset, write_part

WRITES = ("PUT", "POST", "DELETE")
#: Array events of the toy dataset, and its parts.
EVENTS, PARTS = 30, 4
CLAIM = f"parts/.{PART}.lock"


def write_toy(root):
    """Two parts that become one, one that joins them, and one of another configuration."""
    write_dataset(root, n_parts=2, n_events=10)
    write_part(DatasetFolder(root), 1, range(101, 106), stem="more")
    write_part(DatasetFolder(root), 8, range(5), thresholds=5.0)
    return root


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return write_toy(tmp_path_factory.mktemp("toy") / "dl1")


@pytest.fixture(scope="module")
def compacted(here, tmp_path_factory):
    """What it becomes on disk."""
    root = tmp_path_factory.mktemp("compacted") / "dl1"
    assert compact(here, root).parts_after == 2
    return root


@pytest.fixture
def there(bucket):
    """The same dataset in the bucket."""
    return str(write_toy(location(f"{bucket.uri}/dl1")))


@pytest.fixture(autouse=True)
def scratch(tmp_path_factory, monkeypatch):
    """Where copies are made; nothing of them stays."""
    folder = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def check_same(root, expected):
    """Same parts, same tables, same rows in the same order, same facts in the records."""
    found = diff(tables(location(root)), tables(expected), Tolerance(0.0, 0.0))
    assert found.is_equal, found
    assert configurations(location(root)) == configurations(expected)
    one, two = DatasetFolder(root), DatasetFolder(expected)
    assert one.parts() == two.parts()
    for table, files in two.tables().items():
        pairs = zip(one.tables()[table], files, strict=True)
        for pair in pairs:
            assert part_of(pair[0]) == part_of(pair[1])
            rows = [pq.read_table(opened(path), partitioning=None) for path in pair]
            check_same_table(*rows, table)
            keys = [k for k in ("obs_id", "event_id", "tel_id") if k in rows[0].column_names]
            assert rows[0].select(keys).equals(rows[1].select(keys)), table
    for part in two.parts():
        records = [without_names(folder.record(part)) for folder in (one, two)]
        assert records[0] == records[1]


def opened(path):
    return path if isinstance(path, Path) else path.open("rb")


def without_names(record):
    """A record without what differs: names and bytes of files, times."""
    kept = {k: v for k, v in record.items() if k not in ("tables", "activities", "inputs")}
    kept["rows"] = sum(facts["rows"] for facts in record["tables"].values())
    kept["inputs"] = [one["part"] for one in record.get("inputs", ())]
    return kept


def check_tidy(bucket, folder, *, deep=False, claimed=False):
    """Every object is named by a record, or of an array; `claimed`: of a dead compaction, too."""
    keys = {key.removeprefix(f"{folder}/") for key in bucket.keys(f"{folder}/")}
    if claimed:
        keys.remove(CLAIM)
    records = {key for key in keys if key.startswith("parts/")}
    named = {n for key in records for n in json.loads(bucket.get(f"{folder}/{key}"))["tables"]}
    arrays = {key for key in keys if key.startswith("subarray/")}
    assert keys == {IDENTITY} | records | named | arrays
    if deep:
        assert validate(f"{bucket.uri}/{folder}", deep=True, now=True)[0].findings == []
    assert bucket.unfinished_uploads() == 0


@pytest.mark.parametrize(
    "way", ["in place", "store to store", "store to folder", "folder to store"]
)
def test_it_makes_what_it_makes_of_folders(way, here, there, compacted, bucket, tmp_path, cli):
    before = {key: bucket.get(key) for key in bucket.keys("dl1/")}
    new = tmp_path / "new" if way == "store to folder" else f"{bucket.uri}/deep/new"
    source = here if way == "folder to store" else there
    words = ["--in-place"] if way == "in place" else ["-o", new]
    code, out, err = cli("compact", source, *words)
    assert (code, err) == (0, ""), out
    found = there if way == "in place" else new
    assert f"{found}: {PARTS} parts in " in out
    assert "became 2 in" in out
    check_same(found, compacted)
    assert ctabatch.Dataset(found).predictions().collect().height == EVENTS
    if way == "store to folder":
        assert validate(found, deep=True)[0].findings == []
    else:
        check_tidy(bucket, "dl1" if way == "in place" else "deep/new", deep=True)
    if way != "in place":
        assert {key: bucket.get(key) for key in bucket.keys("dl1/")} == before
    assert not [path for path in tmp_path.iterdir() if ":" in path.name]
    assert compact(found).merged == {}


def test_files_of_a_store_that_were_copied_to_a_folder_are_merged_there(there, bucket, tmp_path,
                                                                        compacted):  # fmt: skip
    """Who copies a dataset with the tools of the store has its names on disk."""
    for key in bucket.keys("dl1/"):
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bucket.get(key))
    compact(tmp_path / "dl1")
    check_same(tmp_path / "dl1", compacted)
    assert validate(tmp_path / "dl1", deep=True, now=True)[0].findings == []


def of(*methods, end=""):
    return lambda method, path: method in methods and path.endswith(end)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("in_place", "fault"),
    [
        (True, Fault("error", 12, of("GET"), status=503, every=3)),
        (True, Fault("error", 12, of(*WRITES), status=500, every=3)),
        (True, Fault("late cut", 2, lambda m, p: m == "PUT" and "/parts/" in p)),
        (False, Fault("cut", 12, of("GET"), every=3)),
        (False, Fault("late cut", 12, of("PUT"), every=3)),
        (False, Fault("late cut", 2, of("PUT", end=IDENTITY))),
    ],
    ids=["503-in-place", "500-in-place", "lost-record", "cut", "late-cut", "lost-identity"],
)
def test_what_passes_is_repeated_and_changes_nothing(
    in_place, fault, there, bucket, server, compacted, monkeypatch
):
    output = None if in_place else f"{bucket.uri}/new"
    with FaultyProxy(server.port, [fault]) as proxy, settings(monkeypatch, proxy.url):
        compact(there, output)
    assert fault.hits > 0
    check_same(output or there, compacted)
    check_tidy(bucket, "new" if output else "dl1")


class Lost:
    """The network before the write request `at`: from there on nothing arrives."""

    def __init__(self, at):
        self.at, self.n_writes = at, 0

    def __call__(self, method, path):
        self.n_writes += method in WRITES
        return self.n_writes > self.at


def compact_until(server, source, output, at):
    """Compact over a network that goes; gives the writes that were asked for, None if it failed."""
    lost = Lost(at)
    with (
        FaultyProxy(server.port, [Fault("refuse", 10**9, lost)]) as proxy,
        pytest.MonkeyPatch.context() as patch,
        settings(patch, proxy.url, AWS_MAX_ATTEMPTS="1"),
    ):
        try:
            compact(source, output)
        except CtabatchError:
            return None
    return lost.n_writes


@pytest.mark.slow
def test_whenever_the_store_is_lost_each_event_is_there_once(server, here, compacted, bucket):
    """In place: everything that is read stays, and compacting again ends what was begun."""
    uri = str(write_toy(location(f"{bucket.uri}/count")))
    total = compact_until(server, uri, None, 10**9)
    n_tables = sum(1 for key in bucket.tables("count/") if "/compact-" in key)
    # the claim, tables, the record of the predictions, the claim again, then the record itself
    switch = n_tables + 3
    switched = 0
    assert total > 60
    for n, at in enumerate((total // 5, switch - 1, switch, switch + 1, total // 2 + 10)):
        uri = str(write_toy(location(f"{bucket.uri}/at-{at}")))
        ended = compact_until(server, uri, None, at)
        folder = DatasetFolder(uri)
        after = len(folder.parts()) == 2
        assert after == (at > switch), at
        switched += after
        assert ended is None or after, at  # only what is left may be lost without an error
        expected = compacted if after else here
        assert diff(tables(folder.root), tables(expected), Tolerance(0.0, 0.0)).is_equal, at
        report, _ = validate(uri)
        assert {one.kind for one in report.problems} <= {"leftover"}, at
        if n % 2:
            report, removable = validate(uri, now=True)
            remove_leftovers(uri, removable, report)
            assert diff(tables(folder.root), tables(expected), Tolerance(0.0, 0.0)).is_equal, at
            check_tidy(bucket, f"at-{at}", claimed=True)
        compact(uri, now=True)
        check_same(uri, compacted)
        check_tidy(bucket, f"at-{at}")
    assert switched == 2


@pytest.mark.slow
def test_a_new_dataset_is_seen_when_it_is_whole(server, here, there, compacted, bucket, cli):
    total = compact_until(server, there, f"{bucket.uri}/count", 10**9)
    assert total == compact_until(server, there, f"{bucket.uri}/same", total)
    before = bucket.keys("dl1/")
    for n, at in enumerate((0, 1, total // 2, total - 1)):
        new = f"{bucket.uri}/new-{at}"
        assert compact_until(server, there if n % 2 else here, new, at) is None
        with pytest.raises(InputError, match="is not whole" if at else "no ctabatch dataset"):
            ctabatch.Dataset(new)
        if at:
            code, _, err = cli("process", "example:sst1m", "-o", new)
            assert code == 2
            assert "ctabatch compact began to write it at" in err
            bucket.put(f"new-{at}/trigger/of-the-killed-run@0.parquet", b"")
        compact(there, new)
        check_same(new, compacted)
        check_tidy(bucket, f"new-{at}")
        assert bucket.keys("dl1/") == before


def test_a_failure_that_is_no_loss_of_the_store_leaves_nothing(there, bucket, monkeypatch):
    path = next(key for key in bucket.keys("dl1/dl2/geometry/"))
    bucket.put(path, b"damaged")
    before = bucket.keys()
    for output in (None, f"{bucket.uri}/new"):
        with pytest.raises(InputError, match=f"{bucket.uri}/{path}.*(not readable)"):
            compact(there, output)
        assert bucket.keys() == before


def test_tables_that_were_sent_are_taken_back_if_predictions_cannot_be(there, bucket, monkeypatch):
    before = bucket.keys()
    monkeypatch.setattr(DatasetFolder, "commit_predictions", refuse)
    with pytest.raises(OutputError, match="refused"):
        compact(there)
    assert bucket.keys() == before


def refuse(*_):
    raise OutputError("refused")


@pytest.mark.slow
def test_a_reader_sees_each_event_once_at_every_request(there, server, bucket, monkeypatch):
    seen = []

    def look(method, path):
        keys = set(bucket.keys("dl1/"))
        keys.discard(f"dl1/{CLAIM}")
        own = (key for key in keys if key.startswith("dl1/parts/") and key.count("/") == 2)
        records = {Path(key).stem: json.loads(bucket.get(key)) for key in own}
        replaced = replaced_by(records, records.get)
        tables = [one["tables"] for name, one in records.items() if name not in replaced]
        assert {f"dl1/{name}" for own in tables for name in own} <= keys
        rows = (f["rows"] for own in tables for n, f in own.items() if n.startswith("trigger/"))
        seen.append((method, len(records) - len(replaced.keys() & records.keys()), sum(rows)))
        return False

    fault = Fault("refuse", 1, look)
    with FaultyProxy(server.port, [fault]) as proxy, settings(monkeypatch, proxy.url):
        compact(there)
    assert len(seen) > 100
    assert {events for _, _, events in seen} == {EVENTS}
    assert {parts for _, parts, _ in seen} == {PARTS, 2}


CHILD = [sys.executable, "-m", "ctabatch", "compact"]


def killed_at(server, at, folder, *words):
    """Kill a program at one of its write requests, which does not arrive any more."""
    run = None
    lost = Lost(at)

    def kill(method, path):
        if lost(method, path):
            os.kill(run.pid, signal.SIGKILL)
            return True
        return False

    with FaultyProxy(server.port, [Fault("refuse", 10**9, kill)]) as proxy:
        proxy._server.handle_error = lambda *_: None  # of connections of the dead
        environment = {**os.environ, **variables(proxy.url), "TMPDIR": str(folder)}
        environment["PYTHONPATH"] = str(Path(ctabatch.__file__).parents[1])
        # the child cannot write before `run` has a value: it takes a while to begin
        run = subprocess.Popen([*CHILD, *words], env=environment, stdout=subprocess.DEVNULL)
        assert run.wait(timeout=120) == -signal.SIGKILL


def of_merged_parts(bucket, compacted):
    """Tables in the bucket of parts that are not parts of the compacted dataset."""
    parts = DatasetFolder(compacted).parts()
    tables = [location(f"{bucket.uri}/{key}") for key in bucket.tables("dl1/")]
    return [path for path in tables if part_of(path) not in parts]


@pytest.mark.slow
def test_a_program_that_is_killed_twice_leaves_every_event_once(
    there, here, server, bucket, compacted, cli, tmp_path
):
    n_tables = len(DatasetFolder(compacted).tables())
    killed_at(server, n_tables - 2, tmp_path, there, "--in-place")  # while tables are sent
    assert diff(tables(location(there)), tables(here), Tolerance(0.0, 0.0)).is_equal
    killed_at(server, n_tables + 12, tmp_path, there, "--in-place")  # while old files are removed
    assert diff(tables(location(there)), tables(compacted), Tolerance(0.0, 0.0)).is_equal
    assert len(of_merged_parts(bucket, compacted)) > 20
    assert cli("compact", there, "--in-place")[0] == 0
    assert of_merged_parts(bucket, compacted) == []
    # of tables without a record their age alone tells whether they are of a living run
    code, out, _ = cli("validate", there)
    assert code == 1
    assert "may be alive" in out
    assert cli("validate", there, "--repair", "--now")[0] == 0
    check_same(there, compacted)
    check_tidy(bucket, "dl1")
    for folder in tmp_path.glob("ctabatch-upload-*"):
        shutil.rmtree(folder)


def test_a_new_dataset_of_a_killed_program_is_begun_anew(
    there, server, bucket, compacted, cli, tmp_path
):
    new = f"{bucket.uri}/new"
    killed_at(server, 12, tmp_path, there, "-o", new)
    assert bucket.tables("new/")
    code, _, err = cli("info", new)
    assert code == 2
    assert "run it again if it was killed" in err
    assert cli("compact", there, "-o", new)[0] == 0
    check_same(new, compacted)
    check_tidy(bucket, "new")


def test_places_that_are_taken_are_refused(there, here, bucket, cli):
    bucket.put("mine/thesis.tex", b"precious")
    before = bucket.keys()
    for output, message in {
        there: "there is a dataset already",
        f"{there}/inner": "this is in",
        bucket.uri: "this is around",
        f"{bucket.uri}/mine": "holds something else",
        f"{bucket.uri}/mine/thesis.tex": "this is an object",
    }.items():
        code, _, err = cli("compact", here if output == there else there, "-o", output)
        assert (code, message in err) == (2, True), err
    assert bucket.keys() == before
    code, _, err = cli("compact", f"{bucket.uri}/absent", "--in-place")
    assert code == 2
    assert f"{bucket.uri}/absent: no ctabatch dataset" in err


def unfinished_by(bucket, writer):
    text = identity_text(UNFINISHED, writer=writer, begun="2026-01-01")
    bucket.put(f"new/{IDENTITY}", text.encode())
    return f"{bucket.uri}/new"


def test_what_a_living_run_writes_is_left_alone(there, bucket, compacted, cli):
    parent = os.getppid()
    new = unfinished_by(bucket, f"{machine()}-{parent}-{process_start(parent)}-0a1b2c3d")
    for words in ([], ["--now"]):
        code, _, err = cli("compact", there, "-o", new, *words)
        assert code == 2
        assert "another run writes here since 2026-01-01" in err
    unfinished_by(bucket, "00000000-1-1-0a1b2c3d")  # another machine
    bucket.put("new/trigger/x@0.parquet", b"")
    code, _, err = cli("compact", there, "-o", new)
    assert code == 2
    assert "--now" in err
    bucket.put("new/notes.txt", b"precious")
    code, _, err = cli("compact", there, "-o", new, "--now")
    assert code == 2
    assert "notes.txt" in err
    assert bucket.keys("new/") == [
        f"new/{n}" for n in (IDENTITY, "notes.txt", "trigger/x@0.parquet")
    ]
    bucket.remove("new/notes.txt")
    assert cli("compact", there, "-o", new, "--now")[0] == 0
    check_same(new, compacted)
    check_tidy(bucket, "new")


def test_a_run_whose_place_was_taken_writes_no_more_and_removes_nothing(there, bucket, monkeypatch):
    merge = compact_module.write_merged

    def meanwhile(*args):
        merge(*args)
        unfinished_by(bucket, "00000000-1-1-0a1b2c3d")
        bucket.put("new/trigger/of-the-other@0.parquet", b"")

    monkeypatch.setattr(compact_module, "write_merged", meanwhile)
    with pytest.raises(OutputError, match="another run has taken this place"):
        compact(there, f"{bucket.uri}/new")
    assert bucket.keys("new/trigger/of-the-other") == ["new/trigger/of-the-other@0.parquet"]
    assert bucket.get(f"new/{IDENTITY}").count(b"00000000-1-1")
    assert bucket.keys("new/parts/compact-") == []


def test_a_part_that_changes_meanwhile_is_not_lost(there, bucket, monkeypatch):
    folder = DatasetFolder(there)
    merge = compact_module.write_merged

    def meanwhile(*args):
        merge(*args)
        path = folder.record_path(folder.parts()[0])
        path.write_bytes(json.dumps({**json.loads(path.read_text()), "changed": True}).encode())

    monkeypatch.setattr(compact_module, "write_merged", meanwhile)
    with pytest.raises(OutputError, match="changed while it was merged"):
        compact(there)
    assert len(folder.parts()) == PARTS
    check_tidy(bucket, "dl1")


def test_objects_are_read_block_by_block_and_once(there, server, bucket, monkeypatch):
    monkeypatch.setattr(store_file, "BLOCK", 1 << 14)
    sizes = {f"dl1/{n}": f["bytes"] for r in DatasetFolder(there).records()
             for n, f in r["tables"].items()}  # fmt: skip
    largest = max(sizes, key=sizes.get)
    with FaultyProxy(server.port) as proxy, settings(monkeypatch, proxy.url):
        compact(there)
    asked = [unquote(path).partition("?")[0] for method, path in proxy.log if method == "GET"]
    assert sizes[largest] > 2 << 14
    assert asked.count(f"/{bucket.name}/{largest}") == -(-sizes[largest] // (1 << 14))
