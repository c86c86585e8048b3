"""Processed sets repeated under fresh observation ids, to time training and applying at any size.

The repeats say nothing new, so no quality is measured on them: only time and memory. Ours become
one part of a new dataset, ctapipe's one file, with the same rows in the same order.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.parquet import PartFiles

#: Added to the observation ids of one repeat after the other.
STEP = 1000


def repeat_dataset(source: Path, target: Path, times: int) -> None:
    """Repeat the single part of a dataset as the single part of a new one."""
    shutil.rmtree(target, ignore_errors=True)
    old, new = DatasetFolder(source), DatasetFolder(target)
    (record,) = old.records()
    new.create()
    shutil.copytree(source / "subarray", target / "subarray")
    files = PartFiles(target, record["part"])
    for number in range(times):
        for name in record["tables"]:
            with pq.ParquetFile(source / name) as table:
                for batch in table.iter_batches():
                    files.write(name.rpartition("/")[0], _moved(batch, number * STEP))
    digest = hashlib.sha256(f"{record['input']['sha256']} {times}".encode()).hexdigest()
    new.commit(files, {**record, "input": {**record["input"], "sha256": digest}})


def _moved(batch: Any, step: int) -> Any:
    place = batch.schema.get_field_index("obs_id")
    if place < 0:
        return batch
    field = batch.schema.field(place)
    return batch.set_column(place, field, (batch.column(place).to_numpy() + step).astype("i4"))


def repeat_hdf5(source: Path, target: Path, times: int) -> None:
    """Repeat the rows of every table with observation ids in a file of ctapipe."""
    import tables

    target.unlink(missing_ok=True)
    shutil.copy(source, target)
    with tables.open_file(target, "a") as file:
        for table in file.walk_nodes("/", "Table"):
            if "obs_id" not in table.colnames:
                continue
            rows = table.read()
            for number in range(1, times):
                moved = rows.copy()
                moved["obs_id"] += number * STEP
                table.append(moved)
            table.flush()


def main() -> None:
    """Repeat the sets of a work folder of models.py in another work folder."""
    import argparse

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path, help="work folder with processed sets")
    parser.add_argument("target", type=Path, help="work folder to make")
    parser.add_argument("--times", type=int, required=True)
    args = parser.parse_args()
    (args.target / "steps").mkdir(parents=True, exist_ok=True)
    (args.target / "ctapipe").mkdir(exist_ok=True)
    if (args.source / "shipped").is_dir():
        shutil.copytree(args.source / "shipped", args.target / "shipped", dirs_exist_ok=True)
    for dataset in sorted((args.source / "datasets").iterdir()):
        repeat_dataset(dataset, args.target / "datasets" / dataset.name, args.times)
        step = args.source / "steps"
        for path in step.glob(f"*-{dataset.name}.json"):
            if path.name.startswith(("simulate-", "ctabatch-process-", "ctapipe-process-")):
                shutil.copy(path, args.target / "steps")
        own = args.source / "ctapipe" / f"{dataset.name}.h5"
        if (step / f"ctapipe-process-{dataset.name}.json").is_file():
            repeat_hdf5(own, args.target / "ctapipe" / own.name, args.times)
    if (args.source / "steps/shipped.json").is_file():
        shutil.copy(args.source / "steps/shipped.json", args.target / "steps")
    (args.target / "repeated.json").write_text(json.dumps({"times": args.times}) + "\n")


if __name__ == "__main__":
    main()
