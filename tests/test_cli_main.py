"""The command line's entry: quick, one message per error, the promised exit codes."""

from __future__ import annotations

import importlib
import json
import resource
import subprocess
import sys
import types
from pathlib import Path

import pytest

from ctabatch.cli import main
from ctabatch.errors import InputError, OptionError, OutputError
from ctabatch.io import examples

ROOT = Path(__file__).parents[1]


@pytest.fixture
def run(capsys):
    """Run the command line in this process: exit code, stdout, stderr."""

    def start(*words):
        with pytest.raises(SystemExit) as end:
            main.run(words)
        return (end.value.code or 0, *capsys.readouterr())

    return start


@pytest.fixture
def fake_command(monkeypatch):
    """Put a function in the place of the command ``info``."""

    def install(function):
        module = types.ModuleType("ctabatch.cli.info")
        module.command = function
        monkeypatch.setitem(sys.modules, "ctabatch.cli.info", module)

    return install


def test_help_lists_every_command_with_its_summary(run):
    code, out, _ = run("--help")
    assert code == 0
    for name, summary in main.COMMANDS.items():
        assert name in out
        assert summary.split()[0] in out


def test_without_words_the_help_is_shown(run):
    _, out, err = run()
    assert "process" in out + err


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_exists_and_has_help(name, run):
    assert callable(importlib.import_module(f"ctabatch.cli.{name.replace('-', '_')}").command)
    code, out, _ = run(name, "--help")
    assert code == 0
    assert "Examples" in out


def test_version_is_printed(run):
    code, out, _ = run("--version")
    assert code == 0
    assert out.startswith("ctabatch ")


def test_module_and_script_are_the_same():
    words = [sys.executable, "-m", "ctabatch", "--version"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.startswith("ctabatch ")


def test_help_takes_less_than_a_third_of_a_second():
    def seconds(*words):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # CPU time, the best of several, less what an empty interpreter takes: others may be busy
    ours = min(seconds("-m", "ctabatch", "--help") for _ in range(5))
    assert ours - min(seconds("-c", "pass") for _ in range(5)) < 0.3


@pytest.mark.parametrize("kind", [InputError, OptionError, OutputError])
def test_an_error_on_purpose_is_one_message_and_exit_code_2(kind, run, fake_command):
    def command():
        raise kind("the file is no good")

    fake_command(command)
    code, out, err = run("info")
    assert (code, out) == (2, "")
    assert err == "ctabatch: error: the file is no good\n"


def test_an_error_of_ours_is_not_hidden(run, fake_command):
    def command():
        raise ZeroDivisionError("a mistake in the program")

    fake_command(command)
    code, out, err = run("info")
    assert (code, out) == (70, "")
    assert "ZeroDivisionError: a mistake in the program" in err
    assert err.splitlines()[-1].startswith("ctabatch: this is an error of ctabatch itself")


def test_ctrl_c_ends_with_130(run, fake_command):
    def command():
        raise KeyboardInterrupt

    fake_command(command)
    assert run("info")[0] == 130


def test_a_command_may_end_with_its_own_exit_code(run, fake_command):
    import typer

    def command():
        raise typer.Exit(1)

    fake_command(command)
    assert run("info")[0] == 1


@pytest.mark.parametrize("words", [("bogus",), ("examples", "--bogus"), ("--bogus",)])
def test_unusable_words_end_with_2(words, run):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert "bogus" in err


def test_examples_lists_every_file(run, example_files, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = run("examples")
    assert code == 0
    for name, example in examples.EXAMPLES.items():
        assert name in out
        assert example.file in out
        assert example.holds in out


def test_examples_as_json_is_complete(run, example_files):
    code, out, _ = run("examples", "--json")
    summary = json.loads(out)
    assert code == 0
    assert Path(summary["folder"]) == example_files["sst1m"].parent
    assert [entry["name"] for entry in summary["examples"]] == list(examples.EXAMPLES)
    assert set(summary["examples"][0]) == {"name", "file", "kind", "size", "sha256", "holds"}


def test_examples_lists_without_fetching(run, monkeypatch, tmp_path):
    monkeypatch.delenv("CTABATCH_EXAMPLES", raising=False)
    monkeypatch.setenv("CTABATCH_CACHE", str(tmp_path / "cache"))
    code, out, _ = run("examples")
    assert code == 0
    assert "Not fetched yet" in out
    assert list(tmp_path.iterdir()) == []


def test_examples_path_prints_only_the_path(run, example_files):
    assert run("examples", "--path", "sst1m") == (0, f"{example_files['sst1m']}\n", "")


def test_examples_get_fetches_once(run, monkeypatch, example_files, tmp_path):
    monkeypatch.delenv("CTABATCH_EXAMPLES", raising=False)
    monkeypatch.setenv("CTABATCH_CACHE", str(tmp_path))

    def download_nothing(progress):
        progress("downloading", 1, 2)
        return example_files["sst1m"].parent

    monkeypatch.setattr(examples, "fetch", download_nothing)
    code, _, err = run("examples", "--get")
    assert (code, err) == (0, "")


def test_examples_names_the_valid_names(run):
    code, out, err = run("examples", "--path", "sst")
    assert (code, out) == (2, "")
    assert "unknown example 'sst'. Did you mean 'sst1m'" in err
