"""Response functions between the pointings that were simulated, by pyirf's interpolators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.irf.products import Product

#: Quantities that can be interpolated.
QUANTITIES = ("aeff", "edisp", "psf", "rad_max")


def interpolate(
    products: Sequence[Product],
    nodes: ArrayLike,
    target: ArrayLike,
    *,
    group: str = "",
    options: dict[str, Any] | None = None,
) -> Product:
    """One product at a target between nodes.

    Effective areas are interpolated in their logarithm (below 1 m2 they count as 0), energy
    dispersion and PSF by quantiles, which moves their peak instead of making two. No errors
    can be given between the nodes: the error of the result is the largest of the nodes, and its
    events those of the node with the fewest.

    Parameters
    ----------
    products : sequence of Product
        The same quantity with the same axes at each node.
    nodes : float64 (n_nodes,) or (n_nodes, n_parameters)
        For example cos(zenith), or cos(zenith) and azimuth.
    target : float64 () or (n_parameters,)
        Inside the nodes.
    group : str
        Of the result.
    options : dict, optional
        For the class of pyirf, such as ``interpolator_cls``, ``extrapolator_cls``.

    Raises
    ------
    OptionError
        pyirf is not installed, or the quantity cannot be interpolated.
    InputError
        The products do not fit together, or the target is outside the nodes.
    """
    grid = np.asarray(nodes, dtype=np.float64)
    grid = grid[:, None] if grid.ndim == 1 else grid
    point = np.atleast_1d(np.asarray(target, dtype=np.float64))[None, :]
    first = _check(products, grid, point)
    values = np.stack([product.value for product in products])
    found = _estimate(first, grid, point, values, dict(options or {}))
    n_events = np.min([product.n_events for product in products], axis=0)
    error = np.max([product.error for product in products], axis=0)
    found = np.nan_to_num(np.asarray(found, dtype=np.float64).reshape(first.value.shape))
    # pyirf gives its least area, 1 m2, where all nodes have none
    found = np.where((values > 0).any(axis=0), found, 0.0)
    return replace(
        first, group=group, value=found, error=error, n_events=n_events, n_simulated=None
    )


def _check(
    products: Sequence[Product], grid: NDArray[np.float64], point: NDArray[np.float64]
) -> Product:
    if len(products) != len(grid) or len(grid) < 2:
        raise InputError(f"{len(products)} products at {len(grid)} nodes: need two or more of each")
    first = products[0]
    if first.quantity not in QUANTITIES:
        raise OptionError.unknown_name("quantity to interpolate", first.quantity, QUANTITIES)
    for product in products:
        same = len(product.axes) == len(first.axes) and all(
            a.name == b.name and np.array_equal(a.edges, b.edges)
            for a, b in zip(product.axes, first.axes, strict=True)
        )
        if product.quantity != first.quantity or product.point_like != first.point_like or not same:
            raise InputError(
                f"{product.quantity} of group {product.group!r} differs in quantity, axes or theta "
                f"cut from {first.quantity} of group {first.group!r}"
            )
    if point.shape[1] != grid.shape[1]:
        raise InputError(f"a target of {point.shape[1]} numbers for nodes of {grid.shape[1]}")
    return first


def _estimate(
    first: Product,
    grid: NDArray[np.float64],
    point: NDArray[np.float64],
    values: NDArray[np.float64],
    options: dict[str, Any],
) -> Any:
    try:
        from pyirf import interpolation
    except ImportError as error:
        raise OptionError(
            "interpolation between pointings needs pyirf: pip install pyirf"
        ) from error
    from astropy import units

    low, high = grid.min(axis=0), grid.max(axis=0)
    outside = (point[0] < low) | (point[0] > high)
    if outside.any() and "extrapolator_cls" not in options:
        raise InputError(
            f"target {point[0].tolist()} is outside the nodes, {low.tolist()} to {high.tolist()}"
        )
    if first.quantity == "aeff":
        area = values * units.m**2
        return interpolation.EffectiveAreaEstimator(grid, area, **options)(point).to_value("m2")
    if first.quantity == "edisp":
        migra = first.axis("migra").edges
        return interpolation.EnergyDispersionEstimator(grid, migra, values, **options)(point)
    if first.quantity == "psf":
        rad = first.axis("rad").edges * units.deg
        psf = values / units.sr
        return interpolation.PSFTableEstimator(grid, rad, psf, **options)(point).to_value("sr-1")
    cut = values * units.deg
    return interpolation.GridDataInterpolator(grid, cut.value, **options)(point)
