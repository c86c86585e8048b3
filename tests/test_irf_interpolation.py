"""Response functions between pointings."""

import sys

import numpy as np
import polars as pl
import pytest

from ctabatch.errors import InputError, OptionError
from ctabatch.irf import products as irf
from ctabatch.irf.fill import fill
from ctabatch.irf.interpolate import interpolate
from tests.test_irf_fill import AXES, events
from tests.test_irf_products import HOURS, showers

NODES = np.cos(np.radians([20.0, 40.0]))


def at_nodes(quantity):
    """Twice as many events, of wider spread, at the first node."""
    found = []
    for n, scale in ((60_000, 1.0), (30_000, 0.5)):
        frame = events(n).filter(pl.col("true_offset") < 2)
        frame = frame.with_columns(theta=pl.col("theta") * scale)
        filled = fill(frame.lazy(), AXES, [quantity], weight="weight")
        found.append(irf.make_products(filled, showers(), HOURS)[0])
    return found


@pytest.mark.parametrize("quantity", ["aeff", "edisp", "psf"])
def test_a_node_gives_itself_back(quantity):
    both = at_nodes(quantity)
    found = interpolate(both, NODES, NODES[0])
    well = both[0].n_events.sum(axis=1, keepdims=True) > 500 if quantity != "aeff" else 1.0
    difference = np.abs(found.value - both[0].value) * well
    # pyirf smooths between quantiles: within a tenth of the peak for bins as wide as these
    assert difference.max() <= (1e-9 if quantity == "aeff" else 0.1) * both[0].value.max()


def test_the_area_between_nodes_is_the_geometric_mean():
    both = at_nodes("aeff")
    found = interpolate(both, NODES, NODES.mean(), group="zenith=30")
    both_filled = (both[0].value > 1) & (both[1].value > 1)
    expected = np.sqrt(both[0].value * both[1].value)
    np.testing.assert_allclose(found.value[both_filled], expected[both_filled], rtol=1e-9)
    assert found.group == "zenith=30"
    np.testing.assert_array_equal(found.error, np.maximum(both[0].error, both[1].error))


def test_the_products_given_are_not_changed():
    both = at_nodes("aeff")
    before = [product.value.copy() for product in both]
    interpolate(both, NODES, NODES.mean())
    for product, value in zip(both, before, strict=True):
        np.testing.assert_array_equal(product.value, value)


def test_the_width_of_the_psf_is_between_those_of_the_nodes():
    both = at_nodes("psf")
    found = interpolate(both, NODES, NODES.mean())
    ring = irf.ring_solid_angles(AXES.rad)
    mean = [(p.value[2, 1] * ring * AXES.rad.hi).sum() for p in (both[1], found, both[0])]
    assert mean[0] < mean[1] < mean[2]
    assert (found.value[2, 1] * ring).sum() == pytest.approx(1, rel=1e-3)


def test_rad_max_is_interpolated_linearly():
    cuts = [np.full(AXES.reco_energy.n_bins, cut) for cut in (0.1, 0.3)]
    both = [irf.rad_max(AXES.reco_energy, cut, AXES.offset) for cut in cuts]
    found = interpolate(both, NODES, NODES.mean())
    np.testing.assert_allclose(found.value, 0.2)


def test_what_does_not_fit_is_refused():
    area, psf = at_nodes("aeff"), at_nodes("psf")
    with pytest.raises(InputError, match="outside the nodes"):
        interpolate(area, NODES, 0.1)
    with pytest.raises(InputError, match="differs"):
        interpolate([area[0], psf[0]], NODES, NODES[0])
    with pytest.raises(InputError, match="2 products at 3 nodes"):
        interpolate(area, [0.1, 0.2, 0.3], 0.2)
    with pytest.raises(InputError, match="2 numbers"):
        interpolate(area, NODES, [0.8, 1.0])
    with pytest.raises(OptionError, match="background"):
        interpolate(at_nodes("background"), NODES, NODES[0])


def test_without_pyirf_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyirf", None)
    with pytest.raises(OptionError, match="pip install pyirf"):
        interpolate(at_nodes("aeff"), NODES, NODES[0])
