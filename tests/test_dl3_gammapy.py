"""gammapy opens simulated observations without complaint and finds the spectrum behind them."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import pytest

from ctabatch.io.fits.validation import check_store
from tests import toy_observations as toy

gammapy = pytest.importorskip("gammapy", exc_type=ImportError)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "dl3"
    toy.store(folder, exposure=4 * 1200.0)
    return folder


@pytest.fixture
def patched_checker(monkeypatch):
    """gammapy's checker asks column TIME, which it turned into a Time, for its unit: skip that."""
    from gammapy.data.event_list import EventListChecker

    kept = [c for c in EventListChecker.columns_required if c.name != "TIME"]
    monkeypatch.setattr(EventListChecker, "columns_required", kept)


def open_store(folder):
    from gammapy.data import DataStore

    return DataStore.from_dir(folder)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # gammapy's checker leaves files open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_gammapys_own_checkers_have_nothing_to_say(folder, patched_checker):
    records = [r for r in open_store(folder).check() if r["level"] not in ("debug", "info")]
    assert records == []


def test_our_check_has_nothing_to_say(folder):
    assert check_store(folder) == []


def make_spectrum(observations, n_bins=16):
    from astropy import units as u
    from astropy.coordinates import SkyCoord
    from gammapy.datasets import Datasets, SpectrumDataset
    from gammapy.makers import ReflectedRegionsBackgroundMaker, SpectrumDatasetMaker
    from gammapy.maps import MapAxis, RegionGeom
    from regions import CircleSkyRegion

    crab = SkyCoord(toy.CRAB[1], toy.CRAB[2], unit="deg")
    region = CircleSkyRegion(crab, 0.2 * u.deg)
    reco = MapAxis.from_energy_bounds("0.2 TeV", "30 TeV", nbin=n_bins)
    true = MapAxis.from_energy_bounds("0.05 TeV", "100 TeV", nbin=80, name="energy_true")
    empty = SpectrumDataset.create(RegionGeom.create(region, axes=[reco]), energy_axis_true=true)
    maker = SpectrumDatasetMaker(
        selection=["counts", "exposure", "edisp"],
        containment_correction=True,
        use_region_center=True,
    )
    off = ReflectedRegionsBackgroundMaker()
    datasets = Datasets()
    for observation in observations:
        dataset = maker.run(empty.copy(name=str(observation.obs_id)), observation)
        datasets.append(off.run(dataset, observation))
    return datasets.stack_reduce()


def fit(dataset):
    from gammapy.modeling import Fit
    from gammapy.modeling.models import PowerLawSpectralModel, SkyModel

    model = PowerLawSpectralModel(index=2, amplitude="1e-11 cm-2 s-1 TeV-1", reference="1 TeV")
    dataset.models = [SkyModel(spectral_model=model)]
    result = Fit().run([dataset])
    assert result.success
    return model


def test_a_fit_recovers_the_spectrum_that_was_simulated(folder, caplog):
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        observations = open_store(folder).get_observations()
        dataset = make_spectrum(observations)
    assert [r.message for r in caplog.records if r.name.startswith("gammapy")] == []
    model = fit(dataset)
    index, amplitude = model.index, model.amplitude
    assert abs(index.value - toy.INDEX) < 3 * index.error
    assert abs(amplitude.value - toy.AMPLITUDE) < 3 * amplitude.error
    assert index.error < 0.05 * toy.INDEX
    assert amplitude.error < 0.1 * toy.AMPLITUDE


def test_the_background_model_predicts_the_counts_beside_the_source(folder):
    """Rates are per ontime: with 5 % dead time a model per live time would be 5 % too low."""
    from astropy import units as u
    from gammapy.datasets import MapDataset
    from gammapy.makers import MapDatasetMaker
    from gammapy.maps import MapAxis, WcsGeom

    axis = MapAxis.from_energy_bounds("0.06 TeV", "20 TeV", nbin=20)
    observed = predicted = 0.0
    for observation in open_store(folder).get_observations():
        pointing = observation.get_pointing_icrs(observation.tmid)
        geometry = WcsGeom.create(skydir=pointing, width=2.4, binsz=0.1, axes=[axis])
        empty = MapDataset.create(geometry)
        dataset = MapDatasetMaker(selection=["counts", "background"]).run(empty, observation)
        crab_far = geometry.separation(pointing.__class__(*toy.CRAB[1:], unit="deg")) > 0.6 * u.deg
        near = geometry.separation(pointing) < 1.2 * u.deg
        used = crab_far & near
        observed += dataset.counts.data[:, used].sum()
        predicted += dataset.background.data[:, used].sum()
    assert observed == pytest.approx(predicted, abs=3 * np.sqrt(observed) + 0.005 * predicted)
    assert 0.05 * observed > 5 * np.sqrt(observed)  # dead time would be seen
