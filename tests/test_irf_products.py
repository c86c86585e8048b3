"""Response functions from histograms, and their long table."""

import dataclasses
from dataclasses import dataclass

import astropy.units as u
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from astropy.table import QTable
from pyirf.simulations import SimulatedEventsInfo

from ctabatch.errors import InputError, OptionError
from ctabatch.irf import products as irf
from ctabatch.irf.axes import energy_axis, linear_axis
from ctabatch.irf.fill import SHOWER, fill
from ctabatch.irf.long_table import long_table, products_of
from ctabatch.irf.psf_fit import fit_gaussians, fit_king
from ctabatch.schemas.irf import IRF
from tests.test_irf_fill import AXES, events

HOURS = 50 * 3600.0


@dataclass(frozen=True)
class Showers:
    """pyirf's simulation as what effective areas need."""

    info: SimulatedEventsInfo

    @property
    def max_impact(self):
        return self.info.max_impact.to_value(u.m)

    @property
    def viewcone_min(self):
        return self.info.viewcone_min.to_value(u.deg)

    @property
    def viewcone_max(self):
        return self.info.viewcone_max.to_value(u.deg)

    def expected_in(self, low, high):
        edges = np.append(low, high[-1]) * u.TeV
        return self.info.calculate_n_showers_per_energy(edges)


def showers(viewcone_max=8.0, energy_max=500.0):
    return Showers(
        SimulatedEventsInfo(
            n_showers=10**7, energy_min=0.005 * u.TeV, energy_max=energy_max * u.TeV,
            max_impact=900 * u.m, spectral_index=-2.0, viewcone_min=0 * u.deg,
            viewcone_max=viewcone_max * u.deg,
        )
    )  # fmt: skip


def qtable(frame):
    return QTable({
        "true_energy": frame["true_energy"].to_numpy() * u.TeV,
        "reco_energy": frame["reco_energy"].to_numpy() * u.TeV,
        "true_source_fov_offset": frame["true_offset"].to_numpy() * u.deg,
        "reco_source_fov_offset": frame["reco_offset"].to_numpy() * u.deg,
        "true_source_fov_lon": frame["true_fov_lon"].to_numpy() * u.deg,
        "true_source_fov_lat": frame["true_fov_lat"].to_numpy() * u.deg,
        "theta": frame["theta"].to_numpy() * u.deg,
        "weight": frame["weight"].to_numpy(),
    })  # fmt: skip


ALL = ("aeff", "aeff_3d", "edisp", "psf", "background", "background_3d")


@pytest.fixture(scope="module")
def frame():
    return events()


@pytest.fixture(scope="module")
def made(frame):
    filled = fill(frame.lazy(), AXES, ALL, weight="weight")
    return {p.quantity: p for p in irf.make_products(filled, showers(), HOURS)}


def edges(name, unit="deg"):
    return getattr(AXES, name).edges * u.Unit(unit)


def test_effective_area_of_diffuse_showers_is_that_of_pyirf(frame, made):
    from pyirf.irf import effective_area_per_energy_and_fov

    expected = effective_area_per_energy_and_fov(
        qtable(frame), showers().info, edges("true_energy", "TeV"), edges("offset")
    )
    np.testing.assert_allclose(made["aeff"].value, expected.to_value(u.m**2), rtol=1e-6)
    assert (made["aeff"].value > 0).sum() > 50


def test_effective_area_of_a_point_source_is_that_of_pyirf(frame):
    from pyirf.irf import effective_area_per_energy

    frame = frame.with_columns(true_offset=pl.lit(1.5))
    found = irf.make_products(fill(frame.lazy(), AXES, ["aeff"]), showers(0.0))[0]
    with np.errstate(invalid="ignore"):
        expected = effective_area_per_energy(
            qtable(frame), showers(0.0).info, edges("true_energy", "TeV")
        )
    np.testing.assert_allclose(found.value[:, 1], expected.to_value(u.m**2), rtol=1e-6)
    assert (found.value[:, 1] > 0).sum() > 15
    assert not found.value[:, [0, 2, 3, 4]].any()
    assert np.isinf(found.error[:, 0]).all()
    assert not found.n_simulated[:, 0].any()


