"""``ctabatch dl3``: event lists with their responses for gammapy, and the check of such a store."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctabatch.cli.progress import bar
from ctabatch.cli.store_report import report
from ctabatch.errors import OptionError

if TYPE_CHECKING:
    from ctabatch.dl3.make import Progress, StoreAccount
    from ctabatch.dl3.store import StoreOptions

CHECK = "check"
#: Exit code of check if something is wrong.
WITH_FINDINGS = 1
#: Primaries in the order of the words.
ROLES = ("gamma", "proton", "electron")
_OBSERVED, _SIMULATED = "Observed events", "Simulated observations (--simulate)"


def command(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="Observed: one dataset or event table. With --simulate: GAMMAS [PROTONS "
            "[ELECTRONS]], simulated; commas separate several of one kind. Or: check FOLDER.",
            show_default=False,
        ),
    ],
    irf: Annotated[
        Path | None,
        typer.Option(
            help="Folder of ctabatch irf, or a FITS file of responses. Its cuts are "
            "applied to the events, but for that in theta."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write; made anew.")
    ] = None,
    prefix: Annotated[
        str | None, typer.Option(help="Which predictions of the datasets, if there are several.")
    ] = None,
    direction: Annotated[
        str | None,
        typer.Option(
            help="Direction of other predictions, or HillasReconstructor. By default as PREFIX."
        ),
    ] = None,
    column_map: Annotated[
        str | None,
        typer.Option(
            "--map",
            help="Columns of event tables of other pipelines: NAME=COLUMN,... "
            "as of ctabatch irf, and time.",
        ),
    ] = None,
    no_cuts: Annotated[
        bool, typer.Option("--no-cuts", help="Apply no cuts, also where the folder has some.")
    ] = False,
    select: Annotated[
        str | None, typer.Option(help="SQL over the columns of the events, true for those to keep.")
    ] = None,
    site: Annotated[
        str, typer.Option(help="CTAO-North, CTAO-South, or LON,LAT,HEIGHT in deg, deg, m.")
    ] = "CTAO-North",
    target: Annotated[str, typer.Option(help="Crab, or RA,DEC in deg (ICRS).")] = "Crab",
    live_fraction: Annotated[
        float | None,
        typer.Option(
            help="Live time by ontime.  \\[observed datasets: from the times of all "
            "triggers; simulated: 1]"
        ),
    ] = None,
    pointings: Annotated[
        Path | None,
        typer.Option(
            help="Table (Parquet, CSV) of obs_id, ra_pnt, dec_pnt in deg, start, stop in "
            "UTC. By default from the events.",
            rich_help_panel=_OBSERVED,
        ),
    ] = None,
    gti: Annotated[
        Path | None,
        typer.Option(
            help="Table of good time intervals: obs_id, start, stop in UTC. Events "
            "outside are dropped. By default all of the pointing.",
            rich_help_panel=_OBSERVED,
        ),
    ] = None,
    time_reference: Annotated[
        str | None,
        typer.Option(
            help="What a time column in seconds counts from: MJD in TT.  \\[header of the "
            "FITS table]",
            rich_help_panel=_OBSERVED,
        ),
    ] = None,
    simulate: Annotated[
        bool,
        typer.Option(
            "--simulate",
            help="Draw observations from simulated events by weight.",
            rich_help_panel=_SIMULATED,
        ),
    ] = False,
    exposure: Annotated[
        float, typer.Option(help="Hours of ontime.", rich_help_panel=_SIMULATED)
    ] = 5.0,
    duration: Annotated[
        float, typer.Option(help="Minutes of one observation.", rich_help_panel=_SIMULATED)
    ] = 20.0,
    offset: Annotated[
        float,
        typer.Option(help="From target to pointing in deg.", rich_help_panel=_SIMULATED),
    ] = 0.5,
    wobble: Annotated[
        str,
        typer.Option(
            help="Position angles of the pointings around the target, deg from north over "
            "east, used in turn.",
            rich_help_panel=_SIMULATED,
        ),
    ] = "0,180,90,270",
    start: Annotated[
        str, typer.Option(help="First night, UTC.", rich_help_panel=_SIMULATED)
    ] = "2025-01-10T20:00:00",
    min_altitude: Annotated[
        float, typer.Option(help="Lowest altitude of the target, deg.", rich_help_panel=_SIMULATED)
    ] = 40.0,
    tolerance: Annotated[
        float,
        typer.Option(
            help="Gammas simulated within so many deg of the target's offset serve as its events.",
            rich_help_panel=_SIMULATED,
        ),
    ] = 0.1,
    seed: Annotated[
        int, typer.Option(help="The same seed, the same events.", rich_help_panel=_SIMULATED)
    ] = 0,
    spectrum: Annotated[
        str,
        typer.Option(
            help="Of the source: a name, power_law(norm=,index=), or SQL of energy.",
            rich_help_panel=_SIMULATED,
        ),
    ] = "CRAB_HEGRA",
    proton_spectrum: Annotated[
        str, typer.Option(help="Per sr.", rich_help_panel=_SIMULATED)
    ] = "IRFDOC_PROTON",
    electron_spectrum: Annotated[
        str, typer.Option(help="Per sr.", rich_help_panel=_SIMULATED)
    ] = "IRFDOC_ELECTRON",
    simulated: Annotated[
        list[str] | None,
        typer.Option(
            help="Simulated showers behind an event table of gammas, as of ctabatch irf.",
            rich_help_panel=_SIMULATED,
        ),
    ] = None,
    simulated_protons: Annotated[
        list[str] | None, typer.Option(help="The same of protons.", rich_help_panel=_SIMULATED)
    ] = None,
    simulated_electrons: Annotated[
        list[str] | None, typer.Option(help="The same of electrons.", rich_help_panel=_SIMULATED)
    ] = None,
    no_audit: Annotated[
        bool,
        typer.Option(
            "--no-audit",
            help="Accept counts of simulated showers that do not fit.",
            rich_help_panel=_SIMULATED,
        ),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a store.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write event lists, good time intervals, pointings, responses and index tables for gammapy.

    Events of a dataset or table are taken as observed, at their times. With
    --simulate, observations in wobble mode are drawn from simulations by weight:
    a source of gammas, and background from protons and electrons. Events outside
    the good time intervals are dropped and counted. Responses by event type give
    an event list each: observation n becomes n * 100 + k.

    Check tells all that is wrong with a store, whoever wrote it.

    Exit code 0: done. 1: check has findings. 2: unusable input or options.

    Examples:
      ctabatch dl3 night --irf irf -o dl3 --site CTAO-North
      ctabatch dl3 night --irf irf -o dl3 --pointings runs.csv --gti good.csv
      ctabatch dl3 --simulate gammas protons --irf irf -o dl3 --exposure 20
      ctabatch dl3 --simulate gammas --irf irf -o dl3 --target 83.63,22.01
      ctabatch dl3 check dl3
    """
    if words[0] == CHECK:
        if irf or output or simulate:
            raise OptionError("check takes a folder and --json: ctabatch dl3 check DIR")
        _check(words[1:], as_json=as_json)
    if irf is None or output is None:
        missing = "--irf, the folder of ctabatch irf" if irf is None else "--output"
        raise OptionError(f"name {missing}; see ctabatch dl3 --help")
    begin = time.perf_counter()
    options = _options(
        irf, output, select, site, target, live_fraction, cuts=not no_cuts, overwrite=overwrite,
        audit=not no_audit,
    )  # fmt: skip
    shaping: dict[str, Any] = {
        "select": select, "site": site, "target": target, "live_fraction": live_fraction,
        "cuts": not no_cuts, "prefix": prefix, "direction": direction, "map": column_map,
    }  # fmt: skip
    if simulate:
        if pointings or gti or time_reference:
            raise OptionError("--pointings, --gti and --time-reference are for observed events")
        plan = {
            "exposure": exposure,
            "duration": duration,
            "offset": offset,
            "angles": _angles(wobble),
            "start": start,
            "min_altitude": min_altitude,
        }
        shaping |= {
            **plan, "tolerance": tolerance, "seed": seed, "spectrum": spectrum,
            "proton_spectrum": proton_spectrum, "electron_spectrum": electron_spectrum,
            "simulated": [simulated, simulated_protons, simulated_electrons],
        }  # fmt: skip
        options = _marked(options, words, shaping, prefix, {}, simulated=True)
        sources = {"column_map": column_map, "prefix": prefix, "direction": direction}
        texts = (spectrum, proton_spectrum, electron_spectrum)
        showers = (simulated, simulated_protons, simulated_electrons)
        with bar("dl3", quiet=as_json) as progress:
            account = _draw(words, sources, showers, texts, options, plan, seed, tolerance,
                            progress)  # fmt: skip
    else:
        if len(words) > 1:
            raise OptionError(
                "observed events come from one dataset or table; to draw observations from "
                "simulations of several primaries: --simulate"
            )
        tables = {"pointings": pointings, "gti": gti}
        shaping |= {"time_reference": time_reference}
        options = _marked(options, words, shaping, prefix, tables, simulated=False)
        with bar("dl3", quiet=as_json) as progress:
            account = _convert(words[0], column_map, prefix, direction, time_reference, options,
                               pointings, gti, progress)  # fmt: skip
    report(account, output, round(time.perf_counter() - begin, 3), as_json=as_json)


