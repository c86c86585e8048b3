"""Table verify/charge: bias and resolution of extracted charges in bins of the true charge."""

from __future__ import annotations

import pyarrow as pa

from .column import column, table_schema

VERSION = 1

_F = pa.float64()
_DEFINITION = "ctapipe until 2021, ChargeResolutionCalculator with true photo-electrons"
CHARGE_RESOLUTION = table_schema(
    "verify/charge",
    VERSION,
    [
        column("tel_type", pa.string(), "Telescope type"),
        column("extractor", pa.string(), "Charge extraction, with the options in which several "
               "of the same name differ", source="config.extraction of the commit records"),
        column("charge_lo", _F, "Lower edge of the true charge, inclusive; 0 in the row of pixels "
               "without photo-electrons", unit="p.e."),
        column("charge_hi", _F, "Upper edge, exclusive", unit="p.e."),
        column("mean_true_charge", _F, "Mean true charge of the pixels", unit="p.e.",
               nullable=True),
        column("n_pixels", pa.int64(), "Pixels with a finite charge, in all images"),
        column("n_not_finite", pa.int64(), "Pixels whose charge is NaN or infinite; they are in "
               "no other column"),
        column("bias", _F, "Mean of (Q - Q_true) / Q_true; null without photo-electrons",
               nullable=True),
        column("bias_error", _F, "Standard deviation of the mean", nullable=True),
        column("rms", _F, "Root of the mean of (Q - Q_true)^2 / Q_true^2: what extraction and "
               "noise add to a known number of photo-electrons", nullable=True),
        column("rms_error", _F, "Standard deviation", nullable=True),
        column("resolution", _F, "Root of the mean of ((Q - Q_true)^2 + Q_true) / Q_true^2: the "
               "charge resolution, with the Poisson fluctuation of the photo-electrons",
               nullable=True, source=_DEFINITION),
        column("resolution_error", _F, "Standard deviation", nullable=True),
        column("poisson_limit", _F, "Root of the mean of 1 / Q_true: the resolution of a perfect "
               "camera", nullable=True, source=_DEFINITION),
        column("requirement", _F, "The former CTA requirement, up to 1000 p.e.: root of the mean "
               "of its square", nullable=True,
               source="CTA SCI-MC/121113, as in ctapipe until 2021, ChargeResolutionPlotter"),
        column("bias_pe", _F, "Mean of Q - Q_true", unit="p.e.", nullable=True),
        column("bias_pe_error", _F, "Standard deviation of the mean", unit="p.e.", nullable=True),
        column("rms_pe", _F, "Root of the mean of (Q - Q_true)^2", unit="p.e.", nullable=True),
        column("rms_pe_error", _F, "Standard deviation", unit="p.e.", nullable=True),
    ],
)  # fmt: skip
