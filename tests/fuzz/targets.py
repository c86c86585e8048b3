"""What is fuzzed: each target has seeds, a way to make them wrong, and a way to use the result.

The only allowed outcomes are success and a `CtabatchError`.
"""

from __future__ import annotations

import functools
import gzip
import json
import shutil
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard
from hypothesis import strategies as st

from tests.fuzz.mutations import (
    changed_bytes,
    changed_objects,
    changed_tree,
    changes,
    odd_values,
    tree_changes,
)


@dataclass(frozen=True)
class Target:
    """One entrance for foreign data.

    Attributes
    ----------
    inputs : callable
        Gives the strategy of inputs: bytes.
    use : callable
        Uses one input, in an empty folder.
    """

    inputs: Callable[[], st.SearchStrategy[bytes]]
    use: Callable[[bytes, Path], None]


# -- EventIO


@functools.cache
def simtel() -> bytes:
    """A small file: two telescopes see few showers."""
    from ctabatch.simulate.arrays import load_array
    from ctabatch.simulate.files import simulate_file
    from ctabatch.simulate.options import SimulationOptions

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.simtel"
        simulate_file(SimulationOptions(n_showers=12, array=load_array("lst4"), seed=4), path)
        return path.read_bytes()


def _streams() -> st.SearchStrategy[bytes]:
    data = simtel()
    inside = st.lists(changes, min_size=1, max_size=4).map(lambda c: changed_objects(data, c))
    anywhere = st.lists(changes, min_size=1, max_size=3).map(lambda c: changed_bytes(data, c))
    plain = inside | inside | inside | anywhere
    packed = st.tuples(plain, st.booleans(), st.lists(changes, max_size=2)).map(_packed)
    return plain | plain | plain | packed


def _packed(given: tuple[bytes, bool, Any]) -> bytes:
    data, is_gzip, todo = given
    whole = gzip.compress(data, 1) if is_gzip else zstandard.ZstdCompressor(1).compress(data)
    return changed_bytes(whole, todo)


def _process(data: bytes, folder: Path) -> None:
    from ctabatch.config import ProcessConfig
    from ctabatch.engine import Engine

    path = folder / "x.simtel"
    path.write_bytes(data)
    config = ProcessConfig(write=("r1", "images", "parameters", "muons", "geometry"))
    Engine(folder / "out", config, threads=1).run(path)


# -- datasets


@functools.cache
def dataset() -> Path:
    """A dataset with raw data, levels in between, and geometry."""
    from ctabatch.config import ProcessConfig
    from ctabatch.engine import Engine

    folder = Path(tempfile.mkdtemp(prefix="ctabatch-fuzz-"))
    (folder / "a.simtel").write_bytes(simtel())
    write = ("r0", "r1", "dl0", "images", "parameters", "geometry")
    result = Engine(folder / "set", ProcessConfig(write=write), threads=1).run(folder / "a.simtel")
    assert result.status == "done", result.error
    return folder / "set"


def _files() -> list[str]:
    root = dataset()
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*.parquet"))


def _parquet() -> st.SearchStrategy[bytes]:
    """A file of the dataset with changes, half of them in its footer, and its name before it."""

    def made(given: tuple[str, Any, bool]) -> bytes:
        name, todo, at_end = given
        data = (dataset() / name).read_bytes()
        if at_end:
            n = min(len(data), 12 + int.from_bytes(data[-8:-4], "little"))
            data = data[:-n] + changed_bytes(data[-n:], todo)
        else:
            data = changed_bytes(data, todo)
        return name.encode() + b"\n" + data

    todo = st.lists(changes, min_size=1, max_size=3)
    return st.tuples(st.sampled_from(_files()), todo, st.booleans()).map(made)


def _copy(folder: Path) -> Path:
    shutil.copytree(dataset(), folder / "set")
    return folder / "set"


def _use_dataset(root: Path, folder: Path) -> None:
    """Everything that reads a dataset."""
    from ctabatch.cli.info import dataset_facts
    from ctabatch.config import ProcessConfig, StereoConfig
    from ctabatch.dataset import Dataset
    from ctabatch.engine import Engine
    from ctabatch.errors import CtabatchError
    from ctabatch.provenance.chain import trace
    from ctabatch.stereo import recompute

    def ask() -> None:
        found = Dataset(root)
        found.subarray_description()

    def again(level: str) -> None:
        source = {"source": {"level": level}}
        config = ProcessConfig.model_validate({**source, "write": ("images", "parameters")})
        engine = Engine(folder / f"from-{level}", config, threads=1)
        for record in sorted((root / "parts").glob("*.json")):
            engine.run(record)

    steps: list[Callable[[], Any]] = [
        lambda: dataset_facts(root),
        ask,
        lambda: trace(root),
        lambda: recompute(root, StereoConfig()),
        *(functools.partial(again, level) for level in ("r0", "r1", "dl0", "images")),
    ]
    for step in steps:
        try:
            step()
        except CtabatchError:
            continue


