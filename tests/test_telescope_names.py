"""Names of telescopes, against ctapipe's way of naming them."""

from __future__ import annotations

import pytest

from ctabatch.instrument.names import (
    KNOWN_BY_TILES,
    KNOWN_TELESCOPES,
    name_telescope,
    size_type_of,
)

LST_META = {
    b"OPTICS_CONFIG_NAME": b"LST",
    b"CAMERA_CONFIG_NAME": b"LSTcam",
    b"MIRROR_CLASS": b"0 ",
    b"PARABOLIC_DISH": b"1 ",
}


def test_names_in_the_metadata_win_over_the_table() -> None:
    names = name_telescope(LST_META, 1855, 16.0, 198, 386.7)
    assert names == ("LST", "LST", "LSTcam", 1, "PARABOLIC")


@pytest.mark.parametrize("missing", [b"OPTICS_CONFIG_NAME", b"CAMERA_CONFIG_NAME", b"MIRROR_CLASS"])
def test_metadata_without_one_of_the_names_are_not_used(missing: bytes) -> None:
    meta = {key: value for key, value in LST_META.items() if key != missing}
    assert name_telescope(meta, 1855, 28.0, 198, 386.7).camera_name == "LSTCam"


@pytest.mark.parametrize(
    ("more", "shape"),
    [
        ({b"PARABOLIC_DISH": b"0 "}, "DAVIES_COTTON"),
        ({b"PARABOLIC_DISH": b"0 ", b"DISH_SHAPE_Length": b"1920 ", b"FOCAL_Length": b"1600 "},
         "HYBRID"),
        ({b"PARABOLIC_DISH": b"0", b"DISH_SHAPE_Length": b"1600", b"FOCAL_Length": b"1600.0"},
         "DAVIES_COTTON"),
        ({b"PARABOLIC_DISH": b"", b"FOCAL_Length": b"garbage"}, "DAVIES_COTTON"),
        ({b"MIRROR_CLASS": b"1"}, "UNKNOWN"),
        ({b"MIRROR_CLASS": b"2"}, "SCHWARZSCHILD_COUDER"),
    ],
)  # fmt: skip
def test_reflector_shape_follows_the_metadata(more: dict[bytes, bytes], shape: str) -> None:
    names = name_telescope(LST_META | more, 1855, 28.0, 198, 386.7)
    assert names.reflector_shape == shape
    assert names.n_mirrors == (2 if shape == "SCHWARZSCHILD_COUDER" else 1)


def test_mirror_class_that_is_no_number_falls_back_to_the_table() -> None:
    assert name_telescope(LST_META | {b"MIRROR_CLASS": b"x"}, 1764, 16.0, 84, 104).camera_name == (
        "FlashCam"
    )


def test_number_of_tiles_tells_the_magic_telescopes_apart() -> None:
    assert name_telescope({}, 1039, 17.0, 247, 230.0).optics_name == "MAGIC-2"
    assert name_telescope({}, 1039, 17.0, 964, 230.0).optics_name == "MAGIC-1"
    assert name_telescope({}, 1039, 17.0, 1, 230.0).optics_name == "UNKNOWN-230M2"


def test_unknown_telescope_is_named_after_its_size() -> None:
    names = name_telescope({}, 7987, 28.0, 198, 386.733)
    assert names == ("LST", "UNKNOWN-387M2", "UNKNOWN-7987PX", -1, "UNKNOWN")


@pytest.mark.parametrize(
    ("area", "size"), [(0.0, "SST"), (50.2, "SST"), (50.3, "MST"), (201.0, "MST"), (201.1, "LST")]
)
def test_size_follows_from_the_mirror_area(area: float, size: str) -> None:
    assert size_type_of(area) == size


def test_table_of_known_telescopes_agrees_with_ctapipe() -> None:
    guess = pytest.importorskip("ctapipe.instrument.guess")
    theirs = {
        tuple(k for k in key if k is not None): (
            result.type, result.name, result.camera_name, result.n_mirrors,
            result.reflector_shape.value,
        )
        for key, result in guess.TELESCOPE_NAMES
    }  # fmt: skip
    assert theirs == {**KNOWN_TELESCOPES, **KNOWN_BY_TILES}


@pytest.mark.parametrize("focal_length", [2.283, 5.5863, 27.9951, 28.004, 16.97, 15.0, 3.1])
@pytest.mark.parametrize("n_pixels", [1039, 1855, 2048, 960, 11328])
def test_name_without_metadata_agrees_with_ctapipe(n_pixels: int, focal_length: float) -> None:
    guess = pytest.importorskip("ctapipe.instrument.guess")
    try:
        theirs = guess.guess_telescope(n_pixels, focal_length, 247)
    except ValueError:
        theirs = guess.unknown_telescope(103.8, n_pixels)
    mine = name_telescope({}, n_pixels, focal_length, 247, 103.8)
    assert (mine.size_type, mine.optics_name, mine.camera_name, mine.n_mirrors) == (
        theirs.type, theirs.name, theirs.camera_name, theirs.n_mirrors,
    )  # fmt: skip
