"""The page that shows what a demonstration made, with all figures and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctabatch.io.parquet import writing

from . import PAGE
from .markup import code, document, figures, link, notes, paragraph, sentence, table

if TYPE_CHECKING:
    from . import DemoOptions

#: File of a figure -> what it shows.
_CAPTIONS = {
    "event": "An event: the array from above, two of its images, and the brightest waveforms.",
    "gallery": "Images of each primary, from faint to bright.",
    "parameters": "Image parameters by primary.",
    "direction": "Angular resolution, with the signs of disp resolved and without.",
    "energy": "Energy resolution and bias.",
    "roc": "Gammas kept against protons kept.",
    "spectrum": "The spectrum that was measured, beside the one that was put in.",
    "effective_area": "Effective area after each cut.",
    "effective_area_offset": "Effective area by offset from the pointing.",
    "energy_dispersion": "Energy dispersion.",
    "energy_resolution": "Energy resolution and bias after cuts.",
    "angular_resolution": "Angular resolution after cuts.",
    "psf": "Point spread function.",
    "background": "Background by offset from the pointing.",
    "background_rate": "Background rate within the theta cut.",
    "sensitivity": "Differential sensitivity to a point source in 50 hours.",
}


def write_page(
    folder: Path,
    options: DemoOptions,
    result: Mapping[str, Any],
    pictures: Mapping[str, Sequence[str]],
) -> Path:
    """Write ``folder/index.html``.

    Parameters
    ----------
    folder : Path
    options : DemoOptions
    result : mapping
        As `ctabatch.demo.run_demo` returns it.
    pictures : mapping
        Section (showers, models, responses, crab) -> paths of its pictures.

    Raises
    ------
    OutputError
        The page cannot be written.
    """
    parts = [
        "<h1>ctabatch demo</h1>",
        paragraph(
            "From simulated air showers to the spectrum of a source. The showers come from a",
            "simple parametrised model, made for tests and demonstrations, not for physics",
            f"results. Array {code(options.array)}, seed {options.seed}.",
        ),
        *_showers(folder, result, pictures["showers"]),
        *_models(folder, result["performance"], pictures["models"]),
        *_responses(folder, result["responses"], pictures["responses"]),
        *_crab(folder, options, result["crab"], pictures["crab"]),
        *_further(),
    ]
    page = folder / PAGE
    wip = page.with_name(f".{PAGE}.wip")
    with writing(page):
        wip.write_text(document("ctabatch demo", parts), encoding="utf-8")
        wip.replace(page)
    return page


def _showers(folder: Path, result: Mapping[str, Any], pictures: Sequence[str]) -> list[str]:
    rows = result["counts"]
    return [
        "<h2>1. From sim_telarray files to image parameters</h2>",
        paragraph(
            f"Showers were written as sim_telarray files, {link('simtel/')}, and processed to a",
            f"dataset of Parquet files, {link('dl1/')}: waveforms, images, their parameters, and",
            "the geometry of each shower.",
        ),
        table(rows[0], [row.values() for row in rows]),
        figures(folder, pictures, _CAPTIONS, wide=True),
    ]


def _models(folder: Path, numbers: Mapping[str, Any], pictures: Sequence[str]) -> list[str]:
    rows = [
        ("energy resolution (half the central 68 %)", f"{numbers['energy_resolution']:.1%}"),
        ("angular resolution (68 % containment)", f"{numbers['angular_resolution_deg']}°"),
        ("area under the ROC curve", numbers["auc"]),
    ]
    return [
        "<h2>2. Models of energy, direction and gammaness</h2>",
        paragraph(
            f"Models that learnt from simulated images, {link('training/')}, stand in",
            f"{link('models/')} and were applied to other showers, {link('test/')}. These numbers",
            "are of all test events with a prediction, before any cut.",
        ),
        table(("test events", ""), rows),
        figures(folder, pictures, _CAPTIONS),
    ]


def _responses(folder: Path, made: Mapping[str, Any], pictures: Sequence[str]) -> list[str]:
    return [
        "<h2>3. Cuts and instrument responses</h2>",
        paragraph(
            "Made from the same test events: cuts that keep 68 % of the gammas at each energy,",
            "responses and benchmarks. The events are few, so the errors are large.",
            f"{link('irf/irf.parquet')} is one table of all numbers, {link('irf/irf.fits')} opens",
            "in gammapy.",
        ),
        _cut_flow(made["cut_flow"]),
        notes([*made["notes"], *made["gaps"]]),
        figures(folder, pictures, _CAPTIONS),
    ]


def _crab(
    folder: Path, options: DemoOptions, crab: Mapping[str, Any], pictures: Sequence[str]
) -> list[str]:
    spectrum = [path for path in pictures if Path(path).parent == folder / "figures"]
    return [
        "<h2>4. The spectrum of the Crab Nebula</h2>",
        paragraph(
            "A source takes more events than images can be simulated for in a minute.",
            "<strong>The events of this section are not those of the sections above</strong>: a",
            f"simple response model drew {options.events:,} gammas, and as many protons, as",
            f"reconstructed events. They make the responses, {link('crab/irf/')}; and from them",
            f"{crab['hours']:g} hours of event lists were drawn, {link('crab/dl3/')}:",
            f"{crab['observations']} pointings 0.5° from the Crab Nebula with",
            f"{crab['events']:,} events, {crab['signal_events']:,} of them of the source.",
            f"{crab['repeated_draws']:,} are simulated events that were drawn again.",
        ),
        *_measured(crab),
        figures(folder, spectrum, _CAPTIONS, wide=True),
        "<h3>Responses of this observation</h3>",
        paragraph(
            "Protons below 0.6 TeV were not simulated, since they would not reach the energies of",
            "the spectrum: below 0.4 TeV background and sensitivity look better than they are.",
        ),
        _cut_flow(crab["cut_flow"]),
        notes([*crab["notes"], *crab["gaps"]]),
        figures(folder, [path for path in pictures if path not in spectrum], _CAPTIONS),
    ]


def _measured(crab: Mapping[str, Any]) -> list[str]:
    """The table of true and fitted numbers, or what is needed for it."""
    if "needs" in crab:
        return [paragraph(escape(sentence(crab["needs"])), kind="note")]
    rows = []
    for name, unit, scale, digits in (
        ("amplitude", "10⁻¹¹ TeV⁻¹ s⁻¹ cm⁻² at 1 TeV", 1e11, 2), ("index", "", 1.0, 3)
    ):  # fmt: skip
        keys = f"true_{name}", name, f"{name}_error"
        true, found, error = (crab[key] * scale for key in keys)
        rows.append((
            f"{name} / {unit}" if unit else name, f"{true:.{digits}f}",
            f"{found:.{digits}f} ± {error:.{digits}f}", f"{(found - true) / error:+.1f}",
        ))  # fmt: skip
    counts = (
        f"{crab['n_on']:,} events in the region around the source, {crab['n_off']:,} in reflected "
        f"regions that are {1 / crab['alpha']:.3g} times as large."
    )
    return [
        paragraph(
            "gammapy fitted a power law to the counts around the source, with reflected regions as",
            "background.",
        ),
        table(("", "put in", "measured", "deviation / error"), rows, counts),
    ]


def _further() -> list[str]:
    read = 'polars.scan_parquet("irf/irf.parquet")'
    return [
        "<h2>Further</h2>",
        paragraph(
            f"{code('ctabatch info dl1')} tells what a dataset holds, {code('ctabatch schema')}",
            f"what its columns mean, {code('ctabatch dl3 check crab/dl3')} checks event lists,",
            f"{code(read)} reads all responses.",
        ),
    ]


def _cut_flow(flow: Mapping[str, Mapping[str, int]]) -> str:
    steps = list(dict.fromkeys(step for own in flow.values() for step in own))
    rows = [(step, *(own.get(step) for own in flow.values())) for step in steps]
    return table(("events that are left after", *flow), rows)


__all__ = ["write_page"]