def _options(
    irf: Path,
    output: Path,
    select: str | None,
    site: str,
    target: str,
    live_fraction: float | None,
    *,
    cuts: bool,
    overwrite: bool,
    audit: bool,
) -> StoreOptions:
    from ctabatch.dl3 import observations
    from ctabatch.dl3.selection import read_selection
    from ctabatch.dl3.store import StoreOptions
    from ctabatch.io.fits.index import HDU_INDEX
    from ctabatch.io.whole_folder import check_free

    if live_fraction is not None and not 0 < live_fraction <= 1:
        raise OptionError(f"--live-fraction {live_fraction}: above 0 and at most 1")
    check_free(output, HDU_INDEX, "event lists", overwrite=overwrite)
    selection = read_selection(irf, cuts=cuts, sql=select)
    return StoreOptions(irf, output, selection, observations.site(site),
                        observations.target(target), live_fraction, overwrite, audit)  # fmt: skip


def _marked(
    options: StoreOptions,
    words: list[str],
    shaping: dict[str, Any],
    prefix: str | None,
    tables: dict[str, Path | None],
    *,
    simulated: bool,
) -> StoreOptions:
    """The options with what the files will say of who made them."""
    from dataclasses import replace

    from ctabatch.dl3.provenance import store_marks

    roles = ROLES if simulated else ("events",)
    sources = {
        role: [name for name in word.split(",") if name] if simulated else [word]
        for role, word in zip(roles, words, strict=False)
    }
    sources |= {name: [str(path)] for name, path in tables.items() if path is not None}
    prefixes = [] if prefix is None else [prefix]
    marks = store_marks(sources, prefixes, options.irf, shaping, simulated=simulated)
    return replace(options, marks=marks)


