"""CTAO's validator of its DL3 format accepts the tables of a store; it needs Python 3.12."""

from __future__ import annotations

import sys

import pytest

from tests import toy_observations as toy

if sys.version_info >= (3, 12):  # what the validator's package needs
    from ctao_datamodel import validate_fits_bintable_hdu
    from ctao_datamodel.models.dl3 import ctao_gadf

    MODELS = {
        "EVENTS": (ctao_gadf.GADFEventsHeader, ctao_gadf.GADFEventsTable),
        "GTI": (ctao_gadf.GTIHeader, ctao_gadf.GTITable),
        "EFFECTIVE AREA": (ctao_gadf.GADFAeff2DHeader, ctao_gadf.GADFAeff2DTable),
        "ENERGY DISPERSION": (ctao_gadf.GADFEDisp2DHeader, ctao_gadf.GADFEDisp2DTable),
        "PSF": (ctao_gadf.GADFPSFTableHeader, ctao_gadf.GADFPSFTableTable),
        "obs-index.fits.gz": (ctao_gadf.GADFObsIndexHeader, ctao_gadf.GADFObsIndexTable),
        "hdu-index.fits.gz": (ctao_gadf.GADFHDUIndexHeader, ctao_gadf.GADFHDUIndexTable),
    }

    @pytest.fixture(scope="module")
    def store(tmp_path_factory):
        folder = tmp_path_factory.mktemp("ctao") / "dl3"
        toy.store(folder, toy.pools(100_000, 2_000), exposure=600.0)
        return folder

    @pytest.mark.parametrize("name", MODELS)
    def test_the_validator_accepts(store, name):
        header, columns = MODELS[name]
        index = name.endswith(".gz")
        file = store / (name if index else "data/obs_000001.fits")
        hdu = name.split(".")[0].replace("-", "_").upper() if index else name
        validate_fits_bintable_hdu(file, hdu=hdu, header_model=header, column_model=columns)

else:

    def test_the_validator_is_used_where_it_installs():
        """The headers that it asks for, which others do not."""
        from ctabatch.dl3.observations import wobble
        from ctabatch.io.fits.observation import Instrument, observation_keys

        observation = wobble(toy.CRAB, toy.SITE, exposure=600.0)[0]
        header = observation_keys(observation, Instrument(instrument="CTAO-North"))
        assert header["RADESYS"] == "ICRS"
        assert toy.responses()["psf"].header["HDUCLAS2"] == "RPSF"
