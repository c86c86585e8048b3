"""Lines of bash that run a task or finalise, for all scripts that a batch system starts."""

from __future__ import annotations

import shlex

from .job import LAST_GOOD_CODE, BatchJob

_LINES = """\
part=({part})
finalise=({finalise})

# Runs a task. One whose process was killed is tried again. Exit code {good} is a task that is done,
# but something was lost, which is told in the dataset: no job is failed for that.
run_part() {{
  local attempt code=0
  for ((attempt = 0; attempt <= {retries}; attempt++)); do
    code=0
    "${{part[@]}}" "$1" || code=$?
    if ((code <= 128)); then break; fi
    echo "task $1 was ended by signal $((code - 128))" >&2
  done
  if ((code == {good})); then return 0; fi
  return "$code"
}}
"""


def functions(job: BatchJob) -> str:
    """Lines that define ``run_part K`` and the words ``finalise``."""
    return _LINES.format(
        part=shlex.join(job.part),
        finalise=shlex.join(job.finalise),
        retries=job.retries,
        good=LAST_GOOD_CODE,
    )


def script(job: BatchJob) -> str:
    """A script that is called with ``part K`` or ``finalise``."""
    return f"""\
#!/bin/bash
# Tasks of a plan of ctabatch: NAME part K, then NAME finalise.
set -uo pipefail

{functions(job)}
case "${{1:-}}" in
  part) run_part "$2" ;;
  finalise) exec "${{finalise[@]}}" ;;
  *) echo "name what to run: part K or finalise" >&2; exit 2 ;;
esac
"""


__all__ = ["functions", "script"]
