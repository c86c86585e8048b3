"""The figures of a training: its cross-validation, by telescope type and for whole events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import performance

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.figure import Figure

#: Name of a table of metrics -> figure, and the file that it is saved as.
_FIGURES: dict[str, tuple[Callable[..., Figure], str]] = {
    "metrics/energy": (performance.energy_resolution, "energy.png"),
    "metrics/direction": (performance.angular_resolution, "direction.png"),
    "metrics/roc": (performance.roc_curves, "roc.png"),
    "metrics/auc": (performance.auc_by_energy, "auc.png"),
}
#: How the combinations of directions are called in legends.
_METHODS = {"disp-signs": ", signs resolved", "mean": ", plain mean"}


def draw_training(
    tables: Mapping[str, pa.Table], metrics: Mapping[str, Mapping[str, Any]], folder: Path
) -> list[Path]:
    """Draw what `ctabatch train` has measured on events that the models had not seen.

    Parameters
    ----------
    tables : mapping
        Name -> metrics with the columns tel_type and method.
    metrics : mapping
        Telescope type (or "events") -> numbers; ``auc`` is written into the legend.
    folder : path
        Made if it does not exist.

    Returns
    -------
    list of path
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, (draw, file) in _FIGURES.items():
        if name not in tables:
            continue
        curves = _curves(tables[name])
        areas = {t: n["auc"] for t, n in metrics.items() if "auc" in n}
        figure = draw(curves, areas) if draw is performance.roc_curves else draw(curves)
        figure.savefig(folder / file, dpi=110)
        drawn.append(folder / file)
    return drawn


def _curves(table: pa.Table) -> dict[str, pa.Table]:
    """The rows of each telescope type and method, by the label of their curve."""
    kinds: dict[str, list[int]] = {}
    columns = (table.column(name).to_pylist() for name in ("tel_type", "method"))
    for row, (tel_type, method) in enumerate(zip(*columns, strict=True)):
        kinds.setdefault(tel_type + _METHODS.get(method, ""), []).append(row)
    return {label: table.take(rows) for label, rows in kinds.items()}


__all__ = ["draw_training"]
