"""Simulated Crab observations, analysed with gammapy: amplitude and index are recovered, or not.

Toy showers become instrument responses and, for every seed, wobble observations of the Crab with
background. gammapy measures the spectrum with reflected regions; what was put in should lie within
two standard errors of what comes out, in amplitude and in index.

    python benchmarks/crab_recovery.py --seeds 20
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

#: What is put in: CRAB_HEGRA, in 1/(TeV s cm2) at 1 TeV.
AMPLITUDE, INDEX = 2.83e-11, 2.62
CRAB = (83.633212, 22.01446)
#: Cut of the responses and event lists; on region in deg; reconstructed energies in TeV.
GAMMANESS, RADIUS, BOUNDS = 0.7, 0.2, (0.2, 20.0)
#: Standard errors within which amplitude and index count as recovered.
WITHIN = 2.0


@dataclass(frozen=True)
class Recovered:
    """What one fit found."""

    seed: int
    amplitude: float
    amplitude_error: float
    index: float
    index_error: float
    n_on: int
    n_off: int
    seconds: float

    @property
    def pulls(self) -> tuple[float, float]:
        """Deviations of amplitude and index in standard errors."""
        return (
            (self.amplitude - AMPLITUDE) / self.amplitude_error,
            (self.index - INDEX) / self.index_error,
        )

    @property
    def good(self) -> bool:
        """Whether both are recovered."""
        return all(abs(pull) <= WITHIN for pull in self.pulls)


def spectrum_dataset(
    store: Path, radius: float, bounds: tuple[float, float], n_bins: int = 12
) -> Any:
    """On and off counts of all observations of a store, stacked.

    Parameters
    ----------
    store : Path
    radius : float
        Of the on region, deg.
    bounds : (float, float)
        Reconstructed energies in TeV.
    n_bins : int
        Of the energy.
    """
    from astropy import units as u
    from astropy.coordinates import SkyCoord
    from gammapy.data import DataStore
    from gammapy.datasets import Datasets, SpectrumDataset
    from gammapy.makers import (
        ReflectedRegionsBackgroundMaker,
        ReflectedRegionsFinder,
        SpectrumDatasetMaker,
    )
    from gammapy.maps import MapAxis, RegionGeom
    from regions import CircleSkyRegion

    observations = DataStore.from_dir(store).get_observations()
    region = CircleSkyRegion(SkyCoord(*CRAB, unit="deg"), radius * u.deg)
    reco = MapAxis.from_energy_bounds(*bounds, nbin=n_bins, unit="TeV")
    # gammapy evaluates the energy dispersion at the centre of each bin: with 10 bins per decade
    # fluxes come out 1 % too low
    true = MapAxis.from_energy_bounds(
        0.3 * bounds[0], 4 * bounds[1], nbin=40, per_decade=True, unit="TeV", name="energy_true"
    )
    empty = SpectrumDataset.create(RegionGeom.create(region, axes=[reco]), energy_axis_true=true)
    maker = SpectrumDatasetMaker(
        selection=["counts", "exposure", "edisp"], containment_correction=True,
        use_region_center=True,
    )  # fmt: skip
    off = ReflectedRegionsBackgroundMaker(region_finder=ReflectedRegionsFinder())
    datasets = Datasets()
    for observation in observations:
        dataset = maker.run(empty.copy(name=str(observation.obs_id)), observation)
        datasets.append(off.run(dataset, observation))
    return datasets.stack_reduce(name="crab")


def fit(dataset: Any, seed: int, begin: float) -> Recovered:
    """Fit a power law."""
    from gammapy.modeling import Fit
    from gammapy.modeling.models import PowerLawSpectralModel, SkyModel

    model = PowerLawSpectralModel(index=2, amplitude="1e-11 cm-2 s-1 TeV-1", reference="1 TeV")
    dataset.models = [SkyModel(spectral_model=model)]
    result = Fit().run([dataset])
    if not result.success:
        raise RuntimeError(f"seed {seed}: the fit failed: {result.message}")
    return Recovered(
        seed, model.amplitude.value, model.amplitude.error, model.index.value, model.index.error,
        int(dataset.counts.data.sum()), int(dataset.counts_off.data.sum()),
        round(time.perf_counter() - begin, 2),
    )  # fmt: skip


def table(found: Sequence[Recovered]) -> str:
    """The results as a Markdown table, with their means and spreads."""
    import numpy as np

    lines = [
        "| seed | amplitude (1e-11 /TeV/s/cm2) | pull | index | pull | on | off | within 2 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in found:
        a, b = r.pulls
        lines.append(
            f"| {r.seed} | {1e11 * r.amplitude:.3f} ± {1e11 * r.amplitude_error:.3f} | {a:+.2f} | "
            f"{r.index:.3f} ± {r.index_error:.3f} | {b:+.2f} | {r.n_on:,} | {r.n_off:,} | "
            f"{'yes' if r.good else 'no'} |"
        )
    pulls = np.array([r.pulls for r in found])
    mean, spread = pulls.mean(axis=0), pulls.std(axis=0, ddof=1 if len(found) > 1 else 0)
    lines.append(
        f"\n{sum(r.good for r in found)} of {len(found)} recovered. Mean pull (spread): amplitude "
        f"{mean[0]:+.2f} ({spread[0]:.2f}), index {mean[1]:+.2f} ({spread[1]:.2f})."
    )
    return "\n".join(lines)


def prepare(work: Path, n_gammas: int, n_protons: int) -> None:
    """Simulate gammas and protons, and make responses from the same events.

    One bin of the offset is as wide as the ring of gammas that serves the source, so that gammapy,
    which interpolates between the centres of bins, reads off what the events were drawn with.
    """
    ctabatch("simulate", work / "gammas", "--level", "dl2", "--showers", n_gammas,
             "--viewcone", 0.6, "--max-core-distance", 500, "--seed", 1)  # fmt: skip
    ctabatch("simulate", work / "protons", "--level", "dl2", "--showers", n_protons,
             "--primary", "proton", "--viewcone", 4, "--seed", 2)  # fmt: skip
    ctabatch("irf", work / "gammas", work / "protons", "-o", work / "irf", "--cuts", "fixed",
             "--gammaness", GAMMANESS, "--offset-bins", "0,0.6,3", "--rad-bins", "0,1.5,150",
             "--migra-bins", "0.2,5,60", "--energy-bins", "0.02,50,10", "--no-figures")  # fmt: skip


def recover(work: Path, seed: int, exposure: float) -> Recovered:
    """Draw observations with a seed, and measure the spectrum."""
    begin = time.perf_counter()
    store = work / f"dl3-{seed}"
    ctabatch("dl3", "--simulate", work / "gammas", work / "protons", "--irf", work / "irf",
             "-o", store, "--exposure", exposure, "--duration", 120, "--live-fraction", 0.95,
             "--seed", seed, "--select", f"reco_energy >= {BOUNDS[0]}", "--overwrite")  # fmt: skip
    found = fit(spectrum_dataset(store, RADIUS, BOUNDS), seed, begin)
    shutil.rmtree(store)
    return found


def ctabatch(*words: object) -> None:
    """Run a command of ctabatch in this process."""
    from ctabatch.cli.main import run

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            run([*map(str, words), "--json"])
    except SystemExit as end:
        # 1: responses without a sensitivity, since there is no cut in theta
        if end.code not in (0, 1, None):
            raise RuntimeError(f"ctabatch {words[0]} ended: {said.getvalue()}") from end


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="How many observations of the Crab.")
    parser.add_argument("--exposure", type=float, default=20.0, help="Hours of each.")
    parser.add_argument("--gammas", type=int, default=4_000_000, help="Simulated showers.")
    parser.add_argument("--protons", type=int, default=20_000_000, help="Simulated showers.")
    parser.add_argument("--work", type=Path, help="Folder to keep simulations and responses in.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        if not (work / "irf").exists():
            prepare(work, options.gammas, options.protons)
        found = []
        for seed in range(options.seeds):
            found.append(recover(work, seed, options.exposure))
            print(found[-1], file=sys.stderr, flush=True)
    if options.json:
        n_good = sum(r.good for r in found)
        facts = {"recovered": n_good, "seeds": len(found), "exposure_hours": options.exposure}
        facts["fits"] = [asdict(r) for r in found]
        print(json.dumps(facts, indent=1))
    else:
        print(table(found))


if __name__ == "__main__":
    main()
