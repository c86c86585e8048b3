"""Files for batch systems: what they run, word by word, and how they take failures."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.emit import cwl, htcondor, slurm, snakemake
from ctabatch.emit.job import BatchJob

#: Whatever a folder may be called: quotes, blanks, what shells, HTCondor and Slurm replace.
ODD = 'it\'s "odd" $(touch here) $HOME `id` %j \\ #1 & é'

#: Stands for ctabatch: writes down its words; ends as the file `codes` says for this task.
RECORDER = """\
import json, os, pathlib, signal, sys
here = pathlib.Path(__file__).parent
with open(here / "calls", "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
codes = json.loads((here / "codes").read_text())
left = codes.get(sys.argv[-1], [])
code = left.pop(0) if left else 0
(here / "codes").write_text(json.dumps(codes))
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


@pytest.fixture
def recorder(tmp_path):
    """A folder of an odd name with a program that writes its calls down."""
    folder = tmp_path / ODD
    folder.mkdir()
    (folder / "logs").mkdir()
    (folder / "record.py").write_text(RECORDER)
    (folder / "p.plan.json").write_text("{}")
    ends(folder, {})
    return folder


def ends(folder, codes):
    (folder / "codes").write_text(json.dumps(codes))


def calls(folder):
    path = folder / "calls"
    found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    path.unlink(missing_ok=True)
    return found


def job_in(folder, n_tasks=3, **values):
    program = (sys.executable, f"{folder}/record.py")
    facts = {"cores": 2, "memory": 1000, "retries": 1, "logs": f"{folder}/logs", **values}
    return BatchJob(program, f"{folder}/p.plan.json", "p", n_tasks, **facts)


def write(folder, texts):
    for name, text in texts.items():
        (folder / name).write_text(text)


def bash(folder, *words, path="", **environment):
    if path:
        environment["PATH"] = f"{path}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", *words], cwd=folder, env=os.environ | environment,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def part(folder, k):
    return ["run-part", f"{folder}/p.plan.json", "--threads", "2", str(k)]


def slurm_script(folder, n_tasks=3, **options):
    texts = slurm.files(job_in(folder, n_tasks), slurm.SlurmOptions(**options), "p.sbatch")
    write(folder, texts)
    assert bash(folder, "-n", "p.sbatch").returncode == 0
    return texts["p.sbatch"]


def test_a_task_of_a_slurm_array_gets_its_words_whatever_is_in_the_paths(recorder):
    slurm_script(recorder)
    done = bash(recorder, "p.sbatch", SLURM_ARRAY_TASK_ID="2")
    assert (done.returncode, done.stderr) == (0, "")
    done = bash(recorder, "p.sbatch", "part", "4000", SLURM_ARRAY_TASK_ID="7")
    assert done.returncode == 0
    assert bash(recorder, "p.sbatch", "finalise").returncode == 0
    assert calls(recorder) == [
        part(recorder, 2), part(recorder, 4007), ["finalise", f"{recorder}/p.plan.json"],
    ]  # fmt: skip
    assert not (recorder / "here").exists()


@pytest.mark.parametrize("system", ["slurm", "htcondor"])
@pytest.mark.parametrize(
    ("codes", "expected", "n_calls"),
    [
        ([0], 0, 1),
        ([1], 0, 1),  # done with losses
        ([2, 0], 2, 1),  # not usable: trying again does not help
        ([-signal.SIGKILL, 0], 0, 2),
        ([-signal.SIGKILL, 1], 0, 2),
        ([-signal.SIGKILL, -signal.SIGKILL, 0], 128 + signal.SIGKILL, 2),
    ],
)
def test_losses_are_no_failure_and_a_killed_process_is_tried_again(
    system, codes, expected, n_calls, recorder
):
    ends(recorder, {"1": codes})
    if system == "slurm":
        slurm_script(recorder)
        done = bash(recorder, "p.sbatch", SLURM_ARRAY_TASK_ID="1")
    else:
        write(recorder, htcondor.files(job_in(recorder), htcondor.HTCondorOptions(), "p.sub"))
        done = bash(recorder, "p.sh", "part", "1")
    assert done.returncode == expected
    assert calls(recorder) == [part(recorder, 1)] * n_calls


