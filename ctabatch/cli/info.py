"""``ctabatch info``: what a sim_telarray file or a dataset holds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctabatch.cli.process import WITH_LOSSES, input_path
from ctabatch.cli.provenance_report import report
from ctabatch.errors import InputError, OptionError

if TYPE_CHECKING:
    from ctabatch.io.location import Location


def command(
    path: Annotated[
        str,
        typer.Argument(
            help="A sim_telarray file, example:NAME, or a dataset, path or URI (s3://); with "
            "--provenance any product."
        ),
    ],
    provenance: Annotated[
        bool, typer.Option("--provenance", help="Print who made it, back to the first inputs.")
    ] = False,
    search: Annotated[
        list[Path] | None,
        typer.Option(
            help="With --provenance: look for inputs in this folder or URI too; repeat it."
        ),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="With --provenance: take digests of input files, not their sizes."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Summarise a file (array, simulation, events) or a dataset (parts, tables, losses).

    Exit code 1 if the file is damaged or parts of the dataset were written with losses.

    With --provenance it prints the chain from a file or folder (event lists, responses, models,
    datasets, tables of parts) back to the simtel files. What is not found is named by its digest.

    Examples:
      ctabatch info gammas.simtel.zst
      ctabatch info dl1 --json
      ctabatch info s3://bucket/dl1
      ctabatch info --provenance dl3/data/obs_000001.fits
      ctabatch info --provenance irf --search /archive --verify
      ctabatch info --provenance s3://bucket/dl1 --search s3://archive/simtel
    """
    if (search or verify) and not provenance:
        raise OptionError("--search and --verify go with --provenance")
    where = input_path(path)
    if not where.exists():
        raise InputError(f"{where}: there is no such file or folder")
    if provenance:
        from ctabatch.io.location import location

        report(where, [location(one) for one in search or ()], verify=verify, as_json=as_json)
        return
    facts = dataset_facts(where) if where.is_dir() else file_facts(where)
    if as_json:
        typer.echo(json.dumps(facts, indent=1, default=str))
    else:
        _print(facts)
    raise typer.Exit(WITH_LOSSES if facts["n_losses"] else 0)


def file_facts(path: Location) -> dict[str, Any]:
    """Facts about a sim_telarray file; reads it whole, but decodes no waveform."""
    import warnings

    from ctabatch.io.simtel.source import SimtelReader
    from ctabatch.io.simtel.tables import run_batch

    event_types: Counter[int] = Counter()
    tel_types: Counter[str] = Counter()
    with warnings.catch_warnings(record=True) as caught, SimtelReader(path) as reader:
        warnings.simplefilter("always")
        for events in reader:
            event_types.update(events.event_type.tolist())
            telescopes = events.run.subarray.telescopes
            for tel_id, n in Counter(events.tel_id.tolist()).items():
                known = telescopes.get(tel_id)
                tel_types[known.tel_type if known else "without description"] += n
        runs = [
            {
                "run": run_batch(run).to_pylist()[-1],
                "array": run.subarray.name,
                "telescopes": {t: len(ids) for t, ids in run.subarray.tel_types.items()},
                "telescopes_without_description": list(run.subarray.incomplete),
            }
            for run in reader.runs
        ]
        account = reader.account
        return {
            "file": str(path),
            "bytes": path.stat().st_size,
            "bytes_decompressed": reader.n_bytes,
            "runs": runs,
            "array_events": sum(event_types.values()),
            "by_event_type": dict(sorted(event_types.items())),
            "telescope_events": sum(tel_types.values()),
            "by_tel_type": dict(sorted(tel_types.items())),
            "n_losses": account.n_losses,
            "losses": [str(loss) for loss in account.losses],
            "notes": dict(account.notes),
            "warnings": sorted({str(w.message) for w in caught}),
        }


def dataset_facts(path: Location) -> dict[str, Any]:
    """Facts about a dataset, from its commit records."""
    from ctabatch.io.dataset_folder import DatasetFolder

    folder = DatasetFolder(path)
    identity = folder.check()
    rows: Counter[str] = Counter()
    size: Counter[str] = Counter()
    tel_types: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    configs: set[str] = set()
    parts = []
    predictions: dict[str, set[str]] = {}
    for record in folder.records():
        tables = dict(record["tables"])
        for prefix in folder.prefixes():
            predicted = folder.prediction_record(prefix, record["part"])
            if predicted is not None:
                tables |= predicted["tables"]
                predictions.setdefault(prefix, set()).add(
                    str(predicted.get("models", {}).get("digest"))[:12]
                )
        for name, table in tables.items():
            rows[name.rpartition("/")[0]] += table["rows"]
            size[name.rpartition("/")[0]] += table.get("bytes", 0)
        tel_types.update(record.get("by_tel_type", {}))
        counts = {
            key: record.get(key, 0) for key in ("array_events", "telescope_events", "n_losses")
        }
        totals.update(counts)
        configs.add(record.get("config_digest", ""))
        name = record.get("input", {}).get("name", "")
        parts.append({"part": record["part"], "input": name, **counts})
    return {
        "dataset": str(path),
        **identity,
        "configurations": sorted(configs),
        "array_events": totals["array_events"],
        "telescope_events": totals["telescope_events"],
        "by_tel_type": dict(sorted(tel_types.items())),
        "predictions": {name: sorted(digests) for name, digests in sorted(predictions.items())},
        "tables": {name: {"rows": rows[name], "bytes": size[name]} for name in sorted(rows)},
        "n_losses": totals["n_losses"],
        "parts": parts,
    }


def _print(facts: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{facts.get('file') or facts.get('dataset')}[/bold]")
    for key, value in facts.items():
        if key in ("file", "dataset", "runs", "parts", "tables", "losses"):
            continue
        if isinstance(value, dict):
            value = ", ".join(
                f"{k}: {v:,}" if isinstance(v, int) else f"{k}: models {', '.join(v)}"
                for k, v in value.items()
            )
        elif isinstance(value, list):
            value = "; ".join(map(str, value))
        if value not in ("", None):
            shown = f"{value:,}" if isinstance(value, int) else value
            console.print(f"  {key.replace('_', ' ')}: {shown}", markup=False)
    for run in facts.get("runs", ()):
        _print_run(run, console)
    for loss in facts.get("losses", ()):
        console.print(f"  lost: {loss}", markup=False)
    if "parts" in facts:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in ("table", "rows", "bytes"):
            table.add_column(name, justify="left" if name == "table" else "right", overflow="fold")
        for name, counts in facts["tables"].items():
            table.add_row(name, f"{counts['rows']:,}", f"{counts['bytes']:,}")
        console.print(table)
        console.print(f"  parts: {len(facts['parts']):,}")


def _print_run(run: dict[str, Any], console: Any) -> None:
    config = run["run"]
    console.print(f"  run {config['obs_id']}: array {run['array']}", markup=False)
    for tel_type, n in run["telescopes"].items():
        console.print(f"    {n:4} x {tel_type}", markup=False)
    if run["telescopes_without_description"]:
        missing = ", ".join(map(str, run["telescopes_without_description"]))
        console.print(f"    without complete description: telescopes {missing}", markup=False)
    if config["n_showers"] is not None:
        console.print(
            f"    simulated: {config['n_showers']:,} showers used {config['shower_reuse']} times, "
            f"{config['energy_range_min']:.3g} to {config['energy_range_max']:.3g} TeV, index "
            f"{config['spectral_index']:.3g}, cores to {config['max_scatter_range']:.0f} m, "
            f"view cone to {config['max_viewcone_radius']:.3g} deg",
            markup=False,
        )
