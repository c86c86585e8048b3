"""ctapipe's compiled kernels, made by one process before several test processes use them.

numba keeps what it makes of a ``guvectorize`` function in two files. Two processes that fill the
cache at once can leave a pair that does not fit together, after which every call of the function is
a segmentation fault, in later processes too.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

#: The import compiles the functions; the calls show that what the cache holds can be run.
FILL = """
import numpy as np
from ctapipe.image import extractor, muon, statistics
for kind in (np.float32, np.float64):
    trace = np.exp(-0.5 * (np.arange(-12, 12) / 3.0) ** 2).astype(kind)
    extractor.adaptive_centroid(trace, 12, 0.05)
    extractor.extract_around_peak(trace, 12, 7, 3, 1.0)
    extractor.extract_sliding_window(trace, 7, 1.0)
"""
STAMP = "ctabatch/peer_kernels"


def fill_once(config: pytest.Config) -> None:
    """Fill ctapipe's cache, unless that was done for this installation.

    Raises
    ------
    pytest.UsageError
        If ctapipe's functions cannot be run, as with a cache that an earlier run damaged.
    """
    spec = importlib.util.find_spec("ctapipe")
    if spec is None or spec.origin is None:
        return  # tests that need ctapipe say so themselves
    home = Path(spec.origin)
    versions = [importlib.metadata.version(name) for name in ("ctapipe", "numba", "numpy")]
    kept_in = os.environ.get("NUMBA_CACHE_DIR", "")
    key = [*versions, sys.version, str(home), home.stat().st_mtime_ns, kept_in]
    cache = getattr(config, "cache", None)  # none with -p no:cacheprovider
    if cache is not None and cache.get(STAMP, None) == key:
        return
    filled = subprocess.run(
        [sys.executable, "-c", FILL], capture_output=True, text=True, check=False
    )
    if filled.returncode != 0:
        where = kept_in or home.parent
        raise pytest.UsageError(
            f"ctapipe's compiled functions cannot be run (exit code {filled.returncode}); "
            f"remove every *.nbi and *.nbc below {where} and start again\n{filled.stderr[-2000:]}"
        )
    if cache is not None:
        cache.set(STAMP, key)
