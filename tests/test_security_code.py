"""What the code may not do: run what it reads. Checked on the syntax tree of every file."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: Modules whose loaders run code, or that start a shell. numba keeps its machine code in files that
#: it reads with pickle: a cache in a folder of the user, made by numba, and no module of ours.
MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib",
           "code", "codeop", "commands", "pty", "telnetlib", "xmlrpc"}  # fmt: skip
CALLS = {"eval", "exec", "compile", "__import__", "execfile"}
#: Of modules: attribute -> why.
ATTRIBUTES = {
    ("os", "system"), ("os", "popen"), ("os", "execv"), ("os", "spawnv"),
    ("yaml", "load"), ("yaml", "load_all"), ("yaml", "unsafe_load"), ("yaml", "full_load"),
    ("yaml", "UnsafeLoader"), ("yaml", "Loader"), ("yaml", "FullLoader"),
    ("np", "load"), ("numpy", "load"), ("pd", "read_pickle"), ("tempfile", "mktemp"),
    ("types", "FunctionType"), ("types", "CodeType"), ("importlib", "reload"),
    ("xml", "etree"), ("subprocess", "getoutput"), ("subprocess", "getstatusoutput"),
}  # fmt: skip


def found_in(source: str) -> list[str]:
    """Everything that is not allowed, by line."""
    wrong = []
    for node in ast.walk(ast.parse(source)):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            names = [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "").split(".")[0]] if not node.level else []
            own = {(node.module, alias.name) for alias in node.names}
            wrong += [f"{line}: from {m} import {n}" for m, n in own & ATTRIBUTES]
        else:
            names = []
        wrong += [f"{line}: import {name}" for name in names if name in MODULES]
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and (node.value.id, node.attr) in ATTRIBUTES
        ):
            wrong.append(f"{line}: {node.value.id}.{node.attr}")
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in CALLS:
                wrong.append(f"{line}: {node.func.id}()")
            for keyword in node.keywords:
                value = getattr(keyword.value, "value", True)
                if keyword.arg == "shell" and value is not False:
                    wrong.append(f"{line}: shell={value}")
                if keyword.arg == "allow_pickle" and value is not False:
                    wrong.append(f"{line}: allow_pickle={value}")
    return wrong


def files() -> list[Path]:
    links = (ROOT / "ctabatch" / "kernels", ROOT / "ctabatch" / "schemas")
    found = [
        path.relative_to(ROOT)
        for top in ("kernels", "schemas", "ctabatch")
        for path in sorted((ROOT / top).rglob("*.py"))
        if not any(path.is_relative_to(link) for link in links)
    ]
    assert len(found) > 300
    return found


def test_no_file_runs_what_it_reads():
    wrong = {str(path): found for path in files() if (found := found_in((ROOT / path).read_text()))}
    assert wrong == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "def f():\n    from pickle import loads",
        "import marshal",
        "import joblib.memory",
        "eval('1')",
        "exec(text)",
        "compile(text, '', 'exec')",
        "__import__('os')",
        "import os\nos.system('ls')",
        "from os import system",
        "subprocess.run('ls', shell=True)",
        "subprocess.run('ls', shell=flag)",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.SafeLoader)",
        "yaml.unsafe_load(text)",
        "np.load(path)",
        "load(path, allow_pickle=True)",
        "tempfile.mktemp()",
    ],
)
def test_what_is_not_allowed_is_found(source):
    assert found_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "yaml.safe_load(text)",
        "re.compile('a')",
        "subprocess.run(['ls'], shell=False)",
        "ast.parse(text, mode='eval')",
        "frame.eval",
        "pl.load(path)",
    ],
)
def test_what_is_allowed_is_not(source):
    assert found_in(source) == []


def test_yaml_is_read_where_its_size_is_bounded():
    """Everybody reads configurations through `ctabatch.config.bounded`."""
    readers = [
        str(path)
        for path in files()
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in {("yaml", "safe_load"), ("tomllib", "loads")}
    ]
    assert set(readers) == {"ctabatch/config/bounded.py"}


@pytest.mark.parametrize("words", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_finds_nothing(words):
    """Its rules ``S`` are those of bandit; style goes along, so that no complete run is without."""
    command = [sys.executable, "-m", "ruff", *words, "--no-cache", "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_ruff_is_told_to_look_for_what_bandit_looks_for(tmp_path):
    file = tmp_path / "bad.py"
    file.write_text("import subprocess\nsubprocess.run('ls', shell=True)\n")
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--config",
               str(ROOT / "pyproject.toml"), "--output-format", "concise", str(file)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "S602" in done.stdout
