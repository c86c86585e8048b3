"""What one task wants from a row of telescope data, parsed and checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ctabatch.errors import OptionError
from ctabatch.expressions import Expression, QualityQuery, check_columns, parse

from .features import column_expression, feature_expressions
from .options import EnergyOptions, ParticleOptions, Task, TrainConfig


@dataclass(frozen=True)
class TaskColumns:
    """What one task wants from a row, parsed.

    Attributes
    ----------
    features : tuple of Expression
        In the order in which the model sees them.
    chained : frozenset of str
        Names of those that earlier models predict.
    quality : QualityQuery
    selection, weights, target : Expression or None
    """

    task: Task
    features: tuple[Expression, ...]
    chained: frozenset[str]
    quality: QualityQuery
    selection: Expression | None
    weights: Expression | None
    target: Expression | None

    @classmethod
    def of(cls, config: TrainConfig, task: Task, known: Iterable[str]) -> TaskColumns:
        """Parse the options of a task; raises OptionError for what cannot be used."""
        options = config.of(task)
        known = set(known)
        features = feature_expressions(
            options.features, options.generated, known=known, allow_truth=config.allow_truth
        )
        chained: frozenset[str] = frozenset()
        if task != "energy" and "energy" in config.tasks:
            chained = frozenset({f"{config.prefix}_energy", f"{config.prefix}_tel_energy"})
        quality = QualityQuery(options.quality)
        selection = parse(options.selection, "selection") if options.selection else None
        weights = parse(options.weights, "weights") if options.weights else None
        target = None
        if isinstance(options, EnergyOptions | ParticleOptions):
            target = parse(options.target, "target")
        for criterion in quality.expressions:
            if criterion.reads_truth and not config.allow_truth:
                raise OptionError(
                    f"criterion {criterion.name!r} reads simulated truth, which observed data do "
                    "not have: put it into selection, which is for training only"
                )
        columns = cls(task, features, chained, quality, selection, weights, target)
        energies = {f"{config.prefix}_energy", f"{config.prefix}_tel_energy"} - chained - known
        wanted = sorted(energies.intersection(*[set().union(*(f.columns for f in features))]))
        if task != "energy" and wanted:
            raise OptionError(
                f"{task}: the features {', '.join(wanted)} are predicted by the task energy: train "
                "it too, or name other features in the configuration"
            )
        check_columns(features, known | chained)
        check_columns(columns.conditions(), known)
        return columns

    def conditions(self) -> list[Expression]:
        """All expressions besides the features."""
        others = (self.selection, self.weights, self.target)
        return [*self.quality.expressions, *(e for e in others if e is not None)]

    @property
    def stored(self) -> tuple[Expression, ...]:
        """What is computed from columns: features, and columns of features that are chained."""
        found: dict[str, Expression] = {}
        for feature in self.features:
            parts = [feature]
            if feature.columns & self.chained:
                parts = [column_expression(c) for c in sorted(feature.columns - self.chained)]
            found.update({part.sql: part for part in parts})
        return tuple(found.values())


__all__ = ["TaskColumns"]
