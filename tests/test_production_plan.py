"""Plans: what is in them, what is refused, and the commands that write, run and finalise them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.errors import InputError, OptionError
from ctabatch.production.failures import failures
from ctabatch.production.finalise import finalise
from ctabatch.production.plan import Plan, absolute, listed, plan_path
from ctabatch.production.task import run_task
from ctabatch.simulate.files import simulate_file
from ctabatch.simulate.options import SimulationOptions
from tests.same_tables import check_same


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three small files, one run each."""
    folder = tmp_path_factory.mktemp("runs")
    paths = [folder / f"run{k}.simtel.zst" for k in (1, 2, 3)]
    for k, path in enumerate(paths, 1):
        simulate_file(SimulationOptions(n_showers=20, seed=k, obs_id=k), path)
    return paths


@pytest.fixture(scope="module")
def calm(runs, tmp_path_factory):
    """The dataset of an undisturbed run."""
    root = tmp_path_factory.mktemp("calm") / "dl1"
    engine = Engine(root, ProcessConfig())
    assert all(engine.run(path).status == "done" for path in runs)
    return root


def some_plan(**changes):
    plan = Plan("/data/dl1", tuple(f"/data/run{k}.simtel.zst" for k in range(7)), {}, "refuse")
    return replace(plan, **changes)


@pytest.mark.parametrize(("per_task", "n_tasks"), [(1, 7), (2, 4), (7, 1), (100, 1)])
def test_every_input_is_in_one_task(per_task, n_tasks):
    plan = some_plan(inputs_per_task=per_task)
    assert plan.n_tasks == n_tasks
    assert sum((plan.task(k) for k in range(n_tasks)), ()) == plan.inputs


@pytest.mark.parametrize("k", [-1, 7, 8])
def test_a_task_that_does_not_exist_is_refused(k):
    with pytest.raises(OptionError, match="7 tasks, 0 to 6"):
        some_plan().task(k)


def test_a_plan_is_read_as_it_was_written(tmp_path):
    config = ProcessConfig().model_dump(mode="json")
    plan = some_plan(config=config, threads=3, memory=900, inputs_per_task=2, retries=5)
    plan.write(tmp_path / "plan.json")
    found = Plan.read(tmp_path / "plan.json")
    assert found == plan
    assert found.process_config() == ProcessConfig()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"surplus": 1}, "unknown: surplus"),
        ({"format_version": 2}, "version 2"),
        ({"format": "something"}, "no plan of ctabatch"),
        ({"threads": "4"}, "threads of this plan must be a whole number"),
        ({"threads": True}, "threads of this plan must be a whole number"),
        ({"inputs": []}, "at least one input"),
        ({"inputs": [3]}, "a list of paths"),
        ({"retries": -1}, "retries of a plan is -1"),
        ({"existing": "perhaps"}, "perhaps"),
    ],
)
def test_a_plan_with_something_else_in_it_is_refused(change, message, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({**some_plan().values(), **change}))
    with pytest.raises(InputError, match=message) as caught:
        Plan.read(path)
    assert str(path) in str(caught.value)


def test_a_plan_that_lacks_something_or_is_no_json_is_refused(tmp_path):
    values = some_plan().values()
    del values["memory"]
    (tmp_path / "short.json").write_text(json.dumps(values))
    (tmp_path / "text.json").write_text("hello")
    with pytest.raises(InputError, match="missing: memory"):
        Plan.read(tmp_path / "short.json")
    with pytest.raises(InputError, match="not JSON"):
        Plan.read(tmp_path / "text.json")
    with pytest.raises(InputError, match="No such file"):
        Plan.read(tmp_path / "none.json")


def test_a_list_of_inputs_comes_from_a_file(tmp_path):
    (tmp_path / "list.txt").write_text("# all runs\n\na.simtel\n  b c.simtel  \n")
    (tmp_path / "empty.txt").write_text("\n# nothing\n")
    assert listed(["x", f"@{tmp_path}/list.txt"]) == ["x", "a.simtel", "b c.simtel"]
    with pytest.raises(InputError, match="no input in this list"):
        listed([f"@{tmp_path}/empty.txt"])
    with pytest.raises(InputError, match="not readable"):
        listed([f"@{tmp_path}/none.txt"])


def test_uris_stay_as_they_are_and_paths_become_absolute():
    assert absolute("s3://bucket/a/run1.simtel.zst") == "s3://bucket/a/run1.simtel.zst"
    assert absolute("a/../run1.simtel") == str(Path.cwd() / "run1.simtel")
    assert plan_path("/data/dl1").as_posix() == "/data/dl1.plan.json"


