"""Event tables of other pipelines as event frames: FITS, HDF5 and Parquet."""

import contextlib
import gzip
import math
import resource
import warnings
from pathlib import Path

import astropy.units as u
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tables
from astropy.io import fits
from astropy.table import QTable, meta, serialize
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.errors import CtabatchError, InputError, OptionError
from ctabatch.io import event_tables
from ctabatch.io.event_tables import open_table
from ctabatch.irf.column_map import NEEDED, UNITS, column_map, resolve
from ctabatch.irf.derived import with_derived
from ctabatch.irf.foreign import NoUnitWarning, foreign_events, open_foreign
from tests.foreign_tables import MAP, columns, write_fits

NAMES = {"true_energy": "MC_ENERGY", "reco_alt": "ALT", "gammaness": "GH_MVA"}


@pytest.fixture(scope="module")
def rows():
    return columns(200_000)


@pytest.fixture(scope="module")
def file(tmp_path_factory, rows):
    return write_fits(tmp_path_factory.mktemp("fits") / "gammas.fits", rows)


def test_a_fits_table_becomes_an_event_frame(file, rows):
    frame = foreign_events(file, MAP).collect(engine="streaming")
    for name, source in NAMES.items():
        np.testing.assert_array_equal(frame[name].to_numpy(), rows[source].astype(np.float32))
    assert frame["multiplicity"].to_list() == rows["MULTIP"].tolist()
    # OBS_ID and EVENT_ID are found without the map, as int64
    assert frame["obs_id"].dtype == frame["event_id"].dtype == pl.Int64
    assert frame["event_id"].to_list() == rows["EVENT_ID"].tolist()
    # vectors and strings are left out
    assert not {"MC_CORE", "CLASS"} & set(frame.columns)


def test_azimuths_of_any_turn_come_as_0_to_360(file, rows):
    assert (rows["MC_AZ"] < 0).any()
    frame = foreign_events(file, MAP).collect()
    for name, source in (("true_az", "MC_AZ"), ("reco_az", "AZ"), ("pointing_az", "PNT_AZ")):
        found = frame[name].to_numpy()
        assert ((found >= 0) & (found < 360)).all()
        # no digit of the float32 is lost: back in the old turn it is the same
        back = np.where(found > 180, found - 360, found).astype(np.float32)
        np.testing.assert_array_equal(back, rows[source].astype(np.float32))


def test_the_compressed_file_gives_the_same(file, tmp_path):
    packed = tmp_path / "gammas.fits.gz"
    with Path(file).open("rb") as plain:
        packed.write_bytes(gzip.compress(plain.read()))
    one, other = (foreign_events(str(f), MAP).collect() for f in (file, packed))
    assert one.equals(other)


def test_small_blocks_give_the_same_rows(file, monkeypatch):
    whole = foreign_events(file, MAP).collect()
    monkeypatch.setattr("ctabatch.io.fits.binary_tables.BLOCK", 7777)
    assert foreign_events(file, MAP).collect(engine="streaming").equals(whole)
    assert (
        foreign_events(file, MAP)
        .filter(pl.col("reco_energy") > 1)
        .collect()
        .equals(whole.filter(pl.col("reco_energy") > 1))
    )
    assert foreign_events(file, MAP).head(500).collect().equals(whole.head(500))
    assert foreign_events(file, MAP).select(pl.len()).collect().item() == whole.height


def test_columns_without_a_unit_are_taken_as_tev_and_deg_with_a_warning(tmp_path, rows):
    path = write_fits(tmp_path / "x.fits", rows, units=False)
    with pytest.warns(NoUnitWarning, match="TeV and deg: MC_ENERGY, MC_ALT"):
        frame = foreign_events(path, MAP)
    np.testing.assert_array_equal(
        frame.collect()["true_energy"].to_numpy(), rows["MC_ENERGY"].astype(np.float32)
    )


