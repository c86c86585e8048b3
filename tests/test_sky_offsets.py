"""Distances and places in the field of view over columns, and the columns made of them."""

import astropy.units as u
import numpy as np
import polars as pl
import pytest
from astropy.coordinates import AltAz, SkyCoord, angular_separation
from hypothesis import given
from hypothesis import strategies as st
from pyirf.coordinates import gadf_fov_coords_lon_lat

from ctabatch.errors import OptionError
from ctabatch.irf.derived import DERIVED, needed, with_derived
from ctabatch.kernels import sky_offsets, sky_series
from tests.naive import sky_offsets as naive
from tests.toy_images import read_only

altitudes = st.floats(-90, 90)
azimuths = st.floats(-720, 720)
#: Rounding of numbers in deg of this size, and of sums of a few terms near 1 rad.
ROUNDING = 2e-12


def both(name):
    kernel = getattr(sky_offsets, name)
    return pytest.mark.parametrize("kernel", [kernel, kernel.py_func], ids=["compiled", "plain"])


def directions(n, seed=1, spread=3.0, alt=70.0):
    """Directions around pointings: alt, az, pointing alt, pointing az, in deg."""
    rng = np.random.default_rng(seed)
    pointing_alt, pointing_az = np.full(n, alt), rng.choice([0.0, 180.0, 359.5], n)
    around = np.clip(pointing_alt + rng.normal(0, spread, n), -90, 90)
    return around, pointing_az + rng.normal(0, 2 * spread, n), pointing_alt, pointing_az


def distance(kernel, *columns):
    columns = [read_only(np.atleast_1d(np.asarray(c, float))) for c in columns]
    out = np.zeros(len(columns[0]))
    kernel(*columns, out)
    return out


def position(kernel, *columns):
    columns = [read_only(np.atleast_1d(np.asarray(c, float))) for c in columns]
    lon, lat = np.zeros((2, len(columns[0])))
    kernel(*columns, lon, lat)
    return lon, lat


@both("separations")
@given(alt=altitudes, az=azimuths, up=st.floats(-5, 5), side=st.floats(-5, 5))
def test_a_distance_is_that_of_the_twin(kernel, alt, az, up, side):
    other = min(max(alt + up, -90), 90), az + side
    expected = naive.separation(alt, az, *other)
    assert distance(kernel, alt, az, *other)[0] == pytest.approx(expected, abs=ROUNDING)


@both("separations")
@given(alt=altitudes, az=azimuths, other_alt=altitudes, other_az=azimuths)
def test_a_large_distance_is_that_of_the_twin(kernel, alt, az, other_alt, other_az):
    expected = naive.separation(alt, az, other_alt, other_az)
    # near opposite directions the haversine is 1 within rounding, and the angle its square root
    tolerance = ROUNDING if expected < 90 else 3e-6
    found = distance(kernel, alt, az, other_alt, other_az)[0]
    assert found == pytest.approx(expected, abs=tolerance)


@both("separations")
@given(power=st.floats(-9, 0), alt=st.floats(-80, 80))
def test_a_tiny_distance_keeps_its_digits(kernel, power, alt):
    other = alt + 10**power
    expected = other - alt
    found = distance(kernel, alt, 350.0, other, -10.0)[0]
    assert found == pytest.approx(expected, rel=1e-14, abs=0)


@both("field_positions")
@given(alt=altitudes, az=azimuths, up=st.floats(-40, 40), side=st.floats(-170, 170))
def test_a_place_in_the_field_is_that_of_the_twin(kernel, alt, az, up, side):
    pointing = min(max(alt + up, -90), 90), az + side
    lon, lat = position(kernel, alt, az, *pointing)
    expected = naive.field_position(alt, az, *pointing)
    # longitudes mean nothing at the poles of the field, and the sign of 180 deg is chance
    blurred = ROUNDING / max(np.cos(np.radians(expected[1])), 1e-9) ** 2
    turn = (lon[0] - expected[0] + 180) % 360 - 180
    assert turn == pytest.approx(0, abs=10 * blurred)
    assert lat[0] == pytest.approx(expected[1], abs=10 * blurred)


def test_distances_are_those_of_astropy():
    alt, az, other_alt, other_az = directions(2000)
    radians = [np.radians(x) for x in (az, alt, other_az, other_alt)]
    expected = np.degrees(angular_separation(*radians))
    np.testing.assert_allclose(
        distance(sky_offsets.separations, alt, az, other_alt, other_az), expected, atol=ROUNDING
    )