def _angles(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise OptionError(f"--wobble {text!r}: write angles in deg, for example 0,180") from None


def _draw(
    words: list[str],
    sources: dict[str, str | None],
    showers: tuple[list[str] | None, ...],
    spectra: tuple[str, ...],
    options: StoreOptions,
    plan: dict[str, Any],
    seed: int,
    tolerance: float,
    progress: Progress,
) -> StoreAccount:
    from ctabatch.dl3.store import WobblePlan, simulated_store
    from ctabatch.irf.primaries import open_primary
    from ctabatch.irf.spectra import spectrum

    if len(words) > len(ROLES):
        raise OptionError(f"--simulate takes {', '.join(f'{r}s' for r in ROLES)}; commas separate "
                          "several of one kind")  # fmt: skip
    primaries = [
        open_primary(role, [name for name in word.split(",") if name], stated or [], **sources)
        for role, word, stated in zip(ROLES, words, showers, strict=False)
    ]
    wanted = {
        role: spectrum(text, diffuse=role != ROLES[0])
        for role, text, _ in zip(ROLES, spectra, words, strict=False)
    }
    return simulated_store(primaries, wanted, options, WobblePlan(**plan), seed=seed,
                           tolerance=tolerance, progress=progress)  # fmt: skip


def _convert(
    word: str,
    column_map: str | None,
    prefix: str | None,
    direction: str | None,
    time_reference: str | None,
    options: StoreOptions,
    pointings: Path | None,
    gti: Path | None,
    progress: Progress,
) -> StoreAccount:
    from ctabatch.dl3.observed import from_dataset, from_table, models_of
    from ctabatch.dl3.store import observed_store
    from ctabatch.io.event_tables import is_dataset

    triggers, models = None, {}
    if is_dataset(word):
        from ctabatch.dataset import Dataset

        if column_map or time_reference:
            raise OptionError("--map and --time-reference are for event tables")
        dataset = Dataset(word)
        events, triggers = from_dataset(dataset, prefix, direction)
        models = models_of(dataset, prefix, direction)
    else:
        events = from_table(word, column_map, time_reference)
    return observed_store(events, triggers, options, models=models, pointing_table=pointings,
                          interval_table=gti, progress=progress)  # fmt: skip


def _check(words: list[str], *, as_json: bool) -> None:
    from ctabatch.io.fits.validation import check_store

    if len(words) != 1:
        raise OptionError("check takes one folder: ctabatch dl3 check DIR")
    folder = Path(words[0])
    findings = check_store(folder)
    code = WITH_FINDINGS if findings else 0
    if as_json:
        facts = {"exit_code": code, "store": str(folder), "n_findings": len(findings)}
        typer.echo(json.dumps({**facts, "findings": [asdict(f) for f in findings]}, indent=1))
    else:
        for finding in findings:
            typer.echo(str(finding))
        typer.echo(f"{folder}: {len(findings):,} findings" if findings else f"{folder}: good")
    raise typer.Exit(code)


__all__ = ["command"]
