"""Both programs run once per example file; the worst deviations are shown at the end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.io.examples import EXAMPLES
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.files import simulate_file
from ctabatch.simulate.options import SimulationOptions
from tests.parity.closeness import WORST
from tests.parity.our_tables import Columns, Tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.parity.ctapipe_oracle import Output

#: Its header is cut off: ctapipe stops with StopIteration.
UNREADABLE_FOR_CTAPIPE = "camera-organisation-v2"
FILES = [name for name, example in EXAMPLES.items()
         if example.kind == "simtel" and name != UNREADABLE_FOR_CTAPIPE]  # fmt: skip
#: Simulated files: together some thousand telescope events of two kinds of camera.
SIMULATED = {
    "simulated-gammas": SimulationOptions(
        primary="gamma", n_showers=90, array=load_array("alpha-north"), max_core_distance=300.0,
        energy_range=(0.1, 20.0), source_offset=0.5, seed=11, obs_id=11,
    ),
    "simulated-protons": SimulationOptions(
        primary="proton", n_showers=250, array=load_array("alpha-north"), max_core_distance=300.0,
        energy_range=(0.5, 50.0), seed=12, obs_id=12,
    ),
}  # fmt: skip
FILES += SIMULATED


@dataclass
class Pair:
    """Output of both programs for one file.

    Attributes
    ----------
    name : str
        Short name of the example.
    path : Path
    ours : Tables
    theirs : Output
    focal_length : str
        The one that ctapipe accepted.
    changed_shapes : dict
        Telescopes whose pixel shape was given to ctapipe: tel_id -> (its own, ours).
    """

    name: str
    path: Path
    ours: Tables
    theirs: Output
    focal_length: str
    changed_shapes: dict[int, tuple[str, str]]

    @cached_property
    def common_events(self) -> np.ndarray[Any, Any]:
        """Array events in ctapipe's output; ours may have more, see test_events."""
        table = self.theirs.table("/dl1/event/subarray/trigger")
        return np.sort(table["event_id"]) if len(table) else np.empty(0, np.int64)

    def telescopes(self, folder: str, name: str) -> Iterator[tuple[int, Columns, Any, list[Any]]]:
        """Rows of both programs, telescope by telescope.

        Parameters
        ----------
        folder : str
            Folder of tables ``tel_NNN`` in ctapipe's file.
        name : str
            Our table.

        Yields
        ------
        tel_id, our columns, their table, keys (event_id, tel_id) of the rows
        """
        for tel_id, table in self.theirs.telescopes(folder).items():
            table.sort("event_id")
            columns = self.ours.telescope(name, tel_id)
            keep = np.isin(columns["event_id"], self.common_events)
            columns = {column: content[keep] for column, content in columns.items()}
            assert columns["event_id"].tolist() == table["event_id"].tolist(), (self.name, tel_id)
            assert columns["obs_id"].tolist() == table["obs_id"].tolist(), (self.name, tel_id)
            yield tel_id, columns, table, [(int(e), tel_id) for e in table["event_id"]]


def make_pair(name: str, path: Path, folder: Path) -> Pair:
    """Process one file with both programs."""
    from tests.parity import ctapipe_oracle

    config = ProcessConfig(write=("r1", "images", "parameters", "geometry"))
    result = Engine(folder / name, config).run(path)
    assert result.status == "done", result.error
    ours = Tables(folder / name)
    shapes = our_pixel_shapes(ours)
    output = folder / f"{name}.h5"
    with ctapipe_oracle.pixel_shapes(shapes) as changed:
        focal_length = ctapipe_oracle.process_with_either_focal_length(path, output)
    return Pair(name, path, ours, ctapipe_oracle.Output(output), focal_length, changed)


def our_pixel_shapes(ours: Tables) -> dict[int, str]:
    """Telescope -> pixel shape."""
    cameras, telescopes = ours.table("subarray/cameras"), ours.table("subarray/telescopes")
    shape = dict(zip(cameras["camera_index"].tolist(), cameras["pix_type"], strict=True))
    index = zip(telescopes["tel_id"].tolist(), telescopes["camera_index"].tolist(), strict=True)
    return {tel_id: shape[camera] for tel_id, camera in index}


@pytest.fixture(scope="session")
def pairs(
    example_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Pair]:
    """Both outputs of an example file by its short name; made at first use and kept."""

    @cache
    def both(name: str) -> Pair:
        folder = tmp_path_factory.mktemp(name)
        path = example_files.get(name, folder / f"{name}.simtel.zst")
        if name in SIMULATED:
            simulate_file(SIMULATED[name], path)
        return make_pair(name, path, folder)

    return both


@pytest.fixture(params=FILES)
def pair(request: pytest.FixtureRequest, pairs: Callable[[str], Pair]) -> Pair:
    """Both outputs of each example and simulated file in turn."""
    return pairs(request.param)


@pytest.hookimpl(tryfirst=True)  # before items are chosen by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder are parity tests; third-party warnings are not our errors."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.parity)
            item.add_marker(pytest.mark.filterwarnings("ignore"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the worst deviation of every compared column."""
    if not WORST:
        return
    write = terminalreporter.write_line
    terminalreporter.section("worst deviation from ctapipe per column")
    width = max(len(name) for name in WORST)
    write(f"{'column':{width}} {'values':>9} {'identical':>9} {'absolute':>9} {'relative':>9} "
          f"{'tolerance':22} worst in file, row")  # fmt: skip
    for name, worst in WORST.items():
        share = f"{worst.n_identical / worst.n:9.4%}" if worst.n else "       --"
        if worst.n_identical == worst.n and worst.n:
            write(f"{name:{width}} {worst.n:9d} {'all':>9} {'0':>9} {'0':>9} {worst.tolerance}")
        else:
            write(f"{name:{width}} {worst.n:9d} {share} {worst.absolute:9.2g} "
                  f"{worst.relative:9.2g} {worst.tolerance:22} {worst.place}")  # fmt: skip
