"""Variances of eight traces at a time, one trace in each lane."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from .lane_tools import contents, splat, store
from .sum_lanes import chained
from .window_lanes import WINDOWS


def variances(samples: np.ndarray, n_samples: int, variance: np.ndarray) -> int:
    """Variances of the first traces, a multiple of eight, all samples of which are numbers.

    Parameters
    ----------
    samples : float32 (n_traces * n_samples,)
    n_samples : int
        From 8 to 128.
    variance : float32 (n_traces,)
        Written; NaN for traces with a sample that is NaN, or infinities.

    Returns
    -------
    int
        How many were written.
    """
    n_written = len(variance) // WINDOWS * WINDOWS
    for t in range(n_written):
        trace = samples[t * n_samples : (t + 1) * n_samples]
        variance[t] = np.var(trace) if np.isfinite(trace).all() else np.nan
    return n_written


@intrinsic
def _vector_variance(
    typingctx: Any, samples: Any, trace: Any, n_samples: Any, variance: Any
) -> Any:
    i = types.int64
    signature = types.void(samples, i, i, variance)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        samples, trace, n, variance = contents(context, builder, signature, args)
        singles, doubles = (
            ir.VectorType(kind, WINDOWS) for kind in (ir.FloatType(), ir.DoubleType())
        )
        rows = [builder.add(trace, ir.IntType(64)(lane)) for lane in range(WINDOWS)]
        starts = [builder.gep(samples, [builder.mul(row, n)]) for row in rows]
        number = splat(builder, builder.sitofp(n, ir.DoubleType()), doubles)

        def divided(total: Any) -> Any:
            quotient = builder.fdiv(builder.fpext(total, doubles), number)
            return builder.fptrunc(quotient, singles)

        def square(column: Any) -> Any:
            deviation = builder.fsub(column, mean)
            return builder.fmul(deviation, deviation)

        mean = divided(chained(builder, starts, n, lambda column: column))
        found = divided(chained(builder, starts, n, square))
        store(builder, found, variance, trace)
        return context.get_dummy_value()

    return signature, codegen


@overload(variances, jit_options={"nogil": True})
def _variances(samples, n_samples, variance):  # type: ignore[no-untyped-def]
    def by_lanes(samples, n_samples, variance):  # type: ignore[no-untyped-def]
        n_written = variance.shape[0] // WINDOWS * WINDOWS
        for trace in range(0, n_written, WINDOWS):
            _vector_variance(samples, trace, n_samples, variance)
        return n_written

    return by_lanes


__all__ = ["variances"]
