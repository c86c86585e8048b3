"""Cuts in files: both forms hold the same, ctapipe reads and writes FITS, damage is refused."""

import json
import warnings

import astropy.units as u
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import QTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctabatch.errors import CtabatchError, InputError, OptionError
from ctabatch.io.fits.cut_hdus import IgnoredCriteriaWarning
from ctabatch.irf.axes import Axis
from ctabatch.irf.cut_files import read_cuts, write_cuts
from ctabatch.irf.cuts import CutTable, fixed_cuts
from ctabatch.irf.optimise import optimise_cuts
from ctabatch.irf.percentile_cuts import percentile_cuts
from ctabatch.schemas.cuts import CUTS, CUTS_JSON
from tests.test_optimise import ctapipe_optimiser
from tests.toy_selection import ENERGY, background, pyirf_table, signal

AXIS = Axis("energy", np.array([0.1, 1.0, 3.0]), "TeV")
FORMS = pytest.mark.parametrize("name", ["cuts.parquet", "cuts.fits", "cuts.fits.gz"])
levels = st.lists(
    st.floats(-1, 2) | st.sampled_from([np.nan, -np.inf]), min_size=2, max_size=2
).map(np.array)
whole = st.lists(st.integers(0, 10**9), min_size=2, max_size=2).map(np.array)
words = st.text("abcdefg '&/\"_0=1", min_size=1, max_size=150).map(str.strip).filter(bool)
texts = st.dictionaries(words, words, max_size=3)
tables = st.builds(
    CutTable,
    st.just(AXIS),
    levels,
    st.none() | levels,
    st.none() | whole,
    st.dictionaries(words, st.sampled_from(["a > 1", "a < 3 AND b > 2", "x IS NOT NULL"])),
    st.tuples(st.floats(0, 0.9), st.floats(1.0, 3.0)),
    st.none() | whole,
    st.none() | levels,
    st.none(),
    texts,
    texts,
)


def assert_same(found, expected):
    assert np.array_equal(found.energy.edges, expected.energy.edges)
    for name in ("gammaness", "theta", "multiplicity", "n_events", "gammaness_efficiency",
                 "theta_efficiency"):  # fmt: skip
        values, wanted = getattr(found, name), getattr(expected, name)
        assert (values is None) == (wanted is None), name
        if wanted is not None:
            np.testing.assert_array_equal(values, wanted, err_msg=name)
            assert values.dtype == wanted.dtype
    for name in ("quality", "models", "info", "valid_energy"):
        assert getattr(found, name) == getattr(expected, name), name


@FORMS
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(cuts=tables)
def test_what_is_read_is_what_was_written(name, tmp_path, cuts):
    write_cuts(tmp_path / name, cuts)
    assert_same(read_cuts(tmp_path / name), cuts)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@FORMS
def test_optimised_cuts_survive_a_file_and_select_the_same(name, tmp_path):
    gammas, hadrons = signal(), background()
    quality = {"well seen": "multiplicity >= 2 AND gammaness > 0.01"}
    found = optimise_cuts(gammas.lazy(), hadrons.lazy(), ENERGY, quality=quality,
                          models={"prefix": "Toy", "gammaness": "0123abcd"}).cuts  # fmt: skip
    write_cuts(tmp_path / name, found)
    read = read_cuts(tmp_path / name)
    assert_same(read, found)
    assert read.apply(gammas.lazy()).collect().equals(found.apply(gammas.lazy()).collect())
    with pytest.raises(InputError, match="gammaness 0123abcd"):
        read.check_models({"gammaness": "9999"})


def test_the_table_states_units_and_null_for_no_cut(tmp_path):
    write_cuts(tmp_path / "cuts.parquet", CutTable(AXIS, np.array([0.5, np.nan])))
    table = pq.read_table(tmp_path / "cuts.parquet")
    assert table.schema.names == CUTS.names
    assert table["gammaness"].to_pylist() == [0.5, None]
    assert table["theta"].null_count == 2
    assert table.schema.field("theta").metadata[b"unit"] == b"deg"
    plain = pl.read_parquet(tmp_path / "cuts.parquet")
    assert plain["energy_hi"].to_list() == [1.0, 3.0]


