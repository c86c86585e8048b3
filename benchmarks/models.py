"""Models for energy, particle type and direction: ours against ctapipe's tools on the same files.

Simulates training and test sets, takes the same files through both chains, and prints resolutions,
bias and AUC by true energy, and what training and applying needed. Finished steps in the work
folder are skipped; ``--again NAME`` repeats those whose name begins so.

    python benchmarks/models.py WORK                     everything: an hour and 20 GB of disk
    python benchmarks/models.py WORK --again ctabatch-train
    python benchmarks/models.py WORK --forest            a deep forest of scikit-learn as well
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import ctapipe_chain
import numpy as np
import polars as pl
from measured_steps import MeasuredSteps
from model_quality import KEYS, compare, quantities, verdict
from whole_commands import FIGURES, machine

import ctabatch

#: Five bins per decade over the energies of the simulated gammas.
EDGES = 10.0 ** (np.arange(-6, 6) / 5)
CTABATCH = [sys.executable, "-m", "ctabatch"]


@dataclass(frozen=True)
class Sample:
    """A simulated set: what `ctabatch simulate` is asked for."""

    primary: str
    showers: int
    where: tuple[str, ...]

    def options(self, number: int, scale: float, array: str) -> list[str]:
        """Options of the command; `number` serves as seed and run."""
        energies = ("0.063,10", -1.3) if self.primary == "gamma" else ("0.2,40", -1.4)
        return [
            "--primary", self.primary, "--showers", str(round(self.showers * scale)),
            "--energy-range", energies[0], f"--index={energies[1]}", *self.where,
            "--max-core-distance", "400", "--array", array, "--obs-id", str(number),
            "--seed", str(number), "--overwrite",
        ]  # fmt: skip


SAMPLES = {
    "train_gamma": Sample("gamma", 19_000, ("--viewcone", "3")),
    "train_proton": Sample("proton", 17_000, ("--viewcone", "5")),
    "test_gamma": Sample("gamma", 15_000, ("--viewcone", "0", "--source-offset", "0.5")),
    "test_proton": Sample("proton", 17_000, ("--viewcone", "5")),
}
#: What is printed: quantity -> title, another quantity beside it, and its title.
TABLES = {
    "energy resolution": ("energy resolution", "bias", "bias"),
    "disp resolution": ("angular resolution of disp, deg", "geometry resolution", "geometry"),
    "AUC": ("AUC", "", ""),
}
TESTS = ("test_gamma", "test_proton")


def simulate(steps: MeasuredSteps, scale: float, array: str) -> None:
    """Make the simtel files."""
    for number, (name, sample) in enumerate(SAMPLES.items(), start=1):
        options = sample.options(number, scale, array)
        steps.run(f"simulate-{name}", [*CTABATCH, "simulate", f"{name}.simtel.zst", *options])


def run_ours(steps: MeasuredSteps, rounds: int) -> None:
    """Process, train, apply."""
    for name in SAMPLES:
        steps.run(
            f"ctabatch-process-{name}",
            [*CTABATCH, "process", f"{name}.simtel.zst", "-o", f"datasets/{name}",
             "--write", "parameters,geometry", "--overwrite"],
            after=[f"simulate-{name}"],
        )  # fmt: skip
    steps.run(
        "ctabatch-train",
        [*CTABATCH, "train", "datasets/train_gamma", "datasets/train_proton",
         "-o", "models", "--overwrite"],
        after=["ctabatch-process-train_gamma", "ctabatch-process-train_proton"], rounds=rounds,
    )  # fmt: skip
    for name in TESTS:
        steps.run(
            f"ctabatch-apply-{name}",
            [*CTABATCH, "apply", f"datasets/{name}", "--models", "models", "--overwrite"],
            after=["ctabatch-train", f"ctabatch-process-{name}"], rounds=rounds,
        )  # fmt: skip


def read_ours(folder: Path, name: str, prefix: str) -> pl.DataFrame:
    """Events of a test set with truth and our predictions, columns as `ctapipe_chain.read`."""
    dataset = ctabatch.Dataset(folder / "datasets" / name)
    predictions = dataset.predictions(prefix).select(
        *KEYS,
        energy=f"{prefix}_energy",
        score=f"{prefix}_prediction",
        disp_alt=f"{prefix}_alt",
        disp_az=f"{prefix}_az",
    )
    geometry = dataset.geometry().select(
        *KEYS, hillas_alt="HillasReconstructor_alt", hillas_az="HillasReconstructor_az"
    )
    shower = dataset.shower().select(*KEYS, "true_energy", "true_alt", "true_az")
    frame = shower.join(predictions, on=KEYS, how="left").join(geometry, on=KEYS, how="left")
    return frame.collect()


def both(ours: pl.DataFrame, theirs: pl.DataFrame, labels: tuple[str, str]) -> pl.DataFrame:
    """Quantities of both chains side by side; the sets of events must be the same."""
    joined = quantities(ours, labels[0]).join(
        quantities(theirs, labels[1]).drop("true_energy"), on=KEYS, how="inner"
    )
    if not ours.height == theirs.height == joined.height:
        sys.exit(
            f"{labels[0]} has {ours.height} events, {labels[1]} {theirs.height}, "
            f"{joined.height} are the same"
        )
    return joined


def print_quality(rows: list[dict[str, Any]], labels: tuple[str, str]) -> None:
    """One table per quantity."""
    ours, theirs = labels
    for quantity, (title, extra, extra_title) in TABLES.items():
        print(f"\n{title}: events valid in both, then each chain's own valid events")
        print(
            f"{'TeV':>15} {'n':>6} {ours:>9} {theirs:>9} {'ratio':>7} {'+-':>6}"
            f" | {'n ' + ours:>10} {'n ' + theirs:>10} {ours:>9} {theirs:>9}"
            + (f" | {extra_title:>8} {ours:>9} {theirs:>9}" if extra else "")
        )
        for row in rows:
            q = row[quantity]
            text = (
                f"{row['energy_min']:6.3f} - {row['energy_max']:6.3f} {q['n']:6} {q[ours]:9.4f}"
                f" {q[theirs]:9.4f} {q['ratio']:7.3f} {q['ratio error']:6.3f}"
                f" | {q['n ' + ours]:10} {q['n ' + theirs]:10} {q[ours + ' own']:9.4f}"
                f" {q[theirs + ' own']:9.4f}"
            )
            if extra:
                text += f" | {'':8} {row[extra][ours]:9.4f} {row[extra][theirs]:9.4f}"
            print(text)
        found = verdict(rows, quantity)
        if found["bins"]:
            print(
                f"{ours} better in {found['better']} of {found['bins']} bins of at least 500 "
                f"events; worst ratio {found['worst ratio']:.3f}"
            )


def costs(steps: MeasuredSteps, forest: bool) -> dict[str, dict[str, float]]:
    """What each part of a chain needed: name -> wall s, CPU s, peak MiB."""
    peer = ctapipe_chain.SHIPPED
    table = {
        "ctabatch process": steps.total([f"ctabatch-process-{name}" for name in SAMPLES]),
        "ctapipe-process": steps.total([f"ctapipe-process-{name}" for name in SAMPLES]),
        "ctabatch train": steps.total(["ctabatch-train"]),
        "ctapipe-train-*, three tools": steps.total(peer.training),
        "  and the applying between": steps.total([*peer.training, *ctapipe_chain.BETWEEN]),
        "ctabatch apply": steps.total([f"ctabatch-apply-{name}" for name in TESTS]),
        "ctapipe-apply-models": steps.total(peer.applying),
    }
    if forest:
        table["forests, fit without CV"] = steps.total(ctapipe_chain.FOREST.training)
    return table


def print_costs(table: dict[str, dict[str, float]]) -> None:
    """Print one row per part, with the ratio to our command above it."""
    print(f"\n{'whole processes':30} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9}   ratios to ours")
    ours: dict[str, float] = {}
    for name, row in table.items():
        if name.startswith("ctabatch"):
            ours = row
        reference = table["ctabatch train"] if name.startswith("forests") else ours
        ratios = " ".join(f"{row[figure] / reference[figure]:7.2f}" for figure in FIGURES)
        print(
            f"{name:30} {row['wall s']:8.1f} {row['CPU s']:8.1f} {row['peak MiB']:9.0f}   {ratios}"
        )


def print_rows(steps: MeasuredSteps, table: dict[str, dict[str, float]]) -> None:
    """Sizes of the sets, and telescope rows per second of applying."""
    rows = {}
    for name in SAMPLES:
        dataset = ctabatch.Dataset(steps.folder / "datasets" / name)
        rows[name] = dataset.parameters().select(pl.len()).collect().item()
        n_events = dataset.shower().select(pl.len()).collect().item()
        print(f"{name:12} {n_events:7} events {rows[name]:8} telescope rows")
    n_applied = sum(rows[name] for name in TESTS)
    for name in ("ctabatch apply", "ctapipe-apply-models"):
        print(f"{name}: {n_applied / table[name]['wall s']:.0f} telescope rows/s")


def main() -> None:
    """Do what is not done yet, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path, help="work folder")
    parser.add_argument("--scale", type=float, default=1.0, help="scales the numbers of showers")
    parser.add_argument("--array", default="alpha-north", help="array to simulate")
    parser.add_argument(
        "--rounds",
        type=int,
        default=1,
        help="counted runs of our training and applying, after one that is not",
    )
    parser.add_argument("--prefix", default="LightGBM", help="prefix of our predictions")
    parser.add_argument(
        "--again",
        action="append",
        default=[],
        metavar="NAME",
        help="repeat the steps whose name begins so",
    )
    parser.add_argument(
        "--forest",
        action="store_true",
        help="train random forests of 50 deep trees on the same rows",
    )
    parser.add_argument(
        "--peer-only", action="store_true", help="run ctapipe's chain only, and print nothing"
    )
    parser.add_argument("--json", type=Path, help="write the figures here too")  # fmt: skip
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    steps = MeasuredSteps(args.work)
    for beginning in args.again:
        print(f"again: {', '.join(steps.forget(beginning)) or 'nothing'}", file=sys.stderr)
    simulate(steps, args.scale, args.array)
    for name in SAMPLES:
        ctapipe_chain.process(steps, name)
    chosen = [ctapipe_chain.SHIPPED]
    if args.forest:
        chosen.append(ctapipe_chain.FOREST)
    for models in chosen:
        ctapipe_chain.train(steps, models)
        ctapipe_chain.apply(steps, models)
    if args.peer_only:
        return
    run_ours(steps, args.rounds)
    table = costs(steps, args.forest)
    print_rows(steps, table)
    print_costs(table)
    ours = {name: read_ours(steps.folder, name, args.prefix) for name in TESTS}
    quality = {}
    for models in chosen:
        labels = ("ctabatch", models.folder)
        gammas, protons = (
            both(ours[name], ctapipe_chain.read(steps.folder, name, models), labels)
            for name in TESTS
        )
        quality[models.folder] = compare(gammas, protons, labels, EDGES)
        print_quality(quality[models.folder], labels)
    if args.json is not None:
        result = {
            "scale": args.scale,
            "array": args.array,
            "rounds": args.rounds,
            "machine": machine(),
            "steps": {name: steps.figures(name) for name in steps.names()},
            "costs": table,
            "quality": quality,
        }
        args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
