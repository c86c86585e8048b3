"""Whether numbers of simulated showers belong to the events: the audit of the normalisation.

Effective areas and weights are only as good as the number of showers behind the events, and nothing
in an effective area tells that it is too small by a factor. Public tables exist whose histogram of
showers covers 100 times more of them than their rows do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.irf.axes import Axis, energy_axis
from ctabatch.irf.derived import with_derived
from ctabatch.irf.event_keys import check_keys
from ctabatch.irf.plausible_area import check_area, largest_area
from ctabatch.irf.simulated import SimulatedShowers

Floats = NDArray[np.float64]
#: Rows whose directions are looked at.
_DIRECTIONS = 2_000_000
#: How far beyond the view cone, in deg and as part of it, for pointings that are rounded or
#: corrected; how far apart directions from one point may be, deg.
_OFFSET, _OFFSET_PART, _SPREAD = 0.02, 0.01, 0.05
_SHOWN = 5


@dataclass(frozen=True)
class Audit:
    """What an audit found to be fine.

    Attributes
    ----------
    source : str
    n_events : int
    n_showers : float
    largest_area : float, optional
        The largest effective area in m2 of any well-filled bin above 1 TeV, before cuts; None if
        there is no such bin.
    fraction : float, optional
        The same as part of the area over which cores were simulated.
    notes : tuple of str
        What could not be judged.
    """

    source: str
    n_events: int
    n_showers: float
    largest_area: float | None
    fraction: float | None
    notes: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "source": self.source,
            "n_events": self.n_events,
            "n_showers": self.n_showers,
            "largest_area_m2": self.largest_area,
            "largest_fraction": self.fraction,
            "notes": list(self.notes),
        }


def audit(
    showers: SimulatedShowers,
    events: pl.LazyFrame,
    runs: pl.DataFrame | None = None,
    source: str = "",
    *,
    plausible: bool = True,
) -> Audit:
    """Refuse numbers of simulated showers that do not belong to the events.

    Parameters
    ----------
    showers : SimulatedShowers
    events : LazyFrame
        Event frame before all cuts.
    runs : DataFrame, optional
        Of `ctabatch.irf.simulated_runs.showers_of_runs`; without, events that appear twice are
        looked for here.
    source : str
        The input, for messages.
    plausible : bool
        Also refuse effective areas that are too small for any array: right for gamma rays before
        cuts, not for background or preselected events.

    Returns
    -------
    Audit

    Raises
    ------
    InputError
        The events have energies, directions or cores that were not simulated, or belong to other
        runs; there are more of them than showers, or implausibly few; headers and histograms of
        runs disagree. With the numbers.
    """
    where = f"{source}: " if source else ""
    names = events.collect_schema().names()
    if runs is not None:
        _check_headers(runs, where)
    elif {"obs_id", "event_id"} <= set(names):
        check_keys(events)
    axis = energy_axis(showers.energy_min, showers.energy_max, 5)
    n_events, counts, seen = _energies(events, axis, showers, where, known=runs is not None)
    _check_counts(counts, axis, showers, where)
    if runs is not None:
        _check_runs(runs, seen, n_events, where)
    stride = max(n_events // _DIRECTIONS, 1)
    sample = _directions(events, names, stride)
    _check_directions(sample, showers, where)
    _check_cores(sample, showers, where)
    area, fraction, notes = largest_area(sample, stride, axis, showers, where)
    if area is not None and fraction is not None and plausible:
        check_area(area, fraction, showers, where)
    return Audit(source, n_events, showers.n_showers, area, fraction, tuple(notes))


def _check_headers(runs: pl.DataFrame, where: str) -> None:
    wrong = runs.filter((pl.col("n_histogram") - pl.col("n_showers")).abs() > 0.5)
    if wrong.height:
        listed = "; ".join(
            f"run {row['obs_id']}: {row['n_showers']:.0f} and {row['n_histogram']:.0f}"
            for row in wrong.head(_SHOWN).iter_rows(named=True)
        )
        raise InputError(
            f"{where}in {wrong.height} runs the number of showers by the header (with all uses) is "
            f"not that of the histogram: {listed}. Is a file truncated, or merged of others?"
        )


def _energies(
    events: pl.LazyFrame, axis: Axis, showers: SimulatedShowers, where: str, *, known: bool
) -> tuple[int, Floats, dict[int, int]]:
    """Number of events, by energy and by run."""
    wanted = [pl.col("true_energy").cast(pl.Float64).fill_null(np.nan)]
    wanted += [pl.col("obs_id").cast(pl.Int64)] if known else []
    batches: Any = events.select(wanted).collect_batches(engine="streaming", maintain_order=False)
    counts = np.zeros(axis.n_bins + 2)
    seen: dict[int, int] = {}
    low, high, n_events, without = np.inf, -np.inf, 0, 0
    for batch in batches:
        energy = batch["true_energy"].to_numpy()
        if not len(energy):
            continue
        n_events += len(energy)
        counts += np.bincount(axis.index(energy), minlength=len(counts))
        without += int(np.isnan(energy).sum())
        low, high = np.fmin.reduce(energy, initial=low), np.fmax.reduce(energy, initial=high)
        if known:
            obs_id = batch["obs_id"].to_numpy()
            ends = np.append(np.flatnonzero(np.diff(obs_id)) + 1, len(obs_id))
            for begin, end in zip(np.append(0, ends[:-1]), ends, strict=True):
                run = int(obs_id[begin])
                seen[run] = seen.get(run, 0) + int(end - begin)
    if n_events == 0:
        raise InputError(f"{where}there are no events")
    if without:
        raise InputError(f"{where}{without:,} of {n_events:,} events have no true energy")
    # ends of the range are stored in single precision
    ends_ok = low >= showers.energy_min * (1 - 1e-6) and high <= showers.energy_max * (1 + 1e-6)
    if not ends_ok:
        raise InputError(
            f"{where}true energies reach from {low:.6g} to {high:.6g} TeV, but showers were "
            f"simulated from {showers.energy_min:.6g} to {showers.energy_max:.6g} TeV: the showers "
            "are not theirs, or the energies are in another unit"
        )
    counts[1] += counts[0]
    counts[-2] += counts[-1]
    return n_events, counts[1:-1], seen


def _check_counts(counts: Floats, axis: Axis, showers: SimulatedShowers, where: str) -> None:
    expected = showers.expected_in(axis.lo, axis.hi)
    over = counts > expected + 6 * np.sqrt(expected) + 6
    if over.any():
        k = int(np.argmax(counts / np.maximum(expected, 1e-3)))
        raise InputError(
            f"{where}{counts[k]:,.0f} events from {axis.lo[k]:.4g} to {axis.hi[k]:.4g} TeV come "
            f"from only {expected[k]:,.1f} showers: the {showers.n_showers:.4g} showers are not "
            "those of these events, or their index or energies are not"
        )


def _check_runs(runs: pl.DataFrame, seen: dict[int, int], n_events: int, where: str) -> None:
    simulated = dict(zip(runs["obs_id"].to_list(), runs["n_showers"].to_list(), strict=True))
    if unknown := sorted(set(seen) - set(simulated)):
        raise InputError(
            f"{where}events of runs that the table of runs lacks: {_listed(unknown)}; the showers "
            "of these runs are not counted"
        )
    per_shower = n_events / max(sum(simulated.values()), 1.0)
    # exp(-30): a run with this many expected events has some
    lost = [run for run, n in simulated.items() if run not in seen and n * per_shower > 30]
    if lost:
        raise InputError(
            f"{where}{len(lost)} of {len(simulated)} runs have no events, though their showers are "
            f"counted: {_listed(lost)}; are parts of the dataset missing?"
        )


def _listed(runs: list[int]) -> str:
    more = f", ... ({len(runs)})" if len(runs) > _SHOWN else ""
    return ", ".join(map(str, runs[:_SHOWN])) + more


def _directions(events: pl.LazyFrame, names: list[str], stride: int) -> pl.DataFrame:
    """Offsets, energies and, if known, cores of every n-th row."""
    cores = ["true_core_x", "true_core_y"] if {"true_core_x", "true_core_y"} <= set(names) else []
    own = ["true_energy", "true_alt", "true_az", "pointing_alt", "pointing_az", *cores]
    own += ["true_offset"] if "true_offset" in names else []
    some = events.select(own).gather_every(stride) if stride > 1 else events.select(own)
    some = with_derived(some, ["true_offset"])
    return some.select(
        *(pl.col(n).cast(pl.Float64) for n in ("true_energy", "true_offset", "true_alt", *cores))
    ).collect(engine="streaming")


def _check_directions(sample: pl.DataFrame, showers: SimulatedShowers, where: str) -> None:
    offset = sample["true_offset"].to_numpy()
    if np.isnan(offset).any():
        raise InputError(f"{where}{int(np.isnan(offset).sum()):,} events have no true direction")
    low, high = float(offset.min()), float(offset.max())
    reach = f"true directions are {low:.4g} to {high:.4g} deg from the pointing"
    if not showers.is_diffuse:
        if high - low > _SPREAD:
            raise InputError(
                f"{where}{reach}, but the simulated showers are stated to come from one point: "
                "state the view cone (viewcone_max=)"
            )
        return
    margin = max(_OFFSET, _OFFSET_PART * showers.viewcone_max)
    if low < showers.viewcone_min - margin or high > showers.viewcone_max + margin:
        raise InputError(
            f"{where}{reach}, but showers were simulated from {showers.viewcone_min:.4g} to "
            f"{showers.viewcone_max:.4g} deg: the view cone is not theirs, or angles are in "
            "another unit"
        )
    if len(offset) > 100 and high - low < _OFFSET and showers.viewcone_max > 10 * _OFFSET:
        raise InputError(
            f"{where}all {reach}: they come from one point, but a view cone up to "
            f"{showers.viewcone_max:.4g} deg is stated"
        )


def _check_cores(sample: pl.DataFrame, showers: SimulatedShowers, where: str) -> None:
    if "true_core_x" not in sample.columns:
        return
    core = np.hypot(sample["true_core_x"].to_numpy(), sample["true_core_y"].to_numpy())
    core = core[np.isfinite(core)]
    # a disc perpendicular to the shower is longer on the ground by the sine of the altitude
    lowest = np.sin(np.radians(max(float(sample["true_alt"].min()), 1.0)))  # type: ignore[arg-type]
    reach = 1.01 * showers.max_impact / lowest
    if len(core) and core.max() > reach:
        raise InputError(
            f"{where}cores are up to {core.max():.5g} m away, but were simulated within "
            f"{showers.max_impact:.5g} m (max_impact)"
        )