def table_of(tmp_path, kind, rows, units):
    """One table in one of the formats, with units; returns its address."""
    path = tmp_path / f"events.{kind}"
    if kind == "fits":
        made = [fits.Column(n, "D", units.get(n), array=v) for n, v in rows.items()]
        fits.BinTableHDU.from_columns(made).writeto(path)
    elif kind == "parquet":
        fields = [
            pa.field(n, pa.float64(), metadata={"unit": units[n]} if n in units else None)
            for n in rows
        ]
        pq.write_table(pa.table(list(rows.values()), pa.schema(fields)), path)
    elif kind == "astropy.h5":
        # what astropy writes with serialize_meta, without h5py
        quantities = {n: v * u.Unit(units[n]) if n in units else v for n, v in rows.items()}
        table = serialize.represent_mixins_as_columns(QTable(quantities))
        lines = np.array([line.encode() for line in meta.get_yaml_from_table(table)])
        with tables.open_file(path, "w") as h5, warnings.catch_warnings():
            warnings.simplefilter("ignore", tables.NaturalNameWarning)
            h5.create_table("/data", "events", table.as_array(), createparents=True)
            h5.create_array("/data", "events.__table_column_meta__", lines)
    else:
        dtype = [(n, "<f8" if kind == "ctapipe.h5" else ">f8") for n in rows]
        data = np.rec.fromarrays(list(rows.values()), dtype=dtype)
        with tables.open_file(path, "w") as h5:
            table = h5.create_table("/dl2", "events", data, createparents=True)
            for k, name in enumerate(rows):
                if name not in units:
                    continue
                if kind == "ctapipe.h5":
                    table.attrs[f"CTAFIELD_{k}_NAME"] = name
                    table.attrs[f"CTAFIELD_{k}_UNIT"] = units[name]
                else:
                    table.attrs[f"{name}_UNIT"] = units[name]
    return str(path)


KINDS = ("fits", "parquet", "astropy.h5", "ctapipe.h5", "older.h5")


@pytest.mark.parametrize("kind", KINDS)
def test_units_are_converted(tmp_path, kind):
    given = {"true_energy": "GeV", "reco_energy": "MeV"} | dict.fromkeys(
        (n for n in UNITS if "energy" not in n), "rad"
    )
    rows = dict.fromkeys(UNITS, np.array([0.5, 0.75]))
    rows |= {"true_energy": np.array([500.0, 2000.0]), "reco_energy": np.array([4e5, 3e6])}
    frame = foreign_events(table_of(tmp_path, kind, rows, given)).collect()
    assert frame["true_energy"].to_list() == pytest.approx([0.5, 2.0])
    assert frame["reco_energy"].to_list() == pytest.approx([0.4, 3.0])
    for name in UNITS:
        if "energy" not in name:
            assert frame[name].to_list() == pytest.approx(np.degrees([0.5, 0.75]))
    # without keys the events are numbered
    assert frame["obs_id"].to_list() == [0, 0]
    assert frame["event_id"].to_list() == [0, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_unit_of_the_wrong_kind_is_refused(tmp_path, kind):
    rows = dict.fromkeys(UNITS, np.array([50.0, 60.0]))
    units = dict.fromkeys(UNITS, "deg") | {"true_energy": "TeV", "reco_energy": "m"}
    path = table_of(tmp_path, kind, rows, units)
    with pytest.raises(InputError, match=r"column reco_energy .*unit 'm' is no TeV"):
        foreign_events(path)
    units["reco_energy"] = "furlong"
    (tmp_path / "two").mkdir()
    if kind != "astropy.h5":
        with pytest.raises(InputError, match="unknown unit 'furlong'"):
            foreign_events(table_of(tmp_path / "two", kind, rows, units))


def test_radians_without_a_unit_are_refused(tmp_path):
    rows = dict.fromkeys(UNITS, np.array([1.2, 1.3]))
    path = table_of(tmp_path, "older.h5", rows, {})
    with pytest.raises(InputError, match=r"is in rad, not deg.*DEGREES\(pointing_alt\)"):
        foreign_events(path)
    angles = ",".join(f"{n}=DEGREES({n})" for n in UNITS if "energy" not in n)
    with pytest.warns(NoUnitWarning, match="true_energy, reco_energy"):
        frame = foreign_events(path, angles).collect()
    assert frame["pointing_alt"].to_list() == pytest.approx(np.degrees([1.2, 1.3]))


def test_all_missing_columns_stand_in_one_message(file):
    with pytest.raises(OptionError) as caught:
        foreign_events(file, "true_energy=MC_ENERGI,reco_alt=ALT", needed=(*NEEDED, "gammaness"))
    text = str(caught.value)
    for name in ("true_alt", "true_az", "reco_az", "pointing_alt", "pointing_az", "gammaness"):
        if name != "reco_az":
            assert f"{name} is not in the map" in text
    assert "true_energy=MC_ENERGI: no such column, did you mean MC_ENERGY" in text
    assert "reco_energy is not in the map" in text


def test_a_quantity_may_be_an_expression(file, rows):
    text = MAP.replace("gammaness=GH_MVA", 'gammaness=POWER(1 - "GH_MVA", 2)')
    frame = foreign_events(file, text + ",impact=SQRT(MULTIP)").collect()
    np.testing.assert_allclose(
        frame["gammaness"], (1 - rows["GH_MVA"].astype(np.float32)) ** 2, atol=1e-6
    )
    assert frame["impact"][0] == pytest.approx(math.sqrt(rows["MULTIP"][0]))
    with pytest.raises(OptionError, match="column in 'gammaness': 'GH_MV'"):
        foreign_events(file, MAP.replace("GH_MVA", "1 - GH_MV"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("true_energy", "is not of the form quantity=COLUMN"),
        ("true_energy=", "is not of the form"),
        ("true_energy=A,true_energy=B", "true_energy is given twice"),
        ("true_enrgy=A", "Did you mean 'true_energy'"),
        ("gammaness=POWER(A", "left open"),
        ("gammaness='A", "left open"),
    ],
)
def test_a_wrong_map_is_refused(text, message):
    with pytest.raises(OptionError, match=message):
        column_map(text)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,3}", fullmatch=True),
        st.sampled_from(["A", '"b,c"', "POWER(a, 2)", "GREATEST(a, POWER(b, 2))", "x = ','", "1"]),
        max_size=6,
    ),
    st.sampled_from([",", " , "]),
)
def test_a_map_is_read_as_it_was_written(mapping, comma):
    assert column_map(comma.join(f"{k}={v}" for k, v in mapping.items())) == mapping


