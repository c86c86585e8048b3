"""Spectra as expressions, and weights, against pyirf."""

import astropy.units as u
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import QTable
from pyirf import spectral
from pyirf.simulations import SimulatedEventsInfo
from pyirf.spectral import PowerLaw, calculate_event_weights

from ctabatch.errors import CtabatchError, InputError, OptionError
from ctabatch.irf.axes import Axis
from ctabatch.irf.simulated import SimulatedShowers
from ctabatch.irf.spectra import CRAB_HEGRA, IRFDOC_PROTON, SPECTRA, spectrum
from ctabatch.irf.weights import weighted

ENERGY = np.geomspace(0.003, 330, 500)
PYIRF = {
    "CRAB_HEGRA": spectral.CRAB_HEGRA,
    "CRAB_MAGIC_JHEAP2015": spectral.CRAB_MAGIC_JHEAP2015,
    "IRFDOC_PROTON": spectral.IRFDOC_PROTON_SPECTRUM,
    "IRFDOC_ELECTRON": spectral.IRFDOC_ELECTRON_SPECTRUM,
    "PDG_ALL_PARTICLE": spectral.PDG_ALL_PARTICLE,
    "DAMPE_P_HE": spectral.DAMPE_P_He_SPECTRUM,
}
#: Fluxes are one formula in double precision, evaluated in another order.
SAME = 1e-10
DIFFUSE = SimulatedShowers(1e7, 0.01, 300.0, -2.0, 1200.0, 0.0, 6.0)
POINT = SimulatedShowers(1e7, 0.01, 300.0, -2.0, 1200.0)


@pytest.mark.parametrize("name", SPECTRA)
def test_a_named_spectrum_is_that_of_pyirf(name):
    found = spectrum(name.lower())
    expected = PYIRF[name](ENERGY * u.TeV).to_value(u.Unit(found.unit))
    np.testing.assert_allclose(found.flux(ENERGY), expected, rtol=SAME)
    column = pl.DataFrame({"true energy": ENERGY}).select(found.expr("true energy"))
    np.testing.assert_array_equal(column.to_series(), found.flux(ENERGY))


def test_a_spectrum_of_single_precision_energies_is_not_rounded():
    energy = ENERGY.astype(np.float32)
    column = pl.DataFrame({"e": energy}).select(spectrum("CRAB_MAGIC_JHEAP2015").expr("e"))
    expected = PYIRF["CRAB_MAGIC_JHEAP2015"](energy.astype(float) * u.TeV)
    np.testing.assert_allclose(column.to_series(), expected.to_value("1/(TeV s cm2)"), rtol=SAME)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("power_law(norm=1e-11,index=-2.5)", 1e-11 * ENERGY**-2.5),
        ("power_law( norm=1e-11, index=-2.5, e_ref=0.5 )", 1e-11 * (ENERGY / 0.5) ** -2.5),
        (
            "log_parabola(norm=3e-11,alpha=-2.4,beta=-0.2,e_ref=2)",
            3e-11 * (ENERGY / 2) ** (-2.4 - 0.2 * np.log10(ENERGY / 2)),
        ),
        (
            "1e-11 * POWER(energy, -2) * EXP(-energy / 50)",
            1e-11 * ENERGY**-2 * np.exp(-ENERGY / 50),
        ),
        ('1e-11 / "energy"', 1e-11 / ENERGY),
    ],
)
@pytest.mark.parametrize("diffuse", [True, False])
def test_a_spectrum_is_one_line_of_text(text, expected, diffuse):
    found = spectrum(text, diffuse=diffuse)
    np.testing.assert_allclose(found.flux(ENERGY), expected, rtol=SAME)
    assert found.diffuse is diffuse
    assert ("sr" in found.unit) is diffuse
    assert spectrum("CRAB_HEGRA", diffuse=True).diffuse is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CRAB_HEGR", "Did you mean 'CRAB_HEGRA'"),
        ("power_law(norm=1e-11)", "power_law: needs index="),
        ("power_law(norm=1e-11,index=2.5)", "includes its sign, did you mean -2.5"),
        ("power_law(norm=0,index=-2.5)", "must be above 0"),
        ("power_law(norm=1,indx=-2.5)", "Did you mean 'index'"),
        ("log_parabola(norm=x,alpha=1,beta=1)", "is no number"),
        ("1e-11 * POWER(true_energy, -2)", "the only column is 'energy'"),
        ("1e-11 * (energy", "not valid SQL"),
        ("SUM(energy)", "mixes rows"),
        ("0 * energy", "gives no fluxes"),
        ("LOG10(energy)", "gives no fluxes"),
        ("energy = 'a'", "energy = 'a'"),
    ],
)
def test_a_wrong_spectrum_is_refused(text, message):
    with pytest.raises(OptionError, match=message):
        spectrum(text)


