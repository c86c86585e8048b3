"""Runs on Dask that are stopped, or lose something: workers that leave, the scheduler."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ctabatch.engine import Engine
from ctabatch.errors import CtabatchError
from ctabatch.production import dask_cluster
from ctabatch.production.dask_cluster import cluster, renew_workers
from ctabatch.production.dask_tasks import DaskPool
from tests import faulty_source
from tests.same_tables import check_same
from tests.test_dask import CONFIG, plan_of, run

ROOT = Path(__file__).parents[1]


@pytest.fixture
def site(tmp_path, monkeypatch):
    """This process, and those that it starts, know the faulty source."""
    folder = tmp_path / "site"
    faulty_source.install(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(ROOT)]))


@pytest.fixture
def good(example_files, tmp_path):
    return shutil.copy(example_files["lst-photons"], tmp_path / "good.simtel.zst")


def wait_for(condition, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this took too long"
        time.sleep(0.05)


def when_opened(path, act):
    """Do something in another thread as soon as a worker has opened an input."""

    def wait():
        wait_for(lambda: faulty_source.opened_by(path))
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def group_of(leader):
    """Processes that run in a group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, group = path.read_text().rpartition(")")[2].split()[:3]
            found += [path.parent.name] if int(group) == leader and state not in "ZX" else []
    return found


@pytest.fixture
def program(site, good, tmp_path):
    """The command with two workers, one of which waits; what it runs; its slow input."""
    slow = faulty_source.write(tmp_path / "slow.faulty", good, wait=1)
    words = [str(good), str(slow), "-o", "out", "--max-events", "3", "--scheduler", "local"]
    command = [sys.executable, "-m", "ctabatch", "process", *words, "--jobs", "2"]
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, process_group=0)
    try:
        wait_for(lambda: faulty_source.opened_by(slow))
        yield running, command, slow
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.communicate()


def test_ctrl_c_leaves_what_is_done_and_no_process(program, good, tmp_path):
    running, command, slow = program
    wait_for(lambda: list(tmp_path.glob("out/parts/good*.json")))
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does, workers included
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130, told.decode()
    assert told.decode().splitlines() == ["ctabatch: interrupted; run again with --resume to go on"]
    assert not is_alive(faulty_source.opened_by(slow)[0])
    wait_for(lambda: not group_of(running.pid), seconds=10)  # Python's tracker ends by itself
    assert [path for path in (tmp_path / "out").rglob("*") if path.name.endswith(".wip")] == []
    done = subprocess.run([*command, "--resume"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    engine = Engine(tmp_path / "alone", CONFIG, threads=1)
    for path in (good, slow):
        assert engine.run(path).status == "done"
    check_same(tmp_path / "out", tmp_path / "alone")


def test_workers_of_this_machine_end_with_a_program_that_is_killed(program):
    running, _, slow = program
    running.kill()
    wait_for(lambda: not group_of(running.pid), seconds=30)
    assert not is_alive(faulty_source.opened_by(slow)[0])


@pytest.mark.usefixtures("site")
def test_a_worker_that_is_asked_to_leave_blames_no_input(good, tmp_path):
    slow = faulty_source.write(tmp_path / "slow.faulty", good, wait=1)
    with cluster("local", 2) as client:

        def retire():
            first = faulty_source.opened_by(slow)[0]
            pids = client.run(os.getpid)
            (worker,) = [name for name, pid in pids.items() if pid == first]
            client.retire_workers([worker])

        thread = when_opened(slow, retire)
        (result,) = run(plan_of([slow], tmp_path / "out", retries=0), client)
        thread.join()
    assert (result["status"], result["attempts"]) == ("done", 1)


@pytest.mark.usefixtures("site")
def test_workers_that_dask_gives_up_are_started_anew(good, tmp_path):
    """Of a worker that is killed before it is ready Dask starts no other."""
    with cluster("local", 1) as client:
        killed, stop = set(), threading.Event()

        def kill_every_worker():
            while not stop.is_set():
                with contextlib.suppress(KeyError, TypeError, ProcessLookupError):
                    nanny = client.cluster.workers[0]
                    killed.add(nanny.pid)
                    os.kill(nanny.pid, signal.SIGKILL)
                time.sleep(0.02)

        thread = threading.Thread(target=kill_every_worker)
        thread.start()
        wait_for(
            lambda: all(one.status.name == "closed" for one in client.cluster.workers.values())
        )
        stop.set()
        thread.join()
        assert len(killed - {None}) > 1
        renew = functools.partial(renew_workers, client, 1)
        (result,) = run(plan_of([good], tmp_path / "out"), client, renew=renew)
    assert result["status"] == "done"


@pytest.mark.usefixtures("site")
def test_a_scheduler_that_is_gone_ends_the_run_with_a_word(good, tmp_path):
    slow = faulty_source.write(tmp_path / "slow.faulty", good, wait=1)
    code = (
        "from distributed import LocalCluster\nif __name__ == '__main__':\n"
        "    c = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=':0')\n"
        "    print(c.scheduler_address, flush=True)\n    input()\n"
    )
    (tmp_path / "serve.py").write_text(code)
    server = subprocess.Popen(
        [sys.executable, "serve.py"], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, process_group=0,
    )  # fmt: skip
    try:
        with cluster(server.stdout.readline().strip(), 1) as client:
            thread = when_opened(slow, lambda: os.killpg(server.pid, signal.SIGKILL))
            with pytest.raises(CtabatchError, match=r"scheduler of Dask is gone .*--resume"):
                list(DaskPool(plan_of([slow], tmp_path / "out"), client).run())
            thread.join()
    finally:
        server.kill()
        server.communicate()


def test_an_address_where_nobody_answers_is_told(cli, good, monkeypatch):
    monkeypatch.setattr(dask_cluster, "_ANSWER", 1)
    words = ("-o", "out", "--scheduler", "tcp://127.0.0.1:9")
    code, _, err = cli("process", good, *words)
    assert code == 2
    assert "--scheduler tcp://127.0.0.1:9: no scheduler answers there" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--scheduler", "node7:8786"), "write tcp://HOST:PORT or local"),
        (("--scheduler", "tcp://node7:8786", "--jobs", 4), "workers of its own"),
    ],
)
def test_what_is_no_scheduler_is_refused_before_any_work(words, told, cli, good):
    code, _, err = cli("process", good, "-o", "out", *words)
    assert code == 2
    assert told in err
    assert not Path("out").exists()


def test_without_dask_the_way_to_get_it_is_told(cli, good, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, err = cli("process", good, "-o", "out", "--scheduler", "local")
    assert code == 2
    assert "pip install 'ctabatch[dask]'" in err


def test_process_without_a_scheduler_does_not_load_dask(good, tmp_path):
    code = (
        "import sys\nfrom ctabatch.cli.main import run\ntry:\n"
        f"    run(['process', {str(good)!r}, '-o', 'out', '--max-events', '1', '--json'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "print({'dask', 'distributed', 'ctabatch.production.dask_tasks'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "set()"