def _damaged_table(data: bytes, folder: Path) -> None:
    name, _, content = data.partition(b"\n")
    root = _copy(folder)
    path = root / name.decode(errors="replace").replace("\0", "")
    if not path.is_file() or not path.resolve().is_relative_to(root.resolve()):
        return
    path.write_bytes(content)
    _use_dataset(root, folder)


def _record() -> dict[str, Any]:
    (path,) = (dataset() / "parts").glob("*.json")
    return dict(json.loads(path.read_text()))


def _records() -> st.SearchStrategy[bytes]:
    made = tree_changes.map(lambda todo: json.dumps(changed_tree(_record(), todo)).encode())
    text = st.lists(changes, min_size=1, max_size=2)
    return made | made | text.map(lambda todo: changed_bytes(json.dumps(_record()).encode(), todo))


def _damaged_record(data: bytes, folder: Path) -> None:
    root = _copy(folder)
    (path,) = (root / "parts").glob("*.json")
    path.write_bytes(data)
    before = _outside(folder)
    _use_dataset(root, folder)
    assert _outside(folder) == before, "files outside of the dataset changed"


def _outside(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith(("set", "from-")))


# -- configurations


def _yaml_texts() -> st.SearchStrategy[bytes]:
    import yaml

    from ctabatch.config import ProcessConfig
    from ctabatch.irf.options import IrfConfig
    from ctabatch.learn.options import TrainConfig

    # few sections in each: PyYAML takes 0.1 s for a whole configuration
    bases = [
        dict(list(m().model_dump(mode="json").items())[k : k + 3])
        for m in (ProcessConfig, IrfConfig, TrainConfig) for k in range(0, 12, 3)
    ]  # fmt: skip

    def text(given: tuple[int, Any]) -> bytes:
        tree = changed_tree(bases[given[0]], given[1])
        return yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "replace")

    valid = st.tuples(st.integers(0, len(bases) - 1), tree_changes).map(text)
    tokens = st.sampled_from(
        ["a: ", "&x ", "*x", "- ", "[", "]", "{", "}", ", ", "? ", "!!int ", "!!timestamp ", "<<: ",
         "2001-99-99", "1:99:99", "0x", "!!python/object:os.system ", "\n", "  ", "'", '"', "%YAML",
         "9" * 5000, "1e999", "---\n", "...\n", "|\n", "=", "\t", "!!binary ", "!!set ", "!!omap "]
    )  # fmt: skip
    wild = st.lists(tokens, max_size=30).map("".join).map(str.encode)
    mangled = st.tuples(valid, st.lists(changes, max_size=3)).map(lambda g: changed_bytes(*g))
    return valid | wild | mangled | st.binary(max_size=60)


def _configure(data: bytes, folder: Path) -> None:
    from ctabatch.config import ProcessConfig
    from ctabatch.config.files import assignments, layers
    from ctabatch.config.strict import validated
    from ctabatch.errors import CtabatchError
    from ctabatch.irf.options import load_config as irf_config
    from ctabatch.learn.options import load_config as train_config
    from ctabatch.simulate.arrays import load_array

    text = data.decode("utf-8", "replace")

    def process(name: str) -> None:
        path = folder / name
        path.write_bytes(data)
        validated(ProcessConfig, layers([path]), name)

    def array() -> None:
        path = folder / "array.json"
        path.write_bytes(data)
        load_array(path)

    steps: list[Callable[[], Any]] = [
        lambda: process("c.yaml"),
        lambda: process("c.toml"),
        lambda: irf_config(text, "c.yaml"),
        lambda: train_config(text, "c.yaml"),
        lambda: assignments([f"cleaning.x={text}"]),
        array,
    ]
    for step in steps:
        try:
            step()
        except CtabatchError:
            continue


# -- expressions


