"""Kernels of `ctabatch process` alone, on events of the example files, with pytest-benchmark.

    python -m pytest benchmarks/bench_kernels.py -o python_files='bench_*.py' -n 0

The column OPS is batches per second; ``extra_info`` in the JSON (--benchmark-json) holds Gsamples/s
or images/s of the median.
"""

from __future__ import annotations

import pytest

from ctabatch.config import ProcessConfig
from ctabatch.config.registry import names
from ctabatch.io import examples
from ctabatch.io.simtel.batches import BatchPlan, batch_plans
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.io.streams import ByteStream
from ctabatch.source import telescope_events
from ctabatch.stages.extract import extract
from ctabatch.stages.parametrise import parametrise

examples.fetch()
OPTIONS = ProcessConfig().dl1_options()
#: Example and number of pixels -> the camera whose events are taken.
CAMERAS = {
    "SST-1M, 1 gain": ("sst1m", 1296),
    "LST and NectarCam, 2 gains": ("history-meta", 1855),
    "SCT": ("gamma-test", 11328),
}


def plans(camera: str) -> list[BatchPlan]:
    """All batches of a camera in its example."""
    name, n_pixels = CAMERAS[camera]
    with SimtelReader(examples.path(name), ahead=False) as reader:
        found = [plan for events in reader for plan in batch_plans(events, reader.account)]
    return [plan for plan in found if plan.shape[1] == n_pixels]


@pytest.fixture(scope="module", params=list(CAMERAS))
def batches(request):
    """Decoded batches of a camera."""
    return [plan.decode() for plan in plans(request.param)]


def rate(benchmark, amount: int, unit: str) -> None:
    """Note how much of something was done per second."""
    benchmark.extra_info[f"{unit} per second"] = amount / benchmark.stats.stats.median


def test_decompression(benchmark):
    """Plain zstd."""
    buffer = memoryview(bytearray(1 << 20))

    def work() -> int:
        stream, n = ByteStream(examples.path("sst1m")), 0
        while got := stream.readinto(buffer):
            n += got
        return n

    rate(benchmark, benchmark(work), "bytes")


@pytest.mark.parametrize("camera", list(CAMERAS))
def test_decoding(benchmark, camera):
    """Variable-length samples to tensors, true images included."""
    todo = plans(camera)
    decoded = benchmark(lambda: [plan.decode() for plan in todo])
    assert all(len(batch) for batch in decoded)
    rate(benchmark, sum(batch.waveform.size for batch in decoded), "samples")


def images(batch, options=OPTIONS.extraction):
    """Charges and times of a batch."""
    return extract(
        batch.waveform, batch.calibration_row, batch.read_out, batch.calibration, batch.geometry,
        options,
    )  # fmt: skip


def test_calibration_and_extraction(benchmark, batches):
    """Raw samples to charges and times."""
    benchmark(lambda: [images(batch) for batch in batches])
    rate(benchmark, sum(batch.waveform.size for batch in batches), "samples")


@pytest.mark.parametrize("extractor", names("extractor"))
def test_extractors(benchmark, extractor):
    """Every extractor, from raw samples of SST-1M."""
    options = ProcessConfig(extraction={"extractor": extractor}).dl1_options().extraction
    batches = [plan.decode() for plan in plans("SST-1M, 1 gain")]
    benchmark(lambda: [images(batch, options) for batch in batches])
    rate(benchmark, sum(map(len, batches)), "images")


def test_cleaning_and_parameters(benchmark, batches):
    """Images to masks and all parameters."""
    found = [(batch.geometry, images(batch)) for batch in batches]

    def work():
        for geometry, charges in found:
            mask = OPTIONS.cleaner.clean(charges.image, charges.peak_time, geometry)
            parametrise(charges.image, charges.peak_time, mask, geometry)

    benchmark(work)
    rate(benchmark, sum(map(len, batches)), "images")


def test_description_of_a_batch(benchmark, batches):
    """What is looked up per telescope event."""
    events = benchmark(lambda: [telescope_events(batch) for batch in batches])
    assert sum(map(len, events)) == sum(map(len, batches))
