"""Fixtures and settings that all tests share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from ctabatch.cli.main import run
from ctabatch.io import examples
from tests import peer_kernels

# The first call of a kernel compiles it, so no example of a property test has a deadline.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("long", deadline=None, max_examples=2000)
# astropy warns while it looks for leap seconds if this is set but its folder is not there
for _kind in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
    if _home := os.environ.get(_kind):
        Path(_home, "astropy").mkdir(parents=True, exist_ok=True)
hypothesis.settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default")
)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before there are several workers, prepare what they must not prepare at the same time."""
    several = getattr(session.config.option, "numprocesses", None)
    if several and not hasattr(session.config, "workerinput"):
        peer_kernels.fill_once(session.config)


@pytest.hookimpl(optionalhook=True)  # there may be no pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of a file stay in one worker, since they share fixtures; so do all that run ctapipe."""
    from tests.groups import GroupScheduling

    simulated = ("simulated-gammas", "simulated-protons")
    return GroupScheduling(frozenset([*examples.EXAMPLES, *simulated]), config, log)


@pytest.fixture(scope="session")
def example_files() -> dict[str, Path]:
    """Short name -> path of every public example file; fetched if absent."""
    folder = examples.fetch()
    return {name: folder / example.file for name, example in examples.EXAMPLES.items()}


@pytest.fixture
def cli(capsys, tmp_path, monkeypatch):
    """Run the program in a folder of its own; gives (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words):
        with pytest.raises(SystemExit) as stop:
            run(list(map(str, words)))
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        return stop.value.code, shown.out, shown.err

    return call


@pytest.fixture(scope="module")
def server():
    """An S3 server; its modules are loaded by the tests that need them."""
    from tests.object_store import Server

    one = Server()
    yield one
    one.stop()


@pytest.fixture
def bucket(server, monkeypatch):
    """A new bucket of the server, which all of ctabatch talks to."""
    from tests.object_store import settings

    with settings(monkeypatch, server.url):
        yield server.new_bucket()
