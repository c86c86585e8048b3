"""Cuts, responses and benchmarks from the events that the models were tested on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctabatch.irf.make import make_responses
from ctabatch.irf.options import IrfConfig
from ctabatch.irf.primaries import open_primary
from ctabatch.irf.store import write_responses
from ctabatch.plot.response_figures import draw_responses

from .models import PREFIX

if TYPE_CHECKING:
    from . import DemoOptions, Progress

#: Some thousand events do not fill the bins that ``ctabatch irf`` takes by default, and of the few
#: protons hardly any pass optimised cuts.
_CONFIG = {
    "bins": {"energy": "0.05,30,3", "reco_energy": "0.05,30,3", "offset": "0,2.5,2",
             "migra": "0.2,5,20", "rad": "0,0.5,10"},
    "cuts": {"kind": "percentile", "min_events": 5},
}  # fmt: skip


def own_responses(folder: Path, options: DemoOptions, progress: Progress) -> dict[str, Any]:
    """Make responses of the test events into ``folder/irf``.

    Returns
    -------
    dict
        ``responses`` (cut flow, notes, gaps) and ``figures``.
    """
    del options
    inputs = folder / "test" / "gammas", folder / "test" / "protons"
    config = IrfConfig.model_validate(_CONFIG)
    made = responses(folder / "irf", inputs, config, "responses of the array", progress, PREFIX)
    # which no bin has enough events for
    made["figures"] = [path for path in made["figures"] if Path(path).name != "psf.png"]
    return made


def responses(
    output: Path,
    inputs: Sequence[Path],
    config: IrfConfig,
    what: str,
    progress: Progress,
    prefix: str | None = None,
) -> dict[str, Any]:
    """Do what ``ctabatch irf`` does with datasets of gammas and protons.

    Parameters
    ----------
    output : Path
        Replaced, if there are responses.
    inputs : sequence of Path
        Datasets of gammas and of protons.
    config : IrfConfig
    what : str
        Told as what is being done.
    progress : callable
    prefix : str, optional
        Which predictions, if there are several.

    Returns
    -------
    dict
        ``responses`` (cut flow, notes, gaps) and ``figures``.
    """
    primaries = [
        open_primary(role, [str(path)], prefix=prefix)
        for role, path in zip(("gamma", "proton"), inputs, strict=True)
    ]
    made = make_responses(primaries, config, lambda _, done, total: progress(what, done, total))
    with write_responses(output, made, overwrite=True) as (wip, record):
        figures = draw_responses(wip / "irf.parquet", wip / "figures")
    progress(what, 1, 1)
    found = {name: record[name] for name in ("cut_flow", "notes", "gaps")}
    return {
        "responses": {"folder": str(output), **found},
        "figures": [str(output / "figures" / path.name) for path in figures],
    }
