"""Errors, delays and cuts between us and a store: repeated, or told, and never half a part.

Faults are put in by a proxy in front of a real server, so all that is tested went over a socket.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import ctabatch
from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.errors import InputError, OutputError
from ctabatch.io import object_store, store_file
from ctabatch.io.location import location
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.files import simulate_file
from ctabatch.simulate.options import SimulationOptions

from .faulty_proxy import Fault, FaultyProxy
from .object_store import settings, variables
from .same_tables import check_same

#: Runs that are killed; CTABATCH_SOAK makes it more.
KILLS = int(os.environ.get("CTABATCH_SOAK", "24")) // 4
WRITES = ["PUT", "POST"]


@pytest.fixture(scope="module")
def gammas(tmp_path_factory):
    """A simulated file, about 1 MB."""
    path = tmp_path_factory.mktemp("faults") / "gammas.simtel.zst"
    simulate_file(SimulationOptions(n_showers=60, array=load_array("alpha-north"), seed=3), path)
    return path


@pytest.fixture(scope="module")
def on_disk(gammas, tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk") / "dl1"
    assert Engine(folder, ProcessConfig()).run(gammas).status == "done"
    return folder


@pytest.fixture
def proxy(server, monkeypatch):
    """The proxy, which all of ctabatch talks to; blocks are small so that there are many."""
    monkeypatch.setattr(store_file, "BLOCK", 1 << 17)
    with FaultyProxy(server.port) as one, settings(monkeypatch, one.url):
        yield one


@pytest.fixture
def bucket(server, gammas):
    one = server.new_bucket()
    one.put("in/gammas.simtel.zst", gammas.read_bytes())
    return one


def process(bucket, existing="refuse"):
    source = location(f"{bucket.uri}/in/gammas.simtel.zst")
    return Engine(f"{bucket.uri}/dl1", ProcessConfig(), existing).run(source)


def of(*methods):
    return lambda method, path: method in methods


@pytest.mark.parametrize(
    "fault",
    [
        Fault("error", 30, of("GET"), status=500, every=2),
        Fault("error", 30, of("GET"), status=503, every=2),
        Fault("error", 30, of("HEAD"), status=500, every=2),
        Fault("error", 30, of(*WRITES), status=500, every=2),
        Fault("error", 30, of(*WRITES), status=503, every=2),
        Fault("cut", 30, of("GET"), every=2),
        Fault("refuse", 30, every=3),
        Fault("late cut", 30, of("PUT"), every=2),
        Fault("late cut", 1, lambda m, p: m == "PUT" and "/parts/" in p),
        Fault("refuse", 1, lambda m, p: m == "PUT" and "/parts/" in p),
        Fault("error", 1, lambda m, p: m == "PUT" and "/parts/" in p, status=500),
        Fault("slow", 4, of("GET"), seconds=0.5, every=3),
    ],
    ids=lambda f: f"{f.status if f.kind == 'error' else f.kind}-{f.times}-{f.every}",
)
def test_what_passes_is_repeated_and_changes_nothing(fault, proxy, bucket, on_disk, tmp_path):
    proxy.faults = [fault]
    result = process(bucket)
    assert (result.status, result.error) == ("done", "")
    assert fault.hits > 0
    proxy.faults = []
    check_same(bucket.copy_of("dl1", tmp_path), on_disk)
    tables = {key.removeprefix("dl1/") for key in bucket.tables("dl1/")}
    assert tables == set(result.record["tables"])
    assert result.record["n_losses"] == 0


def test_a_read_that_stalls_is_begun_anew(proxy, bucket, on_disk, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_TIMEOUT", "1s")
    proxy.faults = [Fault("slow", 2, lambda m, p: m == "GET" and "/in/" in p, seconds=8)]
    begin = time.perf_counter()
    assert process(bucket).status == "done"
    assert time.perf_counter() - begin < 8  # the stalled answers were not waited for
    assert proxy.faults[0].hits == 2
    check_same(bucket.copy_of("dl1", tmp_path), on_disk)


@pytest.mark.parametrize("kind", ["refuse", "error"])
def test_an_input_behind_a_lost_network_is_not_used(kind, proxy, bucket, cli, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "3")
    # the first blocks arrive, the network goes in the middle of the file
    seen = []

    def later(method, path):
        seen.append(path)
        return method == "GET" and "/in/" in path and sum("/in/" in one for one in seen) > 4

    proxy.faults = [Fault(kind, 10**9, later)]
    source = f"{bucket.uri}/in/gammas.simtel.zst"
    code, _, err = cli("process", source, "-o", f"{bucket.uri}/dl1")
    assert code == 2
    for words in (source, "reading failed", "AWS_ENDPOINT_URL", "--resume"):
        assert words in err
    assert bucket.tables("dl1/") == []
    assert all(key.startswith("dl1/parts/failed/") for key in bucket.keys("dl1/parts/"))
    proxy.faults = []
    assert cli("process", source, "-o", f"{bucket.uri}/dl1", "--resume")[0] == 0
    assert not bucket.keys("dl1/parts/failed/")  # it succeeded


@pytest.mark.parametrize("kind", ["refuse", "error"])
@pytest.mark.parametrize("what", ["tables", "records"])
def test_an_output_behind_a_lost_network_is_told_and_not_committed(
    kind, what, proxy, bucket, cli, monkeypatch, tmp_path, on_disk
):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "3")
    where = "/parts/" if what == "records" else "@"
    proxy.faults = [Fault(kind, 10**9, lambda m, p: m in WRITES and where in p.replace("%40", "@"))]
    words = ["process", f"{bucket.uri}/in/gammas.simtel.zst", "-o", f"{bucket.uri}/dl1"]
    code, _, err = cli(*words)
    assert code == 2
    for text in (f"{bucket.uri}/dl1/", "writing failed", "--resume"):
        assert text in err
    assert bucket.keys("dl1/parts/") == []
    assert ctabatch.Dataset(f"{bucket.uri}/dl1").tables == []
    if what == "tables":
        assert bucket.tables("dl1/") == []
    assert bucket.unfinished_uploads() == 0
    proxy.faults = []
    assert cli(*words, "--resume")[0] == 0
    # objects of the first try may be left; no record names them
    record = json.loads(bucket.get(bucket.keys("dl1/parts/")[0]))
    for key in set(bucket.tables("dl1/")) - {f"dl1/{name}" for name in record["tables"]}:
        assert what == "records", key
        bucket.remove(key)
    check_same(bucket.copy_of("dl1", tmp_path), on_disk)


def test_a_failed_replacement_leaves_the_old_version(proxy, bucket, cli, monkeypatch, tmp_path):
    assert process(bucket).status == "done"
    before = {key: bucket.get(key) for key in bucket.keys("dl1/")}
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    proxy.faults = [Fault("error", 10**9, lambda m, p: m in WRITES and "images" in p)]
    with pytest.raises(OutputError, match="writing failed"):
        process(bucket, "overwrite")
    assert {key: bucket.get(key) for key in bucket.keys("dl1/")} == before


def test_large_tables_that_fail_leave_no_pieces(proxy, bucket, monkeypatch):
    monkeypatch.setattr(object_store, "PIECE", 5 << 20)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    content = np.random.default_rng(1).bytes(18 << 20)
    path = location(f"{bucket.uri}/big")
    proxy.faults = [Fault("error", 10**9, lambda m, p: "partNumber=3" in p)]
    with pytest.raises(OutputError, match="big: writing failed"):
        object_store.write(path, content)
    assert bucket.unfinished_uploads() == 0
    assert bucket.keys("big") == []
    proxy.faults = [Fault("late cut", 1, lambda m, p: "partNumber=2" in p)]
    object_store.write(path, content)
    assert bucket.get("big") == content
    assert bucket.unfinished_uploads() == 0


def test_an_input_that_is_replaced_while_it_is_read_is_not_used(proxy, bucket, gammas):
    file = location(f"{bucket.uri}/in/gammas.simtel.zst").open("rb")
    assert file.read(10) == gammas.read_bytes()[:10]
    bucket.put("in/gammas.simtel.zst", gammas.read_bytes()[::-1])
    file.seek(-5, 2)
    with pytest.raises(InputError, match="replaced while it was read"):
        file.read(5)


def test_an_input_is_transferred_once(proxy, bucket, gammas):
    assert process(bucket).status == "done"
    reads = [path for method, path in proxy.log if method == "GET" and "/in/" in path]
    assert len(reads) == -(-gammas.stat().st_size // store_file.BLOCK)


def test_polars_repeats_what_passes(proxy, bucket, on_disk):
    assert process(bucket).status == "done"
    dataset, expected = ctabatch.Dataset(f"{bucket.uri}/dl1"), ctabatch.Dataset(on_disk)
    proxy.faults = [Fault("error", 20, of("GET"), every=2), Fault("cut", 20, of("GET"), every=3)]
    assert dataset.parameters().collect().equals(expected.parameters().collect())
    assert proxy.faults[0].hits


PROGRAM = [sys.executable, "-m", "ctabatch", "process"]


@contextlib.contextmanager
def started(*words, url, folder):
    environment = {**os.environ, **variables(url), "TMPDIR": str(folder)}
    with subprocess.Popen(
        [*PROGRAM, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        try:
            yield run
        finally:
            run.kill()


@pytest.mark.slow
def test_killed_runs_leave_nothing_visible_and_resume(server, bucket, on_disk, tmp_path):
    words = [f"{bucket.uri}/in/gammas.simtel.zst", "-o", f"{bucket.uri}/dl1"]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    rng, killed = random.Random(1), 0
    # answers take a while, so that many instants of the writing are hit
    slow = Fault("slow", 10**9, of("PUT", "POST"), seconds=0.1)
    with FaultyProxy(server.port, [slow]) as proxy:
        for _ in range(KILLS):
            first = len(proxy.log)
            n_requests = rng.randrange(1, 30)
            with started(*words, "--resume", url=proxy.url, folder=scratch) as run:
                while run.poll() is None and len(proxy.log) - first < n_requests:
                    time.sleep(0.002)
                run.send_signal(signal.SIGKILL)
                run.wait()
                killed += run.returncode == -signal.SIGKILL
            records = bucket.keys("dl1/parts/")
            for name in records:  # a part that can be seen is whole
                named = json.loads(bucket.get(name))["tables"]
                assert {f"dl1/{one}" for one in named} <= set(bucket.keys("dl1/"))
            if records:
                for key in bucket.keys("dl1/"):
                    bucket.remove(key)
        assert killed >= KILLS // 2
        with started(*words, "--resume", url=server.url, folder=scratch) as run:
            _, err = run.communicate(timeout=120)
            assert run.returncode == 0, err
    assert list(scratch.iterdir()) == []  # what killed runs left is cleared away
    record = json.loads(bucket.get(bucket.keys("dl1/parts/")[0]))
    named = {f"dl1/{name}" for name in record["tables"]}
    for key in set(bucket.tables("dl1/")) - named:
        bucket.remove(key)
    check_same(bucket.copy_of("dl1", tmp_path), on_disk)


@pytest.mark.slow
def test_two_programs_on_one_input_make_one_part(server, bucket, on_disk, tmp_path):
    words = [f"{bucket.uri}/in/gammas.simtel.zst", "-o", f"{bucket.uri}/dl1", "--overwrite"]
    with contextlib.ExitStack() as stack:
        runs = [
            stack.enter_context(started(*words, url=server.url, folder=tmp_path)) for _ in range(2)
        ]
        for run in runs:
            _, err = run.communicate(timeout=240)
            assert run.returncode == 0, err
    record = json.loads(bucket.get(bucket.keys("dl1/parts/")[0]))
    assert {f"dl1/{name}" for name in record["tables"]} == set(bucket.tables("dl1/"))
    check_same(bucket.copy_of("dl1", tmp_path), on_disk)
