"""Simulated observations: events drawn from DL2 simulations by weight and put on the sky.

A simulated event of energy E stands for ``rate`` events per second of the wanted spectrum. Into an
observation it is drawn k times, k from a Poisson distribution with the mean rate x time: the number
of events, and the number in any bin, is then Poisson-distributed with the weighted expectation, as
in a real observation, whatever the weights. Events with more weight than one are drawn repeatedly;
since a copy repeats the energy and distance to the source of the first, this is counted and to be
reported: spectra and maps from few simulated events fluctuate less freely than they seem to.

Signal counts follow the live time. Background rates are those of *ontime* (as in BKG tables, which
readers scale by ontime): what the simulation gives is taken as the rate after dead time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from ctabatch.dl3.observations import separation
from ctabatch.dl3.placing import (
    Block,
    Floats,
    place_background,
    place_signal,
    separated,
    source_of,
    time_slices,
    uniform_times,
)
from ctabatch.dl3.rates import Showers, Spectrum, diffuse_rate, signal_rate, solid_angle
from ctabatch.errors import InputError
from ctabatch.io.fits.events import event_type_bits
from ctabatch.io.fits.observation import Observation

#: Columns of the event frame that are read.
COLUMNS = (
    *("true_energy", "true_alt", "true_az", "reco_energy", "reco_alt", "reco_az"),
    *("pointing_alt", "pointing_az", "gammaness", "multiplicity"),
)
#: Column that becomes EVENT_TYPE if it is there and holds whole numbers.
EVENT_TYPE = "event_type"
#: Pools with more rows than this are read again for every observation instead of kept.
ROWS_IN_MEMORY = 5_000_000
#: Expected events that are drawn and held at once.
EVENTS_AT_ONCE = 1_000_000
#: Tolerance of the signal's offset if none is stated, deg.
TOLERANCE = 0.1


class Pool:
    """Simulated events of one primary, in blocks and in a fixed order.

    Parameters
    ----------
    frame : LazyFrame
        Event frame with `COLUMNS`; events that fail cuts are already removed. Rows with a column
        ``is_valid`` that is false are left out.
    showers : Showers
    spectrum : Spectrum
        Per sr for a background.
    diffuse : bool
        Background (placed anywhere) instead of signal (placed at the source).
    """

    def __init__(
        self,
        frame: pl.LazyFrame,
        showers: Showers,
        spectrum: Spectrum,
        *,
        diffuse: bool,
    ) -> None:
        schema = frame.collect_schema()
        names = schema.names()
        if missing := [name for name in COLUMNS if name not in names]:
            raise InputError(f"simulated events lack the columns {', '.join(missing)}")
        if "is_valid" in names:
            frame = frame.filter(pl.col("is_valid"))
        self.has_types = EVENT_TYPE in names and schema[EVENT_TYPE].is_integer()
        types = [pl.col(EVENT_TYPE).cast(pl.Int64)] if self.has_types else []
        numbers = [pl.col(name).fill_null(0).cast(pl.Float64) for name in COLUMNS]
        self._frame = frame.select(*numbers, *types)
        self.showers, self.spectrum, self.diffuse = showers, spectrum, diffuse
        self.n_rows = int(frame.select(pl.len()).collect(engine="streaming").item())
        if not self.n_rows and not diffuse:
            raise InputError("no simulated gammas pass the cuts")
        self._kept: Block | None = None
        if self.n_rows <= ROWS_IN_MEMORY:
            self._kept = self._weighted(self._frame.collect())
        self.uses = np.zeros(self.n_rows, np.uint16)

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """Number of the first row, and columns as arrays, in the order of the table.

        With ``rate``, the events per second for which each stands (of a signal: if all simulated
        directions served it), and of a signal ``true_offset`` from the pointing in deg.
        """
        if self._kept is not None:
            yield 0, self._kept
            return
        first = 0
        for batch in self._frame.collect_batches(maintain_order=True, chunk_size=1 << 18):
            yield first, self._weighted(batch)
            first += len(batch)

    def _weighted(self, batch: pl.DataFrame) -> Block:
        block: Block = {name: batch[name].to_numpy() for name in batch.columns}
        energy = block["true_energy"]
        if self.diffuse:
            block["rate"] = diffuse_rate(energy, self.showers, self.spectrum)
        else:
            block["rate"] = signal_rate(energy, self.showers, self.spectrum, 1.0)
            pointing = block["pointing_az"], block["pointing_alt"]
            place = block["true_az"], block["true_alt"]
            block["true_offset"] = separation(*pointing, *place)[0]
        return block

    @property
    def n_repeated(self) -> int:
        """Draws of an event that had been drawn before, in whatever observation."""
        return int(np.maximum(self.uses.astype(np.int64) - 1, 0).sum())


@dataclass
class Drawn:
    """Account of one observation: events drawn and expected, by signal and background."""

    n_signal: int = 0
    n_background: int = 0
    expected_signal: float = 0.0
    expected_background: float = 0.0


def drawn_blocks(
    observation: Observation,
    pools: list[Pool],
    seed: np.random.SeedSequence,
    account: Drawn,
    *,
    tolerance: float = TOLERANCE,
) -> Iterator[Block]:
    """Draw one observation, slice by slice of its time if there are many events.

    Parameters
    ----------
    observation, pools, seed, tolerance
        As for `draw_observation`.
    account : Drawn
        To which what was drawn is added.
    """
    expected = 0.0
    for pool in pools:
        select = _background_means if pool.diffuse else _signal_means
        for _, block in pool.blocks():
            expected += float(select(pool, block, observation, tolerance).sum())
    n_slices = max(1, int(np.ceil(expected / EVENTS_AT_ONCE)))
    n_events = 0
    for part, child in zip(time_slices(observation, n_slices), seed.spawn(n_slices), strict=True):
        events, own = draw_observation(part, pools, child, tolerance=tolerance)
        events["EVENT_ID"] += n_events
        n_events += len(events["EVENT_ID"])
        account.n_signal += own.n_signal
        account.n_background += own.n_background
        account.expected_signal += own.expected_signal
        account.expected_background += own.expected_background
        yield events


def draw_observation(
    observation: Observation,
    pools: list[Pool],
    seed: np.random.SeedSequence,
    *,
    tolerance: float = TOLERANCE,
    keep_orientation: bool = False,
) -> tuple[Block, Drawn]:
    """Draw the events of one observation.

    Signal: events whose true distance from the simulated pointing is within the tolerance of the
    distance from the pointing to the source are drawn. Their true position is put on the source;
    the reconstructed one at the simulated distance from it, and at the simulated angle against the
    line from source to pointing. Background: the distance of the reconstructed direction from the
    pointing is kept.

    Parameters
    ----------
    observation : Observation
        With the position of its source if there is a pool of signal.
    pools : list of Pool
    seed : SeedSequence
        The same seed, pools and observation give the same events.
    tolerance : float
        Half width in deg of the ring of true offsets that serves the signal.
    keep_orientation : bool
        Keep the place of background events in the field of view (zenith up) at the time of the
        event, instead of turning each around the pointing at random.

    Returns
    -------
    dict, Drawn
        Columns of the EVENTS table in order of time, and the account.

    Raises
    ------
    InputError
        No signal was simulated at this offset, or the source has no position.
    """
    account, drawn = Drawn(), []
    for pool, child in zip(pools, seed.spawn(len(pools)), strict=True):
        numbers, places = (np.random.default_rng(s) for s in child.spawn(2))
        select = _background_means if pool.diffuse else _signal_means
        for first, block in pool.blocks():
            mean = select(pool, block, observation, tolerance)
            count = numbers.poisson(mean)
            rows = np.repeat(np.arange(len(count)), count)
            room = np.iinfo(pool.uses.dtype).max - pool.uses[first : first + len(count)]
            pool.uses[first : first + len(count)] += np.minimum(count, room).astype(np.uint16)
            if pool.diffuse:
                account.n_background += len(rows)
                account.expected_background += float(mean.sum())
            else:
                account.n_signal += len(rows)
                account.expected_signal += float(mean.sum())
            chosen = {name: values[rows] for name, values in block.items()}
            chosen["TIME"] = uniform_times(observation, len(rows), places)
            place = place_background if pool.diffuse else place_signal
            chosen["RA"], chosen["DEC"] = place(chosen, observation, places, keep_orientation)
            types = chosen[EVENT_TYPE] if pool.has_types else np.full(len(rows), -1)
            drawn.append({
                "TIME": chosen["TIME"], "RA": chosen["RA"], "DEC": chosen["DEC"],
                "ENERGY": chosen["reco_energy"], "GAMMANESS": chosen["gammaness"],
                "MULTIP": chosen["multiplicity"], "EVENT_TYPE": event_type_bits(types),
            })  # fmt: skip
        if not pool.diffuse and account.expected_signal == 0:
            raise InputError(_no_signal(observation, pool, tolerance))
    events = {name: np.concatenate([part[name] for part in drawn]) for name in drawn[0]}
    order = np.argsort(events["TIME"], kind="stable")
    events = {name: values[order] for name, values in events.items()}
    events["TIME"], _ = separated(events["TIME"])
    events["EVENT_ID"] = np.arange(1, len(order) + 1)
    return events, account


def _signal_means(pool: Pool, block: Block, observation: Observation, tolerance: float) -> Floats:
    ra, dec = source_of(observation)
    offset = float(separation(observation.ra_pnt, observation.dec_pnt, ra, dec)[0])
    showers = pool.showers
    low, high = offset - tolerance, offset + tolerance
    share = 1.0
    if showers.viewcone_max > showers.viewcone_min:
        low, high = max(low, showers.viewcone_min, 0.0), min(high, showers.viewcone_max)
        if low >= high:
            raise InputError(_no_signal(observation, pool, tolerance))
        cone = solid_angle(showers.viewcone_min, showers.viewcone_max)
        share = solid_angle(low, high) / cone
    used = (block["true_offset"] >= low) & (block["true_offset"] < high)
    return np.where(used, block["rate"] * (observation.livetime / share), 0.0)


def _background_means(
    _pool: Pool, block: Block, observation: Observation, _tolerance: float
) -> Floats:
    return np.asarray(block["rate"] * observation.ontime)


def _no_signal(observation: Observation, pool: Pool, tolerance: float) -> str:
    ra, dec = source_of(observation)
    offset = float(separation(observation.ra_pnt, observation.dec_pnt, ra, dec)[0])
    return (
        f"observation {observation.obs_id}: no gammas were simulated within {tolerance} deg of the "
        f"source's offset of {offset:.3g} deg (view cone {pool.showers.viewcone_min:.3g} to "
        f"{pool.showers.viewcone_max:.3g} deg); choose another wobble offset or tolerance"
    )
