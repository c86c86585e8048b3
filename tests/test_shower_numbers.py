"""Numbers of simulated showers: stated, read from tables, and of the runs of a dataset."""

import contextlib

import astropy.units as u
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

import ctabatch
from ctabatch.cli.main import run
from ctabatch.errors import CtabatchError, InputError, OptionError
from ctabatch.irf.simulated import SimulatedShowers, parse_simulated
from ctabatch.irf.simulated_energies import simulated_histogram
from ctabatch.irf.simulated_runs import combined, showers_of_runs
from tests.foreign_tables import SHOWERS, columns, write_fits
from tests.test_spectra import pyirf_info

TEXT = "n_showers=8e7,energy_min=0.003,energy_max=330,index=-2,max_impact=1900,viewcone_max=10"


def test_showers_are_stated_in_one_line():
    found = parse_simulated(TEXT)
    assert found == SimulatedShowers(8e7, 0.003, 330, -2, 1900, 0, 10)
    assert found.is_diffuse
    text = ",".join(f"{key}={value!r}" for key, value in found.record().items())
    assert parse_simulated(text) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n_showers=8e7", "missing energy_min=, energy_max=, index=, max_impact="),
        (TEXT.replace("n_showers", "n_shower"), "Did you mean 'n_showers'"),
        (TEXT + ",index=-2", "index is given twice"),
        (TEXT + ",spectral_index=-2", "spectral_index is given twice"),
        (TEXT.replace("8e7", "many"), "n_showers='many' is no number"),
        (TEXT.replace("=8e7", ""), "'n_showers' has no value"),
    ],
)
def test_wrong_text_is_refused(text, message):
    with pytest.raises(OptionError, match=message):
        parse_simulated(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("n_showers=8e7", "n_showers=0"), "n_showers 0 must be above 0"),
        (("energy_min=0.003", "energy_min=400"), "energies 400 to 330 TeV are no range"),
        (("index=-2", "index=2"), "index 2 must be below 0"),
        (("max_impact=1900", "max_impact=-1"), "max_impact -1 m must be above 0"),
        (("viewcone_max=10", "viewcone_max=-1"), "view cone 0 to -1 deg is none"),
        (("n_showers=8e7", "n_showers=inf"), "not finite"),
        (("index=-2", "index=nan"), "not finite"),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        parse_simulated(TEXT.replace(*change))


@given(st.text(alphabet="n_showers=,e1-. indexmaptbl", max_size=60))
def test_no_text_breaks_the_parser(text):
    with contextlib.suppress(CtabatchError):
        parse_simulated(text)


@pytest.mark.parametrize("index", [-2.0, -2.7, -1.0])
def test_expected_showers_are_those_of_pyirf(index):
    showers = SimulatedShowers(8e7, 0.003, 330, index, 1900, 0, 10)
    edges = np.geomspace(0.001, 1000, 40)
    if index == -1.0:  # pyirf divides by 0
        inside = np.clip(edges, 0.003, 330)
        expected = 8e7 * np.diff(np.log(inside)) / np.log(330 / 0.003)
    else:
        expected = pyirf_info(showers).calculate_n_showers_per_energy(edges * u.TeV)
    np.testing.assert_allclose(
        showers.expected_in(edges[:-1], edges[1:]), expected, rtol=1e-10, atol=1e-6
    )
    # the density integrates to the same: 1e-4 by the width of the steps
    fine = np.geomspace(0.01, 0.1, 2001)
    middle = np.sqrt(fine[1:] * fine[:-1])
    total = (showers.per_energy(middle) * np.diff(fine)).sum()
    assert total == pytest.approx(showers.expected_in([0.01], [0.1])[0], rel=1e-4)


def test_numbers_by_energy_are_read_from_a_fits_table(tmp_path):
    path = write_fits(tmp_path / "x.fits", columns(2000), factor=3)
    counts = simulated_histogram(f"{path}[SIMULATED EVENTS]")
    assert counts.total == pytest.approx(3 * SHOWERS.n_showers)
    # a table of counts drawn from the power law gives what the power law gives, within and
    # between the bins; single-precision edges
    found = parse_simulated(f"table={path}[2],max_impact=1900,index=-2,viewcone_max=10")
    assert (found.energy_min, found.energy_max) == pytest.approx((0.003, 330), rel=1e-6)
    edges = np.geomspace(0.002, 400, 57)
    expected = 3 * SHOWERS.expected_in(edges[:-1], edges[1:])
    np.testing.assert_allclose(found.expected_in(edges[:-1], edges[1:]), expected, rtol=1e-5)
    energy = np.geomspace(0.0031, 329, 50)
    np.testing.assert_allclose(found.per_energy(energy), 3 * SHOWERS.per_energy(energy), rtol=1e-5)
    assert found.per_energy(np.array([0.001, 500.0])).tolist() == [0, 0]
    scaled = parse_simulated(f"table={path}[2],max_impact=1900,index=-2,n_showers=4e5")
    assert scaled.expected_in([0.003], [330]) == pytest.approx(4e5, rel=1e-5)


