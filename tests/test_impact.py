"""Impact distance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.impact import impact_distance
from tests.naive import impact as naive

KERNELS = pytest.mark.parametrize("kernel", [impact_distance, impact_distance.py_func])
metres = st.floats(-3000, 3000)


def distance(kernel, position, core, altitude, azimuth):
    out = np.zeros(1)
    columns = [np.array([v], float) for v in (*core, altitude, azimuth)]
    kernel(np.array([position], float), *columns, out)
    return out[0]


@KERNELS
@given(
    position=st.tuples(metres, metres, metres),
    core=st.tuples(metres, metres),
    altitude=st.floats(0.1, np.pi / 2),
    azimuth=st.floats(-7, 7),
)
def test_distance_is_that_of_the_twin(kernel, position, core, altitude, azimuth):
    found = distance(kernel, position, core, altitude, azimuth)
    expected = naive.impact_distance(np.array(position), core, altitude, azimuth)
    assert found == pytest.approx(expected, abs=1e-8)


def test_distance_agrees_with_ctapipe():
    import astropy.units as u
    from ctapipe.containers import ReconstructedGeometryContainer
    from ctapipe.coordinates import impact_distance as reference

    rng = np.random.default_rng(3)
    positions = rng.uniform(-500, 500, (6, 3))
    geometry = ReconstructedGeometryContainer(
        core_x=30 * u.m, core_y=-40 * u.m, alt=70 * u.deg, az=130 * u.deg
    )
    from astropy.coordinates import SkyCoord
    from ctapipe.coordinates import GroundFrame

    telescopes = SkyCoord(*positions.T, unit="m", frame=GroundFrame())
    point = [30, -40, 0] * u.m
    direction = np.array([
        np.cos(np.radians(70)) * np.cos(np.radians(130)),
        -np.cos(np.radians(70)) * np.sin(np.radians(130)),
        np.sin(np.radians(70)),
    ])  # fmt: skip
    expected = reference(point, direction, telescopes.cartesian.xyz.T)
    assert geometry.core_x == 30 * u.m
    for position, value in zip(positions, expected.to_value(u.m), strict=True):
        found = distance(impact_distance, position, (30, -40), np.radians(70), np.radians(130))
        assert found == pytest.approx(value, rel=1e-12)


@KERNELS
def test_an_unknown_axis_gives_nan(kernel):
    assert np.isnan(distance(kernel, (1, 2, 3), (np.nan, 0), 1, 1))
