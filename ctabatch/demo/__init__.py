"""The whole chain on simulated showers, without network: what `ctabatch demo` does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Told (what is being done, how many of, how many in all).
Progress = Callable[[str, int, int], None]

#: What a demonstration leaves in its folder.
CONTENT = frozenset({"simtel", "dl1", "figures", "training", "models", "test"})


@dataclass(frozen=True)
class DemoOptions:
    """Size of the demonstration.

    Attributes
    ----------
    gammas, protons, muons : int
        Showers of each kind that become sim_telarray files.
    training : int
        Gamma showers that models learn from, and as many that they are tested on; of protons
        twice as many.
    array : str
    seed : int
    """

    gammas: int = 200
    protons: int = 400
    muons: int = 20
    training: int = 3000
    array: str = "alpha-north"
    seed: int = 1


def run_demo(folder: Path, options: DemoOptions, progress: Progress) -> dict[str, Any]:
    """Simulate, process, query and draw into a folder; train models, apply and judge them.

    Parameters
    ----------
    folder : Path
        Gets the folders named in `CONTENT`.
    options : DemoOptions
    progress : callable

    Returns
    -------
    dict
        Files made and numbers found: ``files``, ``figures``, ``counts``, ``performance``.
    """
    from .first_look import first_look
    from .models import train_and_test

    result = first_look(folder, options, progress)
    judged = train_and_test(folder, options, progress)
    result["figures"] += judged.pop("figures")
    return {**result, **judged}
