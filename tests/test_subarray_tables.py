"""Tables of the folder subarray/: types, keys, round trip, names as in ctapipe's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.instrument.tables import subarray_tables
from ctabatch.schemas import subarray as schemas
from ctabatch.schemas.column import description_of, unit_of
from tests.test_subarray import array, telescope

SCHEMAS = {
    "telescopes": schemas.TELESCOPES,
    "cameras": schemas.CAMERAS,
    "pixels": schemas.PIXELS,
    "optics": schemas.OPTICS,
    "readout": schemas.READOUT,
}


@pytest.fixture
def subarray() -> SubarrayDescription:
    two_gains = telescope(5)
    two_gains["camera_organization"]["n_gains"] = 2
    two_gains["camera_settings"]["mirror_area"] = 50.0
    return array(telescope(), two_gains, telescope())


def test_tables_conform_to_their_schemas(subarray: SubarrayDescription) -> None:
    tables = subarray_tables(subarray)
    assert list(tables) == list(SCHEMAS)
    for name, table in tables.items():
        assert table.schema.equals(SCHEMAS[name], check_metadata=True)
        table.validate(full=True)
        for field in table.schema:
            assert description_of(field), field.name
            assert field.nullable or table[field.name].null_count == 0, field.name


def test_every_row_starts_with_the_digest_of_its_array(subarray: SubarrayDescription) -> None:
    for table in subarray_tables(subarray).values():
        assert table.column_names[0] == "subarray_id"
        assert table["subarray_id"].unique().to_pylist() == [subarray.digest]


def test_telescopes_point_to_their_camera_and_optics(subarray: SubarrayDescription) -> None:
    tables = subarray_tables(subarray)
    telescopes = tables["telescopes"]
    assert telescopes["tel_id"].to_pylist() == [1, 2, 3]
    assert telescopes["camera_index"].to_pylist() == [0, 1, 0]
    assert telescopes["optics_index"].to_pylist() == [0, 1, 0]
    assert telescopes["tel_type"].to_pylist() == [t.tel_type for t in subarray.telescopes.values()]
    assert telescopes["pos_x"].to_numpy().astype(float).tolist() == [
        t.position[0] for t in subarray.telescopes.values()
    ]
    assert tables["cameras"]["n_pixels"].to_pylist() == [16, 25]
    assert len(tables["optics"]) == 2


def test_pixels_are_those_of_the_cameras(subarray: SubarrayDescription) -> None:
    pixels = subarray_tables(subarray)["pixels"]
    assert pixels["camera_index"].to_pylist() == [0] * 16 + [1] * 25
    geometry = subarray.telescopes[2].geometry
    second = pixels.slice(16)
    assert second["pix_id"].to_pylist() == list(range(25))
    for name, values in {
        "pix_x": geometry.pixel_x, "pix_y": geometry.pixel_y, "pix_area": geometry.pixel_area,
        "fov_lon": geometry.fov_lon, "fov_lat": geometry.fov_lat,
    }.items():  # fmt: skip
        np.testing.assert_array_equal(second[name].to_numpy(), values)
    assert np.concatenate(second["neighbors"].to_pylist()).tolist() == (
        geometry.neighbors[1].tolist()
    )


def test_readout_holds_the_reference_pulse_of_each_gain(subarray: SubarrayDescription) -> None:
    readout = subarray_tables(subarray)["readout"].to_pylist()
    assert readout[0]["reference_pulse_shape_channel0"] == [1.0] * 40
    assert readout[0]["reference_pulse_shape_channel1"] is None
    assert readout[1]["reference_pulse_shape_channel1"] == [1.0] * 40
    assert readout[0]["reference_pulse_sample_time"][:3] == [0.0, 0.5, 1.0]
    assert (readout[1]["n_channels"], readout[1]["sampling_rate"]) == (2, 0.5)


def test_missing_effective_focal_length_is_null() -> None:
    optics = subarray_tables(array(telescope(effective=None), focal_length="equivalent"))["optics"]
    assert optics["effective_focal_length"].to_pylist() == [None]


def test_array_without_telescopes_gives_empty_tables() -> None:
    for name, table in subarray_tables(array()).items():
        assert len(table) == 0
        assert table.schema.equals(SCHEMAS[name], check_metadata=True)


def test_tables_survive_parquet(subarray: SubarrayDescription, tmp_path: Path) -> None:
    for name, table in subarray_tables(subarray).items():
        pq.write_table(table, tmp_path / f"{name}.parquet")
        again = pq.read_table(tmp_path / f"{name}.parquet")
        assert again.equals(table.combine_chunks(), check_metadata=False)
        assert again.schema.metadata[b"ctabatch.table"] == name.encode()


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")
def test_columns_of_ctapipe_are_there_under_the_same_name_and_unit(
    example_files: dict[str, Path],
) -> None:
    pytest.importorskip("ctapipe")
    import astropy.units as u
    from ctapipe.io import SimTelEventSource

    [path] = (p for p in example_files.values() if p.name == "type2033.simtel.zst")
    with SimTelEventSource(path) as source:
        reference = source.subarray
    camera = reference.tel[1].camera
    for table, schema in (
        (reference.to_table("subarray"), schemas.TELESCOPES),
        (reference.to_table("optics"), schemas.OPTICS),
        (camera.geometry.to_table(), schemas.PIXELS),
        (camera.readout.to_table(), schemas.READOUT),
    ):
        for column in table.colnames:
            unit = table[column].unit or u.dimensionless_unscaled
            assert u.Unit(unit_of(schema.field(column))) == unit, column