def test_a_folder_of_responses_stands_for_its_cuts(tmp_path):
    write_cuts(tmp_path / "cuts.parquet", fixed_cuts(AXIS, 0.5, 0.1, 3))
    assert_same(read_cuts(tmp_path), fixed_cuts(AXIS, 0.5, 0.1, 3))


def test_a_second_file_replaces_the_first(tmp_path):
    for level in (0.5, 0.6):
        for name in ("cuts.parquet", "cuts.fits"):
            write_cuts(tmp_path / name, fixed_cuts(AXIS, level))
            assert read_cuts(tmp_path / name).gammaness[0] == level
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("unit", [u.TeV, u.GeV])
def test_cuts_of_ctapipe_are_read_but_never_its_python(tmp_path, unit):
    theirs = ctapipe_optimiser("PercentileCuts")(
        {"signal": pyirf_table(signal())}, [("many", "multiplicity > 2"), ("all", "True")], "Toy"
    )
    for table in (theirs.gh_cuts, theirs.spatial_selection_table):
        for name in ("low", "high", "center"):
            table[name] = table[name].to(unit)
    theirs.spatial_selection_table["cut"] = theirs.spatial_selection_table["cut"].to(u.arcmin)
    theirs.write(tmp_path / "theirs.fits")
    with pytest.warns(IgnoredCriteriaWarning, match=r"never run here: many \(multiplicity > 2\)\."):
        found = read_cuts(tmp_path / "theirs.fits")
    axis = Axis("energy", np.append(theirs.gh_cuts["low"], theirs.gh_cuts["high"][-1]).value, "")
    expected = percentile_cuts(signal().lazy(), ENERGY)
    assert np.allclose(found.energy.edges, (axis.edges * unit).to_value(u.TeV), rtol=1e-14)
    assert found.quality == {}
    assert found.models == {"prefix": "Toy"}
    np.testing.assert_array_equal(found.n_events, expected.n_events)
    np.testing.assert_allclose(found.gammaness, expected.gammaness, rtol=1e-14)
    np.testing.assert_allclose(found.theta, expected.theta, rtol=1e-14)


def test_ctapipe_reads_our_cuts_if_there_are_no_criteria(tmp_path):
    from ctapipe.irf.optimize import OptimizationResult

    ours = percentile_cuts(signal().lazy(), ENERGY, models={"prefix": "Toy"})
    write_cuts(tmp_path / "cuts.fits", ours)
    with fits.open(tmp_path / "cuts.fits") as hdus:
        assert [hdu.name for hdu in hdus] == [
            "PRIMARY", "QUALITY_CUTS_EXPR", "GH_CUTS", "VALID_ENERGY", "VALID_OFFSET", "RAD_MAX",
        ]  # fmt: skip
    # ctapipe cannot compile the blank criterion that it writes itself in place of none
    with fits.open(tmp_path / "cuts.fits", mode="update") as hdus:
        hdus[1] = fits.BinTableHDU(
            QTable({"name": ["all"], "cut_expr": ["True"]}), name="QUALITY_CUTS_EXPR"
        )
    theirs = OptimizationResult.read(tmp_path / "cuts.fits")
    assert theirs.clf_prefix == "Toy"
    assert np.array_equal(theirs.gh_cuts["cut"], ours.gammaness)
    assert np.array_equal(theirs.spatial_selection_table["cut"].to_value(u.deg), ours.theta)
    assert np.array_equal(theirs.gh_cuts["low"].to_value(u.TeV), ENERGY.lo)
    assert float(theirs.valid_energy.max.to_value(u.TeV).squeeze()) == 150


def test_ctapipe_refuses_our_criteria_instead_of_leaving_them_out(tmp_path):
    from ctapipe.irf.optimize import OptimizationResult

    quality = {"wide": "width < 1 AND length < 2"}
    write_cuts(tmp_path / "cuts.fits", fixed_cuts(AXIS, 0.5, 0.1, quality=quality))
    # 0.28 takes the SQL for Python; later versions look for their own extension
    with pytest.raises(Exception, match=r"width < 1 AND length < 2|QUALITY_CUTS_EXPR"):
        OptimizationResult.read(tmp_path / "cuts.fits")


