"""Whether a sample can be learnt from."""

from __future__ import annotations

import numpy as np

from .card import predicts_logarithm
from .options import Task, TrainConfig
from .samples import Sample


def why_unusable(task: Task, sample: Sample, config: TrainConfig) -> str:
    """Why a sample is no training set; empty if it is one."""
    n, least = len(sample.target), config.min_rows
    if n < least:
        lost = f" ({sample.n_without_energy} without an energy)" if sample.n_without_energy else ""
        return f"{n} rows after all cuts{lost}, at least {least} are needed (min_rows)"
    if not np.any(sample.weight > 0) or np.any(sample.weight < 0):
        return "the weights must be positive, and some above zero"
    if predicts_logarithm(config.of(task), task) and np.any(sample.target <= 0):
        return "the target is not positive, so it has no logarithm (log_target)"
    if task == "energy":
        return ""
    cut, names = (0.5, ("background", "signal")) if task == "particle_type" else (
        0.0, ("negative sign", "positive sign"))  # fmt: skip
    positive = sample.target > cut
    counts = (int((~positive).sum()), int(positive.sum()))
    for count, name in zip(counts, names, strict=True):
        if count < least // 2:
            return f"a training set of one class: {count} rows of {name} among {n}"
    return ""


__all__ = ["why_unusable"]
