"""Observations drawn from simulations: counts as weighted, placed right, the same for one seed."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest

from ctabatch.dl3 import simulated
from ctabatch.dl3.observations import separation, to_horizon, wobble
from ctabatch.dl3.simulated import Pool, draw_observation
from ctabatch.errors import InputError, OptionError
from tests import toy_observations as toy


@pytest.fixture(scope="module")
def observation():
    return wobble(toy.CRAB, toy.SITE, exposure=1200.0, live_fraction=0.9)[0]


@pytest.fixture(scope="module")
def made():
    return toy.pools(400_000, 20_000)


def seed(n=0):
    return np.random.SeedSequence(n)


def test_expected_counts_are_flux_times_area_times_time(observation, made):
    """Signal counts live time, background ontime; the toy's areas are known by formula."""
    _, account = draw_observation(observation, made, seed())
    energy = np.geomspace(0.02, 200, 20_001)
    middle = np.sqrt(energy[1:] * energy[:-1])
    offset = separation(*toy.CRAB[1:], observation.ra_pnt, observation.dec_pnt)[0]
    flux = toy.AMPLITUDE * middle**-toy.INDEX * 1e4
    area = toy.AREA * toy.efficiency(middle, offset)
    signal = np.sum(flux * area * np.diff(energy)) * 1200 * 0.9
    # 25 000 simulated events of this offset, with unequal weights: 2 %
    assert account.expected_signal == pytest.approx(signal, rel=0.02)
    power = toy.BACKGROUND_INDEX - 1
    energies = toy.BACKGROUND_RATE * (0.05**-power - 100**-power) / power
    theta = np.radians(np.linspace(0, 2, 2001))
    acceptance = np.exp(-0.5 * (np.degrees(theta) / 2.5) ** 2)
    cone = np.sum(2 * np.pi * np.sin(theta) * acceptance) * (theta[1] - theta[0])
    assert account.expected_background == pytest.approx(energies * cone * 1200, rel=0.02)


def test_drawn_numbers_are_poisson_of_the_expectation(observation, made):
    accounts = [draw_observation(observation, made, seed(n))[1] for n in range(30)]
    for kind in ("signal", "background"):
        drawn = np.array([getattr(a, f"n_{kind}") for a in accounts])
        mean = getattr(accounts[0], f"expected_{kind}")
        assert abs(drawn.mean() - mean) < 4 * np.sqrt(mean / 30)
        # the variance of a Poisson sample of 30: 26 % (1 sigma)
        assert 0.3 * mean < drawn.var() < 2.2 * mean


def test_one_seed_gives_the_same_events_and_another_seed_others(observation, made):
    first, again, other = (draw_observation(observation, made, seed(n))[0] for n in (5, 5, 6))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert len(first["RA"]) != len(other["RA"]) or (first["RA"] != other["RA"]).any()


def test_pools_that_do_not_fit_in_memory_give_the_same_events(observation, monkeypatch):
    kept = draw_observation(observation, toy.pools(50_000, 5_000), seed())[0]
    monkeypatch.setattr(simulated, "ROWS_IN_MEMORY", 100)
    streamed_pools = toy.pools(50_000, 5_000)
    assert streamed_pools[0]._kept is None
    streamed = draw_observation(observation, streamed_pools, seed())[0]
    np.testing.assert_array_equal(np.sort(kept["ENERGY"]), np.sort(streamed["ENERGY"]))


def test_times_increase_strictly_and_lie_in_the_good_intervals(observation, made):
    a, b = observation.intervals[0]
    split = dataclasses.replace(observation, intervals=((a, a + 100), (a + 700, b)))
    time = draw_observation(split, made, seed())[0]["TIME"]
    assert (np.diff(time) > 0).all()
    assert split.holds(time).all()
    share = np.mean(time < a + 400)
    assert share == pytest.approx(100 / 600, abs=4 * np.sqrt(0.14 / len(time)))


def one_event(true, reco, primary_energy=1.0):
    """A pool of one gamma at given places (az, alt), and a spectrum that draws it often."""
    n = 1
    return toy._frame(
        np.full(n, primary_energy), np.array([true[1]]), np.array([true[0]]), np.ones(n),
        np.array([reco[1]]), np.array([reco[0]]), 0.9,
    )  # fmt: skip


def test_signal_keeps_its_distance_from_the_source_and_its_handedness(observation):
    """Reconstructed between source and pointing: so on the sky; to the east: mirrored azimuth."""
    from ctabatch.dl3.observations import offset_by

    pointing = (toy.POINTING_AZ, toy.POINTING_ALT)
    true = offset_by(*pointing, 0.0, 0.5)
    cases = {"towards": 0.0, "east": 90.0, "away": 180.0}
    for turn in cases.values():
        _, back = separation(*true, *pointing)
        reco = offset_by(*true, back + turn, 0.1)
        pool = Pool(
            one_event(true, reco), toy.showers_of(1, 0.1, 10, 1.0),
            toy.PowerLaw(1e-11, 2.0), diffuse=False,
        )  # fmt: skip
        events, account = draw_observation(observation, [pool], seed())
        assert account.n_signal > 0
        distance, angle = separation(*toy.CRAB[1:], events["RA"], events["DEC"])
        np.testing.assert_allclose(distance, 0.1, atol=1e-9)
        _, to_pointing = separation(*toy.CRAB[1:], observation.ra_pnt, observation.dec_pnt)
        # azimuth grows against right ascension: the turn changes its sign
        np.testing.assert_allclose((angle - to_pointing + turn + 180) % 360, 180, atol=1e-6)


