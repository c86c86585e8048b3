"""The array of a dataset comes back from its tables as it was in the file."""

from __future__ import annotations

import warnings

import pytest

import ctabatch
from ctabatch.errors import InputError, OptionError
from ctabatch.instrument.stored import subarray_from_tables
from ctabatch.instrument.tables import subarray_tables


def array_of(file):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old files have no effective focal length
        with ctabatch.open(file) as source:
            return source.subarray


@pytest.mark.parametrize("name", ["sst1m", "gamma-test", "prod6", "calibration", "hv-disabled"])
def test_an_array_comes_back_equal_from_its_tables(name, example_files):
    subarray = array_of(example_files[name])
    back = subarray_from_tables(subarray_tables(subarray))
    assert back.digest == subarray.digest
    assert [*back.telescopes] == [*subarray.telescopes]
    assert back.tel_types == subarray.tel_types


def test_telescopes_of_one_camera_share_it(example_files):
    back = subarray_from_tables(subarray_tables(array_of(example_files["sst1m"])))
    assert len({id(telescope.geometry) for telescope in back.telescopes.values()}) == 1


def test_a_camera_that_is_missing_is_named(example_files):
    tables = subarray_tables(array_of(example_files["sst1m"]))
    tables["cameras"] = tables["cameras"].slice(0, 0)
    with pytest.raises(InputError, match="camera or optics number 0"):
        subarray_from_tables(tables)


def test_a_dataset_gives_its_array(example_files, cli):
    cli("process", example_files["sst1m"], "-o", "dl1", "--max-events", 1, "--write", "parameters")
    dataset = ctabatch.Dataset("dl1")
    assert dataset.subarray_description().digest == array_of(example_files["sst1m"]).digest
    assert dataset.subarray_description(102).digest == dataset.subarray_description().digest
    with pytest.raises(OptionError, match=r"unknown observation '7'.*102"):
        dataset.subarray_description(7)
