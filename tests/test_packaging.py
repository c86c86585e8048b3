"""pyproject.toml, the folders and the documents agree with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import ctabatch

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _packages_on_disk():
    found = {"ctabatch.kernels", "ctabatch.schemas"}
    for path in (ROOT / "ctabatch").rglob("*.py"):
        parts = path.relative_to(ROOT).parent.parts
        if len(parts) < 2 or parts[1] not in ("kernels", "schemas"):
            found.add(".".join(parts))
    return found


def test_every_folder_with_code_is_a_listed_package():
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == _packages_on_disk()


def test_every_package_has_an_init_file():
    mapping = PROJECT["tool"]["setuptools"]["package-dir"]
    for package in PROJECT["tool"]["setuptools"]["packages"]:
        folder = mapping.get(package, package.replace(".", "/"))
        assert (ROOT / folder / "__init__.py").is_file(), package


@pytest.mark.parametrize("name", ["kernels", "schemas"])
def test_the_top_level_folders_are_linked_and_flat(name):
    link = ROOT / "ctabatch" / name
    assert link.is_symlink()
    assert link.readlink() == Path("..", name)
    folders = {entry.name for entry in (ROOT / name).iterdir() if entry.is_dir()}
    assert folders <= {"__pycache__"}


def test_extra_all_names_every_other_extra():
    extras = PROJECT["project"]["optional-dependencies"]
    (line,) = extras["all"]
    named = re.fullmatch(r"ctabatch\[(.*)\]", line).group(1).split(",")
    assert sorted(named) == sorted(set(extras) - {"all"})


def test_every_dependency_has_a_lower_bound():
    project = PROJECT["project"]
    extras = project["optional-dependencies"].values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    assert [line for line in lines if ">=" not in line and not line.startswith("ctabatch[")] == []


def test_coverage_names_all_three_source_folders():
    assert set(PROJECT["tool"]["coverage"]["run"]["source"]) == {"ctabatch", "kernels", "schemas"}


def test_the_package_offers_its_public_names_lazily():
    assert ctabatch.__all__ == ["Dataset", "__version__", "open"]
    assert set(ctabatch.__all__) <= set(dir(ctabatch))
    assert isinstance(ctabatch.__version__, str)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ctabatch.nothing


def test_public_names_are_the_objects_of_their_modules():
    from ctabatch.dataset import Dataset
    from ctabatch.source import open_source

    assert ctabatch.Dataset is Dataset
    assert ctabatch.open is open_source


def test_the_readme_has_the_two_commands_that_ci_and_newcomers_run():
    text = (ROOT / "README.md").read_text()
    commands = re.findall(r"<!-- command: (\w+) -->\n```bash\n(.+)\n```", text)
    assert [name for name, _ in commands] == ["demo", "test"]
    for _, line in commands:
        assert line.startswith("python3 -m venv .venv && .venv/bin/pip install")
    assert "pytest" in dict(commands)["test"]
    assert "README.md" in (ROOT / ".ci" / "run").read_text()
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_no_tracked_text_names_a_path_of_one_machine():
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*.toml"), *ROOT.glob("*.py")]:
        assert not re.search(r"(?<![\w.])/(root|home)/", path.read_text()), path
