"""Who may import whom: the rules of the house, checked on the syntax tree of every file.

Each part may import the standard library and what its row lists; imports inside functions count,
blocks under ``if TYPE_CHECKING:`` do not. A folder below (io/simtel) follows the row above it
unless it has its own.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: Part (folder, or module of ctabatch/) -> what it may import besides the standard library and
#: itself. Our own parts are written with their full name; "ctabatch" alone stands for the public
#: names of the package (its version), not for its parts.
ALLOWED: dict[str, set[str]] = {
    "kernels": {"numpy", "numba"},
    # vector instructions are written for numba's compiler, see docs/decisions/0003
    "kernels/search_lanes.py": {"numba", "llvmlite", "ctabatch.kernels"},
    "kernels/varint_lanes.py": {"numpy", "numba", "llvmlite", "ctabatch.kernels"},
    "kernels/charge_lanes.py": {"numpy", "numba", "llvmlite", "ctabatch.kernels"},
    "kernels/fullest_lanes.py": {"numpy", "numba", "llvmlite", "ctabatch.kernels"},
    "kernels/lane_tools.py": {"numba", "llvmlite"},
    "kernels/maxima_lanes.py": {"numpy", "numba", "llvmlite", "ctabatch.kernels"},
    "kernels/sum_lanes.py": {"numpy", "numba", "llvmlite", "ctabatch.kernels"},
    "kernels/trace_lanes.py": {"numpy", "numba", "llvmlite", "ctabatch.kernels"},
    "kernels/variance_lanes.py": {"numpy", "numba", "llvmlite", "ctabatch.kernels"},
    "kernels/window_lanes.py": {"numpy", "numba", "llvmlite", "ctabatch.kernels"},
    "schemas": {"pyarrow"},
    "ctabatch/errors.py": set(),
    "ctabatch/__init__.py": set(),
    # the door of `python -m ctabatch`, and the only import of the command line
    "ctabatch/__main__.py": {"ctabatch.cli"},
    "ctabatch/instrument": {
        *("numpy", "pyarrow"),
        *("ctabatch.errors", "ctabatch.kernels", "ctabatch.schemas"),
    },
    "ctabatch/io": {
        *("eventio", "isal", "numpy", "obstore", "pyarrow", "tables", "zstandard", "ctabatch"),
        *("ctabatch.errors", "ctabatch.instrument", "ctabatch.kernels", "ctabatch.schemas"),
    },
    "ctabatch/io/fits": {
        *("astropy", "gammapy", "numpy", "pyarrow", "ctabatch"),
        *("ctabatch.errors", "ctabatch.io", "ctabatch.schemas"),
    },
    "ctabatch/stages": {
        *("numpy", "pyarrow"),
        *("ctabatch.errors", "ctabatch.instrument", "ctabatch.kernels", "ctabatch.schemas"),
    },
    "ctabatch/provenance": {
        *("astropy", "pyarrow", "ctabatch", "ctabatch.errors", "ctabatch.io"),
    },
    # the engine imports them: nothing heavy
    "ctabatch/provenance/activity.py": {"ctabatch.errors"},
    "ctabatch/provenance/of_parts.py": {"ctabatch.provenance.activity"},
    "ctabatch/provenance/product.py": {"ctabatch.provenance.activity"},
    "ctabatch/learn": {
        *("lightgbm", "numpy", "polars", "pyarrow", "pydantic", "sklearn", "yaml"),
        *("ctabatch", "ctabatch.config", "ctabatch.dataset", "ctabatch.errors"),
        *("ctabatch.expressions", "ctabatch.io", "ctabatch.kernels", "ctabatch.schemas"),
        *("ctabatch.provenance", "ctabatch.stages"),
    },
    "ctabatch/irf": {
        *("astropy", "gammapy", "numpy", "polars", "pyarrow", "pydantic", "pyirf", "yaml"),
        *("ctabatch", "ctabatch.config", "ctabatch.dataset", "ctabatch.errors"),
        *("ctabatch.expressions", "ctabatch.io", "ctabatch.kernels", "ctabatch.schemas"),
        *("ctabatch.provenance", "ctabatch.scan"),
    },
    "ctabatch/dl3": {
        *("astropy", "numpy", "polars", "pyarrow", "ctabatch", "ctabatch.dataset"),
        *("ctabatch.errors", "ctabatch.expressions", "ctabatch.io", "ctabatch.irf"),
        *("ctabatch.provenance", "ctabatch.schemas"),
    },
    "ctabatch/plot": {
        *("matplotlib", "numpy", "polars", "pyarrow", "ctabatch.config", "ctabatch.dataset"),
        *("ctabatch.errors", "ctabatch.geometry", "ctabatch.instrument", "ctabatch.io"),
        *("ctabatch.kernels", "ctabatch.schemas", "ctabatch.source", "ctabatch.stages"),
        *("ctabatch.scan", "ctabatch.verify"),
    },
    "ctabatch/verify": {
        *("numpy", "pyarrow", "ctabatch", "ctabatch.errors", "ctabatch.io"),
        *("ctabatch.kernels", "ctabatch.schemas"),
    },
    "ctabatch/upkeep": {
        *("duckdb", "numpy", "polars", "pyarrow", "ctabatch", "ctabatch.errors", "ctabatch.io"),
        *("ctabatch.provenance", "ctabatch.scan", "ctabatch.schemas"),
    },
    "ctabatch/simulate": {
        *("numpy", "pyarrow", "ctabatch", "ctabatch.errors", "ctabatch.instrument"),
        *("ctabatch.config", "ctabatch.io", "ctabatch.kernels", "ctabatch.schemas"),
        *("ctabatch.stages", "ctabatch.stereo"),
    },
    "ctabatch/demo": {
        *("numpy", "polars", "ctabatch.config", "ctabatch.dataset", "ctabatch.engine"),
        *("ctabatch.dl3", "ctabatch.io", "ctabatch.irf", "ctabatch.learn", "ctabatch.plot"),
        "ctabatch.simulate",
    },
    # what a user of the event lists does with gammapy, which is optional: a file of its own
    "ctabatch/demo/crab_spectrum.py": {
        *("astropy", "gammapy", "numpy", "regions", "ctabatch.plot"),
    },
    # the options of a stage are declared beside it
    "ctabatch/config": {"pydantic", "yaml", "ctabatch.errors", "ctabatch.stages"},
    "ctabatch/source.py": {
        *("numpy", "pyarrow", "ctabatch.errors", "ctabatch.instrument", "ctabatch.io"),
        *("ctabatch.kernels", "ctabatch.schemas", "ctabatch.stages"),
    },
    "ctabatch/sources": {
        *("numpy", "pyarrow", "ctabatch.errors", "ctabatch.input_digest", "ctabatch.instrument"),
        *("ctabatch.io", "ctabatch.schemas", "ctabatch.source", "ctabatch.stages"),
    },
    "ctabatch/dataset.py": {
        *("duckdb", "numpy", "polars", "pyarrow"),
        *("ctabatch", "ctabatch.errors", "ctabatch.io", "ctabatch.raw_waveforms"),
        *("ctabatch.scan", "ctabatch.schemas", "ctabatch.table_ranges"),
    },
    "ctabatch/raw_waveforms.py": {
        *("polars", "pyarrow", "ctabatch.errors", "ctabatch.io", "ctabatch.scan"),
    },
    "ctabatch/scan.py": {"polars", "ctabatch.io"},
    "ctabatch/table_ranges.py": {"polars", "pyarrow"},
    "ctabatch/expression_words.py": set(),
    "ctabatch/expressions.py": {"polars", "ctabatch.errors", "ctabatch.expression_words"},
    "ctabatch/criteria.py": {
        *("numpy", "polars", "pyarrow", "ctabatch.errors", "ctabatch.expressions"),
    },
    "ctabatch/geometry.py": {
        *("numpy", "pyarrow", "ctabatch.config", "ctabatch.criteria"),
        *("ctabatch.schemas", "ctabatch.stages"),
    },
    "ctabatch/image_quality.py": {
        *("numpy", "pyarrow", "ctabatch.criteria", "ctabatch.schemas", "ctabatch.stages"),
    },
    "ctabatch/stereo.py": {
        *("numpy", "polars", "pyarrow", "pydantic", "ctabatch.config", "ctabatch.errors"),
        "ctabatch.image_quality",
        *("ctabatch.geometry", "ctabatch.io", "ctabatch.schemas", "ctabatch.stages"),
        "ctabatch.provenance",
    },
    "ctabatch/ordered_pool.py": set(),
    "ctabatch/memory.py": {"ctabatch.errors"},
    "ctabatch/stage_times.py": set(),
    "ctabatch/input_digest.py": {"ctabatch.errors", "ctabatch.io", "ctabatch.stage_times"},
    "ctabatch/recycled_arrays.py": {"numpy"},
    "ctabatch/calibration_rows.py": {
        *("numpy", "pyarrow", "ctabatch.instrument", "ctabatch.schemas", "ctabatch.sources"),
        "ctabatch.stages",
    },
    "ctabatch/noise_file.py": {
        *("numpy", "ctabatch.errors", "ctabatch.input_digest", "ctabatch.io", "ctabatch.stages"),
    },
    "ctabatch/part_writer.py": {
        *("ctabatch.calibration_rows", "ctabatch.noise_file"),
        *("numpy", "pyarrow", "ctabatch.config", "ctabatch.geometry", "ctabatch.io"),
        *("ctabatch.errors", "ctabatch.schemas", "ctabatch.source", "ctabatch.sources"),
        *("ctabatch.image_quality", "ctabatch.instrument", "ctabatch.stages"),
        "ctabatch.stage_times",
    },
    "ctabatch/engine.py": {
        *("ctabatch", "ctabatch.config", "ctabatch.errors", "ctabatch.io", "ctabatch.kernels"),
        *("ctabatch.memory", "ctabatch.ordered_pool", "ctabatch.part_writer"),
        *("ctabatch.input_digest", "ctabatch.recycled_arrays", "ctabatch.sources"),
        *("ctabatch.provenance", "ctabatch.stage_times"),
    },
    "ctabatch/production": {
        *("ctabatch", "ctabatch.config", "ctabatch.engine", "ctabatch.errors", "ctabatch.io"),
        "ctabatch.memory",
    },
    # the only files that know Dask, which is optional
    "ctabatch/production/dask_cluster.py": {
        *("dask", "distributed", "ctabatch.errors", "ctabatch.production"),
    },
    "ctabatch/production/dask_members.py": {
        *("ctabatch", "ctabatch.errors", "ctabatch.io", "ctabatch.production"),
    },
    "ctabatch/production/dask_tasks.py": {
        *(
            "distributed",
            "ctabatch.engine",
            "ctabatch.errors",
            "ctabatch.io",
            "ctabatch.production",
        ),
    },
    "ctabatch/emit": {"ctabatch.errors"},
    "ctabatch/cli": {
        *("numpy", "polars", "pyarrow", "pydantic", "rich", "typer"),
        *("ctabatch", "ctabatch.config", "ctabatch.dataset", "ctabatch.engine", "ctabatch.errors"),
        *(
            "ctabatch.expressions",
            "ctabatch.geometry",
            "ctabatch.instrument",
            "ctabatch.io",
            "ctabatch.schemas",
        ),
        "ctabatch.source",
        *("ctabatch.demo", "ctabatch.dl3", "ctabatch.emit", "ctabatch.irf", "ctabatch.learn"),
        "ctabatch.memory",
        *("ctabatch.plot", "ctabatch.production", "ctabatch.provenance", "ctabatch.simulate"),
        *("ctabatch.stages", "ctabatch.stereo", "ctabatch.upkeep", "ctabatch.verify"),
    },
}


def part_of(path: Path) -> str | None:
    """The row of `ALLOWED` for a file, the most special first."""
    name = path.as_posix()
    while name != ".":
        if name in ALLOWED:
            return name
        name = Path(name).parent.as_posix()
    return None


def imports(source: str, path: Path) -> list[tuple[int, str]]:
    """Line and full dotted name of everything a file imports."""
    package = _package(path)
    found: list[tuple[int, str]] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            for other in node.orelse:
                visit(other)
            return
        if isinstance(node, ast.Import):
            found.extend((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package[: len(package) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            # `from ctabatch import x` may name a part, so the names count too
            found.extend((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(source))
    return found


def violations(source: str, path: Path) -> list[str]:
    """One sentence per import that the rules do not allow."""
    part = part_of(path)
    if part is None:
        return [f"{path}: no row in ALLOWED"]
    own = _dotted(Path(part))
    wrong = []
    for line, name in imports(source, path):
        top = name.split(".")[0]
        if top == "ctabatch":
            fine = _below(name, own) or any(
                _is_public(name) if row == "ctabatch" else _below(name, row)
                for row in ALLOWED[part]
            )
            if part == "ctabatch/__init__.py":
                fine = False
        else:
            fine = top in sys.stdlib_module_names or top in ALLOWED[part]
        if not fine:
            wrong.append(f"{path}:{line}: {part} may not import {name}")
    return wrong


def _below(name: str, parent: str) -> bool:
    return name == parent or name.startswith(parent + ".")


def _is_public(name: str) -> bool:
    return name == "ctabatch" or name in {
        "ctabatch.Dataset",
        "ctabatch.__version__",
        "ctabatch.open",
    }


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    if parts[0] != "ctabatch":
        parts = ("ctabatch", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _package(path: Path) -> list[str]:
    dotted = _dotted(path).split(".")
    return dotted if path.name == "__init__.py" else dotted[:-1]


def _files() -> list[Path]:
    links = (ROOT / "ctabatch" / "kernels", ROOT / "ctabatch" / "schemas")
    found = [
        path.relative_to(ROOT)
        for top in ("kernels", "schemas", "ctabatch")
        for path in sorted((ROOT / top).rglob("*.py"))
        if not any(path.is_relative_to(link) for link in links)
    ]
    assert len(found) > 10
    return found


@pytest.mark.parametrize("path", _files(), ids=str)
def test_the_file_imports_only_what_its_part_may(path):
    assert violations((ROOT / path).read_text(), path) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("kernels/x.py", "import pyarrow"),
        ("kernels/x.py", "from ctabatch.schemas import keys"),
        ("kernels/x.py", "from ..errors import DecodeError"),
        ("schemas/x.py", "import numpy as np"),
        ("schemas/x.py", "def f():\n    from ctabatch import kernels"),
        ("ctabatch/io/x.py", "try:\n    import polars\nexcept ImportError:\n    pass"),
        ("ctabatch/io/simtel/x.py", "from gammapy.irf import EffectiveAreaTable2D"),
        ("ctabatch/io/simtel/x.py", "from ...cli import main"),
        ("ctabatch/stages/x.py", "from ctabatch.io import examples"),
        ("ctabatch/stages/x.py", "from ctabatch import io"),
        ("ctabatch/instrument/x.py", "from ctabatch.stages import extract"),
        ("ctabatch/engine.py", "from ctabatch.cli import process"),
        ("ctabatch/dataset.py", "import ctabatch.cli.main"),
        ("ctabatch/dataset.py", "from ctabatch import engine"),
        ("ctabatch/__init__.py", "from ctabatch.dataset import Dataset"),
        ("ctabatch/errors.py", "import numpy"),
        ("ctabatch/new_part/x.py", ""),
    ],
)
def test_a_violation_is_caught(path, source):
    assert violations(source, Path(path))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("kernels/x.py", "import math\nimport numpy as np\nfrom .jit import kernel"),
        ("kernels/x.py", "import typing\nif typing.TYPE_CHECKING:\n    import pyarrow"),
        ("schemas/x.py", "from .column import column\nimport pyarrow.compute"),
        ("ctabatch/io/simtel/x.py", "from ctabatch.kernels import varint\nfrom ..x import y"),
        ("ctabatch/engine.py", "from ctabatch import __version__\nfrom ctabatch.io import x"),
        ("ctabatch/cli/x.py", "import ctabatch\nimport rich.table"),
    ],
)
def test_what_is_allowed_is_not_reported(path, source):
    assert violations(source, Path(path)) == []


_HEAVY = ("numba", "polars", "astropy", "gammapy", "eventio", "pyarrow", "ctapipe")


_HELP = """\
from ctabatch.cli.main import run
try:
    run(["--help"])
except SystemExit as end:
    assert end.code == 0
"""


@pytest.mark.parametrize(
    "statement",
    [
        "import ctabatch",
        "import ctabatch; dir(ctabatch); ctabatch.__version__",
        "from ctabatch.cli.main import build_app; build_app()",
        _HELP,
    ],
    ids=["import", "dir", "app", "help"],
)
def test_nothing_heavy_is_loaded_by(statement):
    check = f"import sys\n{statement}\nprint(sorted(set({_HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
