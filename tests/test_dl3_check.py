"""`ctabatch dl3 check`: a valid store gives no finding, and each single fault gives one."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from ctabatch.errors import InputError
from ctabatch.io.fits.validation import check_store
from tests import toy_observations as toy

fits = pytest.importorskip("astropy.io.fits")


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("valid") / "dl3"
    toy.store(folder, toy.pools(100_000, 2_000), exposure=600.0)
    return folder


@pytest.fixture
def folder(valid, tmp_path):
    return shutil.copytree(valid, tmp_path / "dl3")


def edit(path, name, change):
    """Rewrite a file after a change of one HDU (by name), or of the list of HDUs (no name)."""
    with fits.open(path, memmap=False) as hdus:
        for hdu in hdus[1:]:
            hdu.data  # noqa: B018 - loads the rows
        change(hdus[name] if name else hdus)
        if name and (table := hdus[name]).header.get("HDUCLAS1") != "RESPONSE":
            table.header["NAXIS2"] = len(table.data)
        hdus.writeto(path, overwrite=True, output_verify="ignore")


def remove(key):
    return lambda hdu: hdu.header.remove(key)


def put(key, value):
    return lambda hdu: hdu.header.__setitem__(key, value)


def rows(column, change):
    def apply(hdu):
        values = hdu.data[column].copy()
        hdu.data[column] = change(values)

    return apply


def only_rows(count):
    def apply(hdu):
        hdu.data = hdu.data[:count]

    return apply


def swap_first(values):
    values[[0, 1]] = values[[1, 0]]
    return values


def set_first(value):
    def change(values):
        values[0] = value
        return values

    return change


DATA, HDU, OBS = "data/obs_000001.fits", "hdu-index.fits.gz", "obs-index.fits.gz"

EVENT_KEYS = [
    *("HDUCLASS", "HDUDOC", "HDUVERS", "HDUCLAS1", "OBS_ID", "TSTART", "TSTOP", "ONTIME"),
    *("LIVETIME", "DEADC", "RA_PNT", "DEC_PNT", "ORIGIN", "TELESCOP", "INSTRUME", "CREATOR"),
    *("MJDREFI", "MJDREFF", "TIMEUNIT", "TIMESYS", "TIMEREF", "GEOLON", "GEOLAT", "ALTITUDE"),
    *("OBS_MODE", "EQUINOX", "RADECSYS"),
]

#: file, HDU, change, (key of the finding, part of its text)
MUTATIONS = {
    "dead time that is not live time by ontime": (
        DATA, "EVENTS", put("DEADC", 0.9), ("DEADC", "LIVETIME / ONTIME")),
    "ontime that is not the sum of the intervals": (
        DATA, "EVENTS", put("ONTIME", 700.0), ("ONTIME", "add up to 600")),
    "start that is not that of the first interval": (
        DATA, "EVENTS", lambda h: h.header.__setitem__("TSTART", h.header["TSTART"] - 5),
        ("TSTART", "begins at")),
    "another number in the header": (
        DATA, "EVENTS", put("OBS_ID", 7), ("OBS_ID", "must be 1")),
    "another time system in the intervals": (
        DATA, "GTI", put("TIMESYS", "UTC"), ("TIMESYS", "in GTI 'UTC'")),
    "another reference time in the index": (
        OBS, "OBS_INDEX", put("MJDREFI", 51545), ("MJDREFI", "51545")),
    "another site in the index": (
        OBS, "OBS_INDEX", put("GEOLAT", -24.0), ("GEOLAT", "-24")),
    "another pointing in the index": (
        OBS, "OBS_INDEX", rows("RA_PNT", lambda x: x + 1), ("RA_PNT", "obs-index")),
    "events out of order": (
        DATA, "EVENTS", rows("TIME", swap_first), ("TIME", "not later")),
    "two events at the same time": (
        DATA, "EVENTS", rows("TIME", lambda x: np.where(np.arange(len(x)) == 1, x[0], x)),
        ("TIME", "1 of")),
    "an interval shorter than the list": (
        DATA, "GTI", rows("STOP", lambda x: x - 300), ("TIME", "outside the good time")),
    "an interval that ends before it begins": (
        DATA, "GTI", rows("STOP", lambda x: x - 900), ("START", "intervals are empty")),
    "energies in GeV": (
        DATA, "EVENTS", lambda h: h.columns.change_unit("ENERGY", "GeV"),
        ("ENERGY", "must be TeV")),
    "an energy of zero": (
        DATA, "EVENTS", rows("ENERGY", set_first(0.0)), ("ENERGY", "1 of")),
    "a position that is no number": (
        DATA, "EVENTS", rows("RA", set_first(np.nan)), ("RA", "no position")),
    "azimuth that is not where the event was": (
        DATA, "EVENTS", rows("AZ", lambda x: x + 0.01), ("AZ", "ALT and AZ")),
    "numbers that repeat": (
        DATA, "EVENTS", rows("EVENT_ID", set_first(2)), ("EVENT_ID", "repeat")),
    "no events": (DATA, "EVENTS", only_rows(0), ("NAXIS2", "no events")),
    "no interval": (DATA, "GTI", only_rows(0), ("NAXIS2", "no rows")),
    "a drift scan": (DATA, "EVENTS", put("OBS_MODE", "DRIFT"), ("OBS_MODE", "POINTING")),
    "a type in capitals": (
        HDU, "HDU_INDEX", rows("HDU_TYPE", np.char.upper), ("HDU_TYPE", "lower case")),
    "a class of another type": (
        HDU, "HDU_INDEX", rows("HDU_CLASS", set_first("gti")), ("HDU_CLASS", "no class of")),
    "two rows of one type": (
        HDU, "HDU_INDEX", rows("HDU_TYPE", set_first("gti")), ("HDU_TYPE", "2 rows of gti")),
    "an HDU that is not in the file": (
        HDU, "HDU_INDEX", rows("HDU_NAME", set_first("EVENT")), ("HDU_NAME", "no such HDU")),
    "a file that is not there": (
        HDU, "HDU_INDEX", rows("FILE_NAME", set_first("lost.fits")), ("", "cannot be opened")),
    "an index without class": (HDU, "HDU_INDEX", remove("HDUCLAS2"), ("HDUCLAS2", "missing")),
    "an observation that is not in the other index": (
        OBS, "OBS_INDEX", rows("OBS_ID", lambda x: x + 1), ("OBS_ID", "no other index")),
    "an observation index without site": (
        OBS, "OBS_INDEX", remove("GEOLON"), ("GEOLON", "missing")),
    "area without threshold": (
        DATA, "EFFECTIVE AREA", remove("LO_THRES"), ("LO_THRES", "missing")),
    "thresholds the wrong way round": (
        DATA, "EFFECTIVE AREA", put("LO_THRES", 1e4), ("LO_THRES", "not below")),
    "point-like area without a radius": (
        DATA, "EFFECTIVE AREA", put("HDUCLAS3", "POINT-LIKE"), ("RAD_MAX", "need this key")),
    "dispersion cut, area not": (
        DATA, "ENERGY DISPERSION", put("HDUCLAS3", "POINT-LIKE"), ("HDUCLAS3", "differs")),
    "background without class": (DATA, "BACKGROUND", remove("HDUCLAS2"), ("HDUCLAS2", "BKG")),
    "background per TeV": (
        DATA, "BACKGROUND", lambda h: h.columns.change_unit("BKG", "TeV-1 s-1 sr-1"),
        ("BKG", "MeV-1")),
    "dispersion that is not normalised": (
        DATA, "ENERGY DISPERSION", rows("MATRIX", lambda x: x * 1.1), ("MATRIX", "not 1")),
    "point spread that is not normalised": (
        DATA, "PSF", rows("RPSF", lambda x: x * 0.9), ("RPSF", "not 1")),
    "negative rates": (DATA, "BACKGROUND", rows("BKG", lambda x: -x), ("BKG", "negative")),
    "no area": (DATA, "EFFECTIVE AREA", rows("EFFAREA", lambda x: 0 * x), ("EFFAREA", "zeros")),
    "offset bins with gaps": (
        DATA, "PSF", rows("THETA_HI", lambda x: x * 0.9), ("THETA_LO", "gaps")),
    "wide offset bins": (
        DATA, "EFFECTIVE AREA", lambda h: (rows("THETA_LO", lambda x: 4 * x)(h),
                                           rows("THETA_HI", lambda x: 4 * x)(h)),
        ("THETA_LO", "deg wide")),
    "two areas in one file": (
        DATA, "", lambda hdus: hdus.append(fits.BinTableHDU(
            hdus["EFFECTIVE AREA"].data, hdus["EFFECTIVE AREA"].header, name="AREA 2")),
        ("HDUCLAS4", "a second aeff")),
    "a file that is cut off": (DATA, None, lambda data: data[:100], ("", "")),
}  # fmt: skip


def test_a_valid_store_has_no_finding(valid):
    assert check_store(valid) == []


@pytest.mark.parametrize("fault", MUTATIONS)
@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyUserWarning")
@pytest.mark.filterwarnings("ignore::astropy.io.fits.verify.VerifyWarning")
def test_each_fault_is_found(folder, fault):
    file, name, change, (key, text) = MUTATIONS[fault]
    path = folder / file
    if name is None:
        path.write_bytes(change(path.read_bytes()))
    else:
        edit(path, name, change)
    found = check_store(folder)
    matching = [f for f in found if f.key == key and text in f.what]
    assert matching, [str(f) for f in found]
    assert matching[0].file


@pytest.mark.parametrize("key", EVENT_KEYS)
def test_each_missing_key_of_events_is_found(folder, key):
    edit(folder / DATA, "EVENTS", remove(key))
    assert (DATA, "EVENTS", key, "is missing") in [
        (f.file, f.hdu, f.key, f.what) for f in check_store(folder)
    ]


def test_background_without_orientation_is_found(folder):
    from ctabatch.io.fits import irf_hdus

    edges = np.linspace(-2, 2, 5)
    rates = np.ones((len(toy.RECO) - 1, 4, 4))
    cube = irf_hdus.background_3d_hdu(rates, toy.RECO, edges, edges, alignment="RADEC", name="CUBE")
    del cube.header["FOVALIGN"]
    edit(folder / DATA, "", lambda hdus: hdus.__setitem__(hdus.index_of("BACKGROUND"), cube))

    def point_there(hdu):
        here = hdu.data["HDU_TYPE"] == "bkg"
        for column, word in (("HDU_CLASS", "bkg_3d"), ("HDU_NAME", "CUBE")):
            values = hdu.data[column].copy()
            values[here] = word
            hdu.data[column] = values

    edit(folder / HDU, "HDU_INDEX", point_there)
    assert [f.key for f in check_store(folder)] == ["FOVALIGN"]


def test_a_folder_without_index_is_unusable(tmp_path):
    with pytest.raises(InputError, match="no store of event lists"):
        check_store(tmp_path)
    (tmp_path / HDU).write_bytes(b"not fits")
    with pytest.raises(InputError, match="cannot be read"):
        check_store(tmp_path)


def test_a_store_without_observation_index_is_found(folder):
    (folder / OBS).unlink()
    assert [(f.file, f.what) for f in check_store(folder)] == [
        (OBS, "the observation index table is missing")
    ]
