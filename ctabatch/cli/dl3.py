"""``ctabatch dl3``: event lists with their responses for gammapy, and the check of such a folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctabatch.errors import InputError, OptionError

if TYPE_CHECKING:
    from ctabatch.dataset import Dataset
    from ctabatch.dl3.simulated import Pool
    from ctabatch.dl3.write import WrittenObservation
    from ctabatch.io.fits.observation import Observation

CHECK = "check"
WITH_FINDINGS = 1
#: Spectrum that stands for a primary unless one is stated, by the number of the primary.
_DIFFUSE = {1: "IRFDOC_ELECTRON", 101: "IRFDOC_PROTON"}


def command(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="DATASET... | check DIR",
            help="Datasets with predictions; or the word check and a folder of event lists.",
        ),
    ],
    irf: Annotated[
        Path | None, typer.Option(help="File or folder with the responses, of ctabatch irf.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write; made if needed.")
    ] = None,
    prefix: Annotated[str | None, typer.Option(help="Which of several predictions.")] = None,
    select: Annotated[
        str | None, typer.Option(help="SQL expression that is true for events to keep.")
    ] = None,
    site: Annotated[str, typer.Option(help="CTAO-North, CTAO-South, or LON,LAT,HEIGHT.")] = (
        "CTAO-North"
    ),
    target: Annotated[str, typer.Option(help="Crab, or RA,DEC in deg.")] = "Crab",
    live_fraction: Annotated[
        float | None, typer.Option(help="Live time by ontime.  [observed: found; simulated: 1]")
    ] = None,
    pointings: Annotated[
        Path | None,
        typer.Option(
            help="Observed: table (Parquet, CSV) of obs_id, ra_pnt, dec_pnt, start, stop.  "
            "[from the events]"
        ),
    ] = None,
    exposure: Annotated[
        float | None,
        typer.Option(help="Simulated observations of so many hours, drawn by weight."),
    ] = None,
    spectrum: Annotated[
        str, typer.Option(help="Simulated: spectrum of the source, a name or SQL of energy.")
    ] = "CRAB_HEGRA",
    start: Annotated[str, typer.Option(help="Simulated: first night, UTC.")] = (
        "2025-01-10T20:00:00"
    ),
    duration: Annotated[float, typer.Option(help="Simulated: minutes of an observation.")] = 20.0,
    offset: Annotated[float, typer.Option(help="Simulated: wobble offset in deg.")] = 0.5,
    min_altitude: Annotated[float, typer.Option(help="Simulated: lowest altitude, deg.")] = 40.0,
    seed: Annotated[int, typer.Option(help="Simulated: the same seed, the same events.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the folder's.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write event lists, good time intervals, pointing, responses and index tables for gammapy.

    Without --exposure the events are taken as observed at their times. With --exposure,
    observations are drawn from simulated gammas and any background beside them. Events outside the
    good time intervals are dropped and counted. Exit code of check: 1 with findings, 2 if there is
    no store.

    Examples:
      ctabatch dl3 night --irf irf -o dl3 --pointings pointings.csv
      ctabatch dl3 gammas protons electrons --irf irf -o dl3 --exposure 20 --seed 1
      ctabatch dl3 check dl3
    """
    if words[0] == CHECK:
        _check(words[1:], as_json=as_json)
    if irf is None or output is None:
        raise OptionError("writing event lists needs --irf and --output; see ctabatch dl3 --help")
    import numpy as np

    from ctabatch.dl3 import observations as plan
    from ctabatch.dl3 import observed
    from ctabatch.dl3.simulated import draw_observation
    from ctabatch.dl3.write import write_store
    from ctabatch.io.fits.irf_hdus import read_responses

    place, aim, responses = plan.site(site), plan.target(target), read_responses(irf)
    facts: dict[str, Any] = {}
    if exposure is None:
        if len(words) > 1:
            raise OptionError("observed events come from one dataset; for simulations --exposure")
        events, triggers = observed.from_dataset(_dataset(words[0]), prefix)
        events = _selected(events, select)
        table = _pointings(pointings) if pointings else None
        if table is None:
            table = observed.pointings_from_events(triggers, place)
        live = live_fraction or observed.live_fractions(triggers)
        made = observed.observations_from_table(table, place, live_fractions=live, target=aim)
        observed.check_times(events, made, table)
        written = write_store(
            output, made, lambda o: observed.observed_blocks(events, o), responses,
            overwrite=overwrite,
        )  # fmt: skip
    else:
        made = plan.wobble(
            aim, place, exposure=exposure * 3600, start=start, duration=duration * 60,
            offset=offset, live_fraction=live_fraction or 1.0, min_altitude=min_altitude,
        )  # fmt: skip
        pools = [_pool(_dataset(word), prefix, select, spectrum) for word in words]
        seeds = np.random.SeedSequence(seed).spawn(len(made))
        children = {o.obs_id: child for o, child in zip(made, seeds, strict=True)}
        accounts = []

        def blocks(observation: Observation) -> Any:
            events, account = draw_observation(observation, pools, children[observation.obs_id])
            accounts.append(account)
            yield events

        written = write_store(output, made, blocks, responses, overwrite=overwrite)
        facts = {
            "signal": sum(a.n_signal for a in accounts),
            "background": sum(a.n_background for a in accounts),
            "repeated_draws": sum(pool.n_repeated for pool in pools),
        }
    _report(written, made, facts, output, as_json=as_json)


