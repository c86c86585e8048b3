"""``ctabatch emit`` from the command line: real tasks run by what it wrote, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ctabatch.emit import htcondor, snakemake
from ctabatch.emit.job import BatchJob, job_name
from ctabatch.errors import OptionError
from tests.same_tables import check_same

ROOT = Path(__file__).parents[1]
#: The files find this checkout whatever is installed.
HERE = ("--env", f"PYTHONPATH={ROOT}")


@pytest.fixture(scope="module")
def inputs(example_files, tmp_path_factory):
    """Two small files, one with a blank in its name, and one that is no simtel file."""
    folder = tmp_path_factory.mktemp("in puts")
    shutil.copy(example_files["lst-muons"], folder / "muons 1.simtel.zst")
    shutil.copy(example_files["lst-photons"], folder / "photons.simtel.zst")
    (folder / "broken.simtel.zst").write_bytes(b"no simtel file" * 100)
    return sorted(folder.iterdir())


@pytest.fixture
def plan(cli, inputs):
    """A plan in the working folder of `cli`."""
    words = ("--max-events", 3, "-o", "dl1")
    code, _, err = cli("plan", *inputs, *words)
    assert code == 0, err
    return Path("dl1.plan.json")


@pytest.fixture
def expected(cli, inputs, tmp_path):
    """The dataset that one process makes of the same."""
    cli("process", *inputs, "--max-events", 3, "-o", "alone")
    return tmp_path / "alone"


def done(*words, **environment):
    """Output of a program in the working folder."""
    ended = subprocess.run(
        words, env=os.environ | environment, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def check_dataset(expected):
    """All good inputs are in; the broken one is named; the tables are those of one process."""
    summary = json.loads(Path("dl1/parts/summary/dl1.json").read_text())
    assert summary["missing"] == []
    assert [Path(path).name for path in summary["failed"]] == ["broken.simtel.zst"]
    assert summary["done"] == 2
    check_same(Path("dl1"), expected)


def test_snakemake_makes_the_dataset_that_process_makes(cli, plan, expected):
    code, out, _ = cli("emit", "snakemake", plan, *HERE)
    assert code == 0
    assert "snakemake -s dl1.smk --cores all --keep-going" in out
    done(sys.executable, "-m", "snakemake", "-s", "dl1.smk", "--cores", "1")
    check_dataset(expected)


def test_cwl_makes_the_dataset_that_process_makes(cli, plan, expected):
    assert cli("emit", "cwl", plan, *HERE)[0] == 0
    done(sys.executable, "-m", "cwltool", "--quiet", "dl1.cwl")
    assert json.loads(Path("summary.json").read_text())["done"] == 2
    check_dataset(expected)


@pytest.mark.parametrize("system", ["slurm", "htcondor"])
def test_the_scripts_for_clusters_make_the_dataset_that_process_makes(system, cli, plan, expected):
    assert cli("emit", system, plan, *HERE)[0] == 0
    for k in range(3):
        if system == "slurm":
            done("bash", "dl1.sbatch", SLURM_ARRAY_TASK_ID=str(k))
        else:
            done("./dl1.sh", "part", str(k))
    script = "dl1.sbatch" if system == "slurm" else "dl1.sh"
    ended = subprocess.run(["bash", script, "finalise"], capture_output=True, check=False)
    assert ended.returncode == 1  # an input is not in
    check_dataset(expected)


def test_cores_memory_and_retries_come_from_the_plan_unless_they_are_given(cli, inputs):
    words = ("--threads", 3, "--memory", 900, "--retries", 2)
    assert cli("plan", inputs[1], "-o", "dl1", *words)[0] == 0
    cli("emit", "slurm", "dl1.plan.json")
    text = Path("dl1.sbatch").read_text()
    assert "--cpus-per-task=3" in text
    assert "--mem=1200M" in text
    assert "--threads 3" in text
    assert "attempt <= 2" in text
    words = ("--cores", 1, "--memory", 2000, "--retries", 0, "--overwrite")
    cli("emit", "slurm", "dl1.plan.json", *words)
    text = Path("dl1.sbatch").read_text()
    assert "--cpus-per-task=1" in text
    assert "--mem=2000M" in text
    assert "attempt <= 0" in text


def test_the_program_may_be_another_and_gets_variables(cli, plan):
    words = ("--program", "apptainer exec '/img/cta batch.sif' ctabatch", "--env", "A=b c$d")
    cli("emit", "htcondor", plan, *words)
    text = Path("dl1.sh").read_text()
    cache = "XDG_CACHE_HOME="
    assert cache in text  # jobs do not have the user's environment
    assert "'A=b c$d' apptainer exec '/img/cta batch.sif' ctabatch run-part" in text


def test_a_file_that_is_there_is_replaced_only_if_asked(cli, plan):
    assert cli("emit", "cwl", plan)[0] == 0
    code, _, err = cli("emit", "cwl", plan)
    assert code == 2
    assert "dl1.cwl: there is such a file already; --overwrite replaces it" in err
    assert cli("emit", "cwl", plan, "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("slurm", "dl1.plan.json", "--partition", "a; rm -rf /"), "--partition"),
        (("slurm", "dl1.plan.json", "--time", "1:00\n#SBATCH --uid=0"), "--time"),
        (("slurm", "dl1.plan.json", "--name", "$(id)"), "the name of the job"),
        (("slurm", "dl1.plan.json", "-o", "a$(id).sbatch"), "the name of the file"),
        (("slurm", "dl1.plan.json", "--program", "'"), "No closing quotation"),
        (("slurm", "dl1.plan.json", "--program", ""), "names nothing to run"),
        (("slurm", "dl1.plan.json", "--env", "A"), "write NAME=VALUE"),
        (("cwl", "dl1.plan.json", "--program", "/a=b/python"), "would be a variable"),
        (("htcondor", "dl1.plan.json", "--account", "a b"), "--account"),
        (("htcondor", "dl1.plan.json", "-o", "p.submit"), "must end with .sub"),
        (("snakemake", "dl1.plan.json", "--log-dir", "{k}"), "braces"),
        (("snakemake", "none.json"), "No such file"),
    ],
)
@pytest.mark.usefixtures("plan")
def test_what_cannot_be_written_is_refused_before_anything_is(words, told, cli):
    before = sorted(Path().iterdir())
    code, _, err = cli("emit", *words)
    assert code == 2
    assert told in err
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize("field", ["plan", "logs", "program"])
@pytest.mark.parametrize("letter", ["\n", "\0", "\x1b", "\ud800"])
def test_what_no_line_can_hold_is_refused(field, letter):
    values = {
        "program": ("ctabatch",), "plan": "/p.json", "name": "p", "n_tasks": 1, "cores": 1,
        "memory": 1, "retries": 0, "logs": "/logs",
    }  # fmt: skip
    BatchJob(**values)
    text = f"/some{letter}where"
    values[field] = (text,) if field == "program" else text
    with pytest.raises(OptionError, match=r"cannot be written|not valid UTF-8"):
        BatchJob(**values)


def test_braces_which_snakemake_takes_for_wildcards_are_refused():
    job = BatchJob(("ctabatch",), "/data/{run}.json", "p", 1, 1, 1, 0, "/logs")
    with pytest.raises(OptionError, match="braces"):
        snakemake.files(job, snakemake.SnakemakeOptions(), "p.smk")


@pytest.mark.parametrize("text", ["/logs ", "/logs\\", " /logs"])
def test_paths_whose_end_htcondor_cuts_off_are_refused(text):
    with pytest.raises(OptionError, match="HTCondor"):
        htcondor.submit_value(text)


@pytest.mark.parametrize(
    ("path", "name"),
    [("/a/dl1.plan.json", "dl1"), ("/a b/$(x) y.json", "x-y"), ("/.json", "ctabatch")],
)
def test_a_job_is_named_after_its_plan(path, name):
    assert job_name(path) == name
