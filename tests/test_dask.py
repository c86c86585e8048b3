"""Inputs on a cluster of Dask whose workers are killed: all good ones are in, once and whole."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

import ctabatch
from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.errors import OptionError, OutputError
from ctabatch.production.dask_cluster import cluster
from ctabatch.production.dask_tasks import DaskPool
from ctabatch.production.failures import KILLED, failures
from ctabatch.production.plan import Plan
from tests import faulty_source
from tests.same_tables import check_same

CONFIG = ProcessConfig.model_validate({"source": {"max_events": 3}})
N_WORKERS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("dask")


@pytest.fixture(scope="module")
def client(folder):
    """A cluster whose workers know the faulty source."""
    faulty_source.install(folder / "site")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder / "site"))  # workers are given the path of this process
        with cluster("local", N_WORKERS) as client:
            yield client


@pytest.fixture
def inputs(example_files, tmp_path):
    """Five good inputs."""
    found = []
    for k in range(5):
        name = ("lst-muons", "lst-photons")[k % 2]
        found.append(tmp_path / f"run{k}.simtel.zst")
        shutil.copy(example_files[name], found[-1])
    return found


def plan_of(inputs, output, **values):
    facts = {"threads": 1, "config": CONFIG.model_dump(mode="json"), **values}
    return Plan(str(output), tuple(map(str, inputs)), **facts)


def run(plan, client, **values):
    """Results in the order of the inputs."""
    found = dict(DaskPool(plan, client, **values).run())
    assert sorted(found) == list(range(len(plan.inputs)))
    return [found[index] for index in range(len(plan.inputs))]


def check_alone(inputs, output, tmp_path):
    """The dataset is the one that this process makes of the inputs."""
    engine = Engine(tmp_path / "alone", CONFIG, threads=1)
    for path in inputs:
        assert engine.run(path).status == "done"
    check_same(Path(output), tmp_path / "alone")
    left = [path for path in Path(output).rglob("*") if path.name.endswith(".wip")]
    assert left == []


def test_the_dataset_is_that_of_one_process(client, inputs, tmp_path):
    said = []
    results = run(plan_of(inputs, tmp_path / "out"), client, tell=said.append)
    assert [result["input"] for result in results] == list(map(str, inputs))
    assert {result["status"] for result in results} == {"done"}
    assert said == []
    assert {result["attempts"] for result in results} == {1}
    check_alone(inputs, tmp_path / "out", tmp_path)
    again = run(plan_of(inputs, tmp_path / "out", existing="resume"), client)
    assert {result["status"] for result in again} == {"skipped"}
    refused = run(plan_of(inputs, tmp_path / "out"), client)
    assert {result["status"] for result in refused} == {"failed"}
    assert all("use --resume" in result["error"] for result in refused)


def test_an_input_that_kills_every_worker_is_set_aside_after_two_and_the_rest_is_in(
    client, inputs, tmp_path
):
    poison = faulty_source.write(tmp_path / "poison.faulty", inputs[0], kill=1000)
    results = run(plan_of([inputs[0], poison, *inputs[1:]], tmp_path / "out"), client)
    assert [result["status"] for result in results] == ["done", "failed", *["done"] * 4]
    assert len(set(faulty_source.opened_by(poison))) == 2
    assert str(poison) in results[1]["error"]
    assert "died; set aside after 2 attempts" in results[1]["error"]
    (record,) = failures(tmp_path / "out")
    assert record["input"]["path"] == str(poison)
    assert (record["kind"], record["attempts"]) == (KILLED, 2)
    assert {result["attempts"] for result in results if result["status"] == "done"} == {1}
    check_alone(inputs, tmp_path / "out", tmp_path)


def test_without_retries_the_first_death_sets_an_input_aside(client, inputs, tmp_path):
    poison = faulty_source.write(tmp_path / "poison.faulty", inputs[0], kill=1000)
    plan = plan_of([poison, inputs[0]], tmp_path / "out", retries=0)
    poisoned, good = run(plan, client)
    assert poisoned["status"] == "failed"
    assert len(faulty_source.opened_by(poison)) == 1
    assert (good["status"], good["attempts"]) == ("done", 1)


def test_a_worker_killed_from_outside_costs_a_repeat_of_its_input_alone(client, inputs, tmp_path):
    slow = faulty_source.write(tmp_path / "slow.faulty", inputs[0], wait=1)

    def kill():
        deadline = time.monotonic() + 60
        while not faulty_source.opened_by(slow) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(faulty_source.opened_by(slow)[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    results = run(plan_of([slow, *inputs], tmp_path / "out"), client)
    killer.join()
    assert {result["status"] for result in results} == {"done"}
    assert [result["attempts"] for result in results] == [2, 1, 1, 1, 1, 1]
    assert list(failures(tmp_path / "out")) == []
    check_alone([slow, *inputs], tmp_path / "out", tmp_path)


def test_a_broken_input_is_told_and_not_tried_again(client, inputs, tmp_path):
    broken = tmp_path / "broken.simtel.zst"
    broken.write_bytes(b"no simtel file" * 100)
    bad, good = run(plan_of([broken, inputs[0]], tmp_path / "out", retries=3), client)
    assert (bad["status"], bad["attempts"]) == ("failed", 1)
    assert str(broken) in bad["error"]
    assert good["status"] == "done"


def test_no_more_is_on_its_way_than_there_are_workers(client, inputs, tmp_path):
    client.wait_for_workers(N_WORKERS)  # others were killed before
    most = []

    class Pool(DaskPool):
        def _assign(self):
            super()._assign()
            most.append(len(self._under_way))

    pool = Pool(plan_of(inputs, tmp_path / "out"), client)
    assert len(list(pool.run())) == len(inputs)
    assert max(most) == N_WORKERS
    assert pool._under_way == {}


def test_a_dataset_that_cannot_be_written_ends_the_run(client, inputs, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="not a folder"):
        run(plan_of(inputs, tmp_path / "file" / "out"), client)


def test_workers_with_another_version_get_no_work(client, inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(ctabatch, "__version__", "99.0")
    client.wait_for_workers(N_WORKERS)  # others were killed before
    said = []
    with pytest.raises(OptionError, match=r"has ctabatch .*, here is ctabatch 99\.0"):
        run(plan_of(inputs, tmp_path / "out"), client, tell=said.append)
    assert len(said) == N_WORKERS
    assert not (tmp_path / "out").exists()


def test_workers_without_ctabatch_are_told(inputs, tmp_path):
    class Client:
        """Of one worker that cannot import what it is asked."""

        def run(self, function, workers, on_error):
            return dict.fromkeys(workers, ModuleNotFoundError("No module named 'ctabatch'"))

        def run_on_scheduler(self, function):
            return {}

        def nthreads(self):
            return {"tcp://node7:4000": 8}

        def subscribe_topic(self, *words):
            pass

        def unsubscribe_topic(self, *words):
            pass

    with pytest.raises(OptionError, match=r"node7.* no usable ctabatch .*No module named"):
        run(plan_of(inputs, tmp_path / "out"), Client())


def test_a_scheduler_without_ctabatch_is_told_before_any_work(client, inputs, tmp_path):
    class Client:
        """Of a scheduler that cannot import what it passes on."""

        def run_on_scheduler(self, function):
            raise ModuleNotFoundError("No module named 'ctabatch'")

    with pytest.raises(OptionError, match=r"scheduler of Dask has no usable ctabatch"):
        run(plan_of(inputs, tmp_path / "out"), Client())


def test_the_command_sends_inputs_to_a_scheduler(client, inputs, cli, tmp_path):
    address = client.scheduler.address
    poison = faulty_source.write(tmp_path / "poison.faulty", inputs[0], kill=1000)
    words = ("--max-events", 3, "-o", "out", "--scheduler", address)
    code, out, err = cli("process", *inputs, poison, *words, "--json")
    told = json.loads(out)
    assert (code, told["exit_code"]) == (1, 1), err
    assert [one["status"] for one in told["inputs"]] == [*["done"] * 5, "failed"]
    check_alone(inputs, tmp_path / "out", tmp_path)