def write_table(path, energy, flux):
    """Points in GeV and 1/(GeV m2 s), in the format of the suffix; CSV has no units."""
    if path.suffix == ".csv":
        QTable({"energy": energy.to_value("TeV"), "flux": flux.to_value("1/(TeV s cm2)")}).write(
            path, format="ascii.csv"
        )
    elif path.suffix == ".parquet":
        fields = [
            pa.field(name, pa.float64(), metadata={"unit": str(values.unit)})
            for name, values in (("energy", energy), ("flux", flux))
        ]
        pq.write_table(pa.table([energy.value, flux.value], pa.schema(fields)), path)
    else:
        QTable({"energy": energy, "flux": flux}).write(path)


@pytest.mark.parametrize("suffix", [".ecsv", ".fits", ".csv", ".parquet"])
def test_a_table_is_interpolated_as_pyirf_does(tmp_path, suffix):
    path = tmp_path / f"flux{suffix}"
    energy = np.geomspace(10, 1e5, 12) * u.GeV
    flux = 1e-9 * (energy.value / 100) ** -2.3 * (1 + 0.3 * np.sin(energy.value)) / u.GeV
    flux = flux / u.s / u.m**2
    write_table(path, energy, flux)
    expected = spectral.TableInterpolationSpectrum(energy, flux)(ENERGY * u.TeV)
    found = spectrum(f"table:{path}")
    np.testing.assert_allclose(found.flux(ENERGY), expected.to_value("1/(TeV s cm2)"), rtol=1e-6)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"energy": [1.0, 2.0] * u.TeV}, "lacks flux"),
        ({"energy": [1.0, 2.0] * u.m, "flux": [1.0, 2.0]}, "unit 'm', which is no TeV"),
        ({"energy": [2.0, 1.0], "flux": [1.0, 2.0]}, "rising energy"),
        ({"energy": [1.0, 2.0], "flux": [1.0, 0.0]}, "above 0"),
        ({"energy": [1.0], "flux": [1.0]}, "at least two points"),
    ],
)
def test_a_table_that_is_no_spectrum_is_refused(tmp_path, columns, message):
    QTable(columns).write(tmp_path / "x.ecsv")
    with pytest.raises(InputError, match=message):
        spectrum(f"table:{tmp_path / 'x.ecsv'}")
    with pytest.raises(InputError, match="no table of a flux"):
        spectrum(f"table:{tmp_path / 'none.ecsv'}")


def pyirf_info(showers):
    return SimulatedEventsInfo(
        n_showers=showers.n_showers,
        energy_min=showers.energy_min * u.TeV,
        energy_max=showers.energy_max * u.TeV,
        max_impact=showers.max_impact * u.m,
        spectral_index=showers.spectral_index,
        viewcone_min=showers.viewcone_min * u.deg,
        viewcone_max=showers.viewcone_max * u.deg,
    )


def events(n=2000, seed=3):
    rng = np.random.default_rng(seed)
    return pl.LazyFrame({
        "true_energy": 10 ** rng.uniform(-2, 2.4, n), "true_offset": rng.uniform(0, 7, n)
    })  # fmt: skip


