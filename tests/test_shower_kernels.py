"""Kernels of the shower model against their plain twins and against what is known of showers."""

import math

import numpy as np
import pytest
from scipy import stats

from ctabatch.kernels import cascade_parts as cp
from ctabatch.kernels.atmosphere import CEILING, density_at, depth_at, height_at
from ctabatch.kernels.calibration_draws import draw_normals
from ctabatch.kernels.cascade_light import N_SLICES, TIME, Z, slice_parts
from ctabatch.kernels.cascade_parts import MAX_PARTS, N_COLUMNS, draw_parts
from ctabatch.kernels.muon_chord import chord, ring_angle
from ctabatch.kernels.muon_light import count_ring, draw_ring
from ctabatch.kernels.primary_draws import draw_cores, draw_showers
from ctabatch.kernels.slice_weights import count_photo_electrons, slice_weights
from ctabatch.kernels.telescope_light import draw_photo_electrons
from ctabatch.simulate.shower_model import pointing_basis
from tests.naive import simulation as naive

GROUND = 2150.0
ALTITUDE = math.radians(70)


def parts_of(primary, energies, draw=draw_parts, seed=1):
    n = len(energies)
    offsets, start = np.empty(n + 1, np.int64), np.empty(n)
    parts = np.empty((n * MAX_PARTS, N_COLUMNS))
    draw(seed, 1, primary, np.array(energies, float), offsets, parts, start)
    return offsets, parts[: offsets[-1]].copy(), start


def sliced(offsets, parts, altitude=ALTITUDE, cut=slice_parts):
    axes = np.tile([altitude, 0.4], (len(offsets) - 1, 1))
    direction = np.empty((len(parts), 3))
    edges, slices = np.empty((len(parts), N_SLICES + 1, 6)), np.empty((len(parts), N_SLICES, 4))
    cut(offsets, parts, axes, GROUND, direction, edges, slices)
    return direction, edges, slices


@pytest.mark.parametrize("plain", [False, True])
def test_height_is_the_inverse_of_depth_and_density_its_slope(plain):
    depth, height, density = depth_at, height_at, density_at
    if plain:
        depth, height, density = depth.py_func, height.py_func, density.py_func
    for h in (0.0, 2150.0, 3999.0, 4001.0, 9000.0, 25e3, 39e3, 60e3):
        assert height(depth(h)) == pytest.approx(h, abs=10.0 if h > 39e3 else 1.0)
        slope = (depth(h) - depth(h + 10)) / 1000  # g/cm3
        assert density(h) == pytest.approx(slope, rel=0.02)
    assert height(0.0) == CEILING


def test_the_air_is_that_of_the_standard_atmosphere():
    # U.S. Standard Atmosphere 1976: kg/m3 at 0, 5 and 10 km
    for h, expected in [(0, 1.225), (5e3, 0.7364), (10e3, 0.4135)]:
        assert 1e3 * density_at(h) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("draw", [draw_showers, draw_showers.py_func])
@pytest.mark.parametrize("index", [-2.7, -2.0, -1.0, 0.0])
def test_energies_and_directions_are_those_asked_for(draw, index):
    out = np.empty((3000, 3))
    low, high, cone = 0.02, 20.0, math.radians(5)
    draw(4, 1, low, high, index, 1.1, 6.2, 0.0, cone, out)
    power = index + 1

    def below(e):
        if power == 0:
            return np.log(e / low) / math.log(high / low)
        return (e**power - low**power) / (high**power - low**power)

    assert stats.kstest(out[:, 0], below).pvalue > 1e-3
    ahead = pointing_basis(1.1, 6.2)[0]
    vector = np.array([pointing_basis(*row[1:])[0] for row in out])
    cosine = vector @ ahead
    assert stats.kstest((1 - cosine) / (1 - math.cos(cone)), stats.uniform.cdf).pvalue > 1e-3
    around = np.arctan2(vector @ pointing_basis(1.1, 6.2)[1], vector @ pointing_basis(1.1, 6.2)[2])
    assert stats.kstest(around / (2 * math.pi) + 0.5, stats.uniform.cdf).pvalue > 1e-3
    assert (out[:, 2] >= 0).all()
    assert (out[:, 2] < 2 * math.pi).all()


