"""Whether signal and background were simulated for the same array, place and pointing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ctabatch.dataset import Dataset
from ctabatch.errors import InputError

#: Particle of each role, in the numbering of CORSIKA.
PARTICLES = {"gamma": 0, "proton": 101, "electron": 1}
#: How far altitudes may be apart: of the site in m, of pointings in deg.
_HEIGHT, _ALTITUDE = 1.0, 1.0
_FIRST = 1000  # events


@dataclass(frozen=True)
class Circumstances:
    """Where and how events were simulated.

    Attributes
    ----------
    altitude : (float, float)
        Lowest and highest altitude of the pointing, deg.
    site : float, optional
        Altitude of the site in m, if it is known.
    arrays : frozenset of str
        Identifiers of the arrays of telescopes; empty if they are not known.
    """

    altitude: tuple[float, float]
    site: float | None = None
    arrays: frozenset[str] = frozenset()


def circumstances(dataset: Dataset, runs: pl.DataFrame) -> Circumstances:
    """Those of a dataset and its runs (of `ctabatch.irf.simulated_runs.showers_of_runs`).

    Raises
    ------
    InputError
        The runs of the dataset were simulated at different sites.
    """
    headers = dataset.run().select("prod_site_alt", "subarray_id").unique().collect()
    sites = headers["prod_site_alt"].drop_nulls().unique().sort().to_list()
    if sites and sites[-1] - sites[0] > _HEIGHT:
        raise InputError(
            f"{dataset.root}: runs were simulated at different sites, {sites[0]:g} and "
            f"{sites[-1]:g} m above the sea: make responses of each"
        )
    return Circumstances(
        (_number(runs["pointing_alt"].min()), _number(runs["pointing_alt"].max())),
        sites[0] if sites else None,
        frozenset(headers["subarray_id"].drop_nulls().to_list()),
    )


def circumstances_of_events(events: pl.LazyFrame) -> Circumstances:
    """Those of an event frame about which nothing else is known, by its first rows."""
    first = events.select(pl.col("pointing_alt").cast(pl.Float64)).head(_FIRST).collect()
    altitude = first["pointing_alt"]
    return Circumstances((_number(altitude.min()), _number(altitude.max())))


def check_particle(role: str, events: pl.LazyFrame, source: str) -> None:
    """Refuse events of another particle than their role says, if they tell which one.

    Raises
    ------
    InputError
        The particles are others.
    """
    name = "true_shower_primary_id"
    if name not in events.collect_schema().names():
        return
    found = events.select(name).head(_FIRST).collect()[name].drop_nulls().unique().sort()
    others = [int(number) for number in found if number != PARTICLES[role]]
    if others:
        known = {number: f"{own}s" for own, number in PARTICLES.items()}
        shown = ", ".join(known.get(number, f"particle {number}") for number in others)
        raise InputError(
            f"{source}: given as {role}s, but there are showers of {shown}; the order is GAMMAS "
            "PROTONS ELECTRONS"
        )


def check_agreement(
    signal: Sequence[tuple[str, Circumstances]], background: Sequence[tuple[str, Circumstances]]
) -> list[str]:
    """Refuse a background of another site or pointing.

    Parameters
    ----------
    signal, background : sequence of (str, Circumstances)
        Source and circumstances of each input.

    Returns
    -------
    list of str
        What is to be known: other telescopes.

    Raises
    ------
    InputError
        With both values.
    """
    first, own = signal[0]
    low, high = _altitudes(dict(signal))
    notes = []
    for name, other in background:
        if own.site is not None and other.site is not None:
            if abs(own.site - other.site) > _HEIGHT:
                raise InputError(
                    f"{first} was simulated at {own.site:g} m above the sea, {name} at "
                    f"{other.site:g} m: signal and background are of different sites"
                )
            if own.arrays and other.arrays and not own.arrays & other.arrays:
                notes.append(f"{name}: its telescopes are not those of {first}")
        if other.altitude[0] > high + _ALTITUDE or other.altitude[1] < low - _ALTITUDE:
            raise InputError(
                f"the pointings of the gammas are {_range(low, high)} deg high, those of {name} "
                f"{_range(*other.altitude)}: signal and background do not belong together "
                "(--no-audit takes them as they are)"
            )
    return notes


def _altitudes(inputs: Mapping[str, Circumstances]) -> tuple[float, float]:
    ends = [one.altitude for one in inputs.values()]
    return min(low for low, _ in ends), max(high for _, high in ends)


def _range(low: float, high: float) -> str:
    return f"{low:.4g}" if high - low < 0.01 else f"{low:.4g} to {high:.4g}"


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")


__all__ = [
    "Circumstances",
    "check_agreement",
    "check_particle",
    "circumstances",
    "circumstances_of_events",
]
