"""How long a dataset of many parts takes to open, and a query of one observation in it.

The parts are copies of a real one, each with an observation id of its own. Times are on the clock,
each in a process of its own: with the index, without it, and of the query filtered on obs_id.

    python benchmarks/many_parts.py PROCESSED_DATASET --parts 10000 --scratch FOLDER
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.dataset_index import PLACE, write_index

_OPEN = """
import time, sys
import polars, pyarrow.parquet
from ctabatch import Dataset
begin = time.perf_counter()
dataset = Dataset(sys.argv[1])
frame = dataset.parameters()
opened = time.perf_counter()
rows = frame.filter(polars.col("obs_id") == int(sys.argv[2])).collect()
print(len(dataset.parts), len(rows), opened - begin, time.perf_counter() - opened)
"""


def copies(source: Path, target: Path, n_parts: int) -> None:
    """Make a dataset of copies of the first part of another."""
    old = DatasetFolder(source)
    record = old.record(old.parts()[0])
    tables = {name: pq.read_table(source / name, partitioning=None) for name in record["tables"]}
    new = DatasetFolder(target)
    new.create()
    (target / "parts").mkdir(exist_ok=True)
    for name in tables:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
    for obs_id in range(n_parts):
        part = f"run{obs_id:06d}-00000000"
        facts = {}
        for name, table in tables.items():
            file = f"{name.rpartition('/')[0]}/{part}.parquet"
            at = table.schema.get_field_index("obs_id")
            if at >= 0:
                field = table.schema.field(at)
                ids = pa.array([obs_id] * len(table), field.type)
                table = table.set_column(at, field, ids)
            pq.write_table(table, target / file, compression="zstd")
            facts[file] = {"rows": len(table), "bytes": (target / file).stat().st_size}
        own = {**record, "part": part, "obs_ids": [obs_id], "tables": facts}
        new.record_path(part).write_text(json.dumps(own))


def measured(root: Path, obs_id: int) -> list[float]:
    """Parts, rows found, seconds to open, seconds of the query."""
    words = [sys.executable, "-c", _OPEN, str(root), str(obs_id)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--parts", type=int, default=10_000)
    parser.add_argument("--scratch", type=Path, required=True)
    options = parser.parse_args()
    root = options.scratch / f"parts-{options.parts}"
    if not root.exists():
        copies(options.source, root, options.parts)
    (root / PLACE).unlink(missing_ok=True)
    rows = [("without index", measured(root, options.parts // 2))]
    begin = time.perf_counter()
    n_files = write_index(DatasetFolder(root))
    print(f"index of {n_files} files written in {time.perf_counter() - begin:.2f} s")
    rows.append(("with index", measured(root, options.parts // 2)))
    for name, (n_parts, n_rows, opened, query) in rows:
        print(
            f"{name}: {n_parts:.0f} parts, open {opened:.2f} s, query {query:.2f} s ({n_rows:.0f})"
        )


if __name__ == "__main__":
    main()