#: Stands for sbatch: writes down its words and prints a number of a job, as --parsable does.
SBATCH = """\
#!/bin/bash
printf '%s\\0' "$@" >> "$SUBMITTED"
printf '\\n' >> "$SUBMITTED"
number=$(wc -l < "$SUBMITTED")
if ((number > ${ALLOWED:-1000})); then echo "limit" >&2; exit 1; fi
echo "$((100 + number));cluster"
"""


def submitted(folder, *words, **environment):
    """Words of every call of sbatch, and what the script said."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "sbatch").write_text(SBATCH)
    (tools / "sbatch").chmod(0o755)
    target = folder / "submitted"
    target.unlink(missing_ok=True)
    environment = {"SUBMITTED": str(target), **environment}
    done = bash(folder, "p.sbatch", "submit", *words, path=str(tools), **environment)
    lines = target.read_text().splitlines()
    return [line.split("\0")[:-1] for line in lines], done


@pytest.mark.parametrize(
    ("n_tasks", "array_size"), [(1, 1001), (3, 3), (4, 3), (6, 3), (7, 3), (2500, 1001), (5, 1)]
)
def test_submit_gives_slurm_every_task_once_and_finalise_after_all(n_tasks, array_size, recorder):
    slurm_script(recorder, n_tasks, array_size=array_size, max_running=50)
    words, done = submitted(recorder)
    assert done.returncode == 0, done.stderr
    tasks = []
    for call in words[:-1]:
        (array,) = [word for word in call if word.startswith("--array=")]
        indices, limit = array.removeprefix("--array=").split("%")
        begin, end = map(int, indices.split("-"))
        assert limit == "50"
        assert 0 == begin <= end < array_size
        assert call[-4:-1] == ["--", "p.sbatch", "part"]
        tasks += [int(call[-1]) + index for index in range(begin, end + 1)]
    assert tasks == list(range(n_tasks))
    after = ":".join(str(101 + number) for number in range(len(words) - 1))
    assert f"--dependency=afterany:{after}" in words[-1]
    assert "--array=0" in words[-1]
    assert words[-1][-2:] == ["p.sbatch", "finalise"]


def test_submitting_goes_on_where_slurm_refused(recorder):
    slurm_script(recorder, 7, array_size=2)
    words, done = submitted(recorder, ALLOWED="2")
    assert done.returncode == 1
    assert "bash p.sbatch submit 4" in done.stderr
    assert len(words) == 3
    words, done = submitted(recorder, "4")
    assert done.returncode == 0
    assert [call[-1] for call in words] == ["4", "6", "finalise"]


def test_the_directives_of_slurm_hold_the_options(recorder):
    text = slurm_script(
        recorder, 5000, time="1-02:00", partition="a,b", account="cta@x", max_running=9
    )
    found = dict(
        line.removeprefix("#SBATCH --").partition("=")[::2]
        for line in text.splitlines() if line.startswith("#SBATCH")
    )  # fmt: skip
    expected = {
        "array": "0-1000%9", "cpus-per-task": "2", "mem": "1000M", "time": "1-02:00",
        "partition": "a,b", "account": "cta@x", "job-name": "p",
    }  # fmt: skip
    assert expected.items() <= found.items()
    (log,) = shlex.split(found["output"])
    assert log == f"{recorder}/logs/%A_%a.log".replace("%j", "%%j")


@given(st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", codec="utf-8")))
def test_a_quoted_word_of_a_directive_is_one_word_with_the_same_letters(text):
    assert shlex.split(slurm.directive_word(text)) == [text]


def test_htcondor_reads_the_submit_files(recorder):
    # exists for Linux alone, as does the scheduler
    import htcondor2

    options = htcondor.HTCondorOptions(time=7200, account="cta", max_running=40)
    texts = htcondor.files(job_in(recorder, 500), options, "p.sub")
    array = htcondor2.Submit(texts["p.sub"])
    assert array.getQArgs().strip() == "500"
    assert array.expand("output") == f"{recorder}/logs/part-0.out"
    assert array.expand("error") == f"{recorder}/logs/part-0.err"
    assert array.expand("arguments") == "part 0"
    assert array["executable"] == "p.sh"
    assert array["request_memory"] == "1000MB"
    assert array["allowed_execute_duration"] == "7200"
    assert array["accounting_group"] == "cta"
    assert array["max_materialize"] == "40"
    one = htcondor2.Submit(texts["p-part.sub"])
    one["k"] = "17"  # as the DAG does
    assert one.expand("arguments") == "part 17"
    assert one.expand("output") == f"{recorder}/logs/part-17.out"
    last = htcondor2.Submit(texts["p-finalise.sub"])
    assert last.expand("arguments") == "finalise"
    assert last.expand("log") == f"{recorder}/logs/p.log"


def test_the_dag_has_every_task_once_and_finalise_last_whatever_becomes_of_them(recorder):
    options = htcondor.HTCondorOptions(max_running=40)
    lines = htcondor.files(job_in(recorder, 5), options, "p.sub")["p.dag"].splitlines()
    words = [shlex.split(line) for line in lines if not line.startswith("#")]
    jobs = [word[1:] for word in words if word[0] == "JOB"]
    assert jobs == [[f"part{k}", "p-part.sub"] for k in range(5)]
    assert [word[1:] for word in words if word[0] == "VARS"] == [
        [f"part{k}", f"k={k}"] for k in range(5)
    ]
    assert words[-4:] == [
        ["RETRY", "ALL_NODES", "1"], ["CATEGORY", "ALL_NODES", "parts"],
        ["MAXJOBS", "parts", "40"], ["FINAL", "finalise", "p-finalise.sub"],
    ]  # fmt: skip


def snake(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "-s", "p.smk", "--cores", "1", *words],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_snakemake_runs_every_task_then_finalise_and_goes_on_after_a_failure(recorder):
    options = snakemake.SnakemakeOptions(time=60, partition="main", account="cta")
    write(recorder, snakemake.files(job_in(recorder, retries=0), options, "p.smk"))
    dry = snake(recorder, "-n")
    assert dry.returncode == 0, dry.stderr
    assert calls(recorder) == []
    ends(recorder, {"0": [1], "2": [2]})
    assert snake(recorder, "--keep-going").returncode != 0
    assert sorted(calls(recorder)) == [part(recorder, k) for k in range(3)]
    done = snake(recorder)
    assert done.returncode == 0, done.stderr
    assert calls(recorder) == [part(recorder, 2), ["finalise", f"{recorder}/p.plan.json"]]
    assert snake(recorder).returncode == 0
    assert calls(recorder) == []
    assert not (recorder / "here").exists()


def test_cwl_is_valid_and_runs_every_task_then_finalise(recorder, tmp_path):
    write(recorder, cwl.files(job_in(recorder), "p.cwl"))
    ends(recorder, {"0": [1]})
    tool = [sys.executable, "-m", "cwltool", "--quiet"]
    for words in (["--validate", "p.cwl"], ["--outdir", str(tmp_path / "out"), "p.cwl"]):
        done = subprocess.run(
            [*tool, *words], cwd=recorder, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
    *parts, last = calls(recorder)
    assert sorted(parts) == [part(recorder, k) for k in range(3)]
    assert last == ["finalise", f"{recorder}/p.plan.json", "--json"]
    assert not (recorder / "here").exists()
