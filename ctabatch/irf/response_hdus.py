"""Products as HDUs of GADF v0.3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ctabatch.errors import OptionError
from ctabatch.io.fits import irf_hdus
from ctabatch.irf.products import Product
from ctabatch.irf.psf_fit import fit_gaussians, fit_king

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU


def _aeff(product: Product) -> BinTableHDU:
    energy, offset = (axis.edges for axis in product.axes)
    return irf_hdus.effective_area_hdu(product.value, energy, offset, point_like=product.point_like)


def _edisp(product: Product) -> BinTableHDU:
    edges = [axis.edges for axis in product.axes]
    return irf_hdus.energy_dispersion_hdu(product.value, *edges, point_like=product.point_like)


def _psf(product: Product) -> BinTableHDU:
    return irf_hdus.psf_table_hdu(product.value, *(axis.edges for axis in product.axes))


def _background(product: Product) -> BinTableHDU:
    return irf_hdus.background_2d_hdu(product.value, *(axis.edges for axis in product.axes))


def _background_3d(product: Product) -> BinTableHDU:
    edges = [axis.edges for axis in product.axes]
    return irf_hdus.background_3d_hdu(product.value, *edges, alignment="ALTAZ")


def _rad_max(product: Product) -> BinTableHDU:
    return irf_hdus.rad_max_hdu(product.value, *(axis.edges for axis in product.axes))


#: Quantities that GADF has an HDU for. It has none for the other 3D responses.
RESPONSES: dict[str, Callable[[Product], BinTableHDU]] = {
    "aeff": _aeff,
    "edisp": _edisp,
    "psf": _psf,
    "background": _background,
    "background_3d": _background_3d,
    "rad_max": _rad_max,
}


def response_hdus(products: Sequence[Product]) -> list[BinTableHDU]:
    """HDUs of the responses of one group, in the order of `RESPONSES`.

    Readers take one background, so of two the 3D one is written: it tells more.

    Raises
    ------
    OptionError
        There are two products of one quantity.
    """
    found: dict[str, Product] = {}
    for product in products:
        if product.quantity not in RESPONSES:
            continue
        if product.quantity in found:
            raise OptionError(f"two products are called {product.quantity}; choose a group")
        found[product.quantity] = product
    if "background_3d" in found:
        found.pop("background", None)
    return [make(found[name]) for name, make in RESPONSES.items() if name in found]


def psf_hdu(psf: Product, profile: str) -> BinTableHDU:
    """Parametric point spread function, fitted to the counts of the table.

    Parameters
    ----------
    psf : Product
    profile : {"3gauss", "king"}
    """
    energy, offset = psf.axis("energy").edges, psf.axis("offset").edges
    if profile == "3gauss":
        columns = fit_gaussians(psf).columns()
        return irf_hdus.psf_3gauss_hdu(
            {name.lower(): values for name, values in columns.items()}, energy, offset
        )
    if profile == "king":
        fit = fit_king(psf)
        sigma, gamma = (np.where(fit.valid, values, 0.0) for values in (fit.sigma, fit.gamma))
        return irf_hdus.psf_king_hdu(sigma, gamma, energy, offset)
    raise OptionError.unknown_name("profile of the PSF", profile, ("3gauss", "king"))


__all__ = ["RESPONSES", "psf_hdu", "response_hdus"]
