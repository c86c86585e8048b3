"""Benchmarks as FITS tables: the layout that ctapipe-compute-irf writes, and the same numbers."""

import astropy.units as u
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.table import QTable
from ctapipe.irf.benchmarks import (
    AngularResolution2dMaker,
    EnergyBiasResolution2dMaker,
    Sensitivity2dMaker,
)
from ctapipe.irf.spectra import Spectra

from ctabatch.errors import InputError
from ctabatch.io.fits.benchmark_hdus import benchmark_hdus
from ctabatch.irf import performance
from ctabatch.irf.axes import energy_axis, linear_axis
from ctabatch.irf.fill import fill
from ctabatch.irf.histograms import IrfAxes
from ctabatch.irf.long_table import long_table
from ctabatch.irf.products import effective_area
from ctabatch.irf.spectra import spectrum
from tests.test_irf_fill import AXES, events
from tests.test_irf_products import HOURS, qtable, showers

#: Sums in another order are all that differs.
RTOL = 1e-6
TRUE, RECO = energy_axis(0.02, 200, 5), energy_axis(0.02, 20, 5)
OFFSET = linear_axis("offset", 0, 4, 4)
THETA = np.full(RECO.n_bins, 0.2)
BINS = {
    "true_energy_min": 0.02 * u.TeV, "true_energy_max": 200 * u.TeV,
    "true_energy_n_bins_per_decade": 5,
}  # fmt: skip
FOV = {"fov_offset_min": 0 * u.deg, "fov_offset_max": 4 * u.deg, "fov_offset_n_bins": 4}
RECO_BINS = {
    "reco_energy_min": 0.02 * u.TeV, "reco_energy_max": 20 * u.TeV,
    "reco_energy_n_bins_per_decade": 5,
}  # fmt: skip


@pytest.fixture(scope="module")
def samples():
    gammas = events(30_000).with_columns(pl.col("weight") * 0.01)
    protons = events(20_000, seed=4).with_columns(pl.col("weight") * 30)
    return gammas, protons


@pytest.fixture(scope="module")
def table(samples):
    gammas, protons = samples
    axes = IrfAxes(TRUE, RECO, OFFSET, AXES.migra, AXES.rad)
    areas = ["aeff_none", "aeff_gammaness", "aeff_theta"]
    signal = fill(gammas.lazy(), axes, ["signal", *areas], theta="passes_theta", weight="weight")
    background = fill(protons.lazy(), axes, ["background"], weight="weight")
    crab = spectrum("CRAB_HEGRA")
    made = performance.resolutions(gammas.lazy(), TRUE, OFFSET)
    made += performance.resolutions(gammas.lazy(), RECO, OFFSET, by_energy="reco")
    rings = background.histograms["", "background"]
    made.append(performance.background_rate(rings, THETA, HOURS))
    made += performance.point_source_sensitivity(
        signal.histograms["", "signal"], rings, THETA, crab
    )  # fmt: skip
    made += [effective_area(signal.histograms["", name], showers()) for name in areas]
    return long_table(made)


def assert_same(found, expected):
    """All of ctapipe's columns, in its order, shapes and units; ours may be more."""
    assert found.name == expected.name
    names = expected.columns.names
    # ctapipe's columns begin the table in its order
    assert found.columns.names[: len(names)] == names
    for name in names:
        own, other = found.columns[name], expected.columns[name]
        assert own.dim == other.dim
        assert u.Unit(own.unit or "") == u.Unit(other.unit or "")
        values, reference = found.data[name], np.array(expected.data[name])
        assert values.shape == reference.shape
        reference[np.isinf(reference)] = np.nan  # no signal: no value
        kept = np.isfinite(values) | np.isfinite(reference)
        if name.startswith(("N_SIGNAL", "SIGNIFICANCE")):
            kept = np.isfinite(found.data["RELATIVE_SENSITIVITY"])
        assert kept.sum() >= 4
        np.testing.assert_allclose(values[kept], reference[kept], rtol=RTOL, atol=1e-13)


