"""Cut tables in files: Parquet of this package, FITS in the layout of ctapipe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.io.cut_tables import read_cut_table, write_cut_table
from ctabatch.irf.axes import Axis
from ctabatch.irf.cuts import CutTable
from ctabatch.schemas.cuts import CUTS, CUTS_JSON

#: Name of the cuts in a folder of responses.
FILE = "cuts.parquet"
_VALUES = ("gammaness", "theta", "multiplicity", "n_events", "gammaness_efficiency",
           "theta_efficiency")  # fmt: skip
_FITS = (".fits", ".fits.gz", ".fit")


def write_cuts(path: str | Path, cuts: CutTable, about: Mapping[str, str] | None = None) -> None:
    """Write cuts to a Parquet or FITS file, as its name ends; an existing file is replaced.

    Both forms hold the same. `about` is more key-value metadata, or cards of the primary header.

    Raises
    ------
    OptionError
        The name ends with something else.
    OutputError
        The file cannot be written.
    InputError
        FITS only: a text is not ASCII.
    """
    path = Path(path)
    if path.name.endswith(_FITS):
        from ctabatch.io.fits.cut_hdus import write_cut_hdus

        write_cut_hdus(path, _to_hdus(cuts), about)
    elif path.suffix == ".parquet":
        write_cut_table(path, cut_table(cuts), about)
    else:
        raise OptionError(f"{path}: cuts are written to .parquet, .fits or .fits.gz")


def read_cuts(path: str | Path) -> CutTable:
    """Cuts from a file, or from a folder of responses.

    Parameters
    ----------
    path : path
        ``.parquet``; ``.fits`` or ``.fits.gz``, those of ctapipe too, but for their quality
        criteria; or a folder with the file `FILE`.

    Raises
    ------
    InputError
        There is no such file, or it holds no usable cuts.
    """
    path = Path(path)
    path = path / FILE if path.is_dir() else path
    if not path.exists():
        raise InputError(f"{path}: there is no such file of cuts")
    try:
        if path.name.endswith(_FITS):
            return _from_fits(path)
        return cuts_of(read_cut_table(path))
    except (InputError, OptionError) as error:
        text = str(error)
        raise InputError(text if str(path) in text else f"{path}: {text}") from error


def cut_table(cuts: CutTable) -> pa.Table:
    """Cuts as a table in the schema `ctabatch.schemas.cuts.CUTS`."""
    columns: dict[str, Any] = {"energy_lo": cuts.energy.lo, "energy_hi": cuts.energy.hi}
    for name in _VALUES:
        values = getattr(cuts, name)
        columns[name] = pa.nulls(cuts.energy.n_bins, CUTS.field(name).type)
        if values is not None:
            columns[name] = pa.array(values, from_pandas=True)  # NaN is null
    there = [name for name in _VALUES if getattr(cuts, name) is not None]
    content = {"columns": there, "valid_energy": list(cuts.valid_energy), **_texts(cuts)}
    metadata = {**CUTS.metadata, CUTS_JSON: json.dumps(content).encode()}
    schema = CUTS.with_metadata(metadata)
    return pa.table([columns[name] for name in CUTS.names], schema=schema)


def cuts_of(table: pa.Table) -> CutTable:
    """The cuts in such a table.

    Raises
    ------
    InputError
        Bins have gaps, or the JSON in the metadata is damaged.
    OptionError
        A quality criterion is not valid.
    """
    content = _content(table.schema.metadata.get(CUTS_JSON, b"") if table.schema.metadata else b"")
    low, high = (table[name].to_numpy() for name in ("energy_lo", "energy_hi"))
    there = content.get("columns", [])
    valid = content.get("valid_energy", [0.0, np.inf])
    if not (isinstance(there, list) and isinstance(valid, list) and len(valid) == 2
            and all(isinstance(number, int | float) for number in valid)):  # fmt: skip
        raise InputError("cuts: the description in the metadata of the table is damaged")
    values: dict[str, Any] = {}
    for name in _VALUES:
        if name in there:
            fill: float = 0 if name in ("multiplicity", "n_events") else np.nan
            values[name] = table[name].fill_null(fill).to_numpy()
    if "gammaness" not in values:
        raise InputError("cuts: there is no cut in gammaness")
    limits = float(valid[0]), float(valid[1])
    return CutTable(_axis(low, high), **values, valid_energy=limits, **_named(content))


def _to_hdus(cuts: CutTable) -> Any:
    from ctabatch.io.fits.cut_hdus import CutHdus

    tables: dict[str, dict[str, NDArray[Any]]] = {}
    for name in ("gammaness", "theta", "multiplicity"):
        values = getattr(cuts, name)
        if values is None:
            continue
        tables[name] = {"low": cuts.energy.lo, "high": cuts.energy.hi, "cut": values}
        if cuts.n_events is not None and name == "gammaness":
            tables[name]["n_events"] = cuts.n_events
        efficiency = getattr(cuts, f"{name}_efficiency", None)
        if efficiency is not None:
            tables[name]["efficiency"] = efficiency
    texts = _texts(cuts)
    quality = texts.pop("quality")
    prefix = cuts.models.get("prefix", "")
    return CutHdus(tables, quality, cuts.valid_energy, prefix, json.dumps(texts))


def _from_fits(path: Path) -> CutTable:
    from ctabatch.io.fits.cut_hdus import read_cut_hdus

    read = read_cut_hdus(path)
    content = _content(read.json.encode()) if read.json else {}
    named = _named({**content, "quality": dict(read.quality)})
    if read.prefix:
        named["models"] = {"prefix": read.prefix, **named["models"]}
    first = read.tables["gammaness"]
    axis = _axis(first["low"], first["high"])
    values: dict[str, Any] = {}
    for name, table in read.tables.items():
        other = _axis(table["low"], table["high"])
        if other.n_bins != axis.n_bins or not np.allclose(other.edges, axis.edges, rtol=1e-9):
            raise InputError(f"cuts in {name} have other energy bins than those in gammaness")
        values[name] = table["cut"]
        if "efficiency" in table and name != "multiplicity":
            values[f"{name}_efficiency"] = table["efficiency"]
    if "multiplicity" in values:
        values["multiplicity"] = _whole(np.nan_to_num(values["multiplicity"]))
    if "n_events" in first:
        values["n_events"] = _whole(first["n_events"])
    valid = read.valid_energy or (0.0, np.inf)
    return CutTable(axis, **values, valid_energy=valid, **named)


def _axis(low: NDArray[Any], high: NDArray[Any]) -> Axis:
    if not len(low) or not np.allclose(low[1:], high[:-1], rtol=1e-9, atol=0):
        raise InputError("cuts: the bins of energy do not follow each other without gaps")
    return Axis("energy", np.append(low, high[-1]), "TeV")


def _whole(values: NDArray[Any]) -> NDArray[np.int64]:
    if not np.array_equal(values, np.rint(values)) or np.abs(values).max(initial=0) > 2**53:
        raise InputError("cuts: numbers of telescopes or events are not whole")
    return np.asarray(values, dtype=np.int64)


def _texts(cuts: CutTable) -> dict[str, dict[str, str]]:
    names = ("quality", "models", "info")
    return {name: {str(k): str(v) for k, v in getattr(cuts, name).items()} for name in names}


def _content(text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise InputError(f"cuts: the description of the table is damaged: {error}") from error
    if not isinstance(content, dict):
        raise InputError("cuts: the description of the table is damaged")
    return content


def _named(content: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name in ("quality", "models", "info"):
        texts = content.get(name, {})
        if not isinstance(texts, dict) or not all(isinstance(t, str) for t in texts.values()):
            raise InputError(f"cuts: {name} in the description of the table is damaged")
        found[name] = texts
    return found