def test_tasks_in_any_order_give_the_dataset_of_one_run(runs, calm, tmp_path):
    plan = Plan(str(tmp_path / "dl1"), tuple(map(str, runs)), inputs_per_task=2)
    told = []
    results = [run_task(plan, k, lambda *facts: told.append(facts)) for k in (1, 0)]
    assert [[r["status"] for r in task] for task in results] == [["done"], ["done", "done"]]
    assert json.loads(json.dumps(results)) == results  # data only: it may travel
    assert {facts[0] for facts in told} == {0, 1}
    assert [r["status"] for r in run_task(plan, 0)] == ["skipped", "skipped"]
    check_same(tmp_path / "dl1", calm)
    outcome = finalise(plan)
    assert (outcome.exit_code, len(outcome.done)) == (0, 3)


def test_the_commands_from_a_list_to_a_complete_dataset(cli, runs, tmp_path):
    (tmp_path / "runs.txt").write_text("\n".join(map(str, runs)))
    code, out, err = cli("plan", "@runs.txt", "-o", "dl1", "--inputs-per-task", "2")
    assert (code, err) == (0, "")
    assert "2 tasks for 3 inputs" in out
    assert cli("run-part", "dl1.plan.json", "0")[0] == 0
    code, out, err = cli("finalise", "dl1.plan.json")
    assert code == 1
    assert f"missing: {runs[2]}" in err
    assert "tasks to run again: 1" in out
    facts = json.loads(cli("run-part", "dl1.plan.json", "1", "--json", "--log", "log.jsonl")[1])
    assert (facts["task"], facts["inputs"][0]["status"]) == (1, "done")
    (line,) = map(json.loads, Path("log.jsonl").read_text().splitlines())
    assert (line["status"], line["task"], line["attempts"]) == ("done", 1, 1)
    assert line["memory_bytes"] > 1 << 20
    assert line["started"] < line["ended"]
    for _ in range(2):  # again changes nothing
        code, out, err = cli("finalise", "dl1.plan.json")
        assert (code, err) == (0, "")
    assert "3 of 3 inputs" in out


def test_a_task_number_out_of_range_says_what_there_is(cli, runs):
    assert cli("plan", *runs, "-o", "dl1")[0] == 0
    code, _, err = cli("run-part", "dl1.plan.json", "3")
    assert code == 2
    assert "3 tasks, 0 to 2" in err


def test_a_plan_is_not_written_into_its_dataset(cli, runs):
    code, _, err = cli("plan", *runs, "-o", "dl1", "--plan", "dl1/plan.json")
    assert code == 2
    assert "write the plan beside it" in err


def test_what_is_in_the_dataset_already_is_refused_when_it_is_planned(cli, runs):
    assert cli("process", runs[0], "-o", "dl1")[0] == 0
    code, _, err = cli("plan", *runs, "-o", "dl1")
    assert code == 2
    assert "--resume" in err
    assert cli("plan", *runs, "-o", "dl1", "--resume")[0] == 0


def test_a_failed_input_leaves_a_record_until_it_succeeds(cli, runs, tmp_path):
    bad = tmp_path / "bad.simtel"
    bad.write_text("no events here")
    assert cli("plan", bad, runs[0], "-o", "dl1", "--inputs-per-task", "2")[0] == 0
    assert cli("run-part", "dl1.plan.json", "0")[0] == 1
    (record,) = failures("dl1")
    assert record["input"] == {"name": "bad.simtel", "path": str(bad)}
    assert "not an EventIO file" in record["error"]
    code, _, err = cli("finalise", "dl1.plan.json")
    assert code == 1
    assert "not an EventIO file" in err
    bad.unlink()
    bad.hardlink_to(runs[1])
    assert cli("run-part", "dl1.plan.json", "0")[0] == 0
    assert list(failures("dl1")) == []
    assert cli("finalise", "dl1.plan.json")[0] == 0


def test_parts_of_other_options_and_damaged_ones_are_named(cli, runs):
    assert cli("plan", *runs[:2], "-o", "dl1")[0] == 0
    assert cli("process", runs[0], "-o", "dl1", "--write", "images")[0] == 0
    assert cli("run-part", "dl1.plan.json", "1")[0] == 0
    next(Path("dl1/trigger").glob("run2-*.parquet")).write_bytes(b"PAR1")
    code, out, err = cli("finalise", "dl1.plan.json")
    assert code == 2  # nothing of the plan is usable
    assert f"outdated: {runs[0]}" in err
    assert "4 bytes, not" in err
    assert "tasks to run again: 0,1" in out
    assert cli("run-part", "dl1.plan.json", "0")[0] == 0
    assert json.loads(cli("finalise", "dl1.plan.json", "--json")[1])["done"] == 1
