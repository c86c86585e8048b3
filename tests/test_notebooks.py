"""Notebooks as they are committed: valid, short, without outputs and without traces of a machine.

``nox -s notebooks`` executes them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_there_are_the_three_notebooks() -> None:
    assert [path.stem for path in PATHS] == ["01_columns", "02_responses", "03_crab"]


def test_the_notebook_is_valid(path: Path) -> None:
    nbformat.validate(nbformat.read(path, as_version=nbformat.NO_CONVERT))


def test_the_notebook_holds_no_outputs(path: Path) -> None:
    for cell in cells(path, "code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


def test_the_notebook_says_first_what_it_shows_and_how_long_it_takes(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    first = notebook["cells"][0]
    assert first["cell_type"] == "markdown"
    text = "".join(first["source"])
    assert text.startswith("# ")
    assert re.search(r"takes about (half )?a minute", text)


def test_the_notebook_is_short(path: Path) -> None:
    """Thirty cells of at most thirty lines can be read at one go."""
    found = cells(path, "code")
    assert 5 <= len(found) <= 30
    assert max("".join(cell["source"]).count("\n") + 1 for cell in found) <= 30


def test_the_notebook_names_no_path_and_no_kernel_of_one_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/(root|home|tmp|opt|work|Users)\b", text)
    metadata = json.loads(text)["metadata"]
    assert metadata["kernelspec"]["name"] == "python3"
    assert "version" not in metadata["language_info"]


def test_the_session_that_executes_notebooks_installs_what_they_import(path: Path) -> None:
    import tomllib

    project = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    installed = " ".join([*project["dependencies"], *extras["notebooks"], *extras["gammapy"],
                          *extras["sql"], "ctabatch IPython"])  # fmt: skip
    source = "\n".join("".join(cell["source"]) for cell in cells(path, "code"))
    imported = set(re.findall(r"^(?:import|from) (\w+)", source, flags=re.MULTILINE))
    assert imported - {"os", "tempfile"}
    for name in imported - {"os", "tempfile"}:
        assert re.search(rf"\b{name}\b", installed), name
