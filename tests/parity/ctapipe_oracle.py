"""ctapipe run live on one file, and its HDF5 tables."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest import mock

import tables
from astropy.table import Table
from astropy.utils import lazyproperty
from ctapipe.core import run_tool
from ctapipe.instrument.camera import PixelShape
from ctapipe.io import SimTelEventSource, read_table
from ctapipe.tools.process import ProcessorTool

#: Images, parameters and geometry, and the calibrated waveforms with the selected gain.
OUTPUT = (
    "--write-images", "--write-parameters", "--write-showers",
    "--DataWriter.write_r1_waveforms=True",
)  # fmt: skip


@contextlib.contextmanager
def pixel_shapes(shapes: Mapping[int, str]) -> Iterator[dict[int, tuple[str, str]]]:
    """Let ctapipe use these pixel shapes; yields what was changed: tel_id -> (before, after)."""
    changed: dict[int, tuple[str, str]] = {}
    prepare = SimTelEventSource.prepare_subarray_info

    def with_shapes(self: SimTelEventSource, *args: Any, **more: Any) -> Any:
        subarray = prepare(self, *args, **more)
        for tel_id, telescope in subarray.tel.items():
            before, after = telescope.camera.geometry.pix_type.value, shapes.get(tel_id)
            if after is not None and after != before:
                changed[tel_id] = (before, after)
                change_shape(telescope.camera.geometry, after)
        return subarray

    with mock.patch.object(SimTelEventSource, "prepare_subarray_info", with_shapes):
        yield changed


def change_shape(geometry: Any, shape: str) -> None:
    """Give pixels another shape, and forget the neighbours and sizes that followed from it."""
    geometry.pix_type = PixelShape.from_string(shape)
    geometry._neighbors = None
    if hasattr(geometry, "grid_type"):  # later than ctapipe 0.28: decides on neighbours
        grid = "REGULAR_SQUARE" if shape == "square" else "REGULAR_HEX"
        geometry.grid_type = type(geometry.grid_type)[grid]
    for name, attribute in vars(type(geometry)).items():
        if isinstance(attribute, lazyproperty):
            vars(geometry).pop(name, None)


def process(path: Path, output: Path, *options: str) -> None:
    """``ctapipe-process`` with its defaults, in this interpreter.

    Raises
    ------
    Exception
        Whatever ctapipe raises.
    """
    arguments = [f"--input={path}", f"--output={output}", "--overwrite", "--quiet", *OUTPUT]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run_tool(ProcessorTool(), argv=[*arguments, *options], cwd=output.parent, raises=True)


def process_with_either_focal_length(path: Path, output: Path) -> str:
    """Process with the effective focal length, or the equivalent one where ctapipe refuses.

    Returns
    -------
    str
        "effective" or "equivalent"
    """
    try:
        process(path, output)
    except RuntimeError as error:
        if "focal_length_choice" not in str(error):
            raise
        process(path, output, "--SimTelEventSource.focal_length_choice=EQUIVALENT")
        return "equivalent"
    return "effective"


class Output:
    """The tables of one file that ctapipe wrote, by the path they have in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Paths of all tables."""
        with tables.open_file(self.path) as file:
            return tuple(node._v_pathname for node in file.walk_nodes("/", "Table"))

    def table(self, name: str) -> Table:
        """One table with units, unless it is not there: then it has no rows and columns."""
        if name not in self.names:
            return Table()
        with warnings.catch_warnings(), tables.open_file(self.path) as file:
            warnings.simplefilter("ignore")
            return read_table(file, name)

    def telescopes(self, folder: str) -> dict[int, Table]:
        """Tables ``tel_NNN`` of a folder by telescope."""
        found = (n for n in self.names if n.startswith(f"{folder}/tel_"))
        return {int(name[-3:]): self.table(name) for name in found}

    def group(self, pattern: str) -> list[Table]:
        """All tables whose path starts with a pattern, in the order of their last number."""
        found = [name for name in self.names if name.startswith(pattern)]
        return [self.table(n) for n in sorted(found, key=lambda n: int(n.rpartition("_")[2]))]
