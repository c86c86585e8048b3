"""Axes of response functions."""

import astropy.units as u
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.errors import OptionError
from ctabatch.irf.axes import (
    Axis,
    energy_axis,
    linear_axis,
    migra_axis,
    parse_axis,
    rectangle_solid_angles,
    ring_solid_angles,
)


def test_energy_edges_are_those_of_ctapipe():
    from ctapipe.irf.binning import make_bins_per_decade

    for low, high, n in ((0.015, 150, 10), (0.02, 210, 5), (0.1, 7, 3)):
        expected = make_bins_per_decade(low * u.TeV, high * u.TeV, n).to_value(u.TeV)
        axis = energy_axis(low, high, n)
        np.testing.assert_allclose(axis.edges, expected, rtol=1e-14)
        assert (axis.edges[0], axis.edges[-1]) == (low, high)


def test_energy_edges_of_whole_decades_are_those_of_pyirf():
    from pyirf.binning import create_bins_per_decade

    expected = create_bins_per_decade(0.015 * u.TeV, 150 * u.TeV, 5).to_value(u.TeV)
    np.testing.assert_allclose(energy_axis(0.015, 150, 5).edges, expected, rtol=1e-13)


@pytest.mark.parametrize(
    "axis", [energy_axis(0.015, 150, 5), linear_axis("rad", 0, 1, 100), migra_axis(0.2, 5, 30)]
)
def test_counts_are_those_of_numpy_also_on_the_edges(axis):
    rng = np.random.default_rng(1)
    values = np.concatenate([
        rng.uniform(-0.1, axis.edges[-1] * 1.2, 50_000), axis.edges,
        np.nextafter(axis.edges, np.inf), np.nextafter(axis.edges, -np.inf),
    ])  # fmt: skip
    counts = np.bincount(axis.index(values), minlength=axis.n_bins + 2)
    assert counts[1:-1].tolist() == np.histogram(values, axis.edges)[0].tolist()
    assert counts[0] == (values < axis.edges[0]).sum() > 0
    assert counts[-1] == (values > axis.edges[-1]).sum() > 0


def test_the_last_edge_is_in_the_last_bin_and_not_an_overflow_as_in_pyirf_cuts():
    from pyirf.binning import OVERFLOW_INDEX, calculate_bin_indices

    axis = Axis("x", [0.0, 1.0, 2.0])
    assert axis.index([0.0, 1.0, 2.0]).tolist() == [1, 2, 2]
    index, valid = calculate_bin_indices(np.array([2.0]), axis.edges)
    assert index.tolist() == [OVERFLOW_INDEX]
    assert not valid.any()


@given(values=st.lists(st.floats() | st.sampled_from([0.2, 5.0]), max_size=20))
def test_the_expression_gives_the_same_bins(values):
    axis = migra_axis(0.2, 5, 7)
    frame = pl.DataFrame({"m": pl.Series(values, dtype=pl.Float64)})
    found = frame.lazy().select(m=axis.expr("m")).collect(engine="streaming")["m"]
    assert found.to_list() == axis.index(np.array(values, float)).tolist()


def test_solid_angles_are_those_of_pyirf():
    from pyirf.utils import cone_solid_angle, rectangle_solid_angle

    rad = linear_axis("rad", 0, 1, 100)
    expected = np.diff(cone_solid_angle(rad.edges * u.deg)).to_value(u.sr)
    # 1 - cos loses 6 digits at 0.01 deg, the sine none
    np.testing.assert_allclose(ring_solid_angles(rad), expected, rtol=1e-7)
    lon, lat = linear_axis("fov_lon", -3, 3, 6), linear_axis("fov_lat", -2, 2, 4)
    found = rectangle_solid_angles(lon, lat)
    for i in range(6):
        args = (lon.lo[i], lon.hi[i], lat.lo[1], lat.hi[1]) * u.deg
        assert found[i, 1] == pytest.approx(rectangle_solid_angle(*args).to_value(u.sr), rel=1e-12)


def test_text_gives_the_axis_of_its_name():
    assert parse_axis("energy", "0.015,150,5").n_bins == 20
    assert parse_axis("offset", "0,0.5,1").edges.tolist() == [0, 0.5]
    assert parse_axis("migra", "0.2,5,30").edges[[0, -1]].tolist() == [0.2, 5]


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("energy", "0,150,5", "above 0"),
        ("energy", "1,150", "three numbers"),
        ("energy", "1,150,x", "three numbers"),
        ("energy", "10,1,5", "no range"),
        ("offset", "0,nan,3", "no range"),
        ("offset", "0,5,2.5", "whole"),
        ("rad", "0,1,0", "above 0"),
        ("radius", "0,1,3", "unknown axis"),
    ],
)
def test_unusable_text_is_refused(name, text, what):
    with pytest.raises(OptionError, match=what):
        parse_axis(name, text)


@pytest.mark.parametrize("edges", [[1.0], [1.0, 1.0], [2.0, 1.0], [0.0, np.nan], [0.0, np.inf]])
def test_edges_that_are_no_axis_are_refused(edges):
    with pytest.raises(OptionError):
        Axis("x", edges)
