"""Instrument responses as GADF v0.3 table HDUs: one row, axes as LO/HI columns, one array.

Arrays are given with their axes in the order of the parameter list (energy first); files hold the
transpose, because FITS counts axes the other way round. Energies are in TeV, angles in deg.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ctabatch import __version__
from ctabatch.errors import InputError

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU

Array = npt.ArrayLike
#: Header cards by name, or a value with its comment.
Cards = Mapping[str, str | int | float | bool]

GADF = {
    "HDUCLASS": "GADF",
    "HDUDOC": "https://github.com/open-gamma-ray-astro/gamma-astro-data-formats",
    "HDUVERS": "0.3",
}
#: HDUCLAS4 of a response -> its HDU_TYPE and HDU_CLASS in the HDU index table.
INDEX_NAMES = {
    "AEFF_2D": ("aeff", "aeff_2d"),
    "EDISP_2D": ("edisp", "edisp_2d"),
    "PSF_TABLE": ("psf", "psf_table"),
    "PSF_3GAUSS": ("psf", "psf_3gauss"),
    "PSF_KING": ("psf", "psf_king"),
    "BKG_2D": ("bkg", "bkg_2d"),
    "BKG_3D": ("bkg", "bkg_3d"),
    "RAD_MAX_2D": ("rad_max", "rad_max_2d"),
}
#: HDUCLAS2 of point spread functions: the format's table of classes says RPSF (as CTAO-GADF and
#: gammapy do), its page on them PSF; readers take both.
_PSF = "RPSF"
#: Files that hold all responses of a folder, whatever else is beside them.
RESPONSE_FILES = ("irf.fits", "irf.fits.gz")
GAUSSIANS = ("SCALE", "SIGMA_1", "AMPL_2", "SIGMA_2", "AMPL_3", "SIGMA_3")


def effective_area_hdu(
    area: Array,
    energy: Array,
    offset: Array,
    *,
    point_like: bool = False,
    thresholds: tuple[float, float] | None = None,
    rad_max: float | None = None,
    name: str = "EFFECTIVE AREA",
    cards: Cards | None = None,
) -> BinTableHDU:
    """Effective area, AEFF_2D.

    Parameters
    ----------
    area : array of shape (n_energy, n_offset), m2
    energy : array of shape (n_energy + 1,), TeV
        Edges of the bins of true energy.
    offset : array of shape (n_offset + 1,), deg
        Edges of the bins of the distance from the pointing.
    point_like : bool
        Whether events passed a cut on the distance to the source.
    thresholds : (float, float), optional
        Energies in TeV between which the responses are to be trusted (LO_THRES, HI_THRES); the
        range of all bins with an area above zero by default.
    rad_max : float, optional
        Radius of the cut in deg, if it does not depend on energy.
    name : str
        Name of the HDU.
    cards : mapping, optional
        More header cards, such as TELESCOP.

    Raises
    ------
    InputError
        Shapes do not fit, edges do not increase, or a value is not finite (every function here).
    """
    values = np.asarray(area, np.float64)
    if thresholds is None:
        edges, seen = np.asarray(energy, np.float64), np.flatnonzero((values > 0).any(axis=-1))
        thresholds = (edges[seen[0]], edges[seen[-1] + 1]) if len(seen) else (edges[0], edges[-1])
    more: dict[str, str | int | float | bool] = {
        "LO_THRES": float(thresholds[0]),
        "HI_THRES": float(thresholds[1]),
    }
    if rad_max is not None:
        more["RAD_MAX"] = float(rad_max)
    axes = [("ENERG", "TeV", energy), ("THETA", "deg", offset)]
    classes = ("EFF_AREA", _enclosure(point_like), "AEFF_2D")
    return _response(name, axes, {"EFFAREA": (values, "m2")}, classes, {**more, **(cards or {})})


def energy_dispersion_hdu(
    density: Array,
    energy: Array,
    migra: Array,
    offset: Array,
    *,
    point_like: bool = False,
    name: str = "ENERGY DISPERSION",
    cards: Cards | None = None,
) -> BinTableHDU:
    """Energy dispersion, EDISP_2D.

    Parameters
    ----------
    density : array of shape (n_energy, n_migra, n_offset)
        Probability density of the ratio of reconstructed to true energy.
    energy, migra, offset : array
        Edges in TeV of true energy, of the ratio, and in deg of the distance from the pointing.
    point_like, name, cards
        As for `effective_area_hdu`.
    """
    axes = [("ENERG", "TeV", energy), ("MIGRA", "", migra), ("THETA", "deg", offset)]
    classes = ("EDISP", _enclosure(point_like), "EDISP_2D")
    return _response(name, axes, {"MATRIX": (density, "")}, classes, cards)


def psf_table_hdu(
    density: Array,
    energy: Array,
    offset: Array,
    rad: Array,
    *,
    name: str = "PSF",
    cards: Cards | None = None,
) -> BinTableHDU:
    """Point spread function, PSF_TABLE.

    Parameters
    ----------
    density : array of shape (n_energy, n_offset, n_rad), 1/sr
        Probability per solid angle.
    energy, offset, rad : array
        Edges in TeV of true energy, in deg of the distance from the pointing and from the source.
    name, cards
        As for `effective_area_hdu`.
    """
    axes = [("ENERG", "TeV", energy), ("THETA", "deg", offset), ("RAD", "deg", rad)]
    classes = (_PSF, "FULL-ENCLOSURE", "PSF_TABLE")
    return _response(name, axes, {"RPSF": (density, "sr-1")}, classes, cards)


def psf_3gauss_hdu(
    parameters: Mapping[str, Array],
    energy: Array,
    offset: Array,
    *,
    name: str = "PSF",
    cards: Cards | None = None,
) -> BinTableHDU:
    """Point spread function as the sum of up to three Gaussians, PSF_3GAUSS.

    Parameters
    ----------
    parameters : mapping
        The names of `GAUSSIANS` in lower case -> array of shape (n_energy, n_offset). SCALE is in
        1/sr, SIGMA_* in deg, AMPL_2 and AMPL_3 are relative to the first Gaussian:
        dP/dOmega = scale (exp(-r2 / 2 sigma_1**2) + ampl_2 exp(-r2 / 2 sigma_2**2) + ...).
    energy, offset, name, cards
        As for `effective_area_hdu`.
    """
    missing = [key.lower() for key in GAUSSIANS if key.lower() not in parameters]
    if missing:
        raise InputError(f"{name}: parameters are missing: {', '.join(missing)}")
    units = {key: "sr-1" if key == "SCALE" else "deg" if key[0:2] == "SI" else ""
             for key in GAUSSIANS}  # fmt: skip
    values = {key: (parameters[key.lower()], units[key]) for key in GAUSSIANS}
    axes = [("ENERG", "TeV", energy), ("THETA", "deg", offset)]
    return _response(name, axes, values, (_PSF, "FULL-ENCLOSURE", "PSF_3GAUSS"), cards)


def psf_king_hdu(
    sigma: Array,
    gamma: Array,
    energy: Array,
    offset: Array,
    *,
    name: str = "PSF",
    cards: Cards | None = None,
) -> BinTableHDU:
    """Point spread function as King profile, PSF_KING.

    Parameters
    ----------
    sigma : array of shape (n_energy, n_offset), deg
    gamma : array of the same shape
        Above 1 where there is a profile.
    energy, offset, name, cards
        As for `effective_area_hdu`.
    """
    axes = [("ENERG", "TeV", energy), ("THETA", "deg", offset)]
    values = {"GAMMA": (gamma, ""), "SIGMA": (sigma, "deg")}
    return _response(name, axes, values, ("PSF", "FULL-ENCLOSURE", "PSF_KING"), cards)


def background_2d_hdu(
    rate: Array,
    energy: Array,
    offset: Array,
    *,
    name: str = "BACKGROUND",
    cards: Cards | None = None,
) -> BinTableHDU:
    """Background rate, BKG_2D.

    Parameters
    ----------
    rate : array of shape (n_energy, n_offset), 1/(s MeV sr)
        Per second of ontime: dead time lowers this rate, and readers do not correct for it.
    energy, offset : array
        Edges in TeV of *reconstructed* energy, in deg of the distance from the pointing.
    name, cards
        As for `effective_area_hdu`.
    """
    axes = [("ENERG", "TeV", energy), ("THETA", "deg", offset)]
    classes = ("BKG", "FULL-ENCLOSURE", "BKG_2D")
    return _response(name, axes, {"BKG": (rate, "MeV-1 s-1 sr-1")}, classes, cards)


def background_3d_hdu(
    rate: Array,
    energy: Array,
    fov_lon: Array,
    fov_lat: Array,
    *,
    alignment: str,
    name: str = "BACKGROUND",
    cards: Cards | None = None,
) -> BinTableHDU:
    """Background rate by place in the field of view, BKG_3D.

    Parameters
    ----------
    rate : array of shape (n_energy, n_lon, n_lat), 1/(s MeV sr)
        Per second of ontime.
    energy, fov_lon, fov_lat : array
        Edges in TeV of reconstructed energy, in deg of the place in the field of view; longitude
        increases to the west (against azimuth and right ascension).
    alignment : {"ALTAZ", "RADEC"}
        Where latitude points: to the zenith or to the north. Always written as FOVALIGN, because
        the format's default (ALTAZ) and gammapy's (RADEC) differ.
    name, cards
        As for `effective_area_hdu`.
    """
    if alignment not in ("ALTAZ", "RADEC"):
        raise InputError(f"{name}: alignment {alignment!r} is neither ALTAZ nor RADEC")
    axes = [("ENERG", "TeV", energy), ("DETX", "deg", fov_lon), ("DETY", "deg", fov_lat)]
    more = {**(cards or {}), "FOVALIGN": alignment}
    classes = ("BKG", "FULL-ENCLOSURE", "BKG_3D")
    return _response(name, axes, {"BKG": (rate, "MeV-1 s-1 sr-1")}, classes, more)


def rad_max_hdu(
    radius: Array,
    energy: Array,
    offset: Array,
    *,
    name: str = "RAD_MAX",
    cards: Cards | None = None,
) -> BinTableHDU:
    """Cut on the distance to the source, RAD_MAX_2D.

    Parameters
    ----------
    radius : array of shape (n_energy, n_offset), deg
    energy, offset : array
        Edges in TeV of *reconstructed* energy, in deg of the distance from the pointing.
    name, cards
        As for `effective_area_hdu`.
    """
    axes = [("ENERG", "TeV", energy), ("THETA", "deg", offset)]
    classes = ("RAD_MAX", "POINT-LIKE", "RAD_MAX_2D")
    return _response(name, axes, {"RAD_MAX": (radius, "deg")}, classes, cards)


def read_responses(path: Path) -> dict[str, BinTableHDU]:
    """Responses of a FITS file; of a folder its ``irf.fits``, or else all its FITS files.

    Returns
    -------
    dict
        Type in the HDU index table (aeff, edisp, psf, bkg, rad_max) -> HDU, held in memory.

    Raises
    ------
    InputError
        There are none, one cannot be read, or there are two of one type.
    """
    from astropy.io import fits

    files = [path] if path.is_file() else sorted([*path.glob("*.fits"), *path.glob("*.fits.gz")])
    files = [file for file in files if file.name in RESPONSE_FILES] or files
    found: dict[str, BinTableHDU] = {}
    places: dict[str, str] = {}
    for file in files:
        try:
            with fits.open(file, memmap=False) as hdus:
                for hdu in hdus:
                    kind = INDEX_NAMES.get(str(hdu.header.get("HDUCLAS4", "")).strip())
                    if kind is None or hdu.header.get("HDUCLAS1") != "RESPONSE":
                        continue
                    place = f"{file} [{hdu.name}]"
                    if kind[0] in found:
                        raise InputError(
                            f"two responses of type {kind[0]}: {places[kind[0]]} and {place}; "
                            "name the file of one set"
                        )
                    found[kind[0]], places[kind[0]] = hdu.copy(), place
        except OSError as error:
            raise InputError(f"{file}: cannot be read as FITS: {error}") from error
    if not found:
        raise InputError(f"{path}: holds no responses; make them with ctabatch irf")
    return found


def _enclosure(point_like: bool) -> str:
    return "POINT-LIKE" if point_like else "FULL-ENCLOSURE"


def _response(
    name: str,
    axes: Sequence[tuple[str, str, Array]],
    values: Mapping[str, tuple[Any, str]],
    classes: tuple[str, str, str],
    cards: Cards | None,
) -> BinTableHDU:
    from astropy.io import fits

    columns: list[fits.Column] = []
    shape: list[int] = []
    for axis, unit, given in axes:
        edges = np.asarray(given, np.float64)
        if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
            raise InputError(f"{name}: edges of {axis} must be two or more increasing numbers")
        shape.append(len(edges) - 1)
        for side, part in (("LO", edges[:-1]), ("HI", edges[1:])):
            # without its shape, readers take an array of one number for a number
            form, dim = f"{len(part)}D", "(1)" if len(part) == 1 else None
            column = f"{axis}_{side}"
            columns.append(fits.Column(column, form, unit or None, dim=dim, array=part[None]))
    for column, (given, unit) in values.items():
        array = np.asarray(given, np.float64)
        if array.shape != tuple(shape):
            expected = ", ".join(f"{n} of {axis[0]}" for n, axis in zip(shape, axes, strict=True))
            raise InputError(f"{name}: {column} has shape {array.shape}, not ({expected})")
        if not np.isfinite(array).all():
            n = int(np.count_nonzero(~np.isfinite(array)))
            raise InputError(f"{name}: {n:,} of {array.size:,} values of {column} are not finite")
        size, dim = f"{array.size}D", f"({','.join(map(str, shape))})"
        stored = np.ascontiguousarray(array.T)[None]
        columns.append(fits.Column(column, size, unit or None, dim=dim, array=stored))
    hdu = fits.BinTableHDU.from_columns(columns, name=name)
    header = hdu.header
    header.update(GADF)
    header["HDUCLAS1"] = "RESPONSE"
    for n, text in enumerate(classes, start=2):
        header[f"HDUCLAS{n}"] = text
    order = ",".join(f"{axis}_LO:{axis}_HI" for axis, _, _ in axes)
    for n in range(2 * len(axes) + 1, len(columns) + 1):
        header[f"CREF{n}"] = f"({order})"
    header["CREATOR"] = f"ctabatch {__version__}"
    for key, value in (cards or {}).items():
        header[key] = value
    return hdu
