"""Bytes on disk: our dataset beside ctapipe's HDF5 file of the same input and products.

    python benchmarks/file_sizes.py sst1m gamma-test gamma-test-large prod6 FILE.simtel.zst

Take files as they are: repeated events compress in ctapipe's larger chunks as no real ones do.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import tables

sys.path.insert(0, str(Path(__file__).parent))

from process import CTAPIPE, OURS, Case, commands
from whole_commands import measure

from ctabatch.io import examples


def size(files: Iterable[Path]) -> float:
    """MB of some files."""
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6


def image_tables(path: Path) -> float:
    """MB of the image tables in a file of ctapipe's, without the file's own overhead."""
    with tables.open_file(path) as file:
        folder = file.get_node("/dl1/event/telescope/images")
        return sum(leaf.size_on_disk for leaf in folder) / 1e6


def main() -> None:
    """Process every input with both programs and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("inputs", nargs="+", help="names of examples, or files")
    print("| input | dataset MB | HDF5 MB | images MB | theirs |\n|---|---|---|---|---|")
    for name in parser.parse_args().inputs:
        source = examples.path(name) if name in examples.EXAMPLES else Path(name).resolve()
        case = Case(name, "", 1, equivalent=True)
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            for command in commands(source, folder, case, [OURS, CTAPIPE]).values():
                measure(command, text, accepted=(0, 1))  # 1: some files are cut
            ours = folder / "two"
            print(
                f"| {Path(name).name} | {size(ours.rglob('*')):.2f} | "
                f"{size([folder / 'out.h5']):.2f} | {size(ours.glob('dl1/images/*/*')):.2f} | "
                f"{image_tables(folder / 'out.h5'):.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
