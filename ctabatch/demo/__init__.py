"""The whole chain on simulated showers, without network: what `ctabatch demo` does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Told (what is being done, how many of, how many in all).
Progress = Callable[[str, int, int], None]

#: The page that shows everything.
PAGE = "index.html"
#: What a demonstration leaves in its folder.
CONTENT = frozenset({"simtel", "dl1", "figures", "training", "models", "test", "irf", "crab", PAGE})


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
    events : int
        Showers of each kind that are simulated as reconstructed events, for the Crab Nebula.
    exposure : float
        Hours on the Crab Nebula.
    """

    gammas: int = 200
    protons: int = 400
    muons: int = 20
    training: int = 3000
    array: str = "alpha-north"
    seed: int = 1
    events: int = 1_000_000
    exposure: float = 5.0


def run_demo(folder: Path, options: DemoOptions, progress: Progress) -> dict[str, Any]:
    """Simulate showers and follow them from files to the spectrum of a source.

    Parameters
    ----------
    folder : Path
        Gets what is named in `CONTENT`.
    options : DemoOptions
    progress : callable

    Returns
    -------
    dict
        Files made and numbers found: ``files``, ``dataset``, ``models``, ``counts``,
        ``performance``, ``responses``, ``crab``, ``figures`` (all pictures) and ``page``.
    """
    from .crab import observe_crab
    from .first_look import first_look
    from .models import train_and_test
    from .page import write_page
    from .responses import own_responses

    result = first_look(folder, options, progress)
    figures = {"showers": result.pop("figures")}
    for name, step in (
        ("models", train_and_test), ("responses", own_responses), ("crab", observe_crab)
    ):  # fmt: skip
        found = step(folder, options, progress)
        figures[name] = found.pop("figures")
        result |= found
    result["page"] = str(write_page(folder, options, result, figures))
    result["figures"] = [path for paths in figures.values() for path in paths]
    return result
