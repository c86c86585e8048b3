"""Weights of simulated events: how many events of a wanted spectrum each stands for."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.irf.axes import Axis, cone_solid_angle
from ctabatch.irf.simulated import SimulatedShowers
from ctabatch.irf.spectra import Spectrum

_CM2 = 1e4  # in a m2


def weighted(
    events: pl.LazyFrame,
    showers: SimulatedShowers,
    spectrum: Spectrum,
    obs_time_s: float,
    *,
    offset: Axis | None = None,
) -> pl.LazyFrame:
    """Add the float64 column ``weight``: wanted flux over simulated flux at the true energy.

    Parameters
    ----------
    events : LazyFrame
        With true_energy in TeV; with `offset` also with true_offset in deg, see
        `ctabatch.irf.derived.with_derived`.
    showers : SimulatedShowers
    spectrum : Spectrum
        A flux per sr for diffuse showers, a flux of a point source for those of a point.
    obs_time_s : float
        Time for which events are wanted, s.
    offset : Axis, optional
        Diffuse showers as a point source: each bin of offset by itself gets the events of the whole
        source, as if it stood there. Events outside the bins get the weight 0.

    Raises
    ------
    OptionError
        The time is not above 0, or an axis of offsets is given without need.
    InputError
        The flux is one per sr and the showers those of a point, or the other way round without
        `offset`.

    Notes
    -----
    Source: the definition of pyirf (`calculate_event_weights`), w = F_target(E) / F_simulated(E).
    Bins of offset that reach beyond the view cone are given the solid angle inside of it only.
    """
    return events.with_columns(weight=weight_expression(showers, spectrum, obs_time_s, offset))


def weight_expression(
    showers: SimulatedShowers, spectrum: Spectrum, obs_time_s: float, offset: Axis | None = None
) -> pl.Expr:
    """The weight as an expression of the columns; for the arguments see `weighted`."""
    if not (np.isfinite(obs_time_s) and obs_time_s > 0):
        raise OptionError(f"observation time must be above 0, not {obs_time_s} s")
    _check(showers, spectrum, offset)
    per_flux = 1.0 / (showers.area * _CM2 * obs_time_s)
    if showers.is_diffuse and spectrum.diffuse:
        per_flux /= showers.solid_angle
    weight = spectrum.expr("true_energy") / (_per_energy(showers) * per_flux)
    if offset is not None:
        weight = weight * _inverse_solid_angle(offset, showers)
    return weight


def _check(showers: SimulatedShowers, spectrum: Spectrum, offset: Axis | None) -> None:
    cone = f"a view cone of {showers.viewcone_min:g} to {showers.viewcone_max:g} deg"
    if spectrum.diffuse and not showers.is_diffuse:
        raise InputError(
            f"spectrum {spectrum.name} is a flux per sr, but the showers were simulated from one "
            "point (no view cone): simulate them with a view cone, or choose a flux without sr"
        )
    if not spectrum.diffuse and showers.is_diffuse and offset is None:
        raise InputError(
            f"spectrum {spectrum.name} is that of a point source, but the showers fill {cone}: "
            "give bins of offset (--offset-bins), in each of which the source is placed, or a flux "
            "per sr"
        )
    if offset is not None and not (showers.is_diffuse and not spectrum.diffuse):
        raise OptionError("bins of offset only serve to weight diffuse showers to a point source")


def _per_energy(showers: SimulatedShowers) -> pl.Expr:
    """Simulated showers per TeV at the true energy."""
    energy = pl.col("true_energy").cast(pl.Float64)
    if showers.counts is None:
        return energy.pow(showers.spectral_index) * showers.power_law_norm
    return energy.map_batches(
        lambda e: pl.Series(showers.per_energy(e.to_numpy())),
        return_dtype=pl.Float64,
        is_elementwise=True,
    )


def _inverse_solid_angle(offset: Axis, showers: SimulatedShowers) -> pl.Expr:
    """Solid angle of each event's bin as a factor on its weight, 0 outside the bins.

    The simulated flux of a bin is the diffuse flux times the solid angle of the bin.
    """
    inside = np.clip(offset.edges, showers.viewcone_min, showers.viewcone_max)
    part = np.diff(cone_solid_angle(inside)) / showers.solid_angle
    factors: NDArray[np.float64] = np.zeros(offset.n_bins + 2)
    factors[1:-1][part > 0] = 1 / part[part > 0]
    return pl.col("true_offset").map_batches(
        lambda values: pl.Series(factors[offset.index(values.to_numpy())]),
        return_dtype=pl.Float64,
        is_elementwise=True,
    )