@pytest.mark.parametrize(("name", "showers"), [
    ("CRAB_HEGRA", POINT), ("CRAB_MAGIC_JHEAP2015", POINT),
    ("IRFDOC_PROTON", DIFFUSE), ("IRFDOC_ELECTRON", DIFFUSE),
])  # fmt: skip
def test_weights_are_those_of_pyirf(name, showers):
    found = weighted(events(), showers, spectrum(name), 50 * 3600.0).collect()
    simulated = PowerLaw.from_simulation(pyirf_info(showers), 50 * u.h)
    energy = found["true_energy"].to_numpy() * u.TeV
    expected = calculate_event_weights(energy, PYIRF[name], simulated)
    # small angles: pyirf's solid angle 1 - cos loses digits
    np.testing.assert_allclose(found["weight"], expected, rtol=1e-9)


def test_diffuse_gammas_weigh_as_a_point_source_in_each_bin_of_offset_as_in_pyirf():
    offset = Axis("offset", np.array([0.0, 1.0, 2.5, 5.0]), "deg")
    found = weighted(events(), DIFFUSE, CRAB_HEGRA, 3600.0, offset=offset).collect()
    simulated = PowerLaw.from_simulation(pyirf_info(DIFFUSE), 1 * u.h)
    expected = np.zeros(found.height)
    for low, high in zip(offset.lo, offset.hi, strict=True):
        inside = found.select(pl.col("true_offset").is_between(low, high, closed="left"))
        inside = inside.to_series().to_numpy()
        ring = simulated.integrate_cone(low * u.deg, high * u.deg)
        energy = found["true_energy"].to_numpy()[inside] * u.TeV
        expected[inside] = calculate_event_weights(energy, spectral.CRAB_HEGRA, ring)
    assert (expected == 0).any()
    np.testing.assert_allclose(found["weight"], expected, rtol=1e-9)


def test_a_bin_beyond_the_view_cone_holds_the_whole_source():
    # all showers within the cone, one bin: the source of unit flux gives flux x area x time events
    rng = np.random.default_rng(1)
    n = 400_000
    energy = 1 / (1 / 0.01 - rng.random(n) * (1 / 0.01 - 1 / 300.0))
    frame = pl.LazyFrame({"true_energy": energy, "true_offset": np.full(n, 2.0)})
    showers = SimulatedShowers(n, 0.01, 300.0, -2.0, 1200.0, 0.0, 6.0)
    flat = spectrum("power_law(norm=1e-12,index=-2)")
    wide = Axis("offset", np.array([0.0, 20.0]), "deg")
    total = weighted(frame, showers, flat, 10.0, offset=wide).collect()["weight"].sum()
    expected = 1e-12 * (1 / 0.01 - 1 / 300) * np.pi * 1200.0**2 * 1e4 * 10
    assert total == pytest.approx(expected, rel=1e-9)


def test_fluxes_that_do_not_fit_the_showers_are_refused_with_the_remedy():
    with pytest.raises(InputError, match=r"view cone of 0 to 6 deg.*--offset-bins"):
        weighted(events(), DIFFUSE, CRAB_HEGRA, 1.0)
    with pytest.raises(InputError, match="simulate them with a view cone"):
        weighted(events(), POINT, IRFDOC_PROTON, 1.0)
    offset = Axis("offset", np.array([0.0, 1.0]), "deg")
    for showers, flux in ((POINT, CRAB_HEGRA), (DIFFUSE, IRFDOC_PROTON)):
        with pytest.raises(CtabatchError, match=r"only serve to weight diffuse showers|view cone"):
            weighted(events(), showers, flux, 1.0, offset=offset)
    for time in (0.0, -1.0, float("nan")):
        with pytest.raises(OptionError, match="observation time must be above 0"):
            weighted(events(), POINT, CRAB_HEGRA, time)