def test_files_of_something_else_are_refused(tmp_path):
    fits.HDUList([fits.PrimaryHDU()]).writeto(tmp_path / "x.fits")
    signal(5).write_parquet(tmp_path / "x.parquet")
    (tmp_path / "y.parquet").write_text("text")
    (tmp_path / "y.fits").write_text("text")
    for name, message in {
        "x.fits": "HDU GH_CUTS is missing", "x.parquet": "no table of cuts",
        "y.parquet": "no readable Parquet", "y.fits": "no readable FITS", "z.fits": "no such file",
    }.items():  # fmt: skip
        with pytest.raises(InputError, match=message) as caught:
            read_cuts(tmp_path / name)
        assert name in str(caught.value)
    with pytest.raises(InputError, match="no such file"):
        read_cuts(tmp_path / "folder")
    with pytest.raises(OptionError, match="written to"):
        write_cuts(tmp_path / "cuts.h5", fixed_cuts(AXIS, 0.5))
    with pytest.raises(InputError, match="write Parquet instead"):
        write_cuts(tmp_path / "a.fits", fixed_cuts(AXIS, 0.5, quality={"größer": "a > 1"}))
    assert not (tmp_path / "a.fits").exists()


def changed(tmp_path, change):
    """A file of cuts whose table and JSON went through a function."""
    path = tmp_path / "cuts.parquet"
    write_cuts(path, fixed_cuts(AXIS, 0.5, 0.1, 3, quality={"many": "multiplicity > 2"}))
    table = pq.read_table(path)
    frame, content = change(pl.from_arrow(table), json.loads(table.schema.metadata[CUTS_JSON]))
    metadata = {CUTS_JSON: json.dumps(content).encode()}
    pq.write_table(frame.to_arrow().replace_schema_metadata(metadata), path)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, c: (t.with_columns(energy_lo=pl.lit(0.1)), c), "without gaps"),
        (lambda t, c: (t.with_columns(energy_lo=pl.lit(None, pl.Float64)), c), "gaps|finite|null"),
        (lambda t, c: (t.head(0), c), "gaps"),
        (lambda t, c: (t.drop("theta"), c), "columns are not those of cuts"),
        (lambda t, c: (t, {**c, "columns": ["theta"]}), "no cut in gammaness"),
        (lambda t, c: (t, {**c, "columns": 3}), "damaged"),
        (lambda t, c: (t, {**c, "valid_energy": [5, 9]}), "valid energies"),
        (lambda t, c: (t, {**c, "valid_energy": ["a", "b"]}), "damaged"),
        (lambda t, c: (t, {**c, "quality": {"evil": "__import__('os').system('x')"}}), "not valid"),
        (lambda t, c: (t, {**c, "quality": ["a > 1"]}), "damaged"),
        (lambda t, c: (t, [c]), "damaged"),
    ],
)
def test_damaged_tables_are_refused_with_the_name_of_the_file(tmp_path, change, message):
    path = changed(tmp_path, change)
    with pytest.raises(InputError, match=message) as caught:
        read_cuts(path)
    assert str(path) in str(caught.value)


def test_fits_tables_with_different_bins_are_refused(tmp_path):
    write_cuts(tmp_path / "cuts.fits", fixed_cuts(AXIS, 0.5, 0.1))
    with fits.open(tmp_path / "cuts.fits", mode="update") as hdus:
        hdus["RAD_MAX"].data["low"] *= 1.5
        hdus["RAD_MAX"].data["high"] *= 1.5
    with pytest.raises(InputError, match=r"cuts.fits: cuts in theta have other energy bins"):
        read_cuts(tmp_path / "cuts.fits")


@FORMS
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), cut=st.booleans())
def test_flipped_bytes_and_cut_files_give_cuts_or_an_error_of_ours(
    name, tmp_path, place, byte, cut
):
    good, bad = tmp_path / f"good_{name}", tmp_path / f"bad_{name}"
    if not good.exists():
        write_cuts(good, fixed_cuts(AXIS, 0.5, 0.1, 3, quality={"many": "multiplicity > 2"}))
    content = bytearray(good.read_bytes())
    where = int(place * len(content))
    content[where] = byte
    bad.write_bytes(bytes(content[:where] if cut else content))
    message = str(bad)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IgnoredCriteriaWarning)
        try:
            read_cuts(bad)
        except CtabatchError as error:
            message = str(error)
    assert str(bad) in message