def test_background_keeps_its_place_in_the_field_of_view_if_asked(observation):
    from ctabatch.dl3.observations import offset_by

    pointing = (toy.POINTING_AZ, toy.POINTING_ALT)
    reco = offset_by(*pointing, 40.0, 1.0)
    pool = Pool(
        one_event(reco, reco), toy.showers_of(1, 0.1, 10, 2.0),
        toy.PowerLaw(1e-7, 2.0), diffuse=True,
    )  # fmt: skip
    kept, _ = draw_observation(observation, [pool], seed(), keep_orientation=True)
    time = kept["TIME"]
    alt, az = to_horizon(kept["RA"], kept["DEC"], time, toy.SITE)
    alt_0, az_0 = to_horizon(observation.ra_pnt, observation.dec_pnt, time, toy.SITE)
    distance, angle = separation(az_0, alt_0, az, alt)
    np.testing.assert_allclose(distance, 1.0, atol=2e-3)  # aberration over the field
    np.testing.assert_allclose(angle, 40.0, atol=0.2)
    turned, _ = draw_observation(observation, [pool], seed())
    distance, angle = separation(
        observation.ra_pnt, observation.dec_pnt, turned["RA"], turned["DEC"]
    )
    np.testing.assert_allclose(distance, 1.0, atol=1e-9)
    assert np.std(angle) > 60


def test_repeated_draws_are_counted(observation):
    few = toy.pools(2_000, 100)
    _, account = draw_observation(observation, few, seed())
    used = [int((pool.uses > 0).sum()) for pool in few]
    assert few[0].n_repeated == account.n_signal - used[0] > 0
    assert few[1].n_repeated == account.n_background - used[1] > 0


def test_gammas_that_do_not_reach_the_offset_are_refused(made):
    far = wobble(toy.CRAB, toy.SITE, exposure=600.0, offset=1.5)[0]
    with pytest.raises(InputError, match=r"offset of 1\.5 deg \(view cone 0 to 0\.8 deg\)"):
        draw_observation(far, made, seed())


def test_point_source_protons_are_refused_as_background():
    frame, _, spectrum = toy.protons(1000)
    with pytest.raises(InputError, match="no solid angle"):
        Pool(frame, toy.showers_of(1000, 0.05, 100, 0.0), spectrum, diffuse=True)


def test_missing_columns_are_named():
    frame, showers = toy.gammas(1000)
    with pytest.raises(InputError, match="true_alt, gammaness"):
        Pool(frame.drop("true_alt", "gammaness"), showers, toy.PowerLaw(1, 2), diffuse=False)
    with pytest.raises(InputError, match="no simulated gammas pass"):
        Pool(frame.filter(pl.lit(value=False)), showers, toy.PowerLaw(1, 2), diffuse=False)


def test_wobble_observations_are_in_the_dark_with_the_target_up():
    from astropy import units as u
    from astropy.coordinates import AltAz, EarthLocation, get_sun

    from ctabatch.dl3.observations import observing_time

    made = wobble(toy.CRAB, toy.SITE, exposure=20 * 3600.0 + 300, min_altitude=50)
    assert sum(o.ontime for o in made) == pytest.approx(20 * 3600 + 300)
    assert [o.obs_id for o in made] == list(range(1, 62))
    place = EarthLocation(toy.SITE.lon * u.deg, toy.SITE.lat * u.deg, toy.SITE.height * u.m)
    for o in made[::15]:
        alt, _ = to_horizon(*toy.CRAB[1:], np.array([o.start, o.stop]), toy.SITE)
        assert alt.min() > 49.99
        time = observing_time(o.start + o.ontime / 2)
        assert get_sun(time).transform_to(AltAz(obstime=time, location=place)).alt.deg < -17.9
    offsets = [separation(o.ra_pnt, o.dec_pnt, *toy.CRAB[1:])[0] for o in made]
    np.testing.assert_allclose(offsets, 0.5, atol=1e-12)
    with pytest.raises(OptionError, match="lower --min-altitude"):
        wobble(("", 83.6, -70.0), toy.SITE, exposure=60.0)


def test_an_observation_of_many_events_is_drawn_in_slices_of_its_time(
    observation, made, monkeypatch
):
    a, b = observation.intervals[0]
    split = dataclasses.replace(observation, intervals=((a, a + 300), (a + 500, b)))
    whole, sliced = simulated.Drawn(), simulated.Drawn()
    (one,) = simulated.drawn_blocks(split, made, seed(), whole)
    monkeypatch.setattr(simulated, "EVENTS_AT_ONCE", len(one["TIME"]) // 6)
    blocks = list(simulated.drawn_blocks(split, made, seed(), sliced))
    assert 5 < len(blocks) < 9
    time = np.concatenate([block["TIME"] for block in blocks])
    assert (np.diff(time) > 0).all()
    assert split.holds(time).all()
    ids = np.concatenate([block["EVENT_ID"] for block in blocks])
    assert ids.tolist() == list(range(1, len(ids) + 1))
    assert sliced.expected_signal == pytest.approx(whole.expected_signal, rel=1e-9)
    assert sliced.expected_background == pytest.approx(whole.expected_background, rel=1e-9)
    assert abs(len(time) - len(one["TIME"])) < 5 * np.sqrt(2 * len(time))
