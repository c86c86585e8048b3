"""Worker processes: the same tables, and what is lost when one dies, hangs on or is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import soak
from ctabatch.errors import CtabatchError
from ctabatch.io.writer_identity import process_start, unfinished
from ctabatch.production.failures import failures
from ctabatch.production.plan import Plan
from ctabatch.production.worker_process import WorkerOrigin
from ctabatch.production.workers import WorkerPool
from tests.same_tables import check_same
from tests.test_production_plan import calm, runs  # noqa: F401 - fixtures

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
ROOT = Path(__file__).parents[1]
PROCESS = [sys.executable, "-m", "ctabatch", "process"]
#: Seconds in which workers are to be gone is 1; these machines may be busy.
PATIENCE = 5

#: What makes the engine of every process fail in a named way for inputs that are called so.
_SABOTAGE = """
import os, pathlib, resource, signal
import ctabatch.engine as engine
run = engine.Engine.run
def sabotaged(self, path, progress=None):
    name = pathlib.Path(path).name
    if name.startswith("poison"):
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("once"):
        mark = pathlib.Path(path).with_suffix(".mark")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGSEGV)
    if name.startswith("broken"):
        raise RuntimeError("a fault of the program")
    if name.startswith("full"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
    return run(self, path, progress)
engine.Engine.run = sabotaged
"""


@pytest.fixture
def sabotage(tmp_path):
    """Environment of processes whose engine is sabotaged."""
    folder = tmp_path / "sabotage"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_SABOTAGE)
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def process(*words, env=None):
    env = env or {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [*PROCESS, *map(str, words), "--jobs", "2", "--json"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=200, check=False)
    assert "Traceback" not in done.stderr
    return done


def wait_until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_two_workers_write_what_one_process_writes(runs, calm, tmp_path):  # noqa: F811
    done = process(*runs, "-o", tmp_path / "dl1", "--log", tmp_path / "log")
    assert done.returncode == 0, done.stderr
    assert [r["input"] for r in json.loads(done.stdout)["inputs"]] == list(map(str, runs))
    check_same(tmp_path / "dl1", calm)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert sorted(line["input"] for line in lines) == list(map(str, runs))


def test_an_input_that_kills_its_workers_is_set_aside(runs, calm, tmp_path, sabotage):  # noqa: F811
    poison, once = tmp_path / "poison.simtel.zst", tmp_path / "once.simtel.zst"
    for path, target in ((poison, runs[0]), (once, runs[1])):
        path.symlink_to(target)
    root = tmp_path / "dl1"
    done = process(poison, once, runs[2], "-o", root, "--log", tmp_path / "log", env=sabotage)
    assert done.returncode == 1, done.stderr
    states = {Path(r["input"]).name: r for r in json.loads(done.stdout)["inputs"]}
    assert states["poison.simtel.zst"]["status"] == "failed"
    assert "SIGKILL" in states["poison.simtel.zst"]["error"]
    assert "set aside after 2 attempts" in states["poison.simtel.zst"]["error"]
    assert states["once.simtel.zst"]["status"] == states["run3.simtel.zst"]["status"] == "done"
    (record,) = failures(root)
    assert (record["kind"], record["attempts"]) == ("killed", 2)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    attempts = {Path(line["input"]).name: line["attempts"] for line in lines}
    assert attempts == {"poison.simtel.zst": 2, "once.simtel.zst": 2, "run3.simtel.zst": 1}
    assert list(unfinished(root)) == []
    healthy = process(poison, "-o", root, "--resume")  # with more memory, on another machine
    assert healthy.returncode == 0
    assert list(failures(root)) == []


def test_an_error_of_the_program_costs_only_its_input(runs, tmp_path, sabotage):  # noqa: F811
    broken = tmp_path / "broken.simtel.zst"
    broken.symlink_to(runs[0])
    done = process(broken, *runs[1:], "-o", tmp_path / "dl1", env=sabotage)
    assert done.returncode == 1
    first, *rest = json.loads(done.stdout)["inputs"]
    assert "RuntimeError: a fault of the program" in first["error"]
    assert "please report" in first["error"]
    assert [r["status"] for r in rest] == ["done", "done"]


def test_a_full_disk_in_a_worker_stops_all(runs, tmp_path, sabotage):  # noqa: F811
    full = tmp_path / "full.simtel.zst"
    full.symlink_to(runs[0])
    done = process(full, *runs[1:], "-o", tmp_path / "dl1", env=sabotage)
    assert done.returncode == 2
    assert "File too large" in done.stderr
    assert list(unfinished(tmp_path / "dl1")) == []


def started(runs, root, n_copies=6):  # noqa: F811
    """A run with two workers that have begun to write; gives it and their process ids."""
    copies = []
    for k in range(n_copies):
        copies.append(root.parent / f"copy{k}.simtel.zst")
        copies[-1].hardlink_to(runs[k % len(runs)])
    running = subprocess.Popen(
        [*PROCESS, *map(str, copies), "-o", str(root), "--jobs", "2"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: list(root.glob("trigger/.*.wip")) or running.poll() is not None)
    except BaseException:
        running.kill()
        raise
    return running, soak.descendants(running.pid, leaves=True)


def is_gone(pid):
    return process_start(pid) is None


def test_ctrl_c_stops_all_workers_and_leaves_nothing_half_written(runs, tmp_path):  # noqa: F811
    root = tmp_path / "dl1"
    running, workers = started(runs, root)
    running.send_signal(signal.SIGINT)
    sent = time.monotonic()
    _, err = running.communicate(timeout=60)
    assert time.monotonic() - sent < PATIENCE
    assert len(workers) == 2
    assert running.returncode == 130
    assert err.strip().splitlines()[-1].startswith("ctabatch: interrupted")
    assert all(map(is_gone, workers))
    assert list(unfinished(root)) == []


def test_workers_do_not_outlive_a_parent_that_is_killed(runs, tmp_path):  # noqa: F811
    root = tmp_path / "dl1"
    running, workers = started(runs, root)
    running.kill()
    running.communicate(timeout=60)
    assert len(workers) == 2
    wait_until(lambda: all(map(is_gone, workers)), PATIENCE)
    assert list(unfinished(root)) == []  # they had a moment to tidy up


def test_a_worker_that_is_killed_costs_one_more_attempt(runs, tmp_path):  # noqa: F811
    root = tmp_path / "dl1"
    running, workers = started(runs, root)
    os.kill(workers[0], signal.SIGKILL)
    _, err = running.communicate(timeout=200)
    assert running.returncode == 0, err
    assert len(list(root.glob("parts/*.json"))) == 6
    assert list(unfinished(root)) == []


def test_workers_that_start_alone_write_the_same(runs, calm, tmp_path):  # noqa: F811
    """As on systems where a process with libraries in it cannot be copied."""
    root = tmp_path / "dl1"
    plan = Plan(str(root), tuple(map(str, runs)), threads=1)
    with WorkerPool(plan, 2, origin=WorkerOrigin(copies=False)) as pool:
        results = dict(pool.run())
    assert {one["status"] for one in results.values()} == {"done"}
    check_same(root, calm)


def test_workers_outlive_the_process_that_they_are_copies_of(runs, calm, tmp_path):  # noqa: F811
    root = tmp_path / "dl1"
    plan = Plan(str(root), tuple(map(str, runs)), threads=1)
    origin = WorkerOrigin(copies=True)
    killed = []

    def kill_once(*_):
        template = origin._template
        if not killed and template is not None:
            killed.append(template.popen.pid)
            os.kill(killed[0], signal.SIGKILL)

    with WorkerPool(plan, 2, kill_once, origin=origin) as pool:
        results = dict(pool.run())
    assert len(killed) == 1
    assert [one["attempts"] for one in results.values()] == [1, 1, 1]
    check_same(root, calm)


def test_a_worker_after_the_death_of_the_first_template_is_of_a_second(runs, tmp_path):  # noqa: F811
    origin = WorkerOrigin(copies=True)
    first = origin.start()
    first.send({"plan": Plan(str(tmp_path), (str(runs[0]),)).values(), "profile": False})
    first.pid = json.loads(first.replies.read(1 << 16).splitlines()[0])["ready"]
    origin._template.popen.kill()
    origin._template.popen.wait()
    second = origin.start()
    second.send({"plan": Plan(str(tmp_path), (str(runs[0]),)).values(), "profile": False})
    second.pid = json.loads(second.replies.read(1 << 16).splitlines()[0])["ready"]
    for worker in (first, second):
        assert not worker.has_ended(0.01)
        worker.kill()
        assert worker.has_ended(20)
    assert first.bury() is None  # who could tell has died
    assert second.bury() == -signal.SIGKILL
    for worker in (first, second):
        worker.errors.close()
    origin.close()


def test_templates_that_are_killed_before_they_are_ready_cost_time(runs, calm, tmp_path):  # noqa: F811
    root = tmp_path / "dl1"
    plan = Plan(str(root), tuple(map(str, runs)), threads=1)
    origin = WorkerOrigin(copies=True)
    start, n_started = origin.start, []

    def killed_at_first():
        worker = start()
        n_started.append(worker.origin)
        if len(n_started) in {2, 4}:  # the second worker of a template waits for it like the first
            origin._template.popen.kill()
            origin._template.popen.wait()
        return worker

    origin.start = killed_at_first
    with WorkerPool(plan, 2, origin=origin) as pool:
        results = dict(pool.run())
    assert len(set(n_started)) == 3
    assert {one["attempts"] for one in results.values()} == {1}
    check_same(root, calm)


def test_a_template_that_was_begun_ahead_gives_the_workers(runs, calm, tmp_path):  # noqa: F811
    root = tmp_path / "dl1"
    plan = Plan(str(root), tuple(map(str, runs)), threads=1)
    origin = WorkerOrigin(copies=True)
    origin.begin()
    begun = origin._template.popen.pid
    origin.begin()  # there is one
    with WorkerPool(plan, 2, origin=origin) as pool:
        results = dict(pool.run())
        assert origin._template.popen.pid == begun
    assert {one["status"] for one in results.values()} == {"done"}
    assert origin._template is None
    check_same(root, calm)


def test_a_command_that_is_refused_leaves_no_template(runs, cli, tmp_path, monkeypatch):  # noqa: F811
    begun = []
    begin = WorkerOrigin.begin

    def watched(origin):
        begin(origin)
        begun.append(origin._template.popen)

    monkeypatch.setattr(WorkerOrigin, "begin", watched)
    absent = tmp_path / "absent.simtel.zst"
    code, _, err = cli("process", absent, runs[0], "-o", tmp_path / "dl1", "--jobs", 2)
    assert code == 2
    assert f"{absent}: there is no such file" in err
    assert [popen.poll() for popen in begun] == [-signal.SIGKILL]


@pytest.mark.parametrize("copies", [True, False])
def test_workers_that_cannot_start_are_an_error_that_says_why(runs, tmp_path, monkeypatch, copies):  # noqa: F811
    folder = tmp_path / "sabotage"
    folder.mkdir()
    # what every worker imports is there, but not fit for use
    (folder / "sitecustomize.py").write_text("import sys\nsys.modules['ctabatch.engine'] = None\n")
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{ROOT}")
    plan = Plan(str(tmp_path / "dl1"), tuple(map(str, runs)))
    with (
        pytest.raises(CtabatchError, match=r"do not start: .*ctabatch\.engine"),
        WorkerPool(plan, 2, origin=WorkerOrigin(copies=copies)) as pool,
    ):
        list(pool.run())
