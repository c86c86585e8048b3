"""Table of image parameters: one row per telescope and event."""

from __future__ import annotations

from functools import cache

import pyarrow as pa

from .column import column, table_schema
from .image_parameters import Frame, image_parameters, true_image_parameters
from .keys import TELESCOPE_KEYS

VERSION = 1

CORE_PSI = column(
    "core_psi",
    pa.float64(),
    "Angle of the major axis in the ground frame tilted to the array pointing, in [-90, 90]",
    unit="deg",
    source="T. Gasparetto, PhD thesis (2020), section 7.1.4",
)
TRUE_IMAGE_SUM = column(
    "true_image_sum",
    pa.int32(),
    "Simulated photoelectrons in the camera",
    source="EventIO 2026 MC photoelectron sum",
    nullable=True,
)
TRUE_IMPACT = (
    column(
        "true_impact_distance",
        pa.float64(),
        "Distance of the telescope from the axis of the simulated shower",
        unit="m",
        source="EventIO 2020 and 2021: direction and core; 2000: telescope position",
        nullable=True,
    ),
    column(
        "true_impact_distance_uncert",
        pa.float64(),
        "Uncertainty of the distance: 0, the simulated axis is exact",
        unit="m",
        nullable=True,
    ),
)


@cache  # one object per frame: batches of one frame share the schema by identity
def parameters(frame: Frame = "telescope") -> pa.Schema:
    """Columns of the table.

    Parameters
    ----------
    frame : {"telescope", "camera", "both"}
        ``hillas_*`` and ``timing_*`` in degrees, ``camera_frame_hillas_*`` and
        ``camera_frame_timing_*`` in metres, or both; those of simulated images likewise.
    """
    return table_schema(
        "dl1/parameters",
        VERSION,
        (
            *TELESCOPE_KEYS,
            *image_parameters(frame),
            CORE_PSI,
            *true_image_parameters(frame),
            TRUE_IMAGE_SUM,
            *TRUE_IMPACT,
        ),
    )


PARAMETERS = parameters("telescope")
