"""Binary tables of FITS files, read forwards in blocks of rows, also from compressed files."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from astropy.io import fits
from astropy.io.fits.verify import VerifyError
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.io.event_tables import BLOCK, Table

Opener = Callable[[Path], BinaryIO]
#: Code of TFORM -> bytes of an element, numpy type of a scalar column if it can be used.
_FORMS: dict[str, tuple[float, str | None]] = {
    "L": (1, "S1"), "B": (1, "u1"), "I": (2, ">i2"), "J": (4, ">i4"), "K": (8, ">i8"),
    "E": (4, ">f4"), "D": (8, ">f8"), "A": (1, None), "X": (0.125, None), "C": (8, None),
    "M": (16, None), "P": (8, None), "Q": (16, None),
}  # fmt: skip
_DAMAGE = (OSError, EOFError, VerifyError, ValueError, KeyError, TypeError, OverflowError)
_LONGEST_ROW = 1 << 26
_TFORM = re.compile(r"^\s*(\d*)([LXBIJKAEDCMPQ])")


@dataclass(frozen=True)
class _Hdu:
    number: int
    name: str
    header: fits.Header
    begin: int

    @property
    def is_table(self) -> bool:
        return str(self.header.get("XTENSION", "")).strip() == "BINTABLE"


@dataclass(frozen=True)
class _Column:
    """A scalar column: stored value * scale + zero is the value."""

    name: str
    offset: int
    form: str
    scale: float
    zero: float
    null: int | None

    def values(self, raw: NDArray[Any]) -> pa.Array:
        """Native values of the column of some rows."""
        if self.form == "S1":
            return pa.array(raw == b"T", mask=~np.isin(raw, (b"T", b"F")))
        native = raw.astype(raw.dtype.newbyteorder("="))
        mask = native == self.null if self.null is not None and native.dtype.kind in "iu" else None
        if self.form == ">i8" and self.scale == 1 and self.zero == 2.0**63:
            native = native.view(np.uint64) ^ np.uint64(1 << 63)
        elif (self.scale, self.zero) != (1, 0):
            whole = native.dtype.kind in "iu" and self.scale == 1 and self.zero == int(self.zero)
            if whole and abs(self.zero) < 2**62:
                native = native.astype(np.int64) + int(self.zero)
            else:
                native = native.astype(np.float64) * self.scale + self.zero
        return pa.array(native, mask=mask)


class FitsTable(Table):
    """One binary table; see `ctabatch.io.event_tables.EventTable`.

    Parameters
    ----------
    path : Path
    hdu : str, optional
        Name or number; by default the first table called EVENTS, or the first table.
    opener : callable
        Opens the file as bytes.

    Raises
    ------
    InputError
        The file is damaged, or has no such table.
    """

    def __init__(self, path: Path, hdu: str | None, opener: Opener) -> None:
        self.path, self._open = path, opener
        with _sound(path):
            found = list(_hdus(path, opener))
            tables = [each for each in found if each.is_table]
            chosen = self._choose(tables, hdu)
            self._begin = chosen.begin
            header = chosen.header
            if header.get("ZTABLE"):
                raise InputError(
                    f"{path}[{chosen.name}]: a compressed table; unpack it with funpack"
                )
            self._row_bytes, n_rows = int(header["NAXIS1"]), int(header["NAXIS2"])
            if self._row_bytes > _LONGEST_ROW:
                raise InputError(f"{path}: rows of {self._row_bytes:,} bytes are not credible")
            self._columns, units, left_out = _columns(header, f"{path}[{chosen.name}]")
            schema = pa.schema([
                (c.name, c.values(np.zeros(0, c.form)).type) for c in self._columns.values()
            ])  # fmt: skip
        others = [f"{path}[{each.name}]" for each in tables if each is not chosen]
        super().__init__(f"{path}[{chosen.name}]", schema, n_rows, units, left_out, others)

    def _choose(self, tables: list[_Hdu], hdu: str | None) -> _Hdu:
        if not tables:
            raise InputError(f"{self.path}: this FITS file has no binary table")
        if hdu is None:
            return next((each for each in tables if each.name.upper() == "EVENTS"), tables[0])
        for each in tables:
            if each.name.upper() == hdu.upper() or str(each.number) == hdu:
                return each
        names = ", ".join(f"{each.number} {each.name}" for each in tables)
        raise InputError(f"{self.path}: no table {hdu!r}; its tables: {names}")

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        chosen = [self._columns[name] for name in columns]
        record = np.dtype({
            "names": [c.name for c in chosen], "formats": [c.form for c in chosen],
            "offsets": [c.offset for c in chosen], "itemsize": self._row_bytes,
        })  # fmt: skip
        step = max(BLOCK // max(self._row_bytes, 1), 1)
        schema = pa.schema([self.schema.field(name) for name in columns])
        with self._open(self.path) as file:
            file.seek(self._begin)
            for first in range(0, self.n_rows, step):
                n_rows = min(step, self.n_rows - first)
                data = self._read(file, n_rows * self._row_bytes, first)
                rows = np.frombuffer(data, record, n_rows)
                yield pa.RecordBatch.from_arrays([c.values(rows[c.name]) for c in chosen],
                                                 schema=schema)  # fmt: skip

    def _read(self, file: BinaryIO, n_bytes: int, first: int) -> bytes:
        try:
            data = file.read(n_bytes)
        except (OSError, EOFError) as error:
            raise InputError(f"{self.address}: not readable: {error}") from error
        if len(data) < n_bytes:
            n_rows = first + len(data) // max(self._row_bytes, 1)
            raise InputError(
                f"{self.address}: the file ends after row {n_rows:,} of {self.n_rows:,}; it is "
                "truncated"
            )
        return data


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """Turn what astropy and numbers in a damaged header raise into an error that names the file."""
    try:
        yield
    except InputError:
        raise
    except (
        OSError,
        EOFError,
        VerifyError,
        ValueError,
        KeyError,
        TypeError,
        OverflowError,
    ) as error:
        raise InputError(f"{path}: damaged FITS file: {error}") from error


def _hdus(path: Path, opener: Opener) -> Iterator[_Hdu]:
    """Headers of a file, in order."""
    with opener(path) as file:
        number = 0
        while True:
            try:
                header = fits.Header.fromfile(file)
            except EOFError:
                return
            begin = file.tell()
            name = str(header.get("EXTNAME", "")).strip() or str(number)
            yield _Hdu(number, name, header, begin)
            file.seek(begin + _padded(header))
            number += 1


def _padded(header: fits.Header) -> int:
    """Bytes of the data after a header."""
    axes = [int(header[f"NAXIS{k + 1}"]) for k in range(int(header["NAXIS"]))]
    if not axes or any(n < 0 for n in axes):
        return 0
    count = math.prod(axes) + int(header.get("PCOUNT", 0))
    n_bytes = abs(int(header["BITPIX"])) // 8 * int(header.get("GCOUNT", 1)) * count
    return -(-n_bytes // 2880) * 2880


def _columns(
    header: fits.Header, where: str
) -> tuple[dict[str, _Column], dict[str, str], dict[str, str]]:
    """Usable columns, units, and why others are not usable."""
    columns: dict[str, _Column] = {}
    units: dict[str, str] = {}
    left_out: dict[str, str] = {}
    offset = 0
    for k in range(1, int(header["TFIELDS"]) + 1):
        form = _TFORM.match(str(header.get(f"TFORM{k}", "")))
        if form is None:
            raise InputError(f"{where}: column {k} has no valid TFORM")
        repeat = int(form[1] or 1)
        size, dtype = _FORMS[form[2]]
        name = str(header.get(f"TTYPE{k}", f"col{k}")).strip()
        if dtype is None or repeat != 1:
            left_out[name] = f"its format is {header[f'TFORM{k}']}, not one number in each row"
        elif name in columns:
            left_out[name] = "its name appears twice"
        else:
            scale, zero = (float(header.get(f"{w}{k}", d)) for w, d in (("TSCAL", 1), ("TZERO", 0)))
            null = header.get(f"TNULL{k}")
            columns[name] = _Column(name, offset, dtype, scale, zero, null)
            if unit := str(header.get(f"TUNIT{k}", "")).strip():
                units[name] = unit
        offset += math.ceil(repeat * size)
    if offset != int(header["NAXIS1"]):
        raise InputError(
            f"{where}: its columns take {offset} bytes in a row, but NAXIS1 is {header['NAXIS1']}"
        )
    return columns, units, left_out
