"""The muon stage: one row per telescope event, whatever the images are."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ctabatch.errors import OptionError
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.instrument.optics import OpticsDescription
from ctabatch.schemas.column import description_of
from ctabatch.schemas.muon import MUON
from ctabatch.stages.muon import muon_rows
from ctabatch.stages.muon_options import MuonOptions
from tests.muon_events import muon_events
from tests.toy_rings import CAMERA, MIRROR, toy_rings

FOCAL_LENGTH = 16.0
GEOMETRY = CameraGeometry(
    name="toy",
    pixel_x=np.radians(CAMERA.fov_lat) * FOCAL_LENGTH,
    pixel_y=np.radians(CAMERA.fov_lon) * FOCAL_LENGTH,
    pixel_area=CAMERA.area_deg2 * np.radians(FOCAL_LENGTH) ** 2,
    pixel_shape="hexagon",
    pixel_rotation=0.0,
    camera_rotation=0.0,
    focal_length=FOCAL_LENGTH,
)
ANY = MuonOptions(min_pixels=0, min_intensity=-1e9, min_ring_pixels=0, min_containment=0.0)
NUMBERS = [field.name for field in MUON if pa.types.is_floating(field.type)]


def optics(n_mirrors=1, size_type="MST"):
    return OpticsDescription(
        name="toy", size_type=size_type, reflector_shape="DAVIES_COTTON",
        mirror_area=np.pi * MIRROR**2, n_mirrors=n_mirrors, n_mirror_tiles=80,
        equivalent_focal_length=FOCAL_LENGTH, effective_focal_length=None,
    )  # fmt: skip


def rows(image, mask, options=MuonOptions(), n_mirrors=1):  # noqa: B008 - it is frozen
    events = muon_events(np.arange(len(image)), np.ones(len(image)), GEOMETRY)
    batch = muon_rows(events, image, mask, optics(n_mirrors), options)
    assert batch.schema.equals(MUON, check_metadata=True)
    assert batch.num_rows == len(image)
    return batch.to_pydict()


def is_absent(columns, row):
    return (
        all(np.isnan(columns[name][row]) for name in NUMBERS)
        and columns["muonparameters_n_pixels_in_ring"][row] == -1
        and not columns["muonefficiency_is_valid"][row]
        and not columns["muonefficiency_parameters_at_limit"][row]
    )


def test_every_column_says_what_it_is():
    assert all(description_of(field) for field in MUON)


def test_rings_have_a_row_with_everything():
    image, mask, truth = toy_rings(5)
    columns = rows(image, mask, MuonOptions(min_pixels=30))
    assert all(np.isfinite(columns[name]).all() for name in NUMBERS[:8])
    # half a pixel: scatter of a hundred lit pixels
    np.testing.assert_allclose(columns["muonring_radius"], truth[:, 2], atol=0.05)
    assert all(columns["muonefficiency_is_valid"])
    # one ring of a thousand photo-electrons: 4 % and what impact and width take, four times
    np.testing.assert_allclose(columns["muonefficiency_optical_efficiency"], truth[:, 6], rtol=0.25)


def test_images_below_the_criteria_are_rows_without_numbers():
    image, mask, _ = toy_rings(3)
    n, charge = mask.sum(axis=1), np.where(mask, image, 0).sum(axis=1)
    for options in (
        MuonOptions(min_pixels=float(n[1]), min_intensity=0),
        MuonOptions(min_pixels=0, min_intensity=float(charge[1]) + 1),
    ):
        columns = rows(image, mask, options)
        assert is_absent(columns, 1)
        for i in (0, 2):
            passed = n[i] > options.min_pixels and charge[i] > options.min_intensity
            assert is_absent(columns, i) != passed


@pytest.mark.parametrize(
    "options",
    [
        MuonOptions(min_pixels=30, min_ring_pixels=2000),
        MuonOptions(min_pixels=30, min_containment=1.0),
    ],
)
def test_rings_below_the_criteria_have_parameters_but_no_efficiency(options):
    image, mask, _ = toy_rings(2)
    columns = rows(image, mask, options)
    assert np.isfinite(columns["muonring_radius"]).all()
    assert np.isfinite(columns["muonparameters_completeness"]).all()
    assert np.isnan(columns["muonefficiency_optical_efficiency"]).all()
    assert not any(columns["muonefficiency_is_valid"])


def test_telescopes_with_two_mirrors_have_rows_without_numbers():
    image, mask, _ = toy_rings(2)
    columns = rows(image, mask, ANY, n_mirrors=2)
    assert all(is_absent(columns, i) for i in range(2))


def test_an_empty_batch_has_no_rows():
    image, mask, _ = toy_rings(1)
    assert rows(image[:0], mask[:0])["muonring_radius"] == []


@pytest.mark.parametrize(
    "lit",
    [[], [700], [700, 701], np.flatnonzero(np.abs(CAMERA.fov_lat) < 0.01)],
    ids=["no pixel", "one pixel", "two pixels", "a line"],
)
def test_what_has_no_circle_is_a_row_without_a_ring(lit):
    image = np.zeros((1, CAMERA.n_pixels), np.float32)
    image[0, lit] = 20
    assert is_absent(rows(image, image > 0, ANY), 0)


def test_all_charge_in_one_pixel_is_a_row_without_a_ring():
    image = np.zeros((1, CAMERA.n_pixels), np.float32)
    image[0, 700] = 1e4
    mask = np.zeros(image.shape, bool)
    mask[0, 650:750] = True
    assert is_absent(rows(image, mask, ANY), 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_charges_that_are_no_numbers_in_the_mask_are_a_row_without_a_ring(bad):
    image, mask, _ = toy_rings(1)
    image = image.copy()
    image[0, mask[0].argmax()] = bad
    assert is_absent(rows(image, mask, ANY), 0)


def test_an_unknown_fit_is_refused():
    image, mask, _ = toy_rings(1)
    with pytest.raises(OptionError, match="kundu_chaudhuri_taubin"):
        rows(image, mask, MuonOptions(fit_method="chi2"))  # type: ignore[arg-type]


def test_the_hole_follows_the_size_class():
    options = MuonOptions()
    assert [options.hole_radius(size) for size in ("LST", "MST", "SST", "?")] == [
        0.74,
        0.59,
        0.38,
        0,
    ]


@settings(max_examples=30)
@given(
    arrays(
        np.float32,
        (2, CAMERA.n_pixels),
        elements=st.floats(width=32),
        fill=st.sampled_from([np.float32(0), np.float32(3)]),
    ),
    st.sampled_from(["kundu_chaudhuri", "taubin", "kundu_chaudhuri_taubin"]),
)
def test_any_image_gives_a_row(image, method):
    options = MuonOptions(
        fit_method=method, min_pixels=0, min_intensity=-1e9, min_ring_pixels=0, min_containment=0.0
    )
    rows(image, image >= 2, options)
