"""The stereo stage: shower axes of array events."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import TraitError

from ctabatch.errors import OptionError
from ctabatch.kernels.core_psi import core_psi
from ctabatch.schemas.geometry import GEOMETRY, HILLAS_INTERSECTION, IMPACT
from ctabatch.stages.stereo import METHODS, impact_distances, reconstruct
from tests.naive import stereo as naive
from tests.stereo_showers import images_of, shower_events

ALL = pytest.mark.parametrize("method", METHODS)
TWINS = {
    "HillasReconstructor": naive.hillas_reconstructor,
    "HillasIntersection": naive.hillas_intersection,
}


def columns(geometry, method):
    """Column without prefix -> array."""
    return {
        name.removeprefix(f"{method}_"): geometry.column(name).to_numpy(zero_copy_only=False)
        for name in geometry.schema.names
    }


def content(geometry):
    """All values, in a form in which NaN equals NaN."""
    return repr(geometry.to_pydict())


def axes(events, method, **options):
    return columns(reconstruct(events, method, **options), method)


def test_rows_have_the_declared_columns():
    events = shower_events(0, [3, 1])
    for method, schema in zip(METHODS, (GEOMETRY, HILLAS_INTERSECTION), strict=True):
        geometry = reconstruct(events, method)
        assert geometry.schema.equals(schema, check_metadata=True)
        geometry.validate(full=True)
        assert geometry.column("event_id").to_pylist() == [100, 101]
    assert IMPACT.names[3:] == [
        "HillasReconstructor_tel_impact_distance",
        "HillasReconstructor_tel_impact_distance_uncert",
    ]


@ALL
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(0, 7), min_size=1, max_size=6),
    divergence=st.sampled_from([0.0, 2.0]),
    unusable=st.integers(0, 2**20),
)
def test_axes_are_those_of_the_twin(method, seed, sizes, divergence, unusable):
    events = shower_events(seed, sizes, divergence=divergence)
    n = len(events.tel_id)
    events.usable &= (unusable >> np.arange(n)) % 4 != 0
    found = axes(events, method)
    for k in range(len(events)):
        images = images_of(events, k)
        if len(images) < 2:
            assert not found["is_valid"][k]
            continue
        if not found["is_valid"][k]:  # an axis that points away from the others
            assert method == "HillasIntersection"
            continue
        for name, value in TWINS[method](images, events.array_pointing[k], 2156.0).items():
            if name == "h_max" and np.isnan(found[name][k]):
                assert value > 100e3
                continue
            assert found[name][k] == pytest.approx(value, rel=1e-5, abs=1e-5), name
        assert found["average_intensity"][k] == pytest.approx(
            np.mean([i["intensity"] for i in images])
        )


@ALL
def test_used_telescopes_are_listed_in_valid_events(method):
    events = shower_events(3, [3, 2, 0, 4])
    events.usable[1] = False
    events.usable[3] = False
    geometry = reconstruct(events, method)
    assert geometry.column(f"{method}_telescopes").to_pylist() == [[1, 3], [], [], [1, 2, 3, 4]]
    assert geometry.column(f"{method}_is_valid").to_pylist() == [True, False, False, True]


@ALL
def test_numbers_of_events_that_are_not_valid_are_nan(method):
    found = axes(shower_events(3, [1, 0, 2]), method)
    for name, values in found.items():
        if values.dtype.kind == "f":
            assert np.isnan(values[:2]).all(), name
    assert found["is_valid"].tolist() == [False, False, True]


@ALL
@pytest.mark.parametrize("sizes", [[], [0], [1, 1, 0]])
def test_no_event_with_several_telescopes_is_no_error(method, sizes):
    events = shower_events(1, sizes)
    geometry = reconstruct(events, method)
    assert geometry.num_rows == len(sizes)
    assert not any(geometry.column(f"{method}_is_valid").to_pylist())
    distance = impact_distances(events, geometry, method)
    assert distance.shape == (sum(sizes),)
    assert np.isnan(distance).all()


@ALL
@pytest.mark.parametrize(
    "column",
    ["hillas_intensity", "hillas_fov_lon", "hillas_psi", "hillas_length", "hillas_width",
     "pointing", "position", "camera_radius"],
)  # fmt: skip
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_telescope_with_an_unknown_number_is_not_used(method, column, value):
    events = shower_events(8, [4, 3, 2])
    fewer = dataclasses.replace(events, usable=events.usable.copy())
    fewer.usable[[1, 8]] = False
    expected = content(reconstruct(fewer, method))
    getattr(events, column)[[1, 8]] = value
    found = reconstruct(events, method)
    assert content(found) == expected
    assert found.column(f"{method}_telescopes").to_pylist() == [[1, 3, 4], [1, 2, 3], []]


@ALL
def test_an_image_without_width_is_not_used(method):
    events = shower_events(8, [3])
    events.hillas_width[1] = 0
    assert reconstruct(events, method).column(f"{method}_telescopes").to_pylist() == [[1, 3]]


@ALL
def test_parallel_axes_are_not_valid(method):
    """On top of each other: one plane, one line."""
    events = shower_events(8, [2])
    for name in ("fov_lon", "fov_lat", "psi"):
        getattr(events, f"hillas_{name}")[:] = 0.0
    found = axes(events, method)
    assert not found["is_valid"].any()
    assert np.isnan(found["alt"]).all()


@ALL
def test_axes_side_by_side_are_not_valid(method):
    events = shower_events(8, [3])
    events.hillas_psi[:] = 90.0
    events.hillas_fov_lat[:] = 0.0
    found = axes(events, method)
    assert not found["is_valid"].any()


@ALL
def test_two_telescopes_at_one_place_have_their_core_there(method):
    events = shower_events(8, [2])
    events.position[:] = (30.0, -40.0, 0.0)
    found = axes(events, method)
    assert found["is_valid"].all()
    assert found["core_x"][0] == pytest.approx(30)
    assert found["core_y"][0] == pytest.approx(-40)


def test_an_unknown_array_pointing_leaves_direction_and_height():
    events = shower_events(8, [3, 3])
    known = axes(events, "HillasReconstructor")
    events.array_pointing[1] = np.nan
    found = axes(events, "HillasReconstructor")
    for name in ("alt", "az", "alt_uncert", "h_max", "is_valid", "average_intensity"):
        np.testing.assert_array_equal(found[name], known[name])
    for name in ("core_x", "core_y", "core_tilted_x", "core_uncert_x"):
        np.testing.assert_array_equal(np.isnan(found[name]), [False, True])
    distance = impact_distances(events, reconstruct(events))
    np.testing.assert_array_equal(np.isnan(distance), np.repeat([False, True], 3))


def test_crossing_of_lines_needs_the_array_pointing():
    events = shower_events(8, [3, 3])
    events.array_pointing[1] = np.nan
    assert axes(events, "HillasIntersection")["is_valid"].tolist() == [True, False]


def test_origins_far_outside_of_the_field_of_view_are_not_valid():
    events = shower_events(8, [2])
    events.hillas_psi[:] = (89.0, 89.5)
    events.hillas_fov_lon[:], events.hillas_fov_lat[:] = (-1.0, 1.0), 0.0
    assert not axes(events, "HillasIntersection")["is_valid"].any()


@ALL
def test_reference_height_and_positions_are_those_of_each_event(method):
    """Events of two arrays: one is moved by 1 km to the north and 500 m up."""
    events = shower_events(8, [3, 3])
    for name in ("position", "pointing", "hillas_fov_lon", "hillas_fov_lat", "hillas_psi",
                 "hillas_intensity", "hillas_length", "hillas_width"):  # fmt: skip
        getattr(events, name)[3:] = getattr(events, name)[:3]
    events.array_pointing[1] = events.array_pointing[0]
    events.position[3:, 0] += 1000
    events.reference_height[1] += 500
    found = axes(events, method)
    assert found["alt"][1] == pytest.approx(found["alt"][0], abs=1e-9)
    assert found["core_x"][1] - found["core_x"][0] == pytest.approx(1000, abs=1e-6)
    assert found["h_max"][1] - found["h_max"][0] == pytest.approx(500, abs=1e-3)


@ALL
def test_showers_without_noise_are_found(method):
    """Axes of images, straight in the field of view, point to one direction but for its bend."""
    events = shower_events(5, [4] * 50, noise=0.0)
    found = axes(events, method)
    assert found["is_valid"].all()
    assert np.percentile(found["ang_distance_uncert"], 90) < 0.05
    assert ((found["h_max"] > 5000) & (found["h_max"] < 20000)).mean() > 0.9


@ALL
def test_read_only_input_is_enough(method):
    events = shower_events(5, [4, 3])
    expected = content(reconstruct(events, method))
    for field in dataclasses.fields(events):
        getattr(events, field.name).setflags(write=False)
    assert content(reconstruct(events, method)) == expected


def test_both_names_of_the_weight_give_the_same():
    events = shower_events(5, [4, 3])
    konrad, hess = (
        content(reconstruct(events, "HillasIntersection", weighting=name))
        for name in ("Konrad", "hess")
    )
    assert konrad == hess


def test_unknown_options_are_errors():
    events = shower_events(5, [2])
    with pytest.raises(OptionError, match="HillasReconstructor"):
        reconstruct(events, "HillasReconstrutor")
    with pytest.raises(OptionError, match="Konrad"):
        reconstruct(events, "HillasIntersection", weighting="konrat")


def test_impact_distances_are_those_from_the_axis():
    events = shower_events(9, [4, 1, 3])
    events.usable[0] = False
    geometry = reconstruct(events)
    distance = impact_distances(events, geometry)
    found = columns(geometry, "HillasReconstructor")
    for k in (0, 2):
        alt, az = np.radians([found["alt"][k], found["az"][k]])
        axis = np.array([np.cos(alt) * np.cos(az), -np.cos(alt) * np.sin(az), np.sin(alt)])
        away = events.position[events.offsets[k] : events.offsets[k + 1]] - [
            found["core_x"][k], found["core_y"][k], 0
        ]  # fmt: skip
        expected = np.linalg.norm(np.cross(away, axis), axis=1)
        np.testing.assert_allclose(
            distance[events.offsets[k] : events.offsets[k + 1]], expected, rtol=1e-9
        )
    assert np.isnan(distance[4])
    assert isinstance(geometry, pa.RecordBatch)


# --- against ctapipe -----------------------------------------------------------------------------

#: Column -> absolute and relative tolerance.
TOLERANCE = {
    "alt": (1e-7, 0), "az": (1e-7, 0), "alt_uncert": (1e-5, 0), "az_uncert": (1e-5, 0),
    "core_x": (1e-4, 0), "core_y": (1e-4, 0), "core_tilted_x": (1e-4, 0),
    "core_tilted_y": (1e-4, 0), "h_max": (1e-3, 1e-6), "average_intensity": (0, 1e-12),
    "is_valid": (0, 0),
}  # fmt: skip


@ALL
@pytest.mark.parametrize("divergence", [0.0, 3.0])
def test_axes_are_those_of_ctapipe(method, divergence):
    from tests import ctapipe_stereo

    events = shower_events(21, [2, 3, 1, 0, 5, 8, 2, 2, 4] * 10, divergence=divergence, noise=0.2)
    events.camera_radius[:] = ctapipe_stereo.camera_radius()
    events.usable[::5] = False
    expected, telescopes, distances = ctapipe_stereo.reconstruct(events, method)
    geometry = reconstruct(events, method)
    found = columns(geometry, method)
    assert found["is_valid"].sum() > 40
    for name, (absolute, relative) in TOLERANCE.items():
        np.testing.assert_allclose(
            found[name].astype(float), expected[name], atol=absolute, rtol=relative, err_msg=name
        )
    assert geometry.column(f"{method}_telescopes").to_pylist() == telescopes
    np.testing.assert_allclose(impact_distances(events, geometry, method), distances, atol=1e-4)
    if method == "HillasIntersection":
        for name in ("core_tilted_uncert_x", "core_tilted_uncert_y"):
            np.testing.assert_allclose(found[name], expected[name], atol=1e-4, err_msg=name)


def test_an_unknown_array_pointing_gives_what_ctapipe_gives():
    from tests import ctapipe_stereo

    events = shower_events(21, [3, 4])
    events.camera_radius[:] = ctapipe_stereo.camera_radius()
    events.array_pointing[:] = np.nan
    expected, _, distances = ctapipe_stereo.reconstruct(events, "HillasReconstructor")
    geometry = reconstruct(events)
    found = columns(geometry, "HillasReconstructor")
    for name, (absolute, relative) in TOLERANCE.items():
        np.testing.assert_allclose(
            found[name].astype(float), expected[name], atol=absolute, rtol=relative, err_msg=name
        )
    assert np.isnan(distances).all()
    assert np.isnan(impact_distances(events, geometry)).all()


def test_ctapipe_stops_at_parallel_axes_and_cannot_weigh_as_hess():
    """Where ours has an event that is not valid, and the weight that the name stands for."""
    from tests import ctapipe_stereo

    events = shower_events(8, [3])
    events.hillas_psi[:] = 90.0
    events.hillas_fov_lat[:] = events.hillas_fov_lon[:] = 0.0
    with pytest.raises(np.linalg.LinAlgError):
        ctapipe_stereo.reconstruct(events, "HillasReconstructor")
    with pytest.raises((AttributeError, TraitError)):  # 0.28 looks for a method, 0.32 knows no name
        ctapipe_stereo.reconstruct(shower_events(8, [3]), "HillasIntersection", weighting="hess")


def test_core_lines_of_the_stage_are_those_stored_as_core_psi():
    """dl1/parameters holds the orientation that the core is made of."""
    events = shower_events(2, [2] * 5, divergence=1.0)
    psi = np.empty(10)
    array = np.repeat(events.array_pointing, 2, axis=0)
    core_psi(
        events.hillas_fov_lon, events.hillas_fov_lat, events.hillas_psi,
        *np.ascontiguousarray(events.pointing.T), *np.ascontiguousarray(array.T),
        events.camera_radius[0], psi,
    )  # fmt: skip
    from ctabatch.instrument.frames import ground_to_tilted

    found = axes(events, "HillasReconstructor")
    tilted = ground_to_tilted(events.position, *np.degrees(array.T))
    for name in ("x", "y"):
        assert np.isfinite(found[f"core_tilted_{name}"]).all()
    core = np.column_stack([found["core_tilted_x"], found["core_tilted_y"]]).repeat(2, axis=0)
    away = core - tilted[:, :2]
    off = away[:, 0] * np.sin(np.radians(psi)) - away[:, 1] * np.cos(np.radians(psi))
    np.testing.assert_allclose(off, 0, atol=1e-7)
