"""Products as gammapy's response objects, without a detour through files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ctabatch.errors import OptionError
from ctabatch.irf.axes import Axis
from ctabatch.irf.products import Product

#: Quantity -> key of gammapy, class, names of the axes in its order.
CLASSES = {
    "aeff": ("aeff", "EffectiveAreaTable2D", ("energy_true", "offset")),
    "edisp": ("edisp", "EnergyDispersion2D", ("energy_true", "migra", "offset")),
    "psf": ("psf", "PSF3D", ("energy_true", "offset", "rad")),
    "background": ("bkg", "Background2D", ("energy", "offset")),
    "background_3d": ("bkg", "Background3D", ("energy", "fov_lon", "fov_lat")),
    "rad_max": ("rad_max", "RadMax2D", ("energy", "offset")),
}


def to_gammapy(products: Iterable[Product], group: str = "") -> dict[str, Any]:
    """Objects of gammapy for the products of one group.

    Parameters
    ----------
    products : iterable of Product
        Quantities that gammapy has no class for (3D responses but the background, benchmarks) are
        left out. A `background_3d` is preferred to a `background`.
    group : str

    Returns
    -------
    dict
        aeff, edisp, psf, bkg, rad_max: as far as there are products.

    Raises
    ------
    OptionError
        There is no product of this group.
    """
    listed = list(products)
    chosen = [p for p in listed if p.group == group and p.quantity in CLASSES]
    if not chosen:
        raise OptionError.unknown_name("group", group, {product.group for product in listed})
    names = {product.quantity for product in chosen}
    return {
        CLASSES[product.quantity][0]: response(product)
        for product in chosen
        if product.quantity != "background" or "background_3d" not in names
    }


def response(product: Product) -> Any:
    """The gammapy object of one product.

    Background and PSF are always full-enclosure; effective area and energy dispersion are
    point-like if a theta cut was applied. Longitude in the field of view is that of GADF (AltAz).

    Raises
    ------
    OptionError
        gammapy has no class for the quantity.
    """
    if product.quantity not in CLASSES:
        raise OptionError.unknown_name("quantity for gammapy", product.quantity, CLASSES)
    from astropy import units
    from gammapy import irf

    _, name, axes = CLASSES[product.quantity]
    options: dict[str, Any] = {}
    if product.quantity in ("aeff", "edisp"):
        options["is_pointlike"] = product.point_like
    elif product.quantity == "rad_max":
        options["is_pointlike"] = True
    elif product.quantity == "background_3d":
        options["fov_alignment"] = "ALTAZ"
    return getattr(irf, name)(
        axes=[_axis(axis, new) for axis, new in zip(product.axes, axes, strict=True)],
        data=np.array(product.value),
        unit=units.Unit(product.unit),
        **options,
    )


def _axis(axis: Axis, name: str) -> Any:
    from astropy import units
    from gammapy.maps import MapAxis

    logarithmic = name in ("energy_true", "energy")
    return MapAxis.from_edges(
        axis.edges, unit=units.Unit(axis.unit), name=name, interp="log" if logarithmic else "lin"
    )