@given(st.text(max_size=40))
def test_no_text_of_a_map_breaks_the_parser(text):
    try:
        found = column_map(text)
    except OptionError:
        return
    assert all(name.isidentifier() and source for name, source in found.items())


def test_names_in_upper_case_are_found_but_not_two_alike():
    assert resolve({}, ["OBS_ID", "Event_Id"], (), "x") == {
        "obs_id": "OBS_ID",
        "event_id": "Event_Id",
    }
    assert resolve({}, ["OBS_ID", "Obs_Id"], (), "x") == {}


@pytest.mark.parametrize("hdu", ["EVENTS", "events", "1"])
def test_a_table_is_named_by_name_or_number(file, hdu):
    assert open_table(f"{file}[{hdu}]").address == f"{file}[EVENTS]"


def test_tables_that_do_not_exist_are_refused_with_those_that_do(file, tmp_path):
    with pytest.raises(InputError, match="no table 'DL2'; its tables: 1 EVENTS, 2 SIMULATED"):
        open_table(f"{file}[DL2]")
    path = table_of(tmp_path, "older.h5", {"a": np.zeros(2)}, {})
    with pytest.raises(InputError, match="no table '/dl1'; its tables: /dl2/events"):
        open_table(f"{path}::dl1")
    assert open_table(path).address == open_table(f"{path}::/dl2/events").address
    path = table_of(tmp_path, "parquet", {"a": np.zeros(2)}, {})
    with pytest.raises(InputError, match="a Parquet file has one table"):
        open_table(f"{path}::a")


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x1f\x8b", gzip.compress(b"hello world", mtime=0)]
)
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(InputError, match=str(path)):
        open_table(str(path))
    with pytest.raises(InputError, match="not readable"):
        open_table(str(tmp_path / "none"))


@given(data=st.data())
def test_a_damaged_fits_file_is_refused_or_read(file, tmp_path_factory, data):
    with Path(file).open("rb") as whole:
        content = bytearray(whole.read())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 12_000))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    path = tmp_path_factory.mktemp("damage") / "x.fits"
    path.write_bytes(content)
    with warnings.catch_warnings(), contextlib.suppress(CtabatchError):
        warnings.simplefilter("ignore")  # of astropy on the header, and of missing units
        foreign_events(str(path), MAP).collect()


def test_a_truncated_table_tells_its_last_row(file, tmp_path):
    with Path(file).open("rb") as whole:
        content = whole.read()
    path = tmp_path / "x.fits"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"ends after row [\d,]+ of [\d,]+; it is truncated"):
        foreign_events(str(path), MAP).collect()