def test_showers_in_longitude_and_latitude_are_those_of_pyirf_with_its_axes_swapped(frame):
    # pyirf 0.13 gives (energy, lat, lon) but divides counts of (energy, lon, lat) by it
    narrow = dataclasses.replace(
        AXES, fov_lon=linear_axis("fov_lon", -3, 3, 6), fov_lat=linear_axis("fov_lat", -2, 2, 4)
    )
    filled = fill(frame.lazy(), narrow, ["aeff_3d"])
    found = irf.make_products(filled, showers())[0]
    expected = showers().info.calculate_n_showers_3d_lonlat(
        edges("true_energy", "TeV"), narrow.fov_lon.edges * u.deg, narrow.fov_lat.edges * u.deg
    )
    expected = u.Quantity(expected).to_value(u.one).transpose(0, 2, 1)
    np.testing.assert_allclose(found.n_simulated, expected, rtol=1e-6)
    area = found.n_events / expected * np.pi * 900**2
    np.testing.assert_allclose(found.value, area, rtol=1e-6)


def test_bins_that_the_view_cone_cuts_hold_its_share_of_the_showers(frame):
    wide = dataclasses.replace(
        AXES, fov_lon=linear_axis("fov_lon", -9, 9, 9), fov_lat=linear_axis("fov_lat", -9, 9, 6)
    )
    filled = fill(frame.lazy(), wide, ["aeff_3d"])
    found = irf.make_products(filled, showers())[0]
    in_energy = showers().expected_in(AXES.true_energy.lo, AXES.true_energy.hi)
    np.testing.assert_allclose(found.n_simulated.sum(axis=(1, 2)), in_energy, rtol=1e-4)
    assert found.n_simulated[0, 0, 0] == 0
    assert np.isinf(found.error[0, 0, 0])


def test_energy_dispersion_is_that_of_pyirf(frame, made):
    from pyirf.irf import energy_dispersion

    expected = energy_dispersion(
        qtable(frame), edges("true_energy", "TeV"), edges("offset"), AXES.migra.edges
    )
    np.testing.assert_allclose(made["edisp"].value, expected, rtol=1e-6)


def test_psf_is_that_of_pyirf(frame, made):
    from pyirf.irf import psf_table

    expected = psf_table(qtable(frame), edges("true_energy", "TeV"), edges("rad"), edges("offset"))
    np.testing.assert_allclose(made["psf"].value, expected.to_value(u.sr**-1), rtol=1e-6)


def test_background_is_that_of_pyirf(frame, made):
    from pyirf.irf import background_2d

    expected = background_2d(
        qtable(frame), edges("reco_energy", "TeV"), edges("offset"), 50 * u.h
    ).to_value("s-1 MeV-1 sr-1")
    np.testing.assert_allclose(made["background"].value, expected, rtol=1e-6)


def test_background_in_longitude_and_latitude_is_the_weighted_histogram(frame, made):
    # pyirf 0.13 has no such function
    axes = AXES.of("background_3d")
    data = np.column_stack([frame[c] for c in ("reco_energy", "reco_fov_lon", "reco_fov_lat")])
    sums = np.histogramdd(data, [a.edges for a in axes], weights=frame["weight"].to_numpy())[0]
    lon, lat = np.radians(axes[1].edges), np.radians(axes[2].edges)
    size = np.diff(axes[0].edges)[:, None, None] * 1e6 * HOURS
    size = size * np.outer(np.diff(lon), np.diff(np.sin(lat)))
    np.testing.assert_allclose(made["background_3d"].value, sums / size, rtol=1e-10)


def test_normalised_products_integrate_to_one_or_are_empty(made):
    for name, width in (
        ("edisp", AXES.migra.width[:, None]),
        ("psf", irf.ring_solid_angles(AXES.rad)),
    ):
        along = 1 if name == "edisp" else 2
        integral = (made[name].value * width).sum(axis=along)
        empty = made[name].n_events.sum(axis=along) == 0
        np.testing.assert_allclose(integral[~empty], 1, rtol=1e-12)
        assert not integral[empty].any()


def test_the_fraction_outside_the_range_is_reported(frame, made):
    outside = made["edisp_outside"]
    migra = frame["reco_energy"] / frame["true_energy"]
    chosen = frame["true_energy"].is_between(*AXES.true_energy.edges[2:4], closed="left")
    chosen &= frame["true_offset"] < 1
    expected = 1 - migra.filter(chosen).is_between(0.2, 5).mean()
    assert outside.value[2, 0] == pytest.approx(expected, rel=1e-12)
    assert made["psf_outside"].value.max() > 0


