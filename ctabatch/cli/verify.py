"""``ctabatch verify``: results against the truth of simulations."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctabatch.cli.lean_imports import import_numba_alone
from ctabatch.cli.progress import bar

if TYPE_CHECKING:
    from ctabatch.io.location import Location
    from ctabatch.verify.charge import ChargeCheck
    from ctabatch.verify.charge_bins import ChargeBins

#: Exit code if something could not be compared; it is listed.
WITH_GAPS = 1

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


@command.callback()
def _group() -> None:
    """Compare results with the truth of simulations.

    Examples:
      ctabatch verify charge gammas -o charge
    """


@command.command("charge")
def charge(
    datasets: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATASET...", help="Datasets with images, of one or several extractors."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder of table and figures; made anew."),
    ] = None,
    min_charge: Annotated[float, typer.Option(help="Lowest true charge, p.e.")] = 1.0,
    max_charge: Annotated[float, typer.Option(help="End of the true charges, p.e.")] = 10_000.0,
    bins_per_decade: Annotated[int, typer.Option(help="Bins by factor of ten.")] = 10,
    figures: Annotated[bool, typer.Option(help="Draw the results.")] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Charge resolution: extracted charges against true photo-electrons.

    Bias and resolution in bins of the true charge, by telescope type and
    extractor, with the Poisson limit and the CTA requirement. OUTPUT/charge.parquet
    holds all numbers, OUTPUT/figures/ one figure per telescope type.

    Exit code 0: done. 1: done, but no image of a telescope type and extractor has
    true photo-electrons. 2: unusable input or options.

    Examples:
      ctabatch verify charge gammas
      ctabatch verify charge neighbor local sliding -o charge
      ctabatch verify charge gammas --max-charge 3000 --bins-per-decade 5 --json
    """
    begin = time.perf_counter()
    import_numba_alone()
    from ctabatch.io.location import location
    from ctabatch.verify.charge import check_charges
    from ctabatch.verify.charge_bins import ChargeBins
    from ctabatch.verify.store import check_output, facts

    bins = ChargeBins(min_charge, max_charge, bins_per_decade)
    places = [location(name) for name in datasets]
    if output is not None:
        check_output(output, overwrite=overwrite)
    with bar("charges", quiet=as_json) as progress:
        check = check_charges(places, bins, progress)
    if output is not None:
        _write(output, check, places, bins, overwrite=overwrite, figures=figures, quiet=as_json)
    seconds = round(time.perf_counter() - begin, 3)
    code = WITH_GAPS if check.gaps else 0
    if as_json:
        where = None if output is None else str(output)
        shown = {"exit_code": code, "output": where, **facts(check, bins)}
        rows = check.table.to_pylist()
        typer.echo(json.dumps({**shown, "table": rows, "seconds": seconds}, indent=1))
    else:
        _report(check, output, seconds)
    raise typer.Exit(code)


def _write(
    output: Path,
    check: ChargeCheck,
    datasets: Sequence[Location],
    bins: ChargeBins,
    *,
    overwrite: bool,
    figures: bool,
    quiet: bool,
) -> None:
    from ctabatch.plot.charge_resolution import draw_charge_resolution
    from ctabatch.verify.store import write_charges

    with write_charges(output, check, datasets, bins, overwrite=overwrite) as folder, \
            bar("figures", quiet=quiet) as progress:  # fmt: skip
        if figures:
            progress("figures", 0, 1)
            draw_charge_resolution(check.table, folder / "figures")


def _report(check: ChargeCheck, output: Path | None, seconds: float) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True)
    rows = check.table.to_pylist()
    for account in check.accounts:
        key = account["tel_type"], account["extractor"]
        n_images, n_pixels = account["n_images"], account["n_pixels"]
        title = f"{key[0]}, {key[1]}: {n_images:,} images, {n_pixels:,} pixels"
        table = Table(box=None, header_style="bold", pad_edge=False, title=escape(title),
                      title_justify="left", title_style="bold")  # fmt: skip
        names = ("true p.e.", "pixels", "bias", "resolution", "error", "Poisson", "required")
        for name in names:
            table.add_column(name, justify="right", no_wrap=True)
        for row in rows:
            if (row["tel_type"], row["extractor"]) == key:
                table.add_row(*_cells(row))
        if account["n_images"]:
            out.print(table)
    for text in check.notes:
        out.print(escape(text))
    for text in check.gaps:
        err.print(f"[yellow]not compared[/yellow] {escape(text)}", highlight=False)
    written = "" if output is None else f", written to {output}"
    n_images = sum(account["n_images"] for account in check.accounts)
    out.print(f"{n_images:,} images compared in {seconds:.1f} s{written}")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Cells of a row; without photo-electrons bias and rms are in p.e."""
    n = f"{row['n_pixels']:,}"
    if row["charge_lo"] == 0:
        rms = _number(row["rms_pe"], "{:.3f} p.e.")
        error = _number(row["rms_pe_error"], "{:.3f}")
        return "0", n, _number(row["bias_pe"], "{:+.3f} p.e."), rms, error, "", ""
    charges = f"{row['charge_lo']:.4g} - {row['charge_hi']:.4g}"
    bias = _number(row["bias"], "{:+.4f}")
    names = ("resolution", "resolution_error", "poisson_limit", "requirement")
    rest = (_number(row[name], "{:.4f}") for name in names)
    return charges, n, bias, *rest


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


__all__ = ["command"]
