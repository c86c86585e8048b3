"""The responses of benchmarks/irf.py, by pyirf on astropy tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = {
    "true_energy": "TeV", "true_alt": "deg", "true_az": "deg", "Toy_energy": "TeV",
    "Toy_alt": "deg", "Toy_az": "deg", "Toy_prediction": "",
}  # fmt: skip
NAMES = {"Toy_energy": "reco_energy", "Toy_alt": "reco_alt", "Toy_az": "reco_az",
         "Toy_prediction": "gh_score"}  # fmt: skip


def pyirf_responses(roots: dict[str, Path], cuts: Path, by: tuple[str, ...]) -> list[int]:
    """All responses; the events in the effective area of each group."""
    import astropy.units as u
    from pyirf import irf
    from pyirf.spectral import IRFDOC_PROTON_SPECTRUM, PowerLaw, calculate_event_weights

    from ctabatch.irf.axes import energy_axis, linear_axis, migra_axis

    energy = energy_axis(0.015, 150, 10).edges * u.TeV
    reco = energy_axis(0.015, 150, 5).edges * u.TeV
    offset = linear_axis("offset", 0, 3, 6).edges * u.deg
    background_offset = linear_axis("offset", 0, 5, 10).edges * u.deg
    migra, rad = migra_axis(0.2, 5, 30).edges, linear_axis("rad", 0, 1, 100).edges * u.deg
    counts = []
    gammas, info, groups = _events(roots["gamma"], cuts, by, signal=True)
    for chosen in groups:
        events = gammas[chosen]
        area = irf.effective_area_per_energy_and_fov(events, info, energy, offset)
        irf.energy_dispersion(events, energy, offset, migra)
        irf.psf_table(events, energy, rad, offset)
        simulated = info.calculate_n_showers_per_energy_and_fov(energy, offset)
        n = (area / (np.pi * info.max_impact**2)).to_value(u.one) * simulated
        counts.append(int(np.rint(np.nan_to_num(n)).sum()))
    del gammas, events
    protons, info, groups = _events(roots["proton"], cuts, by, signal=False)
    time = 50 * u.h
    simulated = PowerLaw.from_simulation(info, time)
    for chosen in groups:
        events = protons[chosen]
        events["weight"] = calculate_event_weights(
            events["true_energy"], IRFDOC_PROTON_SPECTRUM, simulated
        )
        irf.background_2d(events, reco, background_offset, time)
    return sorted(counts)


def _events(root: Path, cuts: Path, by: tuple[str, ...], *, signal: bool) -> Any:
    """Events with distances, what was simulated, and which rows pass the cuts in each group."""
    import astropy.units as u
    import pyarrow.parquet as pq
    from astropy.table import QTable
    from pyirf.cuts import evaluate_binned_cut
    from pyirf.simulations import SimulatedEventsInfo
    from pyirf.utils import calculate_source_fov_offset, calculate_theta

    from ctabatch.irf.cut_files import read_cuts

    tables = [pq.read_table(root / place, columns=names, use_threads=False) for place, names in (
        ("shower", ["obs_id", "shower_id", "true_energy", "true_alt", "true_az"]),
        ("dl2/subarray/model=Toy", ["Toy_energy", "Toy_alt", "Toy_az", "Toy_prediction"]),
    )]  # fmt: skip
    events = QTable()
    for table in tables:
        for name in table.column_names:
            values = table[name].to_numpy()
            if name in COLUMNS:
                values = values.astype(np.float64) * u.Unit(COLUMNS[name])
            events[NAMES.get(name, name)] = values
    del tables, table
    runs = pq.read_table(root / "run")
    first = {name: runs[name][0].as_py() for name in runs.column_names}
    info = SimulatedEventsInfo(
        n_showers=int(np.sum(runs["n_showers"].to_numpy())),
        energy_min=first["energy_range_min"] * u.TeV, energy_max=first["energy_range_max"] * u.TeV,
        max_impact=first["max_scatter_range"] * u.m, spectral_index=first["spectral_index"],
        viewcone_min=first["min_viewcone_radius"] * u.deg,
        viewcone_max=first["max_viewcone_radius"] * u.deg,
    )  # fmt: skip
    for angle, name in (("alt", "subarray_pointing_lat"), ("az", "subarray_pointing_lon")):
        events[f"pointing_{angle}"] = np.full(len(events), first[name]) * u.deg
    if signal:
        events["theta"] = calculate_theta(events, events["true_az"], events["true_alt"])
        events["true_source_fov_offset"] = calculate_source_fov_offset(events, "true")
    else:
        events["reco_source_fov_offset"] = calculate_source_fov_offset(events, "reco")
    table = read_cuts(cuts)
    edges = table.energy.edges * u.TeV
    low, high = (energy * u.TeV for energy in table.valid_energy)
    cut = QTable({"low": edges[:-1], "high": edges[1:], "cut": table.gammaness})
    passes = evaluate_binned_cut(
        events["gh_score"].value, events["reco_energy"], cut, np.greater_equal
    )
    passes &= (events["reco_energy"] >= low) & (events["reco_energy"] < high)
    if not by:
        return events, info, [passes]
    kind, run = events["shower_id"] % 4, events["obs_id"] % 3
    groups = [passes & (kind == k) & (run == r) for k in range(4) for r in range(3)]
    return events, info, groups
