"""Energy spectra as small named expressions: fluxes that events are weighted to.

A spectrum is SQL over one column, ``energy`` in TeV, that gives a flux in 1/(TeV s cm2), or per sr
of it for diffuse primaries. A user replaces it with one line of text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray
from polars.exceptions import PolarsError

from ctabatch.errors import OptionError
from ctabatch.expressions import parse
from ctabatch.irf.flux_tables import DAMPE_P_HE_POINTS, FluxTable, read_flux_table

Floats = NDArray[np.float64]
ENERGY = "energy"
_WORD = re.compile(r'"energy"|\benergy\b')
_CALL = re.compile(r"^\s*(power_law|log_parabola)\s*\((.*)\)\s*$", re.DOTALL)
_TABLE = "table:"


@dataclass(frozen=True)
class Spectrum:
    """A flux as a function of energy.

    Attributes
    ----------
    name : str
    sql : str
        Expression of ``energy``; of a table the text that names it.
    diffuse : bool
        Whether the flux is per sr.
    table : FluxTable, optional
        Points that take the place of the expression.
    """

    name: str
    sql: str
    diffuse: bool
    table: FluxTable | None = field(default=None, compare=False, repr=False)

    @property
    def unit(self) -> str:
        return "1 / (TeV s cm2 sr)" if self.diffuse else "1 / (TeV s cm2)"

    def flux(self, energy: ArrayLike) -> Floats:
        """Flux in `unit` at energies in TeV, of the same shape."""
        values = np.asarray(energy, dtype=np.float64)
        frame = pl.DataFrame({ENERGY: values.ravel()}).select(self.expr(ENERGY).alias("flux"))
        return np.asarray(frame["flux"].to_numpy(), np.float64).reshape(values.shape)

    def expr(self, column: str = "true_energy") -> pl.Expr:
        """The flux as a float64 expression of a column that holds energies in TeV."""
        if self.table is not None:
            table = self.table
            return pl.col(column).cast(pl.Float64).map_batches(
                lambda energy: pl.Series(table.flux(energy.to_numpy())),
                return_dtype=pl.Float64,
                is_elementwise=True,
            )  # fmt: skip
        # in double precision, whatever the column: fluxes of float32 energies must not be rounded
        quoted = '"' + column.replace('"', '""') + '"'
        sql = _WORD.sub(lambda _: f"CAST({quoted} AS DOUBLE)", self.sql)
        return pl.sql_expr(sql).cast(pl.Float64)


def power_law(norm: float, index: float, e_ref: float = 1.0) -> str:
    """SQL of ``norm * (energy / e_ref) ^ index``."""
    return f"{norm!r} * POWER({_over(e_ref)}, {index!r})"


def log_parabola(norm: float, alpha: float, beta: float, e_ref: float = 1.0) -> str:
    """SQL of ``norm * x ^ (alpha + beta log10 x)`` with ``x = energy / e_ref``."""
    x = _over(e_ref)
    return f"{norm!r} * POWER({x}, {alpha!r} + {beta!r} * LOG10({x}))"


def _over(e_ref: float) -> str:
    return ENERGY if e_ref == 1 else f"({ENERGY} / {e_ref!r})"


#: F. Aharonian et al. (HEGRA), ApJ 614, 897 (2004).
CRAB_HEGRA = Spectrum("CRAB_HEGRA", power_law(2.83e-11, -2.62), diffuse=False)
#: J. Aleksic et al. (MAGIC), JHEAp 5-6, 30 (2015), equation 2 with logarithms to base 10.
CRAB_MAGIC_JHEAP2015 = Spectrum(
    "CRAB_MAGIC_JHEAP2015", log_parabola(3.23e-11, -2.47, -0.24), diffuse=False
)
#: "Description of CTA Instrument Response Functions (Production 3b)", section 4.3.1.
IRFDOC_PROTON = Spectrum("IRFDOC_PROTON", power_law(9.8e-6, -2.62), diffuse=True)
#: The same section: a power law with a bump, whose Gaussian is not normalised.
IRFDOC_ELECTRON = Spectrum(
    "IRFDOC_ELECTRON",
    power_law(2.385e-9, -3.43)
    + " * (1 + 1.95 * (EXP(EXP(-0.5 * POWER((LOG10(energy) + 0.101) / 0.741, 2))) - 1))",
    diffuse=True,
)
#: Review of Particle Physics (2020), equation 30.2: 1.8e4 (E/GeV)^-2.7 /(m2 s sr GeV).
PDG_ALL_PARTICLE = Spectrum("PDG_ALL_PARTICLE", power_law(1.8e4 * 1e-4 * 1e3, -2.7, 1e-3), True)
#: Protons and helium of DAMPE, log-log interpolation between its points.
DAMPE_P_HE = Spectrum("DAMPE_P_HE", "table:DAMPE_P_HE", True, DAMPE_P_HE_POINTS)

SPECTRA = {
    s.name: s
    for s in (
        *(CRAB_HEGRA, CRAB_MAGIC_JHEAP2015, IRFDOC_PROTON, IRFDOC_ELECTRON, PDG_ALL_PARTICLE),
        DAMPE_P_HE,
    )
}


def spectrum(text: str, *, diffuse: bool = False) -> Spectrum:
    """A spectrum from text.

    Parameters
    ----------
    text : str
        A name of `SPECTRA`; ``power_law(norm=1e-11,index=-2.5,e_ref=1)``;
        ``log_parabola(norm=3e-11,alpha=-2.4,beta=-0.2,e_ref=1)``; an SQL expression of ``energy``
        in TeV; or ``table:FILE`` with columns energy and flux, interpolated in their logarithms.
    diffuse : bool
        Whether a flux that has no name is per sr.

    Raises
    ------
    OptionError
        The text is none of them, or reads other columns.
    InputError
        The table cannot be used.
    """
    word = text.strip()
    if word.upper() in SPECTRA:
        return SPECTRA[word.upper()]
    if word.startswith(_TABLE):
        path = word.removeprefix(_TABLE)
        return Spectrum(word, word, diffuse, read_flux_table(path, diffuse=diffuse))
    sql = word
    if call := _CALL.match(word):
        sql = _called(*call.groups())
    elif re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", word) and word != ENERGY:
        raise OptionError.unknown_name("spectrum", word, SPECTRA)
    expression = parse(sql, text)
    if others := expression.columns - {ENERGY}:
        raise OptionError(
            f"spectrum {text!r}: reads {', '.join(sorted(others))}; the only column is {ENERGY!r}, "
            "in TeV"
        )
    found = Spectrum(text, sql, diffuse)
    try:
        flux = found.flux([0.1, 1.0, 10.0])
    except PolarsError as error:
        raise OptionError(f"spectrum {text!r}: {error}") from error
    if not (np.isfinite(flux).all() and (flux >= 0).all() and flux.any()):
        raise OptionError(f"spectrum {text!r}: gives no fluxes, but {flux} at 0.1, 1 and 10 TeV")
    return found


#: Function -> (SQL of it, argument -> default, None if it must be given).
_FUNCTIONS: dict[str, tuple[Callable[..., str], dict[str, float | None]]] = {
    "power_law": (power_law, {"norm": None, "index": None, "e_ref": 1.0}),
    "log_parabola": (log_parabola, {"norm": None, "alpha": None, "beta": None, "e_ref": 1.0}),
}


def _called(function: str, arguments: str) -> str:
    make, defaults = _FUNCTIONS[function]
    values = dict(defaults)
    for part in filter(None, (p.strip() for p in arguments.split(","))):
        key, _, number = (p.strip() for p in part.partition("="))
        if key not in values:
            raise OptionError.unknown_name(f"argument of {function}", key, values)
        try:
            values[key] = float(number)
        except ValueError as error:
            raise OptionError(f"{function}: {part!r} is no number") from error
    missing = [key for key, value in values.items() if value is None]
    if missing:
        raise OptionError(f"{function}: needs {', '.join(f'{key}=' for key in missing)}")
    norm, e_ref, index = values["norm"], values["e_ref"], values.get("index")
    if not (norm or 0) > 0 or not (e_ref or 0) > 0:
        raise OptionError(f"{function}: norm and e_ref must be above 0")
    if index is not None and index > 0:
        raise OptionError(f"{function}: the index includes its sign, did you mean {-index:g}?")
    return make(**values)
