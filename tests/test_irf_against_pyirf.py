"""Responses in the folder of `ctabatch irf` equal what pyirf makes of the same events.

The values of irf.parquet are compared bin by bin to 1e-6 relative, far above what sums of weights
and solid angles leave. Events on the edge between two bins would show as whole events. Where no
showers were simulated an effective area is 0 with an infinite error, and NaN in pyirf.
"""

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from gammapy.irf import (
    PSF3D,
    Background2D,
    EffectiveAreaTable2D,
    EnergyDispersion2D,
    RadMax2D,
)
from pyirf import irf
from pyirf.io import gadf

from ctabatch.irf.response_hdus import response_hdus
from tests.pyirf_chain import TIME, edges, make_case, selected

RTOL = 1e-6
DEG, TEV = u.deg, u.TeV


@pytest.fixture(scope="module", params=[False, True], ids=["full-enclosure", "point-like"])
def case(request, tmp_path_factory):
    return make_case(tmp_path_factory.mktemp("case"), point_like=request.param)


@pytest.fixture(autouse=True)
def _no_showers():
    with np.errstate(invalid="ignore"):
        yield


def equal(product, expected, least=30):
    if product.n_simulated is not None:
        none = product.n_simulated == 0
        assert np.isnan(expected[none]).all()
        assert np.isinf(product.error[none]).all()
        expected = np.where(none, 0.0, expected)
    np.testing.assert_allclose(product.value, expected, rtol=RTOL, atol=0)
    assert (product.value != 0).sum() >= least


def test_effective_area(case):
    product = case.products["aeff"]
    expected = irf.effective_area_per_energy_and_fov(
        selected(case), case.info, *edges(product, "energy", "offset")
    )
    equal(product, expected.to_value(u.m**2))


@pytest.mark.parametrize("name", ["none", "gammaness", "theta"])
def test_effective_area_after_each_cut(case, name):
    events = {"none": case.gammas, "gammaness": selected(case, theta=False),
              "theta": selected(case, theta=True)}[name]  # fmt: skip
    product = case.products[f"aeff_{name}"]
    expected = irf.effective_area_per_energy_and_fov(
        events, case.info, *edges(product, "energy", "offset")
    )
    equal(product, expected.to_value(u.m**2))


def test_energy_dispersion(case):
    product = case.products["edisp"]
    energy, offset, migra = edges(product, "energy", "offset", "migra")
    expected = irf.energy_dispersion(selected(case), energy, offset, migra.to_value(u.one))
    equal(product, expected)


def test_point_spread_function(case):
    product = case.products["psf"]
    energy, rad, offset = edges(product, "energy", "rad", "offset")
    expected = irf.psf_table(selected(case, theta=False), energy, rad, offset)
    equal(product, expected.to_value(1 / u.sr))


def test_background(case):
    product = case.products["background"]
    events = case.hadrons[case.hadrons["passes"]]
    expected = irf.background_2d(events, *edges(product, "energy", "offset"), TIME)
    equal(product, expected.to_value("s-1 MeV-1 sr-1"), least=20)


def test_background_in_longitude_and_latitude(case):
    """pyirf 0.13 has none: weighted counts by numpy, solid angles by pyirf."""
    from pyirf.utils import rectangle_solid_angle

    product = case.products["background_3d"]
    energy, lon, lat = edges(product, "energy", "fov_lon", "fov_lat")
    events = case.hadrons[case.hadrons["passes"]]
    columns = (events["reco_energy"].to_value(TEV), events["reco_source_fov_lon"].to_value(DEG),
               events["reco_source_fov_lat"].to_value(DEG))  # fmt: skip
    counts, _ = np.histogramdd(
        np.column_stack(columns), (energy.value, lon.value, lat.value), weights=events["weight"]
    )
    lon_low, lat_low = np.meshgrid(lon[:-1], lat[:-1], indexing="ij")
    lon_high, lat_high = np.meshgrid(lon[1:], lat[1:], indexing="ij")
    omega = rectangle_solid_angle(lon_low, lon_high, lat_low, lat_high)
    equal(product, (counts / np.diff(energy)[:, None, None] / TIME / omega)
          .to_value("s-1 MeV-1 sr-1"))  # fmt: skip


