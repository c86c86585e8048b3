"""Published curves that figures show behind one's own.

No table of an observatory's performance comes with this package: users supply the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars import selectors

from ctabatch.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reference:
    """A curve in bins of energy, or at energies.

    Attributes
    ----------
    label : str
    energy : float64 (n,)
        TeV; the geometric middle of bins.
    value : float64 (n,)
        E^2 F in erg s-1 cm-2.
    """

    label: str
    energy: Floats
    value: Floats


def read_reference(path: Path, label: str | None = None) -> Reference:
    """A curve of differential sensitivity from a table.

    Parameters
    ----------
    path : Path
        A Parquet file, or text whose rows of numbers are separated by blanks, tabs or commas;
        other lines (titles, names of columns) are passed over, so the published text files of CTA
        can be read as they are. Two columns are energy and E^2 F, three the ends of energy bins
        and E^2 F: TeV and erg / (cm2 s).
    label : str, optional
        The name of the file by default.

    Raises
    ------
    InputError
        The file cannot be read or is no such table.
    """
    try:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
            numbers = frame.select(selectors.numeric()).to_numpy().astype(np.float64)
        else:
            numbers = _rows(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: cannot be read as a table: {error}") from error
    if numbers.ndim != 2 or len(numbers) < 2 or numbers.shape[1] not in (2, 3):
        raise InputError(
            f"{path}: no curve; expected rows of energy and E^2 F, or of the two ends of an energy "
            f"bin and E^2 F, found an array of shape {numbers.shape}"
        )
    energy, value = np.sqrt(numbers[:, 0] * numbers[:, -2]), numbers[:, -1]
    if not (np.isfinite(numbers).all() and (numbers > 0).all()):
        raise InputError(f"{path}: energies and E^2 F must be finite and above 0")
    order = np.argsort(energy)
    name = path.stem.removeprefix("CTA-Performance-").removesuffix("-DiffSens").replace("-", " ")
    return Reference(label or name, energy[order], value[order])


def _rows(text: str, path: Path) -> Floats:
    rows: list[list[float]] = []
    for line in text.splitlines():
        try:
            numbers = [float(part) for part in line.replace(",", " ").split()]
        except ValueError:
            continue  # a title or names of columns
        if numbers:
            rows.append(numbers)
    if len({len(row) for row in rows}) > 1:
        raise InputError(f"{path}: its rows have different numbers of columns")
    return np.array(rows, dtype=np.float64)