def test_scaled_unsigned_null_and_truth_columns_are_what_astropy_says(tmp_path):
    path = tmp_path / "x.fits"
    made = [
        fits.Column("u2", "I", bzero=2**15, array=np.array([0, 40_000, 65_535], np.uint16)),
        fits.Column("u8", "K", bzero=2**63, array=np.array([0, 2**63, 2**64 - 1], np.uint64)),
        fits.Column("i1", "B", bzero=-128, array=np.array([-128, 0, 127], np.int8)),
        fits.Column("scaled", "J", array=np.array([1, 2, 14])),
        fits.Column("nulls", "J", null=-1, array=np.array([1, -1, 3])),
        fits.Column("truth", "L", array=np.array([True, False, True])),
    ]
    hdu = fits.BinTableHDU.from_columns(made)
    hdu.header["TSCAL4"], hdu.header["TZERO4"] = 0.5, 3.0
    hdu.writeto(path)
    found = open_table(str(path))
    frame = pl.DataFrame(pl.from_arrow(found.read(found.columns)))
    assert frame["u2"].to_list() == [0, 40_000, 65_535]
    assert frame["u8"].to_list() == [0, 2**63, 2**64 - 1]
    assert frame["i1"].to_list() == [-128, 0, 127]
    assert frame["scaled"].to_list() == [3.5, 4.0, 10.0]
    assert frame["nulls"].to_list() == [1, None, 3]
    assert frame["truth"].to_list() == [True, False, True]
    with fits.open(path) as hdus:
        for name in ("u2", "u8", "i1", "scaled", "truth"):
            np.testing.assert_array_equal(hdus[1].data[name], frame[name])


def test_hdf5_without_pytables_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "x.h5"
    with tables.open_file(path, "w") as h5:
        h5.create_table("/", "a", np.zeros(2, [("x", "f8")]))
    monkeypatch.setitem(__import__("sys").modules, "tables", None)
    with pytest.raises(InputError, match=r"pip install 'ctabatch\[hdf5\]'"):
        open_table(str(path))


def test_derived_columns_of_single_precision_are_exact(file, rows):
    frame = with_derived(foreign_events(file, MAP), ["theta", "true_offset"]).collect()
    single = {n: v.astype(np.float32).astype(float) for n, v in rows.items() if v.dtype == float}
    from astropy.coordinates import angular_separation

    for name, pair in (("theta", ("MC_", "")), ("true_offset", ("MC_", "PNT_"))):
        radians = [np.radians(single[f"{p}{a}"]) for p in pair for a in ("AZ", "ALT")]
        expected = np.degrees(angular_separation(*radians))
        np.testing.assert_allclose(frame[name], expected, atol=1e-12)


def test_millions_of_rows_are_read_in_bounded_memory(tmp_path):
    # 4 million rows of 60 bytes are 240 MB; at most a few blocks of 8 MB may be held
    path = tmp_path / "large.fits"
    part = columns(200_000, pointing=(70.0, 180.0))
    n = len(part["ENERGY"])
    write_fits(path, part, tables=False)
    with fits.open(path) as hdus:
        header, data = hdus[1].header.copy(), hdus[1].data.tobytes()
    times = math.ceil(4_000_000 / n)
    header["NAXIS2"] = n * times
    with path.open("wb") as out:
        out.write(fits.PrimaryHDU().header.tostring().encode())
        out.write(header.tostring().encode())
        for _ in range(times):
            out.write(data)
        out.write(b"\0" * (-len(data) * times % 2880))
    foreign_events(str(path), MAP).head(10).collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total = 0
    query = foreign_events(str(path), MAP).select("true_energy", "true_alt", "pointing_az")
    for batch in query.collect_batches(engine="streaming"):
        total += batch.height
    assert total == n * times
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert path.stat().st_size > 200e6
    assert grown < 150_000, f"{grown} KiB"


def test_the_default_block_is_what_the_documents_say():
    assert event_tables.BLOCK == 8 << 20


def test_what_was_assumed_is_told(tmp_path, rows):
    found = open_foreign(write_fits(tmp_path / "x.fits", rows, units=False), MAP)
    assert "MC_ENERGY" in found.notes[0]
    assert found.columns["true_energy"] == "MC_ENERGY"
