"""The spectrum of a point source from event lists, measured with gammapy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from gammapy.data import DataStore
from gammapy.datasets import Datasets, SpectrumDataset
from gammapy.estimators import FluxPointsEstimator
from gammapy.makers import (
    ReflectedRegionsBackgroundMaker,
    ReflectedRegionsFinder,
    SpectrumDatasetMaker,
)
from gammapy.maps import MapAxis, RegionGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
from numpy.typing import NDArray
from regions import CircleSkyRegion

from ctabatch.plot.spectrum import FluxPoints, PowerLaw

#: Reconstructed energies, TeV.
ENERGIES = (0.4, 40.0)
#: Of the on region, deg.
RADIUS = 0.15
_CRAB = SkyCoord(83.633212, 22.01446, unit="deg")
_FLUX = "cm-2 s-1 TeV-1"


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured.

    Attributes
    ----------
    law : PowerLaw
    covariance : array of shape (2, 2)
        Of amplitude and index.
    points : FluxPoints
    n_on, n_off : int
        Counts in the on region and in the reflected ones.
    alpha : float
        Of their acceptances.
    """

    law: PowerLaw
    covariance: NDArray[np.float64]
    points: FluxPoints
    n_on: int
    n_off: int
    alpha: float

    def numbers(self) -> dict[str, Any]:
        """For the account: what was fitted, with standard errors, and the counts."""
        errors = np.sqrt(np.diag(self.covariance))
        return {
            "amplitude": float(self.law.amplitude), "amplitude_error": float(errors[0]),
            "index": float(self.law.index), "index_error": float(errors[1]),
            "n_on": self.n_on, "n_off": self.n_off, "alpha": round(self.alpha, 5),
        }  # fmt: skip


def measure_spectrum(store: Path) -> Measured:
    """Fit a power law to the counts on the Crab Nebula, with reflected regions as background.

    Parameters
    ----------
    store : Path
        Folder of ``ctabatch dl3``.
    """
    dataset = _counts(store)
    law = PowerLawSpectralModel(index=2, amplitude=f"1e-11 {_FLUX}", reference="1 TeV")
    dataset.models = [SkyModel(spectral_model=law, name="crab")]
    Fit().run([dataset])
    covariance = law.covariance.get_subcovariance([law.amplitude, law.index]).data.copy()
    edges = np.geomspace(*ENERGIES, 9) * u.TeV
    estimator = FluxPointsEstimator(energy_edges=edges, source="crab", selection_optional=["ul"])
    table = estimator.run([dataset]).to_table(sed_type="dnde")
    columns = {
        "energy": "e_ref", "energy_lo": "e_min", "energy_hi": "e_max",
        "flux": "dnde", "error": "dnde_err", "limit": "dnde_ul",
    }  # fmt: skip
    points = FluxPoints(
        **{own: np.asarray(table[name].quantity.value) for own, name in columns.items()},
        significance=np.asarray(table["sqrt_ts"]),
    )
    return Measured(
        PowerLaw(law.amplitude.value, law.index.value), covariance, points,
        int(dataset.counts.data.sum()), int(dataset.counts_off.data.sum()),
        float(dataset.acceptance.data.sum() / dataset.acceptance_off.data.sum()),
    )  # fmt: skip


def _counts(store: Path) -> Any:
    """On and off counts of all observations, stacked."""
    region = CircleSkyRegion(_CRAB, RADIUS * u.deg)
    reco = MapAxis.from_energy_bounds(*ENERGIES, nbin=16, unit="TeV")
    true = MapAxis.from_energy_bounds(0.1, 100, nbin=90, unit="TeV", name="energy_true")
    empty = SpectrumDataset.create(RegionGeom.create(region, axes=[reco]), energy_axis_true=true)
    maker = SpectrumDatasetMaker(
        selection=["counts", "exposure", "edisp"], containment_correction=True,
        use_region_center=True,
    )  # fmt: skip
    off = ReflectedRegionsBackgroundMaker(region_finder=ReflectedRegionsFinder())
    datasets = Datasets()
    for observation in DataStore.from_dir(store).get_observations():
        dataset = maker.run(empty.copy(name=str(observation.obs_id)), observation)
        datasets.append(off.run(dataset, observation))
    return datasets.stack_reduce(name="crab")
