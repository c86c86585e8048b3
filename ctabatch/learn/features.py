"""Which columns the models see unless the configuration says otherwise.

``{prefix}`` stands for the prefix of the predictions, so that a model may read the energy that
another model of the same training has predicted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

import polars as pl

from ctabatch.errors import OptionError
from ctabatch.expressions import Expression, parse

IMAGE = (
    *(f"hillas_{name}" for name in ("intensity", "r", "length", "width", "skewness", "kurtosis")),
    *("timing_slope", "timing_deviation"),
    *("leakage_intensity_width_1", "leakage_intensity_width_2"),
    *("leakage_pixels_width_1", "leakage_pixels_width_2"),
    *("concentration_cog", "concentration_core"),
    *("morphology_n_islands", "morphology_n_large_islands", "morphology_n_medium_islands"),
    *("morphology_n_small_islands", "morphology_n_pixels"),
    *("peak_time_std", "peak_time_skewness", "peak_time_kurtosis"),
    *(f"intensity_{name}" for name in ("max", "mean", "std", "skewness", "kurtosis")),
)
STEREO = (
    "HillasReconstructor_tel_impact_distance",
    "HillasReconstructor_average_intensity",
    "HillasReconstructor_h_max",
)
#: Predicted energy of the event and of the single telescope.
ENERGY_FEATURES = ("{prefix}_energy", "{prefix}_tel_energy")

AREA = {"area": "hillas_width * hillas_length"}
MULTIPLICITY = {
    "n_telescopes_triggered": "array_length(tels_with_trigger)",
    "n_telescopes_hillas_reconstructor": "array_length(HillasReconstructor_telescopes)",
}

#: Rows that are used, for training and for prediction.
QUALITY = {
    "HillasReconstructor_is_valid": "HillasReconstructor_is_valid",
    "enough intensity": "hillas_intensity > 50",
    "positive width": "hillas_width > 0",
    "enough pixels": "morphology_n_pixels > 3",
    "not clipped": "leakage_intensity_width_2 < 0.5",
}


def feature_expressions(
    names: Iterable[str],
    generated: Mapping[str, str],
    *,
    known: Iterable[str] = (),
    allow_truth: bool = False,
) -> tuple[Expression, ...]:
    """Expressions of the features, in order.

    Parameters
    ----------
    names : iterable of str
        Columns, or names in `generated`.
    generated : mapping
        Name -> SQL expression.
    known : iterable of str
        Columns that there are; a generated feature may not take the name of one of them.
    allow_truth : bool
        Whether features may read simulated truth.

    Raises
    ------
    OptionError
        A feature is named twice, is no valid SQL, hides a column, or reads the truth.
    """
    found: dict[str, Expression] = {}
    for name in names:
        if name in found:
            raise OptionError(f"feature {name!r} is named twice")
        sql = generated.get(name)
        found[name] = parse(sql, name) if sql is not None else column_expression(name)
    for name in sorted(set(generated) & set(known)):
        raise OptionError(f"generated feature {name!r} has the name of a column: rename it")
    for expression in found.values():
        if expression.reads_truth and not allow_truth:
            truth = ", ".join(sorted(c for c in expression.columns if c.startswith("true_")))
            raise OptionError(
                f"feature {expression.name!r} reads simulated truth ({truth}), which observed data "
                "do not have; set allow_truth if you mean it"
            )
    return tuple(found.values())


def column_expression(name: str) -> Expression:
    """A column as it is; its name may be anything."""
    with contextlib.suppress(OptionError):  # a word of SQL, or no word at all
        expression = parse(name, name)
        if expression.expr.meta.eq(pl.col(name)):
            return expression
    return Expression(name, '"' + name.replace('"', '""') + '"', pl.col(name))


def float32_feature(expression: Expression) -> pl.Expr:
    """A feature as models see it: float32, infinities replaced by the largest number, null as NaN.

    Source: the rule of ctapipe's table_to_X, so that models of both see the same numbers.
    """
    largest = 3.4028234663852886e38
    value = expression.expr.cast(pl.Float64).clip(-largest, largest)
    return value.cast(pl.Float32).fill_null(float("nan")).alias(expression.name)


__all__ = ["ENERGY_FEATURES", "IMAGE", "QUALITY", "feature_expressions", "float32_feature"]
