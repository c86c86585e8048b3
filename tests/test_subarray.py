"""The array of a file: toy headers for the rules, real files for agreement with ctapipe."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ctabatch.errors import OptionError
from ctabatch.instrument.subarray import (
    REQUIRED_BLOCKS,
    MissingEffectiveFocalLengthWarning,
    SubarrayDescription,
)
from tests.test_camera_geometry import settings
from tests.test_neighbors import hexagonal_grid


def telescope(n: int = 4, focal_length: float = 16.0, effective: float | None = 16.4) -> dict:
    """Description blocks of one telescope with n x n pixels."""
    camera = settings(*hexagonal_grid(n)) | {
        "focal_length": focal_length, "n_mirrors": 84, "mirror_area": 103.8,
    }  # fmt: skip
    if effective is not None:
        camera["effective_focal_length"] = effective
    return {
        "camera_settings": camera,
        "camera_organization": {"n_pixels": n * n, "n_gains": 1},
        "pixel_settings": {
            "time_slice": np.float32(2.0), "sum_bins": np.int32(30),
            "ref_step": np.float32(0.5), "ref_shape": np.ones((1, 40), np.float16),
        },
        "disabled_pixels": {"HV_disabled": np.array([], np.int32)},
    }  # fmt: skip


def array(*telescopes: dict, meta: dict | None = None, tel_meta: dict | None = None, **more: Any):
    """Array of telescopes 1, 2, ... at (10 i, i, -i) m."""
    tel_id = np.arange(1, len(telescopes) + 1)
    header = {"tel_id": tel_id, "tel_pos": (tel_id[:, None] * [10.1, 1, -1]).astype(np.float32)}
    blocks = {int(i): t for i, t in zip(tel_id, telescopes, strict=True)}
    return SubarrayDescription.from_simtel(
        header, blocks, meta or {}, tel_meta or {}, 2150.0, **more
    )


def test_telescopes_of_equal_settings_share_camera_and_readout() -> None:
    one, other = telescope(), telescope()
    other["camera_settings"]["telescope_id"] = 2
    other["disabled_pixels"] = {"HV_disabled": np.array([3])}
    first, second, third = array(one, other, telescope(5)).telescopes.values()
    assert first.geometry is second.geometry is not third.geometry
    assert first.readout is second.readout is not third.readout
    assert np.flatnonzero(second.disabled_pixels).tolist() == [3]
    assert not first.disabled_pixels.any()


def test_position_keeps_the_numbers_of_the_file() -> None:
    position = array(telescope()).telescopes[1].position
    assert position.dtype == np.float64
    assert position[0] == np.float32(10.1)


def test_missing_effective_focal_length_falls_back_with_a_warning() -> None:
    with pytest.warns(MissingEffectiveFocalLengthWarning, match="telescopes 1-2, 4;") as record:
        subarray = array(
            telescope(effective=None), telescope(effective=np.nan), telescope(),
            telescope(effective=0.0),
        )  # fmt: skip
    assert len(record) == 1
    assert "--focal-length equivalent" in str(record[0].message)
    kinds = [t.focal_length_kind for t in subarray.telescopes.values()]
    assert kinds == ["equivalent", "equivalent", "effective", "equivalent"]
    lengths = [t.geometry.focal_length for t in subarray.telescopes.values()]
    assert lengths == [16.0, 16.0, 16.4, 16.0]


def test_equivalent_focal_length_can_be_asked_for() -> None:
    subarray = array(telescope(), telescope(effective=None), focal_length="equivalent")
    assert {t.focal_length_kind for t in subarray.telescopes.values()} == {"equivalent"}
    assert {t.geometry.focal_length for t in subarray.telescopes.values()} == {16.0}


def test_unknown_focal_length_kind_names_the_valid_ones() -> None:
    with pytest.raises(OptionError, match="effective, equivalent"):
        array(telescope(), focal_length="efective")


@pytest.mark.parametrize("missing", REQUIRED_BLOCKS)
def test_telescope_without_one_of_its_blocks_is_left_out(missing: str) -> None:
    blocks = telescope()
    del blocks[missing]
    subarray = array(telescope(), blocks)
    assert list(subarray.telescopes) == [1]
    assert subarray.incomplete == (2,)


def test_telescope_without_description_or_position_is_left_out() -> None:
    header = {"tel_id": np.array([1, 2]), "tel_pos": np.zeros((2, 3), np.float32)}
    subarray = SubarrayDescription.from_simtel(
        header, {1: telescope(), 7: telescope()}, {}, {}, 2150.0
    )
    assert list(subarray.telescopes) == [1]
    assert subarray.incomplete == (7, 2)


@pytest.mark.parametrize(
    ("block", "change"),
    [
        ("disabled_pixels", {"HV_disabled": np.array([16])}),
        ("disabled_pixels", {"HV_disabled": np.array([-1])}),
        ("camera_organization", {"n_pixels": 15}),
        ("camera_organization", {"n_gains": 0}),
        ("camera_organization", {"n_gains": 3}),
        ("pixel_settings", {"time_slice": np.float32(0)}),
        ("camera_settings", {"focal_length": 0.0, "effective_focal_length": np.nan}),
    ],
)
def test_telescope_whose_blocks_contradict_each_other_is_left_out(
    block: str, change: dict[str, object]
) -> None:
    blocks = telescope()
    blocks[block] = blocks[block] | change
    subarray = array(blocks, telescope())
    assert subarray.incomplete == (1,)
    assert list(subarray.telescopes) == [2]


def test_pixel_settings_without_time_slice_leave_the_telescope_out() -> None:
    blocks = telescope()
    del blocks["pixel_settings"]["time_slice"]
    assert array(blocks).incomplete == (1,)


def test_types_of_one_name_and_different_size_are_told_apart() -> None:
    meta = {b"OPTICS_CONFIG_NAME": b"M/S T", b"CAMERA_CONFIG_NAME": b"Cam\xc3\xa9",
            b"MIRROR_CLASS": b"0"}  # fmt: skip
    subarray = array(telescope(4), telescope(5), telescope(4), tel_meta=dict.fromkeys((1, 2), meta))
    assert subarray.tel_types == {
        "MST_M-S-T_Cam--16px": [1],
        "MST_M-S-T_Cam--25px": [2],
        "MST_UNKNOWN-104M2_UNKNOWN-16PX": [3],
    }
    assert subarray.telescopes[1].description == "MST_M/S T_Camé"
    assert all(re.fullmatch(r"[A-Za-z0-9.+_-]+", name) for name in subarray.tel_types)


def test_location_comes_from_the_metadata_only_if_complete() -> None:
    meta = {b"*LATITUDE": b"28.76", b"*LONGITUDE": b"-17.89", b"ALTITUDE": b"2156 ",
            b"ARRAY_CONFIG_NAME": b"LaPalma"}  # fmt: skip
    subarray = array(telescope(), meta=meta)
    assert subarray.reference_location == (28.76, -17.89, 2156.0)
    assert subarray.name == "LaPalma"
    del meta[b"ALTITUDE"]
    assert array(telescope(), meta=meta).reference_location == (0.0, 0.0, 2150.0)
    assert array(telescope()).name == "MonteCarloArray"


def test_tel_index_is_the_place_in_the_array() -> None:
    subarray = array(telescope(), telescope())
    assert subarray.tel_ids.tolist() == [1, 2]
    assert subarray.tel_index(2) == 1
    with pytest.raises(OptionError, match="'3'"):
        subarray.tel_index(3)


def test_digest_does_not_depend_on_rounding_or_on_disabled_pixels() -> None:
    blocks = telescope()
    expected = array(blocks, telescope()).digest
    assert re.fullmatch("[0-9a-f]{12}", expected)
    blocks["disabled_pixels"] = {"HV_disabled": np.array([3])}
    x = blocks["camera_settings"]["pixel_x"].astype(np.float64)
    blocks["camera_settings"]["pixel_x"] = np.nextafter(x, 9)
    assert array(blocks, telescope()).digest == expected


def test_digest_is_the_same_on_every_machine() -> None:
    assert array(telescope(), telescope(5)).digest == "99b5e4b2e0dd"


@pytest.mark.parametrize(
    ("block", "name", "value"),
    [
        ("camera_settings", "cam_rot", 0.01),
        ("camera_settings", "mirror_area", 100.0),
        ("camera_settings", "effective_focal_length", 16.5),
        ("camera_settings", "pixel_area", np.full(16, 0.4, np.float32)),
        ("pixel_settings", "sum_bins", 31),
        ("pixel_settings", "ref_shape", np.arange(40, dtype=np.float16)[np.newaxis]),
        ("camera_organization", "n_gains", 2),
    ],
)
def test_digest_depends_on_the_content(block: str, name: str, value: object) -> None:
    blocks = telescope()
    blocks[block][name] = value
    assert array(blocks).digest != array(telescope()).digest


# --- real files ---------------------------------------------------------------------------------


def simtel_files(example_files: dict[str, Path]) -> list[Path]:
    return [path for path in example_files.values() if ".simtel" in path.name
            and path.suffix != ".npy"]  # fmt: skip


def from_file(path: Path, focal_length: str) -> SubarrayDescription:
    from eventio import SimTelFile

    with SimTelFile(str(path)) as file:
        return SubarrayDescription.from_simtel(
            file.header, file.telescope_descriptions, file.global_meta, file.telescope_meta,
            file.mc_run_headers[-1]["obsheight"], focal_length,
        )  # fmt: skip


def test_file_without_effective_focal_length_is_read_with_a_warning(
    example_files: dict[str, Path],
) -> None:
    [path] = (p for p in simtel_files(example_files) if p.name == "lst_with_photons.simtel.zst")
    with pytest.warns(MissingEffectiveFocalLengthWarning, match="telescopes 1;"):
        telescope = from_file(path, "effective").telescopes[1]
    assert (telescope.focal_length_kind, telescope.geometry.focal_length) == ("equivalent", 28.0)


def test_telescopes_cut_off_in_the_header_are_left_out(example_files: dict[str, Path]) -> None:
    """The file has 78 camera settings, fewer of the other blocks, and no events."""
    from eventio import EventIOFile
    from eventio.simtel import objects
    from eventio.simtel.simtelfile import camel_to_snake

    [path] = (p for p in example_files.values() if p.name == "test_camorganv2.simtel.gz")
    header: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = defaultdict(dict)
    with EventIOFile(str(path)) as file:
        for item in file:
            if isinstance(item, objects.RunHeader):
                header = item.parse()
            elif item.header.type in (2002, 2003, 2004, 2005):
                blocks[item.telescope_id][camel_to_snake(type(item).__name__)] = item.parse()
    subarray = SubarrayDescription.from_simtel(header, blocks, {}, {}, 0.0, "equivalent")
    complete = {i for i in header["tel_id"] if len(blocks[i]) == len(REQUIRED_BLOCKS)}
    assert set(subarray.telescopes) == complete
    assert set(subarray.incomplete) == set(header["tel_id"]) - complete
    assert subarray.incomplete


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("focal_length", ["effective", "equivalent"])
def test_arrays_of_all_example_files_agree_with_ctapipe(
    example_files: dict[str, Path], focal_length: str
) -> None:
    """Everything exactly, integration correction and radius to 1e-12, location to 1e-9 deg."""
    pytest.importorskip("ctapipe")
    from ctapipe.io import SimTelEventSource

    n_compared = 0
    for path in simtel_files(example_files):
        try:
            source = SimTelEventSource(path, focal_length_choice=focal_length.upper())
        except (RuntimeError, StopIteration):
            continue  # no effective focal length; header cut off
        with source:
            assert_same_array(from_file(path, focal_length), source.subarray)
        n_compared += 1
    assert n_compared >= (8 if focal_length == "effective" else 12)


def assert_same_array(mine: SubarrayDescription, theirs: Any) -> None:
    assert mine.name == theirs.name
    assert list(mine.telescopes) == list(theirs.tel)
    place = theirs.reference_location.to_geodetic()
    np.testing.assert_allclose(
        mine.reference_location, (place.lat.deg, place.lon.deg, place.height.to_value("m")),
        rtol=0, atol=1e-8,
    )  # fmt: skip
    compared = set()
    for tel_id, tel in mine.telescopes.items():
        reference = theirs.tel[tel_id]
        optics, expected = tel.optics, reference.optics
        assert (tel.name, tel.type, tel.description) == (
            reference.name, str(reference.type), str(reference),
        )  # fmt: skip
        assert optics.reflector_shape == expected.reflector_shape.value
        assert optics.n_mirrors == expected.n_mirrors
        assert optics.n_mirror_tiles == expected.n_mirror_tiles
        assert optics.mirror_area == expected.mirror_area.value
        assert optics.equivalent_focal_length == expected.equivalent_focal_length.value
        np.testing.assert_equal(
            optics.effective_focal_length or np.nan, expected.effective_focal_length.value
        )
        np.testing.assert_array_equal(tel.position, theirs.positions[tel_id].value)
        if (tel.geometry, tel.readout) not in compared:
            compared.add((tel.geometry, tel.readout))
            assert_same_camera(tel, reference.camera)


def assert_same_camera(tel: Any, reference: Any) -> None:
    from ctapipe.coordinates import TelescopeFrame
    from ctapipe.image.extractor import integration_correction

    from tests.parity.ctapipe_oracle import change_shape

    geometry, expected = tel.geometry, reference.geometry
    assert geometry.name == reference.name
    assert geometry.focal_length == expected.frame.focal_length.value
    assert geometry.pixel_x.tobytes() == expected.pix_x.value.tobytes()
    assert geometry.pixel_y.tobytes() == expected.pix_y.value.tobytes()
    np.testing.assert_array_equal(geometry.pixel_area, expected.pix_area.value)
    if geometry.pixel_shape != expected.pix_type.value:
        # deviation: ctapipe takes hexagons if the file does not tell, also for square grids
        assert (geometry.pixel_shape, expected.pix_type.value) == ("square", "hexagon")
        change_shape(expected, "square")
    sky = expected.transform_to(TelescopeFrame())
    for mine, theirs in (
        (geometry.neighbors, expected),
        (geometry.neighbors_telescope_frame, sky),
    ):
        matrix = theirs.neighbor_matrix_sparse.tocsr()
        matrix.sort_indices()
        np.testing.assert_array_equal(mine[0], matrix.indptr)
        np.testing.assert_array_equal(mine[1], matrix.indices)
    np.testing.assert_array_equal(geometry.border1, sky.get_border_pixel_mask(1))
    np.testing.assert_array_equal(geometry.border2, sky.get_border_pixel_mask(2))
    radius = np.rad2deg(expected.guess_radius().value / geometry.focal_length)
    assert geometry.radius_deg == pytest.approx(radius, rel=1e-12)

    readout, other = tel.readout, reference.readout
    assert (readout.n_channels, readout.n_pixels, readout.n_samples) == (
        other.n_channels, other.n_pixels, other.n_samples,
    )  # fmt: skip
    assert readout.sampling_rate == other.sampling_rate.value
    np.testing.assert_array_equal(readout.reference_pulse, other.reference_pulse_shape)
    width = other.reference_pulse_sample_width.to_value("ns")
    assert readout.reference_pulse_sample_width == width
    np.testing.assert_allclose(
        readout.integration_correction(7, 3),
        integration_correction(
            other.reference_pulse_shape, width, (1 / other.sampling_rate).to_value("ns"), 7, 3
        ),
        rtol=1e-12, atol=0,
    )  # fmt: skip
