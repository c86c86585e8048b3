"""Tables of how good predictions are, by energy: energy, direction and gamma/hadron separation."""

from __future__ import annotations

import pyarrow as pa

from .column import column, table_schema

VERSION = 1

#: Fractions of the events within the angular resolutions of a table.
ANGULAR_QUANTILES = (0.25, 0.5, 0.68, 0.95)

ENERGY_MIN = column("energy_min", pa.float64(), "Lower edge of the bin, inclusive", unit="TeV")
ENERGY_MAX = column("energy_max", pa.float64(), "Upper edge of the bin, exclusive", unit="TeV")
N_EVENTS = column("n_events", pa.int64(), "Events in the bin that have a prediction")

ENERGY_METRICS = table_schema(
    "metrics/energy",
    VERSION,
    [
        ENERGY_MIN,
        ENERGY_MAX,
        N_EVENTS,
        column("bias", pa.float64(), "Median of E_reco / E_true - 1", nullable=True),
        column("mean_bias", pa.float64(), "Mean of E_reco / E_true - 1", nullable=True),
        column("resolution", pa.float64(),
               "Half the central 68.27 % interval of E_reco / E_true - 1", nullable=True),
        column("r2", pa.float64(),
               "Coefficient of determination of ln E; null without a spread of true energies",
               nullable=True),
    ],
)  # fmt: skip

ANGULAR_METRICS = table_schema(
    "metrics/direction",
    VERSION,
    [
        ENERGY_MIN,
        ENERGY_MAX,
        N_EVENTS,
        *(
            column(f"angular_resolution_{100 * quantile:.0f}", pa.float64(),
                   f"Distance from the true direction that {100 * quantile:.0f} % of the events "
                   "stay within", unit="deg", nullable=True)
            for quantile in ANGULAR_QUANTILES
        ),
    ],
)  # fmt: skip

ROC_CURVE = table_schema(
    "metrics/roc_curve",
    VERSION,
    [
        column("threshold", pa.float64(), "Events with at least this score are selected"),
        column("false_positive_rate", pa.float64(), "Fraction of the background selected"),
        column("true_positive_rate", pa.float64(), "Fraction of the signal selected"),
    ],
)

AUC_BY_ENERGY = table_schema(
    "metrics/auc",
    VERSION,
    [
        ENERGY_MIN,
        ENERGY_MAX,
        column("n_signal", pa.int64(), "Signal events in the bin that have a score"),
        column("n_background", pa.int64(), "Background events in the bin that have a score"),
        column("auc", pa.float64(),
               "Area under the ROC curve: 1 perfect, 0.5 guessed; null with one class only",
               nullable=True),
    ],
)  # fmt: skip
