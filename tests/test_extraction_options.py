"""The extractor is an option: what the configuration says is what the images hold."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import ctabatch
from ctabatch.config import ProcessConfig
from ctabatch.config.registry import names
from ctabatch.instrument.readout import CameraReadout
from ctabatch.stages.extractors.windows import LocalPeakWindowSum

PULSE = np.exp(-((np.arange(60.0) - 20) ** 2) / 20)


def configured(tmp_path, text):
    path = tmp_path / "process.yaml"
    path.write_text(text)
    return path


def test_the_command_uses_the_extractor_of_its_configuration(cli, example_files, tmp_path):
    path = configured(tmp_path, "extraction: {extractor: LocalPeakWindowSum, window_width: 5}")
    code, _, err = cli("process", example_files["lst-muons"], "-o", "out", "--config", path,
                       "--focal-length", "equivalent")  # fmt: skip
    assert code == 0, err
    config = ProcessConfig(extraction={"extractor": "LocalPeakWindowSum", "window_width": 5})
    assert config.dl1_options().extraction.extractor == LocalPeakWindowSum(window_width=5)
    with ctabatch.open(example_files["lst-muons"], focal_length="equivalent") as source:
        (batch,) = source.batches("images", options=config.dl1_options())
    table = pq.read_table(next((tmp_path / "out").glob("dl1/images/*/*.parquet")))
    stored = np.array(table["image"].combine_chunks().to_numpy_ndarray())
    np.testing.assert_array_equal(stored, batch.image)
    (record,) = (tmp_path / "out" / "parts").glob("*.json")
    assert json.loads(record.read_text())["config"]["extraction"] == {
        "extractor": "LocalPeakWindowSum",
        "LocalPeakWindowSum": {
            "window_width": 5, "window_shift": 3, "apply_integration_correction": True,
        },
    }  # fmt: skip


def test_a_window_longer_than_the_readout_is_cut_with_a_warning(cli, example_files, tmp_path):
    words = ["process", example_files["sst1m"], "--max-events", "1", "--write", "images"]
    code, _, err = cli(*words, "-o", "long", "--set", "extraction.window_width=200")
    assert code == 0
    assert "window_width 200 is more than the 50 samples of SST_1M_DigiCam" in " ".join(err.split())
    code, _, err = cli(*words, "-o", "fits", "--set", "extraction.window_width=50")
    assert (code, err) == (0, "")


def test_a_misspelt_extractor_is_refused_with_the_valid_names(cli, example_files, tmp_path):
    path = configured(tmp_path, "extraction: {extractor: LocalPeekWindowSum}")
    code, _, err = cli("process", example_files["lst-muons"], "-o", "out", "--config", path)
    assert code == 2
    assert "extraction.extractor" in err
    assert all(name in err for name in names("extractor"))


def test_the_sliding_correction_is_the_pulse_over_its_best_window():
    readout = CameraReadout(
        sampling_rate=1.0, reference_pulse=PULSE, reference_pulse_sample_width=0.5, n_channels=1,
        n_pixels=7, n_samples=30,
    )  # fmt: skip
    best = max(PULSE[k : k + 14].sum() for k in range(len(PULSE) - 13))
    assert readout.sliding_correction(7) == pytest.approx(PULSE.sum() / best, rel=1e-12)
    assert readout.sliding_correction(1000) == pytest.approx(1.0)