def test_numbers_by_energy_are_read_from_a_parquet_table_in_gev(tmp_path):
    fields = [
        pa.field("energy_lo", pa.float64(), metadata={"unit": "GeV"}),
        pa.field("energy_hi", pa.float64(), metadata={"unit": "GeV"}),
        pa.field("n_events", pa.int64()),
    ]
    data = [[1000.0, 100.0], [10_000.0, 1000.0], [5, 50]]
    pq.write_table(pa.table(data, pa.schema(fields)), tmp_path / "x.parquet")
    counts = simulated_histogram(str(tmp_path / "x.parquet"))
    assert counts.lo.tolist() == pytest.approx([0.1, 1.0])
    assert counts.number.tolist() == [50, 5]
    assert counts.between(np.array([0.1, 1.0]), np.array([1.0, 10.0]), -2.0).tolist() == (
        pytest.approx([50, 5])
    )


@pytest.mark.parametrize(
    ("lo", "hi", "n", "message"),
    [
        ([1.0, 3.0], [2.0, 4.0], [1, 1], "overlap or have gaps"),
        ([1.0, 1.5], [2.0, 4.0], [1, 1], "overlap or have gaps"),
        ([-1.0, 1.0], [1.0, 4.0], [1, 1], "energies above 0"),
        ([1.0, 2.0], [2.0, 4.0], [0, 0], "no numbers of showers"),
        ([1.0, 2.0], [2.0, 4.0], [1, -1], "no numbers of showers"),
    ],
)
def test_a_table_that_is_no_histogram_is_refused(tmp_path, lo, hi, n, message):
    made = [fits.Column("LO", "D", "TeV", array=lo), fits.Column("HI", "D", "TeV", array=hi)]
    made.append(fits.Column("N", "D", array=n))
    fits.BinTableHDU.from_columns(made).writeto(tmp_path / "x.fits")
    with pytest.raises(InputError, match=message):
        simulated_histogram(str(tmp_path / "x.fits"))


def test_a_table_without_numbers_is_refused_with_its_columns(tmp_path):
    path = write_fits(tmp_path / "x.fits", columns(2000))
    with pytest.raises(InputError, match=r"needs a column MC_ENERG_LO.*it has OBS_ID"):
        simulated_histogram(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two runs of 500 showers, each used twice."""
    root = tmp_path_factory.mktemp("runs") / "dl2"
    for obs_id in (3, 4):
        with pytest.raises(SystemExit):
            run(["simulate", str(root), "--level", "dl2", "--showers", "500", "--reuse", "2",
                 "--obs-id", str(obs_id), "--seed", str(obs_id), "--viewcone", "2"])  # fmt: skip
    return root


def test_runs_of_a_dataset_know_their_showers(folder):
    runs = showers_of_runs(ctabatch.Dataset(folder))
    assert runs["obs_id"].to_list() == [3, 4]
    assert runs["n_showers"].to_list() == runs["n_histogram"].to_list() == [1000, 1000]
    # the pointing is that of the file, single precision in radians
    assert runs["pointing_alt"].to_list() == pytest.approx([70, 70], abs=1e-5)
    assert runs["pointing_az"].to_list() == [0, 0]
    found = combined(runs)
    assert (found.n_showers, found.viewcone_max, found.spectral_index) == (2000, 2, -2)


def test_runs_that_differ_are_not_combined(folder):
    runs = showers_of_runs(ctabatch.Dataset(folder))
    index = pl.Series([-2.0, -2.5])
    with pytest.raises(InputError, match=r"spectral_index: -2.5, -2"):
        combined(runs.with_columns(spectral_index=index))
    with pytest.raises(InputError, match="nothing was simulated"):
        combined(runs.head(0))


class _Dataset:
    """A dataset of tables in memory."""

    def __init__(self, headers, histograms=None):
        self.headers, self.histograms = headers, histograms
        self.tables = ["run", "shower_distribution"] if histograms is not None else ["run"]

    def run(self):
        return self.headers.lazy()

    def shower_distribution(self):
        return self.histograms.lazy()


def test_headers_of_a_merged_file_are_added(folder):
    one = ctabatch.Dataset(folder).run().head(1).collect()
    merged = pl.concat([
        one.with_columns(is_last_header=pl.lit(False)), one.with_columns(n_showers=pl.lit(700))
    ], how="vertical_relaxed")  # fmt: skip
    runs = showers_of_runs(_Dataset(merged))
    assert runs["n_showers"].to_list() == [2 * (500 + 700)]
    assert runs["n_histogram"].to_list() == [None]
    other = merged.with_columns(energy_range_min=pl.Series([0.02, 0.03], dtype=pl.Float32))
    with pytest.raises(InputError, match=r"run 3: its headers differ in energy_min: 0.02, 0.03"):
        showers_of_runs(_Dataset(other))


def test_headers_without_numbers_and_rectangles_are_refused(folder):
    one = ctabatch.Dataset(folder).run().head(1).collect()
    with pytest.raises(InputError, match="lack n_showers: is this simulated data"):
        showers_of_runs(_Dataset(one.with_columns(n_showers=pl.lit(None, pl.Int64))))
    with pytest.raises(InputError, match="rectangle"):
        showers_of_runs(_Dataset(one.with_columns(core_pos_mode=pl.lit(2))))