def test_effective_area_in_longitude_and_latitude(case):
    """pyirf 0.13 divides counts (energy, lon, lat) by showers (energy, lat, lon)."""
    product = case.products["aeff_3d"]
    energy, lon, lat = edges(product, "energy", "fov_lon", "fov_lat")
    # its bins are the same in both coordinates here, and all inside of the view cone: equal anyway
    expected = irf.effective_area_3d_lonlat(selected(case), case.info, energy, lon, lat)
    # it counts subpixels of a tangential grid: solid angles are good to 1e-3
    theirs = np.nan_to_num(expected.to_value(u.m**2))
    np.testing.assert_allclose(product.value, theirs, rtol=3e-3)
    columns = (selected(case)[name].value for name in
               ("true_energy", "true_source_fov_lon", "true_source_fov_lat"))  # fmt: skip
    counts, _ = np.histogramdd(
        np.column_stack(tuple(columns)), (energy.value, lon.value, lat.value)
    )
    np.testing.assert_array_equal(product.n_events, counts)


def test_energy_dispersion_in_longitude_and_latitude(case):
    """pyirf 0.13 has none: in each place it is that of the events there."""
    product = case.products["edisp_3d"]
    energy, migra, lon, lat = edges(product, "energy", "migra", "fov_lon", "fov_lat")
    events = selected(case)
    for i, j in ((0, 0), (1, 2), (3, 1)):
        x, y = events["true_source_fov_lon"], events["true_source_fov_lat"]
        here = (x >= lon[i]) & (x < lon[i + 1]) & (y >= lat[j]) & (y < lat[j + 1])
        expected = irf.energy_dispersion(events[here], energy, [0, 180] * DEG, migra.value)
        np.testing.assert_allclose(product.value[:, :, i, j], expected[:, :, 0], rtol=RTOL)


def test_the_files_for_gammapy_hold_the_values_of_pyirf(case):
    """Single precision, with which gammapy is content: 1e-6 relative."""
    path = case.folder / "irf.fits"
    for name, kind in {
        "aeff": EffectiveAreaTable2D, "edisp": EnergyDispersion2D, "psf": PSF3D,
        **({"rad_max": RadMax2D} if case.point_like else {}),
    }.items():  # fmt: skip
        product, hdu = case.products[name], {"aeff": "EFFECTIVE AREA", "edisp": "ENERGY DISPERSION",
                                             "psf": "PSF", "rad_max": "RAD_MAX"}[name]  # fmt: skip
        read = kind.read(path, hdu=hdu)
        value = product.value
        if name == "psf":  # gammapy has (energy, offset, rad)
            assert read.axes.names == ["energy_true", "offset", "rad"]
        np.testing.assert_allclose(
            read.quantity.to_value(product.unit or u.one), value, rtol=RTOL, err_msg=name
        )
        assert read.is_pointlike == (case.point_like and name != "psf")
    read = (
        Background2D.read(path, hdu="BACKGROUND") if "background_3d" not in case.products else None
    )
    assert read is None


def test_the_tables_are_the_ones_that_pyirf_writes(case):
    energy, offset = edges(case.products["aeff"], "energy", "offset")
    (migra,) = edges(case.products["edisp"], "migra")
    (rad,) = edges(case.products["psf"], "rad")
    like = case.point_like
    events = selected(case)
    theirs = {
        "EFFECTIVE AREA": gadf.create_aeff2d_hdu(
            np.nan_to_num(
                irf.effective_area_per_energy_and_fov(events, case.info, energy, offset)
            ),
            energy, offset, point_like=like,
        ),
        "ENERGY DISPERSION": gadf.create_energy_dispersion_hdu(
            irf.energy_dispersion(events, energy, offset, migra.value),
            energy, migra.value, offset, point_like=like,
        ),
        "PSF": gadf.create_psf_table_hdu(
            irf.psf_table(selected(case, theta=False), energy, rad, offset), energy, rad, offset
        ),
    }  # fmt: skip
    with fits.open(case.folder / "irf.fits") as hdus:
        for name, expected in theirs.items():
            ours = hdus[name]
            assert set(expected.columns.names) == set(ours.columns.names)
            for column in expected.columns.names:
                value, other = ours.data[column], expected.data[column]
                assert value.shape == other.shape
                np.testing.assert_allclose(value, other, rtol=RTOL, err_msg=column)
            assert ours.header["HDUCLAS4"] == expected.header["HDUCLAS4"]


def test_a_background_of_rings_is_read_by_gammapy(case, tmp_path):
    """The folder above holds the 3D one, which readers prefer; the same without it."""
    product = case.products["background"]
    hdus = fits.HDUList([fits.PrimaryHDU(), *response_hdus([product])])
    read = Background2D.from_hdulist(hdus, hdu="BACKGROUND")
    np.testing.assert_allclose(read.quantity.to_value(product.unit), product.value, rtol=RTOL)
