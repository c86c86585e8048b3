"""Productions under faults: whatever happens, what is committed is whole and the rest is repeated.

The soak kills processes at random instants; how often is CTABATCH_KILLS (default 6).
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks import soak
from ctabatch import engine as engine_module
from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.errors import OutputError
from ctabatch.io import parquet, writer_identity
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.part_lock import part_lock
from ctabatch.io.writer_identity import unfinished, writer_is_alive, writer_token
from ctabatch.production import finalise as finalise_module
from ctabatch.production.finalise import finalise
from ctabatch.production.plan import Plan
from ctabatch.production.task import run_task
from tests.same_tables import check_same
from tests.test_production_plan import calm, runs  # noqa: F401 - fixtures

KILLS = int(os.environ.get("CTABATCH_KILLS", "6"))


def planned(runs, root):  # noqa: F811
    return Plan(str(root), tuple(map(str, runs)), threads=1)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.timeout(1800)
def test_kills_at_random_instants_cost_nothing_but_a_repeat(tmp_path):
    one = soak.Soak(tmp_path, soak.make_inputs(tmp_path, 3, n_showers=20), seed=5)
    while one.done["kills"] < KILLS:
        one.round()
    one.finish()
    assert one.done["datasets"] > 0


@pytest.mark.parametrize("existing", ["resume", "overwrite"])
def test_two_writers_of_one_input_leave_one_whole_part(runs, calm, tmp_path, existing):  # noqa: F811
    root = tmp_path / "dl1"
    results, gate = [], threading.Barrier(4)

    def work():
        own = Engine(root, ProcessConfig(), existing, threads=1)
        gate.wait(60)
        results.extend(own.run(path) for path in runs)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert len(results) == 12
    assert {result.status for result in results} <= {"done", "skipped"}
    assert soak.check(root) == 3
    check_same(root, calm)
    assert list(unfinished(root)) == []
    assert list(root.glob("parts/.*")) == []


def test_two_writers_with_other_options_do_not_mix_their_files(runs, tmp_path):  # noqa: F811
    """While one is between its first file and its record, the other waits."""
    root = tmp_path / "dl1"
    first, second = Engine(root, ProcessConfig(), threads=1), None
    plain = DatasetFolder._write_record
    under_way, let_go = threading.Event(), threading.Event()
    other_config = ProcessConfig(write=("images",))

    def slow(self, path, record):
        if record["config_digest"] == first.config.digest():
            under_way.set()
            assert let_go.wait(60)
        plain(self, path, record)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatasetFolder, "_write_record", slow)
        second = Engine(root, other_config, "overwrite", threads=1)
        threads = [threading.Thread(target=first.run, args=(runs[0],))]
        threads[0].start()
        assert under_way.wait(60)
        threads.append(threading.Thread(target=second.run, args=(runs[0],)))
        threads[1].start()
        threads[1].join(3)
        assert threads[1].is_alive()  # its files are not visible before the other's record is
        let_go.set()
        for thread in threads:
            thread.join(60)
    (record,) = DatasetFolder(root).records()
    assert record["config_digest"] == other_config.digest()
    assert soak.check(root) == 1


def test_a_writer_that_fails_at_its_record_does_not_remove_the_files_of_another(
    runs,  # noqa: F811
    calm,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    root = tmp_path / "dl1"
    plain = DatasetFolder._write_record

    def fails(self, path, record):
        raise OutputError("the disk is full")

    monkeypatch.setattr(DatasetFolder, "_write_record", fails)
    with pytest.raises(OutputError):
        Engine(root, ProcessConfig(), threads=1).run(runs[0])
    monkeypatch.setattr(DatasetFolder, "_write_record", plain)
    assert all(Engine(root, ProcessConfig(), "resume").run(path).status == "done" for path in runs)
    check_same(root, calm)


def test_the_lock_of_a_part_is_held_by_one_and_leaves_no_file(tmp_path):
    inside, most, seen = [], [], threading.Lock()

    def work():
        for _ in range(50):
            with part_lock(tmp_path, "a"):
                with seen:
                    inside.append(1)
                    most.append(len(inside))
                with seen:
                    inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(most) == 200
    assert max(most) == 1
    assert list((tmp_path / "parts").iterdir()) == []


@pytest.mark.parametrize("jump", [-400 * 86_400, 400 * 86_400])
def test_clock_jumps_change_nothing(runs, calm, tmp_path, monkeypatch, jump):  # noqa: F811
    root = tmp_path / "dl1"
    plan = planned(runs, root)
    run_task(plan, 0)
    finalise(plan)

    class Jumped(engine_module.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + timedelta(seconds=jump)

    monkeypatch.setattr(engine_module, "datetime", Jumped)
    (result,) = run_task(plan, 1)
    for path in root.glob("parts/run2-*.json"):
        facts = path.stat()
        os.utime(path, (facts.st_atime + jump, facts.st_mtime + jump))
    run_task(plan, 2)
    assert [r["status"] for k in range(3) for r in run_task(plan, k)] == ["skipped"] * 3
    assert result["seconds"] >= 0
    assert finalise(plan).exit_code == 0
    check_same(root, calm, but=("parts",))


def test_finalise_may_stop_anywhere_and_run_again(runs, calm, tmp_path, monkeypatch):  # noqa: F811
    root = tmp_path / "dl1"
    shutil.copytree(calm, root)
    records = {path.name: path.read_bytes() for path in root.glob("parts/*.json")}
    plan = planned(runs, root)
    digest = {"config": ProcessConfig().model_dump(mode="json")}
    for place in ("write_index", "write_text", "outcome_of"):
        with monkeypatch.context() as patch:

            def stops(*args, **kwargs):
                raise KeyboardInterrupt

            patch.setattr(finalise_module, place, stops)
            with pytest.raises(KeyboardInterrupt):
                finalise(Plan(**{**vars(plan), **digest}))
        assert {path.name: path.read_bytes() for path in root.glob("parts/*.json")} == records
    first, second = (finalise(Plan(**{**vars(plan), **digest})).as_dict() for _ in range(2))
    assert first == second
    assert first["done"] == 3
    assert json.loads((root / "parts/summary/plan.json").read_text()) == first


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT])
def test_a_folder_that_cannot_be_written_says_so_and_keeps_what_is_there(
    code,
    runs,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    root = tmp_path / "dl1"
    plan = planned(runs, root)
    run_task(plan, 0)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def fails(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(parquet.pq, "ParquetWriter", fails)
        with pytest.raises(OutputError, match=str(root)):
            run_task(plan, 1)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    assert run_task(plan, 1)[0]["status"] == "done"


def test_a_dataset_may_be_made_by_two_at_once(tmp_path):
    """Another has made the folder and is about to give it its identity."""
    (tmp_path / "dl1").mkdir()
    (tmp_path / f"dl1/.ctabatch.json.{writer_token()}.wip").write_text("{")
    DatasetFolder(tmp_path / "dl1").create()
    assert DatasetFolder(tmp_path / "dl1").check()["format"] == "ctabatch dataset"
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="something else"):
        DatasetFolder(tmp_path / "other").create()


def test_unfinished_files_tell_whether_their_writer_lives(monkeypatch):
    mine = f".{writer_token()}.wip"
    assert writer_is_alive(mine) is True
    assert writer_is_alive(f".ctabatch.json.{writer_token()}.wip") is True
    assert writer_is_alive(f".{writer_token()}-2.wip") is True
    machine, pid, start, rest = mine.removeprefix(".").split("-", 3)
    assert writer_is_alive(f".{machine}-{pid}-{int(start) + 1}-{rest}") is False  # its successor
    assert writer_is_alive(f".{machine}-{2**22 + 1}-{start}-{rest}") is False
    assert writer_is_alive(f".00000000-{pid}-{start}-{rest}") is None
    assert writer_is_alive(".01234567.wip") is None
    monkeypatch.setattr(writer_identity, "process_start", lambda pid: None)
    assert writer_is_alive(f".{machine}-{pid}-0-{rest}") is True  # where no start is known
    assert writer_is_alive(f".{machine}-{2**22 + 1}-0-{rest}") is False


def test_a_run_is_made_of_whole_lines_in_the_log(tmp_path):
    """Many writers of one log do not cut each other's lines."""
    from ctabatch.engine import PartResult
    from ctabatch.production.task_log import TaskLog

    path = Path(tmp_path / "log")

    def work(k):
        with TaskLog(path, task=k) as log:
            for n in range(50):
                log.add(PartResult(f"{k}-{n}" * 100))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({json.loads(line)["input"] for line in path.read_text().splitlines()}) == 200
