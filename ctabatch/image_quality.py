"""Which images are parametrised: a quality query over their parameters, and its cut-flow."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from ctabatch.criteria import Criteria
from ctabatch.schemas.cut_flow import CUT_FLOW
from ctabatch.schemas.parameters import parameters as schema_of
from ctabatch.stages.columns import record_batch

#: Columns that do not come from the image.
_KEPT = ("obs_id", "event_id", "tel_id")


class ImageQuality:
    """Drops the parameters of images that fail a criterion; the images stay.

    Parameters
    ----------
    criteria : mapping
        Name -> SQL expression over the columns of dl1/parameters.

    Attributes
    ----------
    cut_flow : Counter
        Images so far, and those that met the first 1, 2, ... criteria; may be counted in threads.

    Raises
    ------
    OptionError
        A criterion is not valid or reads an unknown column.
    """

    def __init__(self, criteria: Mapping[str, str]) -> None:
        self.criteria = dict(criteria)
        self._criteria = Criteria(criteria, schema_of("both").names)
        self.cut_flow: Counter[str] = Counter(dict.fromkeys(("all", *criteria), 0))
        self._lock = threading.Lock()

    def __call__(self, parameters: pa.RecordBatch) -> pa.RecordBatch:
        """Rows with NaN and -1, as of images without pixels, where a criterion is not met."""
        if not self.criteria:
            return parameters
        passed, counts = self._criteria.passed(parameters)
        with self._lock:
            self.cut_flow.update(counts)
        if passed.all():
            return parameters
        keep = np.flatnonzero(passed)
        last = len(parameters)  # the row of nothing, appended to each column
        rows = np.full(len(parameters), last)
        rows[keep] = keep
        taken = pa.array(rows)
        columns = [
            column if field.name in _KEPT or field.name.startswith("true_")
            else pa.concat_arrays([column, _nothing(field.type)]).take(taken)
            for field, column in zip(parameters.schema, parameters.columns, strict=True)
        ]  # fmt: skip
        return pa.RecordBatch.from_arrays(columns, schema=parameters.schema)


def _nothing(dtype: pa.DataType) -> pa.Array:
    """What the parameters of an image without pixels are, in an array of one."""
    return pa.array([float("nan") if pa.types.is_floating(dtype) else -1], dtype)


def cut_flow_rows(
    query: str, criteria: Mapping[str, str], counts: Mapping[str, int]
) -> pa.RecordBatch:
    """Rows of the table cut_flow.

    Parameters
    ----------
    query : {"parameters", "stereo"}
    criteria : mapping
        Name -> SQL.
    counts : mapping
        "all" and the names -> images left.
    """
    names = ["all", *criteria]
    return record_batch(
        CUT_FLOW,
        {
            "query": pa.array([query] * len(names)),
            "step": pa.array(range(len(names)), pa.int16()),
            "criterion": pa.array(["", *criteria]),
            "expression": pa.array(["", *criteria.values()]),
            "n_images": pa.array([counts[name] for name in names], pa.int64()),
        },
    )


__all__ = ["ImageQuality", "cut_flow_rows"]