def test_nothing_is_nan_and_empty_bins_have_an_upper_limit(made):
    for product in made.values():
        assert not np.isnan(product.value).any()
        assert not np.isnan(product.error).any()
        empty = product.n_events == 0
        assert not product.value[empty].any()
        assert (product.error[empty] > 0).all()
    area = made["aeff"]
    empty = (area.n_events == 0) & (area.n_simulated > 0)
    assert empty.any()
    expected = irf.NO_EVENTS / area.n_simulated[empty] * np.pi * 900**2
    np.testing.assert_allclose(area.error[empty], expected)
    assert pytest.approx(1.8410, abs=1e-4) == irf.NO_EVENTS


def test_no_background_events_give_zero_with_no_limit():
    filled = fill(events().clear().lazy(), AXES, ["background"], weight="weight")
    product = irf.make_products(filled, obs_time=HOURS)[0]
    assert not product.value.any()
    assert np.isinf(product.error).all()


def test_errors_are_the_spread_of_repeated_simulations():
    def draw(seed):
        rng = np.random.default_rng(seed)
        n = rng.poisson(2000)
        uses = rng.integers(1, 6, n)
        shower = np.repeat(np.arange(n), uses)
        energy = np.repeat(0.1 * rng.random(n) ** -0.5, uses)
        columns = {
            "obs_id": np.full(len(shower), 1),
            "event_id": shower * 100,
            "true_energy": energy,
            "reco_energy": energy * np.exp(rng.normal(0, 0.2, n).repeat(uses)),
            "true_offset": np.full(len(shower), 0.5),
            "reco_offset": np.full(len(shower), 0.5),
            "theta": np.abs(rng.normal(0, 0.2, len(shower))),
            "weight": energy,
        }
        filled = fill(pl.LazyFrame(columns), AXES, ["aeff", "edisp", "psf", "background"],
                      weight="weight", shower=SHOWER)  # fmt: skip
        return irf.make_products(filled, showers(), HOURS)

    drawn = [draw(seed) for seed in range(150)]
    for k, product in enumerate(drawn[0]):
        if product.quantity.endswith("outside"):
            continue
        values = np.array([d[k].value for d in drawn])
        errors = np.array([d[k].error for d in drawn])
        n_events = np.array([d[k].n_events for d in drawn])
        well = n_events.min(axis=0) > 60
        assert well.any()
        ratio = values.std(axis=0)[well] / np.sqrt((errors**2).mean(axis=0))[well]
        # the standard deviation of 150 draws is known to 6 %
        # here the uses of a shower spread over bins of theta, which makes its errors too large
        low = 0.75 if product.quantity == "psf" else 0.88
        assert low < ratio.mean() < 1.12, product.quantity


def test_events_without_simulated_showers_are_refused(frame):
    filled = fill(frame.lazy(), AXES, ["aeff"])
    with pytest.raises(InputError, match="no showers were simulated"):
        irf.make_products(filled, showers(energy_max=0.5))
    with pytest.raises(InputError, match="state the view cone"):
        irf.make_products(filled, showers(0.0))


def test_what_is_missing_is_named(frame):
    with pytest.raises(OptionError, match="no simulated showers"):
        irf.make_products(fill(frame.lazy(), AXES, ["aeff"]))
    with pytest.raises(OptionError, match="observation time"):
        irf.make_products(fill(frame.lazy(), AXES, ["background"]))


def test_groups_of_showers_have_their_own_number(frame):
    filled = fill(frame.lazy(), AXES, ["aeff"], by=["pointing_alt"])
    shared = irf.make_products(filled, showers())
    own = irf.make_products(filled, dict.fromkeys(filled.groups, showers()))
    assert [p.group for p in own] == list(filled.groups)
    np.testing.assert_array_equal(shared[1].value, own[1].value)
    with pytest.raises(OptionError, match="no simulated showers"):
        irf.make_products(filled, {next(iter(filled.groups)): showers()})


def test_rad_max_is_the_cut_at_all_offsets():
    energy = energy_axis(0.1, 10, 1)
    found = irf.rad_max(energy, [0.2, np.nan], AXES.offset)
    assert found.value.tolist() == [[0.2] * 5, [0.0] * 5]
    with pytest.raises(OptionError, match="shape"):
        irf.rad_max(energy, [0.2], AXES.offset)


