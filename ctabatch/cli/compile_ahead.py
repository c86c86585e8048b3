"""The first start of a version: kernels of `process` are compiled in several processes at once.

numba compiles one function at a time. Its cache of machine code is shared by all processes of a
user, so others can compile the kernels behind the decoder on made-up events while this one reads
the beginning of the input. Whatever they do not get done is compiled when it is needed.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from ctabatch.cli.lean_imports import collect_seldom, import_numba_alone
from ctabatch.errors import CtabatchError

if TYPE_CHECKING:
    from ctabatch.instrument.calibration import CameraCalibration
    from ctabatch.instrument.camera import CameraGeometry
    from ctabatch.io.location import Location

#: A centre and its six neighbours, m.
_HEXAGON = ((0, 1, 0.5, -0.5, -1, -0.5, 0.5), (0, 0, 0.87, 0.87, 0, -0.87, -0.87))


def compile_images() -> None:
    """Kernels from decoded samples to cleaned images."""
    import numpy as np

    from ctabatch.stages.cleaners.tailcuts import TailcutsImageCleaner
    from ctabatch.stages.extract import ExtractionOptions, extract

    geometry, calibration = _camera()
    rows = np.zeros(2, np.int64)
    waveform = np.ones((2, 1, 7, 20), np.uint16)
    charges = extract(waveform, rows, None, calibration, geometry, ExtractionOptions())
    TailcutsImageCleaner().clean(charges.image, charges.peak_time, geometry)


def compile_parameters() -> None:
    """Kernels from cleaned images to their parameters, those of simulated images too."""
    import numpy as np

    from ctabatch.stages.dl1 import parameter_rows
    from ctabatch.stages.events import TelescopeEvents
    from ctabatch.stages.extract import Charges

    geometry, calibration = _camera()
    image = np.arange(14, dtype=np.float32).reshape(2, 7)
    events = TelescopeEvents(
        obs_id=1,
        event_id=np.arange(2),
        tel_id=np.arange(2),
        waveform=np.empty((0, 0, 0, 0), np.uint16),
        read_out=None,
        calibration_row=np.zeros(2, np.int64),
        calibration=calibration,
        geometry=geometry,
        true_image=image.astype(np.int32),
        true_image_sum=np.full(2, 9),
        position=np.zeros((2, 3)),
        pointing=np.ones((2, 2)),
        array_pointing=np.ones((2, 2)),
        axis=np.ones((2, 4)),
    )
    parameter_rows(events, Charges(image, image, np.zeros((2, 7), np.int8)), image > 1)


def compile_geometry() -> None:
    """Kernels from parameters to the axis of the shower."""
    import numpy as np

    from ctabatch.config import StereoConfig
    from ctabatch.geometry import GeometryStep
    from ctabatch.stages.telescope_groups import PARAMETERS, TelescopeRows

    rows = TelescopeRows(
        event=np.zeros(2, np.int64),
        tel_id=np.arange(2),
        position=np.array([[0.0, 0, 0], [100, 0, 0]]),
        pointing=np.ones((2, 2)),
        camera_radius=3.0,
        usable=np.ones(2, np.bool_),
        parameters={f"hillas_{name}": np.array([1.0, 2.0]) for name in PARAMETERS},
    )
    one = np.ones(1, np.int64)
    GeometryStep(StereoConfig()).run(one.astype(np.int32), one, np.ones((1, 2)), np.ones(1), [rows])


def compile_reader(path: Location) -> None:
    """Kernels that read and decode, on the first events of an input."""
    from ctabatch.io.simtel.batches import raw_batches
    from ctabatch.io.simtel.source import SimtelReader

    with SimtelReader(path, ahead=False, max_events=1) as reader:
        for events in reader:
            for _ in raw_batches(events, reader.account):
                pass


#: What other processes can do.
_PARTS: dict[str, Callable[[], None]] = {
    "images": compile_images,
    "parameters": compile_parameters,
    "geometry": compile_geometry,
}
#: By the number of processes: what the others do. Reading takes as long as parameters; the other
#: two together a little less.
_SHARES: dict[int, list[list[str]]] = {
    1: [],
    2: [["parameters", "images"]],
    3: [["parameters"], ["images", "geometry"]],
}


def compile_ahead(path: Location, n_processes: int) -> None:
    """Compile all kernels of `process`; returns when they are in the cache.

    Parameters
    ----------
    path : Path
        Input whose first events are read.
    n_processes : int
        Processes at once, this one included; more than 3 are of no use.
    """
    shares = _SHARES[min(max(n_processes, 1), 3)]
    with contextlib.ExitStack() as stack:
        helpers = [stack.enter_context(_Helper(names)) for names in shares]
        # what is wrong with the input is told when it is processed
        with contextlib.suppress(CtabatchError, OSError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile_reader(path)
        for name, compile_part in _PARTS.items():
            if not any(name in share for share in shares):
                compile_part()
        for helper in helpers:
            helper.wait()


class _Helper:
    """A process that compiles some parts; it dies with the block that it is used in."""

    def __init__(self, names: list[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ctabatch.cli.compile_ahead", *names],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> None:
        """Until it has ended, well or not."""
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()


def _camera() -> tuple[CameraGeometry, CameraCalibration]:
    import numpy as np

    from ctabatch.instrument.calibration import CameraCalibration
    from ctabatch.instrument.camera import CameraGeometry
    from ctabatch.instrument.readout import CameraReadout

    x, y = np.array(_HEXAGON)
    geometry = CameraGeometry(
        name="made up", pixel_x=x, pixel_y=y, pixel_area=np.full(7, 0.87), pixel_shape="hexagon",
        pixel_rotation=0.0, camera_rotation=0.0, focal_length=20.0,
    )  # fmt: skip
    pulse = np.exp(-((np.arange(30.0) - 10) ** 2) / 8)[np.newaxis]
    readout = CameraReadout(
        sampling_rate=1.0, reference_pulse=pulse, reference_pulse_sample_width=1.0, n_channels=1,
        n_pixels=7, n_samples=20,
    )  # fmt: skip
    ones = np.ones((1, 1, 7), np.float32)
    return geometry, CameraCalibration(
        tel_ids=np.zeros(1, np.int64), pedestal=ones, dc_to_pe=ones, time_shift=ones,
        n_summed=np.ones(1, np.int64), readouts=(readout,),
        invalid_pixels=np.zeros((1, 7), np.bool_),
    )  # fmt: skip


def main(names: list[str]) -> None:
    """Compile some parts and leave without tearing down."""
    collect_seldom()
    import_numba_alone()
    for name in names:
        _PARTS[name]()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
