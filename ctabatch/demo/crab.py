"""The Crab Nebula is observed: events drawn from simulations, and its spectrum measured.

Images of enough showers would take hours. Responses and observation come from reconstructed events
that a simple response model draws (``ctabatch simulate --level dl2``), millions per second.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctabatch.dl3 import observations
from ctabatch.dl3.provenance import store_marks
from ctabatch.dl3.selection import read_selection
from ctabatch.dl3.store import StoreOptions, WobblePlan, simulated_store
from ctabatch.io.parquet import writing
from ctabatch.irf.options import IrfConfig
from ctabatch.irf.primaries import open_primary
from ctabatch.irf.spectra import spectrum
from ctabatch.simulate.datasets import simulate_reconstructed
from ctabatch.simulate.options import SimulationOptions

from .models import fresh_folder
from .responses import responses

if TYPE_CHECKING:
    from . import DemoOptions, Progress

#: What shines: CRAB_HEGRA, differential flux at 1 TeV in 1/(TeV s cm2), and index.
AMPLITUDE, INDEX = 2.83e-11, 2.62
#: From the pointing to the source, deg.
_OFFSET = 0.5
#: Gammas around the pointing, for responses and observation; and protons. Those below 0.6 TeV would
#: look like gammas below the energies of the spectrum.
_SHOWERS: dict[str, dict[str, Any]] = {
    "gammas": {"primary": "gamma", "viewcone": 1.0, "index": -1.8, "energy_range": (0.1, 60.0),
               "max_core_distance": 500.0},
    "protons": {"primary": "proton", "viewcone": 1.5, "index": -2.6, "energy_range": (0.6, 100.0),
                "max_core_distance": 400.0},
}  # fmt: skip
#: The source stands in the middle of a bin of offset. Optimised cuts would leave too few protons.
_CONFIG = {
    "bins": {"energy": "0.1,100,10", "reco_energy": "0.1,100,5", "migra": "0.2,5,60",
             "offset": "0,1,5", "background_offset": "0,1.5,3"},
    "cuts": {"kind": "percentile"},
}  # fmt: skip


def observe_crab(folder: Path, options: DemoOptions, progress: Progress) -> dict[str, Any]:
    """Simulate events, make responses, draw an observation and measure the spectrum.

    Parameters
    ----------
    folder : Path
        Gets ``crab/`` with ``gammas``, ``protons``, ``irf`` and ``dl3``.
    options : DemoOptions
    progress : callable

    Returns
    -------
    dict
        ``crab`` (numbers of events, true and measured spectrum, or what it needs) and ``figures``.
    """
    place = folder / "crab"
    inputs = _simulate(place, options, progress)
    made = responses(
        place / "irf", (inputs["gammas"], inputs["protons"]), IrfConfig.model_validate(_CONFIG),
        "responses for the Crab Nebula", progress,
    )  # fmt: skip
    observed = _observe(place, inputs, options, progress)
    result = {**made["responses"], **observed}
    result |= {"true_amplitude": AMPLITUDE, "true_index": INDEX, "hours": options.exposure}
    drawn = _measure(folder, result, progress)
    return {"crab": result, "figures": [*drawn, *made["figures"]]}


def _simulate(place: Path, options: DemoOptions, progress: Progress) -> dict[str, Path]:
    """Datasets of reconstructed events."""
    inputs = {}
    for number, (name, chosen) in enumerate(_SHOWERS.items(), start=1):
        simulation = SimulationOptions(
            n_showers=options.events,
            seed=options.seed + 200 + number,
            obs_id=200 + number,
            **chosen,
        )
        inputs[name] = fresh_folder(place / name)

        def tell(done: int, _: int, total: int = simulation.n_showers, own: int = number) -> None:
            progress(f"simulate events, {own} of {len(_SHOWERS)}", done, total)

        simulate_reconstructed(simulation, inputs[name], tell)
        tell(simulation.n_showers, 0)
    return inputs


def _observe(
    place: Path, inputs: dict[str, Path], options: DemoOptions, progress: Progress
) -> dict[str, Any]:
    """Do what ``ctabatch dl3 --simulate`` does: pointings in turn around the source."""
    selection = read_selection(place / "irf")
    site, target = observations.site("CTAO-North"), observations.target("Crab")
    plan = WobblePlan(exposure=options.exposure, duration=60, offset=_OFFSET)
    marks = store_marks(
        {"gamma": [str(inputs["gammas"])], "proton": [str(inputs["protons"])]}, (), place / "irf",
        {**vars(plan), "target": "Crab", "site": "CTAO-North", "seed": options.seed},
        simulated=True,
    )  # fmt: skip
    store = StoreOptions(
        place / "irf", place / "dl3", selection, site, target, overwrite=True, marks=marks
    )
    account = simulated_store(
        [open_primary("gamma", [str(inputs["gammas"])]),
         open_primary("proton", [str(inputs["protons"])])],
        {"gamma": spectrum("CRAB_HEGRA"), "proton": spectrum("IRFDOC_PROTON", diffuse=True)},
        store, plan, seed=options.seed,
        progress=lambda _, done, total: progress("observe", done, total),
    )  # fmt: skip
    progress("observe", len(account.written), len(account.written))
    return {
        "store": str(place / "dl3"),
        "observations": len(account.written),
        "events": sum(written.n_events for written in account.written),
        "signal_events": sum(drawn.n_signal for drawn in account.drawn),
        "repeated_draws": account.n_repeated,
    }


def _measure(folder: Path, result: dict[str, Any], progress: Progress) -> list[str]:
    """Measure and draw the spectrum; without gammapy tell what it needs."""
    try:
        from .crab_spectrum import measure_spectrum
    except ImportError as error:
        result["needs"] = (
            f"the spectrum is measured with gammapy, which cannot be imported here ({error}): "
            "pip install 'ctabatch[gammapy]'"
        )
        return []
    from ctabatch.plot.spectrum import PowerLaw, recovered_spectrum

    progress("measure the spectrum", 0, 1)
    found = measure_spectrum(folder / "crab" / "dl3")
    figure = recovered_spectrum(
        found.points,
        found.law,
        found.covariance,
        PowerLaw(AMPLITUDE, INDEX),
        source="Simulated Crab Nebula",
    )
    path = folder / "figures" / "spectrum.png"
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)
    progress("measure the spectrum", 1, 1)
    result |= found.numbers()
    return [str(path)]