@pytest.mark.parametrize("draw", [draw_cores, draw_cores.py_func])
def test_cores_are_even_over_discs(draw):
    out = np.empty((6000, 2))
    draw(4, 1, 3, 50.0, np.array([[0.0, 0.0], [1000.0, 0.0]]), out)
    second = out[:, 0] > 500
    assert abs(second.mean() - 0.5) < 0.03
    r = np.hypot(out[:, 0] - 1000 * second, out[:, 1])
    assert stats.kstest((r / 50) ** 2, stats.uniform.cdf).pvalue > 1e-3


@pytest.mark.parametrize("primary", [cp.GAMMA, cp.ELECTRON, cp.PROTON, cp.MUON])
def test_parts_are_the_same_compiled_and_plain(primary):
    compiled = parts_of(primary, [0.1, 1.0, 30.0])
    plain = parts_of(primary, [0.1, 1.0, 30.0], draw_parts.py_func)
    for a, b in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_a_gamma_starts_after_nine_sevenths_radiation_lengths_and_peaks_by_greisen():
    offsets, parts, start = parts_of(cp.GAMMA, [1.0] * 4000)
    assert np.diff(offsets).tolist() == [1] * 4000
    assert stats.kstest(start / 47.2, stats.expon.cdf).pvalue > 1e-3
    expected = 36.7 * math.log(1 / 81e-6)
    assert (parts[:, cp.START] + parts[:, cp.RISE]).mean() == pytest.approx(expected, abs=3)


def test_a_muon_has_no_cascades():
    assert parts_of(cp.MUON, [0.1, 1.0])[0].tolist() == [0, 0, 0]


def test_a_proton_has_several_cascades_of_less_energy_than_its_own():
    energies = np.repeat([0.1, 1.0, 50.0], 300)
    offsets, parts, _ = parts_of(cp.PROTON, energies)
    counts = np.diff(offsets).reshape(3, -1).mean(axis=1)
    assert (counts > 3).all()
    assert offsets.tolist() == sorted(offsets)
    shower = np.repeat(np.arange(900), np.diff(offsets))
    visible = np.bincount(shower, parts[:, cp.ENERGY] * parts[:, cp.LIGHT], 900) / energies
    # the electromagnetic share of hadron showers is below one and rises with energy
    share = visible.reshape(3, -1).mean(axis=1)
    assert 0.15 < share[0] < share[1] < share[2] < 0.95


