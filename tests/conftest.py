"""Fixtures and settings that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from ctabatch.io import examples

# The first call of a kernel compiles it, so no example of a property test has a deadline.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("long", deadline=None, max_examples=2000)
hypothesis.settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default")
)


@pytest.fixture(scope="session")
def example_files() -> dict[str, Path]:
    """Short name -> path of every public example file; fetched if absent."""
    folder = examples.fetch()
    return {name: folder / example.file for name, example in examples.EXAMPLES.items()}