def test_places_in_the_field_are_those_of_pyirf_and_astropy():
    alt, az, pointing_alt, pointing_az = directions(500)
    lon, lat = position(sky_offsets.field_positions, alt, az, pointing_alt, pointing_az)
    expected = gadf_fov_coords_lon_lat(*(x * u.deg for x in (az, alt, pointing_az, pointing_alt)))
    np.testing.assert_allclose(lon, expected[0].to_value(u.deg), atol=ROUNDING)
    np.testing.assert_allclose(lat, expected[1].to_value(u.deg), atol=ROUNDING)
    pointing = SkyCoord(pointing_az * u.deg, pointing_alt * u.deg, frame=AltAz())
    found = SkyCoord(az * u.deg, alt * u.deg, frame=AltAz())
    found = found.transform_to(pointing.skyoffset_frame())
    np.testing.assert_allclose(-lon, found.lon.wrap_at("180d").deg, atol=ROUNDING)


@both("separations")
def test_no_direction_gives_nan_and_no_rows_give_none(kernel):
    found = distance(kernel, [np.nan, 70, 70], [0, np.inf, 0], [70, 70, 70], [0, 0, 0])
    assert np.isnan(found).tolist() == [True, True, False]
    assert len(distance(kernel, [], [], [], [])) == 0


@both("field_positions")
def test_no_direction_has_no_place(kernel):
    lon, lat = position(kernel, [np.nan, 70, 70], [0, np.nan, 0], [70, 70, 70], [0, 0, 0])
    assert np.isnan(lon).tolist() == np.isnan(lat).tolist() == [True, True, False]


def events(n=1000, dtype=pl.Float64):
    true_alt, true_az, pointing_alt, pointing_az = directions(n)
    rng = np.random.default_rng(5)
    return pl.LazyFrame({
        "true_alt": true_alt, "true_az": true_az,
        "reco_alt": true_alt + rng.normal(0, 0.1, n), "reco_az": true_az + rng.normal(0, 0.1, n),
        "pointing_alt": pointing_alt, "pointing_az": pointing_az,
    }).cast(dtype)  # fmt: skip


def test_only_wanted_columns_that_are_not_there_are_added():
    frame = with_derived(events(), ["theta", "true_fov_lon", "gammaness", "true_alt"])
    assert frame.collect_schema().names()[6:] == ["theta", "true_fov_lon"]
    there = events().with_columns(theta=pl.lit(7.0))
    assert with_derived(there, ["theta"]).collect()["theta"].unique().to_list() == [7.0]


@pytest.mark.parametrize("name", DERIVED)
@pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32])
def test_a_derived_column_is_what_its_name_says(name, dtype):
    rows = with_derived(events(dtype=dtype), [name]).collect(engine="streaming")
    assert rows[name].dtype == pl.Float64
    for row in rows.head(20).iter_rows(named=True):
        angles = [row[column] for column in needed(name)]
        if name.endswith(("lon", "lat")):
            expected = naive.field_position(*angles)[name.endswith("lat")]
        else:
            expected = naive.separation(*angles)
        assert row[name] == pytest.approx(expected, abs=10 * ROUNDING)


def test_null_directions_give_nan():
    frame = events(3).with_columns(reco_alt=pl.Series([70.0, None, float("nan")]))
    assert with_derived(frame, ["theta"]).collect()["theta"].is_nan().to_list() == [
        False, True, True,
    ]  # fmt: skip


def test_missing_directions_are_named():
    with pytest.raises(OptionError, match="theta is made of true_alt, true_az"):
        with_derived(events().drop("true_alt", "true_az"), ["theta"])


@pytest.mark.parametrize("plain", [False, True], ids=["compiled", "plain"])
@pytest.mark.parametrize(
    ("name", "expected", "range_"),
    [
        ("sine", np.sin, (-np.pi / 2, np.pi / 2)),
        ("arcsine", np.arcsin, (0, 1)),
        ("cosine", lambda deg: np.cos(np.radians(deg)), (-180, 180)),
    ],
)
def test_a_series_is_its_function(name, expected, range_, plain):
    function = getattr(sky_series, name)
    function = function.py_func if plain else function
    x = np.linspace(*range_, 2001)
    # three units of the last place of numbers up to pi/2
    np.testing.assert_allclose([function(v) for v in x], expected(x), rtol=0, atol=7e-16)


def test_the_arcsine_of_rounded_numbers_above_1_is_that_of_1():
    assert sky_series.arcsine(1 + 2e-16) == np.pi / 2


@given(azimuths, azimuths)
def test_half_a_turn_is_the_shorter_way(az, other):
    half = np.degrees(sky_series.half_turn(az, other))
    assert abs(half) <= 90
    assert (2 * half - (az - other) + 180) % 360 == pytest.approx(180, abs=1e-9)
