"""``ctabatch irf``: cuts, instrument responses and benchmarks from reconstructed simulations."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctabatch.cli.irf_options import cut_options, irf_config, names_in
from ctabatch.cli.irf_report import report
from ctabatch.cli.lean_imports import import_numba_alone
from ctabatch.cli.progress import bar
from ctabatch.errors import OptionError

if TYPE_CHECKING:
    from ctabatch.irf.make import Responses
    from ctabatch.irf.options import IrfConfig

#: Exit code if something that was asked for could not be computed; it is listed.
WITH_GAPS = 1


def command(
    gammas: Annotated[
        str | None,
        typer.Argument(
            help="Dataset or event table of simulated gamma rays; several are separated by commas."
        ),
    ] = None,
    protons: Annotated[
        str | None, typer.Argument(help="The same of protons, for the background.")
    ] = None,
    electrons: Annotated[str | None, typer.Argument(help="The same of electrons.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the results; made anew.")
    ] = None,
    config_file: Annotated[
        Path | None, typer.Option("--config", help="YAML file of options, see --show-config.")
    ] = None,
    prefix: Annotated[
        str | None, typer.Option(help="Which predictions of the datasets, if there are several.")
    ] = None,
    direction: Annotated[
        str | None,
        typer.Option(help="Direction of others, or HillasReconstructor.  \\[as PREFIX]"),
    ] = None,
    column_map: Annotated[
        str | None,
        typer.Option(
            "--map",
            help="Columns of event tables of other pipelines: NAME=COLUMN,... "
            "with the names true_energy, true_alt, true_az, reco_energy, reco_alt, "
            "reco_az, pointing_alt, pointing_az, gammaness, multiplicity.",
        ),
    ] = None,
    simulated: Annotated[
        list[str] | None,
        typer.Option(
            help="Simulated showers behind an event table: n_showers=,energy_min=,"
            "energy_max=,index=,max_impact=,viewcone_min=,viewcone_max= (TeV, m, deg). "
            "Once for each table of gammas."
        ),
    ] = None,
    simulated_protons: Annotated[
        list[str] | None, typer.Option(help="The same for event tables of protons.")
    ] = None,
    simulated_electrons: Annotated[
        list[str] | None, typer.Option(help="The same for event tables of electrons.")
    ] = None,
    energy_bins: Annotated[
        str | None,
        typer.Option(help="True energy: MIN,MAX,BINS_PER_DECADE in TeV.  [0.015,150,10]"),
    ] = None,
    reco_energy_bins: Annotated[
        str | None, typer.Option(help="Reconstructed energy, the same way.  [0.015,150,5]")
    ] = None,
    offset_bins: Annotated[
        str | None,
        typer.Option(
            help="Offset from the pointing: MIN,MAX,NUMBER in deg.  [0,5,10; one bin "
            "around a point source]"
        ),
    ] = None,
    migra_bins: Annotated[
        str | None,
        typer.Option(help="Reconstructed over true energy, logarithmic.  [0.2,5,30]"),
    ] = None,
    rad_bins: Annotated[
        str | None, typer.Option(help="Distance from the source, deg.  [0,1,100]")
    ] = None,
    fov_bins: Annotated[
        str | None,
        typer.Option(help="Both coordinates in the field of view, deg, for *_3d.  [-5,5,20]"),
    ] = None,
    quantities: Annotated[
        str | None,
        typer.Option(
            help="Of aeff,edisp,psf,background,aeff_3d,edisp_3d,psf_3d,background_3d.  "
            "\\[the first four]"
        ),
    ] = None,
    quality: Annotated[
        list[str] | None,
        typer.Option(
            help="SQL over the columns of the events, true for events to use; repeat it for more."
        ),
    ] = None,
    cuts: Annotated[
        str | None,
        typer.Option(
            help="optimise, optimise_gammaness, percentile, fixed, none, or a file or "
            "folder with the cuts of an earlier run.  \\[optimise; percentile without a "
            "background; fixed if a cut is given]"
        ),
    ] = None,
    no_cuts: Annotated[bool, typer.Option("--no-cuts", help="The same as --cuts none.")] = False,
    gammaness: Annotated[float | None, typer.Option(help="Fixed cut: least gammaness.")] = None,
    theta: Annotated[
        float | None, typer.Option(help="Fixed cut: largest distance from the source, deg.")
    ] = None,
    multiplicity: Annotated[int | None, typer.Option(help="Fixed cut: fewest telescopes.")] = None,
    point_like: Annotated[
        bool,
        typer.Option(
            "--point-like",
            help="Apply the theta cut to effective area and "
            "energy dispersion, and write it as RAD_MAX.",
        ),
    ] = False,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="Separate responses by the value of an expression: event_type, "
            '"zenith.cut([20, 40])"; repeat it for combinations.'
        ),
    ] = None,
    spectrum: Annotated[
        str | None, typer.Option(help="Of the source: a name or SQL of energy.  [CRAB_HEGRA]")
    ] = None,
    proton_spectrum: Annotated[str | None, typer.Option(help="[IRFDOC_PROTON]")] = None,
    electron_spectrum: Annotated[str | None, typer.Option(help="[IRFDOC_ELECTRON]")] = None,
    obs_time: Annotated[
        float | None, typer.Option(help="Observation time of the sensitivity, h.  [50]")
    ] = None,
    psf_fit: Annotated[
        str | None, typer.Option(help="Parametric PSF besides the table: 3gauss or king.  \\[none]")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="Table of published curves to draw behind the figures.")
    ] = None,
    no_audit: Annotated[
        bool, typer.Option("--no-audit", help="Accept simulated-shower counts that do not fit.")
    ] = False,
    figures: Annotated[bool, typer.Option(help="Draw the results.")] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results.")] = False,
    show_config: Annotated[
        bool, typer.Option("--show-config", help="Print the options as YAML and stop.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Optimise cuts and compute instrument responses and benchmarks from reconstructed events.

    Inputs are datasets with predictions (ctabatch apply), or event tables of other pipelines:
    Parquet, FITS (FILE.fits[HDU]) or HDF5 (FILE.h5::/table). Without a background there are no
    background rates and no sensitivity.

    OUTPUT/irf.parquet is one long table of all responses and benchmarks with their errors;
    irf.fits, benchmarks.fits and cuts.fits hold the same for gammapy and others, figures/ shows it.

    Exit code 0: done. 1: done, but something could not be computed, which is listed. 2: unusable
    input or options.

    Examples:
      ctabatch irf gammas protons electrons -o irf
      ctabatch irf gammas protons -o irf --point-like --by event_type --by "zenith.cut([30, 50])"
      ctabatch irf gammas -o irf --gammaness 0.8 --offset-bins 0,3,6
      ctabatch irf GAMMAS.fits -o irf --no-cuts --map true_energy=MC_ENERGY,reco_energy=ENERGY,...
        --simulated n_showers=8e7,energy_min=0.003,energy_max=330,index=-2,max_impact=1900
    """
    bins = {"energy": energy_bins, "reco_energy": reco_energy_bins, "offset": offset_bins,
            "migra": migra_bins, "rad": rad_bins, "fov": fov_bins}  # fmt: skip
    changes: dict[str, Any] = {
        "bins": bins,
        "quantities": None if quantities is None else names_in(quantities),
        "quality": None if quality is None else {sql: sql for sql in quality},
        "cuts": cut_options(cuts, gammaness, theta, multiplicity, none=no_cuts),
        "point_like": point_like or None,
        "by": by,
        "spectra": {"gamma": spectrum, "proton": proton_spectrum, "electron": electron_spectrum},
        "obs_time": obs_time,
        "audit": False if no_audit else None,
        "psf_fit": psf_fit,
    }
    import_numba_alone()
    config = irf_config(config_file, changes)
    if show_config:
        typer.echo(config.to_yaml(), nl=False)
        return
    if gammas is None or output is None:
        missing = "GAMMAS, simulated gamma rays" if gammas is None else "--output"
        raise OptionError(f"name {missing}; see ctabatch irf --help")
    begin = time.perf_counter()
    from ctabatch.irf.store import check_output

    check_output(output, overwrite=overwrite)
    tables = {
        "gamma": (gammas, simulated),
        "proton": (protons, simulated_protons),
        "electron": (electrons, simulated_electrons),
    }
    made = _make(tables, config, column_map, prefix, direction, quiet=as_json)
    record = _write(output, made, reference, overwrite=overwrite, figures=figures, quiet=as_json)
    seconds = round(time.perf_counter() - begin, 3)
    code = WITH_GAPS if made.gaps else 0
    if as_json:
        shown = {"exit_code": code, "output": str(output), **record, "seconds": seconds}
        typer.echo(json.dumps(shown, indent=1))
    else:
        report(made, output, seconds)
    raise typer.Exit(code)


def _make(
    tables: dict[str, tuple[str | None, list[str] | None]],
    config: IrfConfig,
    column_map: str | None,
    prefix: str | None,
    direction: str | None,
    *,
    quiet: bool,
) -> Responses:
    from ctabatch.irf.make import make_responses
    from ctabatch.irf.primaries import open_primary

    primaries = [
        open_primary(role, names_in(text), showers or [], column_map=column_map, prefix=prefix,
                     direction=direction)
        for role, (text, showers) in tables.items() if text
    ]  # fmt: skip
    with bar("irf", quiet=quiet) as progress:
        return make_responses(primaries, config, progress)


def _write(
    output: Path,
    made: Responses,
    reference: Path | None,
    *,
    overwrite: bool,
    figures: bool,
    quiet: bool,
) -> dict[str, Any]:
    from ctabatch.irf.store import write_responses
    from ctabatch.plot.response_figures import draw_responses

    with write_responses(output, made, overwrite=overwrite) as (folder, record), \
            bar("figures", quiet=quiet) as progress:  # fmt: skip
        if figures:
            progress("figures", 0, 1)
            draw_responses(folder / "irf.parquet", folder / "figures", reference=reference)
    return record


__all__ = ["command"]
