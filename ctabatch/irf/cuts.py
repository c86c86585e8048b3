"""Cuts that select gamma-like events, by reconstructed energy; applying and counting them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.expressions import QualityQuery
from ctabatch.irf.axes import Axis
from ctabatch.irf.binned_events import half_open_index

Floats = NDArray[np.float64]
_STEPS = ("energy", "multiplicity", "gammaness", "theta")
_DECIDED = "cut steps"


@dataclass(frozen=True, eq=False)
class CutTable:
    """Cuts in bins of reconstructed energy.

    An event passes with gammaness and multiplicity at or above, and theta at or below, the cut of
    its bin, and if it meets all criteria. What lies outside the valid energies, or in a bin without
    cut, passes nothing. Bins are half-open, the last one too (as for cuts of pyirf).

    Attributes
    ----------
    energy : Axis
        TeV.
    gammaness : float64 (n_bins,)
        NaN: there is no cut. Minus infinity: any value passes.
    theta : float64 (n_bins,), optional
        deg, distance of the reconstructed from the true direction (or from a source).
    multiplicity : int64 (n_bins,), optional
        Telescopes.
    quality : mapping
        Name -> SQL expression that is true for events to keep.
    valid_energy : (float, float)
        TeV; all bins by default.
    n_events : int64 (n_bins,), optional
        Signal events from which the cuts were derived.
    gammaness_efficiency, theta_efficiency : float64 (n_bins,), optional
        Share of these that the cut keeps.
    models : mapping
        What is known of the models that made the gammaness: ``prefix``, ``digest``.
    info : mapping
        How the cuts were made, as text.
    """

    energy: Axis
    gammaness: Floats
    theta: Floats | None = None
    multiplicity: NDArray[np.int64] | None = None
    quality: Mapping[str, str] = field(default_factory=dict)
    valid_energy: tuple[float, float] = (0.0, math.inf)
    n_events: NDArray[np.int64] | None = None
    gammaness_efficiency: Floats | None = None
    theta_efficiency: Floats | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    info: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        low, high = self.valid_energy
        edges = self.energy.edges
        if not (low < high and low < edges[-1] and high > edges[0]):  # NaN too
            raise InputError(
                f"cuts: valid energies {low} to {high} TeV in bins from {edges[0]} to {edges[-1]}"
            )
        valid = (max(float(low), float(edges[0])), min(float(high), float(edges[-1])))
        object.__setattr__(self, "valid_energy", valid)
        for name in ("gammaness", "theta", "gammaness_efficiency", "theta_efficiency"):
            self._set(name, np.float64)
        for name in ("multiplicity", "n_events"):
            self._set(name, np.int64)
        QualityQuery(self.quality)

    def _set(self, name: str, dtype: type[np.generic]) -> None:
        values = getattr(self, name)
        if values is None:
            return
        array = np.array(values, dtype=dtype)
        if array.shape != (self.energy.n_bins,):
            raise InputError(
                f"cuts in {name}: shape {array.shape} for {self.energy.n_bins} bins of energy"
            )
        array.flags.writeable = False
        object.__setattr__(self, name, array)

    @property
    def has_cut(self) -> NDArray[np.bool_]:
        """Whether a bin has cuts; nothing passes in one without."""
        found = ~np.isnan(self.gammaness)
        return found if self.theta is None else found & ~np.isnan(self.theta)

    def problems(self) -> list[str]:
        """Sentences on bins without cuts, gaps between bins with cuts first; empty if all is well.

        Bins beyond the valid energies are not named one by one.
        """
        low, high = self.valid_energy
        inside = (self.energy.lo >= low) & (self.energy.hi <= high)
        found = []
        gaps = inside & ~self.has_cut
        if gaps.any():
            names = ", ".join(
                f"{lo:.4g} to {hi:.4g}"
                for lo, hi in zip(self.energy.lo[gaps], self.energy.hi[gaps], strict=True)
            )
            found.append(f"no cut within the valid energies, so that nothing passes: {names} TeV")
        if (low, high) != (self.energy.edges[0], self.energy.edges[-1]):
            found.append(
                f"cuts are valid from {low:.4g} to {high:.4g} TeV; nothing passes in the other "
                f"energies of {self.energy.edges[0]:.4g} to {self.energy.edges[-1]:.4g} TeV"
            )
        return found

    def check_models(self, models: Mapping[str, str]) -> None:
        """Refuse events whose gammaness other models made.

        What the cuts or the events do not state is not compared.

        Raises
        ------
        InputError
            With what the cuts and the events state.
        """
        for name in sorted(set(self.models) & set(models)):
            ours, theirs = self.models[name], models[name]
            if ours and theirs and ours != theirs:
                raise InputError(
                    f"the cuts are not for these events: their gammaness is that of {name} {ours}, "
                    f"but the events have that of {name} {theirs}. Make cuts with these models, or "
                    "apply those models to the events"
                )

    def needed(self) -> frozenset[str]:
        """Columns that the cuts read."""
        names = {"reco_energy", "gammaness"} | QualityQuery(self.quality).columns
        names |= {"theta"} if self.theta is not None else set()
        return frozenset(names | ({"multiplicity"} if self.multiplicity is not None else set()))

    def apply(self, events: pl.LazyFrame) -> pl.LazyFrame:
        """Add the columns ``passes_gammaness`` (all cuts but that in theta) and ``passes_theta``.

        ``passes_theta`` is the cut in theta alone, true for all events if there is none. Events
        whose column ``is_valid`` is not true do not pass. Streams: no row waits for another one.
        Measured with 5e6 rows on one thread: 30 to 36 ns a row beyond reading, as for a polars
        expression over `Axis.expr` with gather; a join with the table takes up to half more.

        Raises
        ------
        OptionError
            A column does not exist.
        """
        conditions = [condition for _, condition in self.conditions(events)]
        before_theta = [_step(name) for name in _STEPS[:-1]]
        theta = pl.lit(value=True) if self.theta is None else _step("theta")
        return (
            events.with_columns(self._steps())
            .with_columns(
                passes_gammaness=pl.all_horizontal([*conditions, *before_theta]), passes_theta=theta
            )
            .drop(_DECIDED)
        )

    def cut_flow(self, events: pl.LazyFrame) -> pl.DataFrame:
        """Events that are left after each criterion, in one scan.

        Returns
        -------
        polars.DataFrame
            ``criterion``; ``n_events``; if the events have a column weight ``weighted``, their sum.
        """
        named = self.conditions(events)
        named += [(label, _step(name)) for name, label in self.steps.items()]
        has_weight = "weight" in events.collect_schema().names()
        passed = [pl.lit(value=True)]
        sums = []
        for n in range(len(named) + 1):
            left = pl.all_horizontal([*passed, *(condition for _, condition in named[:n])])
            sums.append((left.sum() if n else pl.len()).cast(pl.Int64).alias(f"n {n}"))
            if has_weight:
                kept = pl.when(left).then(pl.col("weight").cast(pl.Float64)).otherwise(0.0)
                sums.append(kept.sum().alias(f"w {n}"))
        row = events.with_columns(self._steps()).select(sums).collect(engine="streaming")
        counts = [row[f"n {n}"][0] for n in range(len(named) + 1)]
        criteria = ["all", *(name for name, _ in named)]
        flow = pl.DataFrame({"criterion": criteria, "n_events": counts})
        if has_weight:
            weighted = [row[f"w {n}"][0] for n in range(len(named) + 1)]
            flow = flow.with_columns(weighted=pl.Series(weighted, dtype=pl.Float64))
        return flow

    @property
    def steps(self) -> dict[str, str]:
        """The cuts that there are, in order: name, and what a cut flow calls it."""
        labels = {name: f"{name} cut" if name != "energy" else "energy range" for name in _STEPS}
        there = {"energy", *(name for name in _STEPS[1:] if getattr(self, name) is not None)}
        return {name: label for name, label in labels.items() if name in there}

    def conditions(self, events: pl.LazyFrame) -> list[tuple[str, pl.Expr]]:
        """Criteria that do not depend on energy, by name.

        Raises
        ------
        OptionError
            A column that the cuts read does not exist.
        """
        available = events.collect_schema().names()
        query = QualityQuery(self.quality)
        query.check(available)
        for name in sorted(self.needed() - query.columns):
            if name not in available:
                raise OptionError.unknown_name("column that the cuts read:", name, available)
        found = [("is_valid", pl.col("is_valid").fill_null(value=False))]
        found = found if "is_valid" in available else []
        names = (expression.name for expression in query.expressions)
        return found + list(zip(names, query.conditions(), strict=True))

    def _steps(self) -> pl.Expr:
        """One boolean per step for each event, as a struct."""
        read = {"energy": "reco_energy", "gammaness": "gammaness"}
        optional = ("multiplicity", "theta")
        read |= {name: name for name in optional if getattr(self, name) is not None}
        columns = [
            pl.col(column).cast(pl.Float64).fill_null(np.nan).alias(name)
            for name, column in read.items()
        ]
        result = pl.Struct(dict.fromkeys(_STEPS, pl.Boolean))
        whole = pl.struct(columns)
        decided = whole.map_batches(self._decide, return_dtype=result, is_elementwise=True)
        return decided.alias(_DECIDED)

    def _decide(self, batch: pl.Series) -> pl.Series:
        values = {name: batch.struct.field(name).to_numpy() for name in batch.struct.fields}
        decided = self.decide(values)
        every = np.ones(len(batch), bool)
        return pl.DataFrame({name: decided.get(name, every) for name in _STEPS}).to_struct()

    def decide(self, values: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.bool_]]:
        """Whether events pass each of the `steps`.

        Parameters
        ----------
        values : mapping
            Step -> float32 or float64 (n,), what it looks at: the reconstructed energy for
            "energy"; NaN where there is no value.
        """
        energy = np.asarray(values["energy"], dtype=np.float64)
        index = half_open_index(self.energy, energy)
        low, high = self.valid_energy
        inside = (energy >= low) & (energy < high)
        decided = {
            "energy": inside & (_padded(self.has_cut) == 1)[index],
            "gammaness": values["gammaness"] >= _padded(self.gammaness)[index],
        }
        if self.multiplicity is not None:
            decided["multiplicity"] = values["multiplicity"] >= _padded(self.multiplicity)[index]
        if self.theta is not None:
            decided["theta"] = values["theta"] <= _padded(self.theta)[index]
        return decided


def fixed_cuts(
    energy: Axis,
    gammaness: float | None = None,
    theta: float | None = None,
    multiplicity: int | None = None,
    *,
    quality: Mapping[str, str] | None = None,
    models: Mapping[str, str] | None = None,
) -> CutTable:
    """The same cuts at all energies of an axis; without a number there is no such cut."""
    shape = energy.n_bins
    level = -np.inf if gammaness is None else gammaness
    return CutTable(
        energy,
        np.full(shape, level),
        None if theta is None else np.full(shape, theta),
        None if multiplicity is None else np.full(shape, multiplicity),
        quality or {},
        models=models or {},
        info={"method": "fixed"},
    )


def _step(name: str) -> pl.Expr:
    return pl.col(_DECIDED).struct.field(name)


def _padded(values: NDArray[np.generic]) -> Floats:
    """Values of the bins, and NaN below and above, in the numbering of `Axis.index`."""
    return np.concatenate([[np.nan], values, [np.nan]]).astype(np.float64)
