"""Another package adds an extractor and a cleaner; what goes wrong in it is told as its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import ctabatch

PACKAGE = Path(__file__).parent / "plugin_package"


def run(*words, cwd):
    """The command in a process in which the package is installed."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(PACKAGE), *sys.path[1:]])}
    return subprocess.run(
        [sys.executable, "-m", "ctabatch", *map(str, words)], cwd=cwd, env=environment, text=True,
        capture_output=True, check=False, timeout=300,
    )  # fmt: skip


def process(path, *options, cwd):
    words = [word for option in options for word in ("--set", option)]
    return run("process", path, "-o", "out", "--focal-length", "equivalent", *words, cwd=cwd)


def test_an_extractor_and_a_cleaner_of_another_package_make_the_images(example_files, tmp_path):
    path = example_files["lst-muons"]
    done = process(
        path, "extraction.extractor=TallestSample", "extraction.factor=2",
        "cleaning.cleaner=AboveThreshold", "cleaning.threshold=20", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (file,) = (tmp_path / "out").glob("dl1/images/*/*.parquet")
    table = pq.read_table(file, partitioning=None)
    image = np.array(table["image"].combine_chunks().to_numpy_ndarray())
    with ctabatch.open(path, focal_length="equivalent") as source:
        (batch,) = source.batches("r1")
    np.testing.assert_array_equal(image, batch.waveform.max(axis=2) * np.float32(2))
    mask = np.array(table["image_mask"].to_pylist()).reshape(image.shape)
    np.testing.assert_array_equal(mask, image >= 20)
    assert mask.any()


def test_the_default_file_lists_added_components(tmp_path):
    done = run("config", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "# TallestSample:" in done.stdout
    assert "What charges are multiplied with" in done.stdout
    assert "# AboveThreshold:" in done.stdout


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (["extraction.extractor=Raising"],
         ["component Raising of toy_components", "ZeroDivisionError", "no pixels left",
          "extractors.py, line", "3 telescope events of LST_LST_LSTCam", "at byte"]),
        (["extraction.extractor=OfWrongShape"],
         ["OfWrongShape", "image has the shape (3, 1854), not (3, 1855)", "telescope events"]),
        (["extraction.extractor=NoDataclass"], ["NoDataclass", "toy-components", "dataclass"]),
        (["extraction.extractor=Unimportable"], ["Unimportable", "toy-components", "imported"]),
        (["extraction.extractor=TallestSample", "extraction.factor=0"], ["factor", "greater than"]),
        (["extraction.extractor=TallestSampel"], ["'TallestSample'"]),
    ],
)  # fmt: skip
def test_what_goes_wrong_names_the_component(options, messages, example_files, tmp_path):
    done = process(example_files["lst-muons"], *options, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert all(message in " ".join(done.stderr.split()) for message in messages), done.stderr
    assert not list(tmp_path.rglob("*.wip"))
