"""Common Workflow Language 1.2: the tasks as a scatter, then finalise.

What is run stands in default values of inputs, where no ``$(...)`` is evaluated, and no shell reads
it. Plan, inputs and dataset are absolute paths: the engine copies nothing, and a container has to
see them where they are.
"""

from __future__ import annotations

import json
from typing import Any

from .job import LAST_GOOD_CODE, BatchJob

VERSION = "v1.2"


def files(job: BatchJob, name: str) -> dict[str, str]:
    """Give the workflow as JSON, which is YAML too.

    Parameters
    ----------
    job : BatchJob
        ``retries`` and ``logs`` are the engine's own matter.
    name : str
        Name of the file.
    """
    document = {
        "cwlVersion": VERSION,
        "$graph": [_workflow(job), _part(job), _finalise(job)],
    }
    return {name: json.dumps(document, indent=1) + "\n"}


def _workflow(job: BatchJob) -> dict[str, Any]:
    return {
        "class": "Workflow",
        "id": "main",
        "label": f"{job.n_tasks} tasks of a plan of ctabatch, then finalise",
        "requirements": {"ScatterFeatureRequirement": {}},
        "inputs": {
            # other numbers run some tasks again: --tasks 3 --tasks 17
            "tasks": {"type": "int[]", "default": list(range(job.n_tasks))},
        },
        "outputs": {"summary": {"type": "File", "outputSource": "finalise/summary"}},
        "steps": {
            "part": {"run": "#part", "scatter": "k", "in": {"k": "tasks"}, "out": ["code"]},
            "finalise": {
                "run": "#finalise",
                "in": {"codes": "part/code"},
                "out": ["summary"],
            },
        },
    }


def _part(job: BatchJob) -> dict[str, Any]:
    return {
        **_tool("part", job),
        "inputs": {
            "words": _words("run-part", job.plan, *job.more),
            "k": {"type": "int", "inputBinding": {"position": 2}},
        },
        "outputs": {
            "code": {"type": "int", "outputBinding": {"outputEval": "$(runtime.exitCode)"}}
        },
    }


def _finalise(job: BatchJob) -> dict[str, Any]:
    return {
        **_tool("finalise", job),
        "inputs": {
            "words": _words("finalise", job.plan, "--json"),
            "codes": {"type": "int[]", "doc": "Exit codes of the tasks, which come first."},
        },
        "outputs": {"summary": {"type": "stdout"}},
        "stdout": "summary.json",
    }


def _tool(name: str, job: BatchJob) -> dict[str, Any]:
    return {
        "class": "CommandLineTool",
        "id": name,
        "baseCommand": list(job.program),
        "requirements": {"ResourceRequirement": {"coresMin": job.cores, "ramMin": job.memory}},
        "hints": {"NetworkAccess": {"networkAccess": True}, "WorkReuse": {"enableReuse": False}},
        "successCodes": list(range(LAST_GOOD_CODE + 1)),
    }


def _words(*words: str) -> dict[str, Any]:
    return {"type": "string[]", "default": list(words), "inputBinding": {"position": 1}}


__all__ = ["VERSION", "files"]
