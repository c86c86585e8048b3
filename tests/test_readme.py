"""The README's Python lines run as they stand, on the dataset its command for a real file makes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
QUERIES = README.partition("<!-- queries: begin -->")[2].partition("<!-- queries: end -->")[0]
BLOCKS = re.findall(r"```python\n(.*?)```", QUERIES, flags=re.DOTALL)


@pytest.fixture(scope="module")
def folder(example_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the dataset of the README's command for a real file."""
    words = re.search(r"ctabatch (process example:sst1m .*)", README)
    assert words is not None
    folder = tmp_path_factory.mktemp("readme")
    command = [sys.executable, "-m", "ctabatch", *words[1].split()]
    subprocess.run(command, check=True, cwd=folder)
    assert (folder / "dl1" / "ctabatch.json").exists()
    return folder


def run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


def test_the_readme_has_a_polars_and_a_duckdb_block() -> None:
    assert ["import polars" in BLOCKS[0], "import duckdb" in BLOCKS[1]] == [True, True]


def test_polars_lines_of_the_readme_run(folder: Path) -> None:
    printed = run(BLOCKS[0], folder)
    assert "(10, 1296)" in printed
    assert "SST_1M_DigiCam" in printed
    assert "true_impact_distance" in printed


def test_duckdb_lines_of_the_readme_run(folder: Path) -> None:
    printed = run(BLOCKS[1], folder)
    assert "intensity" in printed
    assert "nan" not in printed


def test_filter_on_event_id_reaches_the_scan(folder: Path) -> None:
    plan = run(BLOCKS[0] + "\nprint(one_event.explain())", folder)
    assert re.search(r"SELECTION:.*event_id", plan)