def test_the_long_table_comes_back_as_the_same_products(frame):
    quantities = ("aeff", "edisp", "edisp_3d", "psf", "psf_3d", "background", "background_3d")
    filled = fill(frame.lazy(), AXES, quantities, theta="passes_theta", weight="weight",
                  by=["event_type"])  # fmt: skip
    made = irf.make_products(filled, showers(), HOURS)
    made.append(irf.rad_max(AXES.reco_energy, np.full(AXES.reco_energy.n_bins, 0.2), AXES.offset))
    table = long_table(made)
    assert table.schema.equals(IRF)
    shuffled = table.take(pa.array(np.random.default_rng(1).permutation(table.num_rows)))
    back = {(p.quantity, p.group): p for p in products_of(shuffled)}
    assert len(back) == len(made)
    for product in made:
        found = back[product.quantity, product.group]
        assert [a.name for a in found.axes] == [a.name for a in product.axes]
        assert (found.unit, found.point_like) == (product.unit, product.point_like)
        for axis, other in zip(found.axes, product.axes, strict=True):
            np.testing.assert_array_equal(axis.edges, other.edges)
        for name in ("value", "error", "n_events"):
            np.testing.assert_array_equal(getattr(found, name), getattr(product, name))
        if product.n_simulated is None:
            assert found.n_simulated is None
        else:
            np.testing.assert_array_equal(found.n_simulated, product.n_simulated)


def test_a_table_with_missing_rows_or_columns_is_refused(made):
    table = long_table([made["aeff"]])
    with pytest.raises(InputError, match="do not fill"):
        products_of(table.slice(1))
    with pytest.raises(InputError, match="lacks unit"):
        products_of(table.drop_columns(["unit"]))
    with pytest.raises(InputError, match="NaN"):
        long_table([dataclasses.replace(made["aeff"], value=made["aeff"].value * np.nan)])


def psf_of(theta):
    n = len(theta)
    columns = {"true_energy": np.full(n, 1.0), "true_offset": np.full(n, 0.5), "theta": theta}
    filled = fill(pl.LazyFrame(columns), AXES, ["psf"])
    return irf.make_products(filled)[0]


def test_three_gaussians_describe_the_counts_they_were_drawn_from():
    rng = np.random.default_rng(2)
    sigma = rng.choice([0.06, 0.15, 0.4], 60_000, p=[0.6, 0.3, 0.1])
    theta = sigma * np.sqrt(-2 * np.log(rng.random(60_000)))
    fit = fit_gaussians(psf_of(theta))
    i, j = np.argwhere(fit.valid)[0]
    assert fit.valid.sum() == 1
    radius = np.array([0.05, 0.1, 0.2, 0.5])
    expected = [(theta < r).mean() for r in radius]
    np.testing.assert_allclose(fit.contained(radius)[i, j], expected, atol=0.006)
    assert fit.fraction[i, j].sum() == pytest.approx(1)
    columns = fit.columns()
    peak = columns["SCALE"][i, j] * sum(
        columns.get(f"AMPL_{k}", np.ones_like(fit.valid))[i, j]
        * 2 * np.pi * np.radians(columns[f"SIGMA_{k}"][i, j]) ** 2
        for k in (1, 2, 3)
    )  # fmt: skip
    assert peak == pytest.approx(1)


def test_a_king_profile_gives_back_its_parameters():
    rng = np.random.default_rng(2)
    sigma, gamma = 0.08, 2.2
    radius = sigma * np.sqrt(2 * gamma * (rng.random(60_000) ** (1 / (1 - gamma)) - 1))
    fit = fit_king(psf_of(radius))
    i, j = np.argwhere(fit.valid)[0]
    assert fit.sigma[i, j] == pytest.approx(sigma, rel=0.03)
    assert fit.gamma[i, j] == pytest.approx(gamma, rel=0.03)
    assert fit.contained(np.array([sigma]))[i, j, 0] == pytest.approx(
        (radius < sigma).mean(), abs=0.006
    )


def test_too_few_events_fit_nothing():
    fit = fit_king(psf_of(np.full(5, 0.1)))
    assert not fit.valid.any()
    assert not fit.sigma.any()
    assert not fit_gaussians(psf_of(np.full(5, 0.1))).columns()["SCALE"].any()