def _expressions() -> st.SearchStrategy[bytes]:
    words = ["a", "b", "+", "-", "*", "/", "(", ")", ",", "1", "0", "'x'", "SELECT", "FROM", "*",
             "read_csv", "read_parquet", "CASE", "WHEN", "END", "THEN", "AND", "IN", "IS", "NULL",
             "CAST", "AS", "INT", "[", "]", "OVER", "sum", "EXISTS", "LIKE", "::", "LATERAL", "log",
             "a.b", '"a"', "INTERVAL", "'1 day'", "BETWEEN", "DISTINCT", "pow", "1e308", "'.*'",
             "REGEXP_LIKE", "REPEAT", "99999999999999999999", ";", "--", "/*"]  # fmt: skip
    return st.lists(st.sampled_from(words), min_size=1, max_size=14).map(" ".join).map(str.encode)


def _express(data: bytes, folder: Path) -> None:
    from ctabatch.expressions import QualityQuery, parse

    text = data.decode("utf-8", "replace")
    parse(text)
    QualityQuery({"q": text}).check(["a", "b"])


# -- models


@functools.cache
def models() -> Path:
    """Models of a toy forest."""
    import numpy as np
    import pyarrow as pa

    from ctabatch.io.model_files import write_models
    from ctabatch.learn.options import TrainConfig
    from tests.test_model_files import small_trees

    folder = Path(tempfile.mkdtemp(prefix="ctabatch-fuzz-")) / "models"
    trees = small_trees()
    config = TrainConfig()
    entry = {
        "name": "energy/T", "task": "energy", "tel_type": "T", "log_target": True,
        "features": [{"name": f"f{k}", "sql": f"f{k}", "unit": ""}
                     for k in range(trees.n_features)],
        "columns": {f"f{k}": "" for k in range(trees.n_features)}, "quality": {"q": "f0 > 0"},
    }  # fmt: skip
    card = {
        "prefix": "P", "config": config.model_dump(mode="json"), "config_digest": config.digest(),
        "models": [entry], "feature_energy": {"weighting": "none", "log_mean": True},
    }  # fmt: skip
    table = pa.table({"x": np.arange(3)})
    write_models(folder, card, {"energy/T": trees.to_table()}, {"m": table})
    return folder


def _model_files() -> st.SearchStrategy[bytes]:
    card = json.loads((models() / "models.json").read_text())
    trees = (models() / "trees" / "energy" / "T.parquet").read_bytes()
    wrong = tree_changes.map(lambda todo: b"c" + json.dumps(changed_tree(card, todo)).encode())
    damaged = st.lists(changes, min_size=1, max_size=3).map(
        lambda todo: b"t" + changed_bytes(trees, todo)
    )
    columns = st.tuples(st.integers(0, 20), st.floats(0, 1, exclude_max=True), odd_values)
    return wrong | damaged | columns.map(lambda g: b"v" + json.dumps(g, default=str).encode())


def _model(data: bytes, folder: Path) -> None:
    """Whoever makes hostile models writes digests that fit: they are set right here."""
    import hashlib

    import pyarrow as pa
    import pyarrow.parquet as pq

    from ctabatch.io import model_files
    from ctabatch.learn.model_set import ModelSet

    data = data or b"t" + (models() / "trees" / "energy" / "T.parquet").read_bytes()
    shutil.copytree(models(), folder / "m")
    card = json.loads((folder / "m" / "models.json").read_text())
    file = folder / "m" / "trees" / "energy" / "T.parquet"
    if data[:1] == b"c":
        try:
            card = json.loads(data[1:])
        except ValueError:
            return
    elif data[:1] == b"t":
        file.write_bytes(data[1:])
    else:
        column, where, value = json.loads(data[1:])
        table = pq.read_table(file)
        name = table.column_names[column % table.num_columns]
        values = table[name].to_pylist()
        values[int(where * len(values))] = value
        try:
            array = pa.array(values, table.schema.field(name).type)
        except (pa.ArrowException, OverflowError, TypeError):
            return
        pq.write_table(table.set_column(table.column_names.index(name), name, array), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if isinstance(card, dict):
        for entry in card.get("models", []) if isinstance(card.get("models"), list) else []:
            if isinstance(entry, dict) and isinstance(entry.get("trees"), dict):
                entry["trees"]["sha256"] = digest
        try:
            card["digest"] = model_files._digest(card)
            (folder / "m" / "models.json").write_bytes(model_files._text(card))
        except ValueError:
            return
    found = ModelSet.read(folder / "m")
    import numpy as np

    for own in found.models.values():
        for model in own.values():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.predict(np.zeros((3, len(model.features)), np.float32))


TARGETS = {
    "eventio": Target(_streams, _process),
    "parquet": Target(_parquet, _damaged_table),
    "records": Target(_records, _damaged_record),
    "configuration": Target(_yaml_texts, _configure),
    "expressions": Target(_expressions, _express),
    "models": Target(_model_files, _model),
}
