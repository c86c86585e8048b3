"""Products as gammapy's objects."""

import astropy.units as u
import numpy as np
import polars as pl
import pytest
from astropy.io import fits

from ctabatch.errors import OptionError
from ctabatch.io.fits import irf_hdus
from ctabatch.irf import products as irf
from ctabatch.irf.fill import fill
from ctabatch.irf.to_gammapy import response, to_gammapy
from tests.test_irf_fill import AXES, events
from tests.test_irf_products import HOURS, showers

QUANTITIES = ("aeff", "edisp", "psf", "background", "background_3d")


def products(*, theta=None, quantities=QUANTITIES):
    filled = fill(events().lazy(), AXES, quantities, theta=theta, weight="weight")
    made = irf.make_products(filled, showers(), HOURS)
    return [
        *made,
        irf.rad_max(AXES.reco_energy, np.full(AXES.reco_energy.n_bins, 0.2), AXES.offset),
    ]


def hdu_of(product):
    edges = [axis.edges for axis in product.axes]
    value = product.value
    if product.quantity == "aeff":
        return irf_hdus.effective_area_hdu(value, *edges, point_like=product.point_like)
    if product.quantity == "edisp":
        return irf_hdus.energy_dispersion_hdu(value, *edges, point_like=product.point_like)
    if product.quantity == "psf":
        return irf_hdus.psf_table_hdu(value, *edges)
    if product.quantity == "background":
        return irf_hdus.background_2d_hdu(value, *edges)
    if product.quantity == "background_3d":
        return irf_hdus.background_3d_hdu(value, *edges, alignment="ALTAZ")
    return irf_hdus.rad_max_hdu(value, *edges)


@pytest.mark.parametrize("theta", [None, "passes_theta"])
@pytest.mark.parametrize("quantity", [*QUANTITIES, "rad_max"])
def test_the_object_is_the_one_gammapy_reads_from_our_file(quantity, theta):
    product = next(p for p in products(theta=theta) if p.quantity == quantity)
    found = response(product)
    hdus = fits.HDUList([fits.PrimaryHDU(), hdu_of(product)])
    read = type(found).from_hdulist(hdus, hdu=1)
    assert found.axes.names == read.axes.names
    for axis, other in zip(found.axes, read.axes, strict=True):
        np.testing.assert_allclose(axis.edges.to_value(other.unit), other.edges.value, rtol=1e-12)
        assert axis.interp == other.interp
    np.testing.assert_allclose(found.quantity.to_value(read.unit), read.quantity.value, rtol=1e-12)
    assert found.unit == read.unit
    assert found.is_pointlike == read.is_pointlike
    assert found.fov_alignment == read.fov_alignment


def test_effective_area_and_dispersion_are_point_like_after_a_theta_cut():
    found = to_gammapy(products(theta="passes_theta"))
    assert found["aeff"].is_pointlike
    assert found["edisp"].is_pointlike
    assert not to_gammapy(products())["aeff"].is_pointlike


def test_values_are_found_at_the_centres_of_bins():
    made = {p.quantity: p for p in products()}
    found = to_gammapy(made.values())
    assert set(found) == {"aeff", "edisp", "psf", "bkg", "rad_max"}
    assert type(found["bkg"]).__name__ == "Background3D"
    area = found["aeff"].evaluate(
        energy_true=found["aeff"].axes["energy_true"].center[5], offset=1.5 * u.deg
    )
    assert area.to_value("m2") == pytest.approx(made["aeff"].value[5, 1], rel=1e-9)
    contained = found["psf"].containment(
        rad=1 * u.deg, offset=0.5 * u.deg, energy_true=found["psf"].axes["energy_true"].center[2]
    )
    assert contained.to_value("") == pytest.approx(1, abs=0.01)


def test_a_group_has_its_own_objects():
    filled = fill(events().lazy(), AXES, ["aeff"], by=["event_type"])
    made = irf.make_products(filled, showers())
    found = to_gammapy(made, "event_type=2")["aeff"]
    np.testing.assert_array_equal(
        found.data, next(p for p in made if p.group == "event_type=2").value
    )
    with pytest.raises(OptionError, match="unknown group"):
        to_gammapy(made, "event_type=7")


def test_a_quantity_without_a_class_is_named():
    filled = fill(pl.DataFrame(events(10)).lazy(), AXES, ["edisp_3d"])
    with pytest.raises(OptionError, match="edisp_3d"):
        response(irf.make_products(filled)[0])