def hdus(table, **options):
    return {hdu.name: hdu for hdu in benchmark_hdus(table, **options)}


def test_energy_and_angular_tables_are_those_of_ctapipe(table, samples):
    gammas = qtable(samples[0])
    found = hdus(table)
    expected = EnergyBiasResolution2dMaker(**BINS, **FOV)(gammas)
    assert_same(found["ENERGY BIAS RESOLUTION"], expected)
    maker = AngularResolution2dMaker(**BINS, **FOV, **RECO_BINS)
    assert_same(found["ANGULAR RESOLUTION"], maker(gammas))
    assert found["ANGULAR RESOLUTION"].header["E_TYPE"] == "TRUE"
    maker.use_reco_energy = True
    reco = found["ANGULAR RESOLUTION RECO"]
    assert_same(reco, maker(gammas, extname=reco.name))
    assert reco.header["E_TYPE"] == "RECO"


def test_the_sensitivity_table_is_that_of_ctapipe(table, samples):
    gammas, protons = samples
    cuts = QTable({"center": 0.5 * (RECO.lo + RECO.hi) * u.TeV, "cut": THETA * u.deg})
    expected = Sensitivity2dMaker(**RECO_BINS, **FOV)(
        qtable(gammas.filter("passes_theta")), qtable(protons), cuts, Spectra.CRAB_HEGRA
    )
    found = hdus(table, alpha=0.2)["SENSITIVITY"]
    assert_same(found, expected)
    assert found.header["ALPHA"] == expected.header["ALPHA"] == 0.2
    assert (found.data["ENERGY_FLUX_SENSITIVITY_ERROR"] > 0).any()


def test_areas_after_each_cut_and_the_background_rate_have_tables_of_their_own(table):
    found = hdus(table)
    areas = found["EFFECTIVE AREA CUTS"].data
    assert areas["EFFAREA_NONE"].shape == (1, OFFSET.n_bins, TRUE.n_bins)
    assert (areas["EFFAREA_NONE"] >= areas["EFFAREA_THETA"]).all()
    assert areas["EFFAREA_NONE"].sum() > areas["EFFAREA_THETA"].sum() > 0
    rate = found["BACKGROUND RATE"]
    assert u.Unit(rate.columns["RATE"].unit) == u.Unit("s-1")
    assert rate.data["RATE"].sum() > 0


def test_files_open_as_tables(table, tmp_path):
    path = tmp_path / "benchmarks.fits.gz"
    fits.HDUList([fits.PrimaryHDU(), *benchmark_hdus(table)]).writeto(path, checksum=True)
    with fits.open(path, checksum=True) as opened:
        assert [hdu.name for hdu in opened[1:]] == list(hdus(table))
    read = QTable.read(path, hdu="ANGULAR RESOLUTION")
    assert read["ANGULAR_RESOLUTION_68"].unit == u.deg


def test_bins_without_offset_are_one_bin(samples):
    made = performance.resolutions(samples[0].lazy(), TRUE, containments=(68,))
    data = hdus(long_table(made))["ANGULAR RESOLUTION"].data
    assert data["ANGULAR_RESOLUTION_68"].shape == (1, 1, TRUE.n_bins)
    np.testing.assert_array_equal(data["ANGULAR_RESOLUTION_68"][0, 0], made[-1].value)
    assert (data["THETA_LO"], data["THETA_HI"]) == (0, 180)


def test_unusable_tables_are_refused(table):
    assert benchmark_hdus(table, "another group") == []
    rows = np.flatnonzero(np.array(table["quantity"]) == "theta_68")
    less = table.take(pa.array(np.delete(np.arange(len(table)), rows[0])))
    with pytest.raises(InputError, match=r"theta_68: its .* rows do not fill"):
        benchmark_hdus(less)
