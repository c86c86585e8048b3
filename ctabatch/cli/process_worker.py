"""A worker process of ``ctabatch process --jobs``, with a quick start; no command of its own."""

from __future__ import annotations

from ctabatch.cli.lean_imports import collect_seldom, import_numba_alone
from ctabatch.production.worker import main

if __name__ == "__main__":
    collect_seldom()
    import_numba_alone()
    main()