def _check(words: list[str], *, as_json: bool) -> None:
    from ctabatch.io.fits.validation import check_store

    if len(words) != 1:
        raise OptionError("check takes one folder: ctabatch dl3 check DIR")
    findings = check_store(Path(words[0]))
    if as_json:
        typer.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=1))
    else:
        for finding in findings:
            typer.echo(str(finding))
        typer.echo(f"{words[0]}: {len(findings):,} findings" if findings else f"{words[0]}: good")
    raise typer.Exit(WITH_FINDINGS if findings else 0)


def _dataset(path: str) -> Dataset:
    from ctabatch.dataset import Dataset

    return Dataset(path)


def _pointings(path: Path) -> Any:
    import polars as pl
    from polars.exceptions import PolarsError

    try:
        return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
    except (OSError, PolarsError) as error:
        raise InputError(f"{path}: cannot be read as a table of pointings: {error}") from error


def _selected(events: Any, select: str | None) -> Any:
    from ctabatch.expressions import QualityQuery

    if select is None:
        return events
    query = QualityQuery({"--select": select})
    query.check(events.collect_schema().names())
    return events.filter(query.all())


def _pool(dataset: Dataset, prefix: str | None, select: str | None, spectrum: str) -> Pool:
    from ctabatch.dl3.simulated import Pool
    from ctabatch.irf.events import from_dataset
    from ctabatch.irf.simulated import SimulatedShowers
    from ctabatch.irf.spectra import spectrum as spectrum_of

    primaries = dataset.shower().select("true_shower_primary_id").unique().collect().to_series()
    if len(primaries) != 1:
        raise InputError(f"a dataset holds several primaries ({primaries.to_list()}); use one each")
    primary = int(primaries[0])
    if primary and primary not in _DIFFUSE:
        raise InputError(f"no spectrum is known for primary {primary}; use gammas, protons, "
                         "electrons")  # fmt: skip
    wanted = spectrum_of(_DIFFUSE[primary] if primary else spectrum)
    events = _selected(from_dataset(dataset, prefix), select)
    return Pool(events, SimulatedShowers.from_dataset(dataset), wanted, diffuse=bool(primary))


def _report(
    written: list[WrittenObservation],
    observations: list[Observation],
    facts: dict[str, Any],
    output: Path,
    *,
    as_json: bool,
) -> None:
    dropped = sum(w.n_dropped for w in written)
    facts = {
        "observations": len(written),
        "events": sum(w.n_events for w in written),
        "dropped_outside_intervals": dropped,
        "ontime_hours": round(sum(o.ontime for o in observations) / 3600, 6),
        "livetime_hours": round(sum(o.livetime for o in observations) / 3600, 6),
        **facts,
    }
    if as_json:
        typer.echo(json.dumps(facts, indent=1))
        return
    typer.echo(
        f"{facts['observations']:,} observations, {facts['ontime_hours']:.3g} h, "
        f"{facts['events']:,} events written to {output}"
    )
    if dropped:
        typer.echo(f"ctabatch: warning: {dropped:,} events lay outside the good time intervals "
                   "and were left out", err=True)  # fmt: skip
    if facts.get("repeated_draws"):
        typer.echo(
            f"ctabatch: warning: {facts['repeated_draws']:,} of {facts['events']:,} events are "
            "simulated events drawn again; use more simulations for a list that fluctuates freely",
            err=True,
        )
