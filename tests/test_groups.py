"""Groups of tests: told from their names, and heeded by the processes that run them."""

from __future__ import annotations

import collections
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.groups import group_of

FILES = frozenset({"sst1m", "sst1m-gz", "prod6"})


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("tests/test_bytes.py::test_a[1]", "tests/test_bytes.py"),
        ("tests/test_bytes.py::test_a[sst1m]", "tests/test_bytes.py"),
        ("tests/parity/test_columns.py::test_b[sst1m]", "sst1m"),
        ("tests/parity/test_runs.py::test_b[sst1m-gz]", "sst1m"),
        ("tests/parity/test_runs.py::test_b[sst1m-3]", "tests/parity/"),
        ("tests/parity/test_runs.py::test_b", "tests/parity/"),
    ],
)
def test_a_test_belongs_to_its_file_or_to_its_example_file(name, group):
    assert group_of(name, FILES) == group


def test_every_group_runs_in_one_process(tmp_path):
    """With the versions of pytest and pytest-xdist that are installed."""
    root = Path(__file__).parents[1]
    for folder, names in (("tests", "abc"), ("tests/parity", "de")):
        (tmp_path / folder).mkdir(exist_ok=True)
        for name in names:
            (tmp_path / folder / f"test_{name}.py").write_text(
                "import os, time, pytest\n"
                "@pytest.mark.parametrize('f', ['sst1m', 'prod6', 'other'])\n"
                "def test_it(f):\n"
                "    time.sleep(0.05)\n"
                f"    open(r'{tmp_path}/seen', 'a').write(f'{name} {{f}} {{os.getpid()}}\\n')\n"
            )
    (tmp_path / "conftest.py").write_text(
        "from tests_groups import GroupScheduling\n"
        "def pytest_xdist_make_scheduler(config, log):\n"
        f"    return GroupScheduling({FILES!r}, config, log)\n"
    )
    (tmp_path / "tests_groups.py").write_text((root / "tests/groups.py").read_text())
    words = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadscope", "-p",
             "no:cacheprovider", "-p", "no:randomly", str(tmp_path)]  # fmt: skip
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    processes = collections.defaultdict(set)
    for line in (tmp_path / "seen").read_text().splitlines():
        name, file, process = line.split()
        in_parity = name in "de"
        group = file if in_parity and file in FILES else "parity" if in_parity else name
        processes[group].add(process)
    assert set(map(len, processes.values())) == {1}
    assert len(processes) == 6
    assert len(set().union(*processes.values())) == 2
