"""The one entry for developers: ``nox`` runs what every change must pass, ``nox -l`` lists all."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["lint", "types", "tests", "parity"]
nox.options.reuse_existing_virtualenvs = True

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
#: Oldest Python that we support: what types and lint are checked for.
OLDEST = PYTHONS[0]


@nox.session(python=OLDEST)
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.install("ruff>=0.9")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=OLDEST)
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    session.install("-e", ".[sql]", "mypy>=1.14", "types-PyYAML>=6")
    session.run("mypy")


@nox.session(python=OLDEST)
def tests(session: nox.Session) -> None:
    """Run the tests that need no ctapipe run; words after -- go to pytest."""
    session.install("-e", ".[test]", "pytest-cov>=6")
    session.run("python", "-m", "pytest", "-m", "not parity", *session.posargs)


@nox.session(python=PYTHONS[1:], default=False)
def others(session: nox.Session) -> None:
    """Run all tests on the newer Pythons."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python=OLDEST)
def parity(session: nox.Session) -> None:
    """Compare with ctapipe, run live, and print the worst deviation per column."""
    session.install("-e", ".[test]")
    # in one process, which gathers the deviations of all tests
    session.run("python", "-m", "pytest", "-n", "0", "-m", "parity", "-s", *session.posargs)


@nox.session(python=OLDEST, default=False)
def fuzz(session: nox.Session) -> None:
    """Feed hostile inputs to every entrance; words after -- such as eventio --seconds 300."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@nox.session(python=OLDEST)
def bench(session: nox.Session) -> None:
    """Measure kernels, then `process` beside ctapipe-process; words after -- go to the latter."""
    session.install(".[bench]")
    kernels = ["-n", "0", "-o", "python_files=bench_*.py", "benchmarks/bench_kernels.py"]
    session.run("python", "-m", "pytest", *kernels)
    session.run("python", "benchmarks/process.py", *session.posargs)


@nox.session(python=OLDEST)
def notebooks(session: nox.Session) -> None:
    """Execute every notebook below notebooks/ from top to bottom."""
    found = sorted((ROOT / "notebooks").rglob("*.ipynb"))
    found = [path for path in found if ".ipynb_checkpoints" not in path.parts]
    if not found:
        session.log("notebooks/ holds no notebook yet: nothing to execute")
        return
    session.install(".[notebooks]")
    for path in found:
        with session.chdir(path.parent):
            session.run("jupyter", "execute", path.name)


@nox.session(python=OLDEST)
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    session.install(".[docs]")
    if not (ROOT / "docs" / "conf.py").is_file():
        session.error("docs/conf.py is missing")
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session(python=OLDEST)
def build(session: nox.Session) -> None:
    """Build sdist and wheel, check what is in them, install the wheel and run it."""
    session.install("build")
    target = Path(session.create_tmp()) / "dist"
    shutil.rmtree(target, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(target), str(ROOT))  # wheel from sdist
    (wheel,) = target.glob("*.whl")
    (sdist,) = target.glob("*.tar.gz")
    check_contents(session, wheel, sdist)
    session.install("--force-reinstall", str(wheel))
    with session.chdir(target):  # away from the checkout
        session.run("python", "-c", "import ctabatch.kernels, ctabatch.schemas")
        session.run("ctabatch", "--version")


def check_contents(session: nox.Session, wheel: Path, sdist: Path) -> None:
    """Fail unless both archives hold every module, and the wheel nothing besides ctabatch."""
    prefixes = {"kernels": "ctabatch/kernels", "schemas": "ctabatch/schemas"}
    expected = {f"{to}/{path.name}" for top, to in prefixes.items() for path in modules(top)}
    expected |= {path.as_posix() for path in modules("ctabatch")} | {"ctabatch/py.typed"}
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    if names != expected:
        session.error(f"wheel: {sorted(names ^ expected)} missing or too much")
    with tarfile.open(sdist) as tar:
        inside = {name.partition("/")[2] for name in tar.getnames()}
    sources = {path.as_posix() for top in ("ctabatch", *prefixes) for path in modules(top)}
    if missing := sources - inside:
        session.error(f"sdist lacks {sorted(missing)}")


def modules(top: str) -> list[Path]:
    """Modules below a top-level folder, as paths from the root, not through the two links."""
    links = {ROOT / "ctabatch" / "kernels", ROOT / "ctabatch" / "schemas"}
    found = (ROOT / top).rglob("*.py")
    return sorted(p.relative_to(ROOT) for p in found if not links.intersection(p.parents))