def test_slices_are_the_same_compiled_and_plain():
    offsets, parts, _ = parts_of(cp.PROTON, [0.5, 5.0])
    for a, b in zip(
        sliced(offsets, parts), sliced(offsets, parts, cut=slice_parts.py_func), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_slices_go_down_the_axis_at_the_speed_of_light():
    offsets, parts, _ = parts_of(cp.GAMMA, [1.0])
    direction, edges, _ = sliced(offsets, parts)
    place, time = edges[0, :, :3], edges[0, :, TIME]
    along = place @ direction[0]
    np.testing.assert_allclose(place, along[:, np.newaxis] * direction[0], atol=1e-6)
    np.testing.assert_allclose(-along / 0.299792458, time, rtol=1e-9, atol=1e-6)
    assert (np.diff(edges[0, :, Z]) <= 0).all()


def test_a_cascade_that_starts_below_the_ground_gives_no_light():
    offsets, parts, _ = parts_of(cp.GAMMA, [1.0])
    parts[0, cp.START] = 2000.0
    _, _, slices = sliced(offsets, parts)
    assert not slices.any()


@pytest.mark.parametrize("weigh", [slice_weights, slice_weights.py_func])
@pytest.mark.parametrize("place", [(0.0, 0.0, 0.0), (100.0, 30.0, 5.0), (-400.0, 200.0, 0.0)])
def test_density_is_that_of_the_formula(weigh, place):
    offsets, parts, _ = parts_of(cp.GAMMA, [1.0])
    direction, edges, slices = sliced(offsets, parts)
    cumulative = np.empty(N_SLICES)
    ahead = pointing_basis(math.radians(70), 0.4)[0]
    edge = math.cos(math.radians(1.5))
    total = weigh(0, 1, direction, edges, slices, *place, ahead, edge, cumulative)
    expected = naive.density(edges[0], slices[0], direction[0], np.array(place), ahead, edge)
    assert total == pytest.approx(expected, rel=1e-9)
    assert (np.diff(cumulative) >= 0).all()
    assert cumulative[-1] == total


def test_light_has_a_shoulder_near_120_m_and_falls_beyond():
    offsets, parts, _ = parts_of(cp.GAMMA, [1.0] * 50)
    direction, edges, slices = sliced(offsets, parts, math.pi / 2)
    cumulative = np.empty(N_SLICES)

    def density(r):
        return np.mean([
            slice_weights(k, k + 1, direction, edges, slices, r, 0.0, 0.0, np.array([0.0, 0, 1]),
                          -1.0, cumulative)
            for k in range(50)
        ])  # fmt: skip

    assert 60 < density(100.0) < 160  # photons per m2 and TeV
    steep = [math.log(density(r) / density(1.3 * r)) / math.log(1.3) for r in (60, 90, 180, 300)]
    assert max(steep[:2]) < 1.3
    assert min(steep[2:]) > 1.5


def test_the_shoulder_moves_out_with_zenith_angle():
    def half_light(zenith):
        offsets, parts, _ = parts_of(cp.GAMMA, [1.0] * 30)
        altitude = math.radians(90 - zenith)
        direction, edges, slices = sliced(offsets, parts, altitude)
        side = np.array([-math.sin(0.4), -math.cos(0.4)])  # across the axis, on the ground
        cumulative, ahead = np.empty(N_SLICES), pointing_basis(altitude, 0.4)[0]
        seen = [
            sum(
                slice_weights(k, k + 1, direction, edges, slices, *(r * side), 0.0, ahead, -1.0,
                              cumulative)
                for k in range(30)
            )
            for r in range(60, 800, 20)
        ]  # fmt: skip
        return 60 + 20 * np.argmax(np.array(seen) < seen[0] / 3)

    assert half_light(50) > 1.4 * half_light(0)


@pytest.mark.parametrize("plain", [False, True])
def test_photo_electrons_are_counted_and_placed_the_same_compiled_and_plain(plain):
    offsets, parts, _ = parts_of(cp.PROTON, [0.2, 0.3])
    direction, edges, slices = sliced(offsets, parts)
    core = np.array([[0.0, 0.0], [60.0, 0.0], [0.0, 90.0], [-40.0, 0.0]])
    position = np.array([[0.0, 0.0, 0.0], [100.0, 0.0, 3.0]])
    basis = pointing_basis(math.radians(70), 0.4)
    results = []
    for count, place in [
        (count_photo_electrons, draw_photo_electrons),
        (count_photo_electrons.py_func, draw_photo_electrons.py_func),
    ][: 1 + plain]:
        expected, number = np.empty((4, 2)), np.empty((4, 2), np.int64)
        count(3, 1, 2, offsets, direction, edges, slices, core, position, np.full(2, 5.0),
              basis[0], np.full(2, 0.99), expected, number)  # fmt: skip
        event, tel = np.nonzero(number)
        starts = np.cumsum([0, *number[event, tel]])
        lon, lat = (np.empty(starts[-1], np.float32) for _ in range(2))
        time = np.empty(starts[-1])
        place(3, 1, 2, offsets, direction, edges, slices, core, position, event, tel, basis, 0.99,
              1e-3, 0.5, starts, lon, lat, time)  # fmt: skip
        results.append((expected, number, lon, lat, time))
    assert results[0][1].sum() > 200
    assert np.isfinite(results[0][2]).all()
    if plain:
        for a, b in zip(*results, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("length", [chord, chord.py_func])
@pytest.mark.parametrize("impact", [0.0, 3.0, 11.0, 14.0])
@pytest.mark.parametrize("azimuth", [0.0, 0.7, -1.2, 3.0])
@pytest.mark.parametrize("reach", [8.0, 99.0])
def test_a_chord_is_the_mirror_along_the_line(length, impact, azimuth, reach):
    expected = naive.chord(impact, 11.5, azimuth, reach)
    assert length(impact, 11.5, azimuth, reach) == pytest.approx(expected, abs=1e-3)


def test_a_fast_muon_has_the_cherenkov_angle_of_the_air():
    refractivity = 2.83e-4 * density_at(GROUND) / 1.2255e-3
    assert ring_angle(10.0, GROUND) == pytest.approx(math.sqrt(2 * refractivity), rel=1e-3)
    assert 0 < ring_angle(0.006, GROUND) < ring_angle(0.01, GROUND) < ring_angle(1.0, GROUND)
    assert ring_angle.py_func(0.002, GROUND) == 0
    assert ring_angle(1e-5, GROUND) == 0


@pytest.mark.parametrize("plain", [False, True])
def test_a_ring_is_complete_inside_the_mirror_and_an_arc_outside(plain):
    count, place = count_ring, draw_ring
    if plain:
        count, place = count.py_func, place.py_func
    n, altitude, azimuth = 2, math.radians(70), 0.4
    energy, axes = np.full(n, 0.1), np.tile([altitude, azimuth], (n, 1))
    core = np.array([[0.0, 0.0], [0.0, 18.0]])
    impact = np.empty((n, 1, 2))
    expected, number = np.empty((n, 1)), np.empty((n, 1), np.int64)
    radius = np.full(1, 11.5)
    count(1, 1, 1, energy, axes, GROUND, core, np.zeros((1, 3)), radius, np.full(1, 0.1), impact,
          expected, number)  # fmt: skip
    angle = ring_angle(0.1, GROUND)
    # Vacanti et al.: all of the light of a track of radius / tan(angle) in the middle
    photons = 2 * math.pi / 137.036 * (1 / 300e-9 - 1 / 600e-9) * math.sin(angle) ** 2
    assert expected[0, 0] == pytest.approx(0.1 * photons * 11.5 / math.tan(angle), rel=1e-6)
    assert expected[1, 0] < 0.6 * expected[0, 0]
    starts = np.cumsum([0, *number[:, 0]])
    lon, lat = (np.empty(starts[-1], np.float32) for _ in range(2))
    time = np.empty(starts[-1])
    place(1, 1, 1, energy, axes, GROUND, impact, radius, np.arange(n), np.zeros(n, np.int64),
          pointing_basis(altitude, azimuth), 1e-4, 0.3, starts, lon, lat, time)  # fmt: skip
    np.testing.assert_allclose(np.hypot(lon, lat), angle, atol=6e-4)
    phi = np.arctan2(lat, lon)
    ring, arc = phi[: starts[1]], phi[starts[1] :]
    assert abs(np.exp(1j * ring).mean()) < 0.1
    # the muon passed west of the mirror: light flies east, so it seems to come from the west
    west = -pointing_basis(altitude, azimuth)[1][1], -pointing_basis(altitude, azimuth)[2][1]
    assert np.cos(arc - math.atan2(-west[1], -west[0])).min() > 0.7


@pytest.mark.parametrize("draw", [draw_normals, draw_normals.py_func])
def test_calibration_draws_belong_to_the_telescope(draw):
    a, b, again = np.empty(2000), np.empty(2000), np.empty(2000)
    draw(1, 1, a)
    draw(1, 2, b)
    draw(1, 1, again)
    np.testing.assert_array_equal(a, again)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.1
    assert stats.kstest(a, stats.norm.cdf).pvalue > 1e-3
